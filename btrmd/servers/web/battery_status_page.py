"""The Battery Status page (manual 7.2): the last test, the estimate, and how they came about."""

from __future__ import annotations

from typing import Final, NamedTuple

from flask import Response

from btrmd.model.discharge import TestRecord
from btrmd.model.events import Event
from btrmd.model.readings import BAD, MISSING
from btrmd.model.snapshot import Snapshot
from btrmd.model.thresholds import Thresholds

from .answers import answer_json
from .card import RESULTS, TONES
from .curve_points import Curves
from .discharge_plot import plot_test
from .pages import Pages
from .plot import Drawing, draw, encode_plots
from .routes import Access, Route
from .wording import CAPACITY_WORDS, NOTHING, say_duration, say_time

NO_TEST: Final = "No test has run yet."  # R192
UNKNOWN: Final = "not known"
SOH: Final = "battery.soh"
HISTORY: Final = 20
ASSESSMENTS: Final = 10
_LOOK_BACK: Final = 200  # tests among which the last one with an estimate is looked for


class Row(NamedTuple):
    """One line of a card: the manual's label, the value, and what there is to say about it."""

    label: str
    text: str
    note: str = ""
    tone: str = ""


class Past(NamedTuple):
    """One test of the history in words."""

    n: int
    kind: str
    ended: str
    result: str
    tone: str
    estimate: str
    interval: str
    length: str
    current: str
    temperature: str
    voltage: str
    reason: str


class Assessment(NamedTuple):
    """What a discharge said about the battery's age: health, resistance and forecast in words."""

    at: str
    soh: str
    text: str


class BatteryStatus(NamedTuple):
    """All that the page shows. `note`: what the last test did not do; "" = nothing to tell."""

    results: tuple[Row, ...]
    current: tuple[Row, ...]
    health: tuple[Row, ...]
    assessments: tuple[Assessment, ...]
    note: str
    curve: Drawing | None
    history: tuple[Past, ...]


class BatteryStatusPage:
    """The page and its curve as data."""

    def __init__(self, pages: Pages, curves: Curves) -> None:
        self._pages = pages
        self._services = pages.services
        self._curves = curves

    def show(self) -> str:
        snapshot = self._services.bus.snapshot
        tests = self._tests()
        judged = _judged(tests, snapshot)
        points = self._curves.get(judged) if judged is not None else None
        assessments = tuple(
            _say_assessment(event)
            for event in self._services.history.find_events(0, ASSESSMENTS, SOH)
        )
        has_curve = judged is not None and points is not None and bool(points.xs)
        page = BatteryStatus(
            _results(snapshot),
            _current(snapshot),
            _health(snapshot, bool(assessments)),
            assessments,
            _note(snapshot, judged),
            draw(plot_test(judged, points, snapshot)) if has_curve and judged and points else None,
            tuple(say_past(test) for test in tests[:HISTORY]),
        )
        return self._pages.render("battery_status.html", "Battery Status", page=page)

    def data(self) -> Response:
        snapshot = self._services.bus.snapshot
        judged = _judged(self._tests(), snapshot)
        if judged is None:
            return answer_json(encode_plots([]))
        return answer_json(encode_plots([plot_test(judged, self._curves.get(judged), snapshot)]))

    def _tests(self) -> list[TestRecord]:
        """Newest first, outages among them."""
        found = self._services.history.tests(limit=_LOOK_BACK)
        return [test for test in found if test.state == "finished"]


def _judged(tests: list[TestRecord], snapshot: Snapshot) -> TestRecord | None:
    """The test that the estimate in force comes from, else the last one there is."""
    own = [test for test in tests if test.type != "outage"]
    for test in own:
        if test.estimate_s is not None and test.result in ("good", "low", "none"):
            return test
    return snapshot.last_test or (own[0] if own else None)


def _results(snapshot: Snapshot) -> tuple[Row, ...]:
    """Capacity Test Settings Results (manual 7.2.1)."""
    last = snapshot.last_test
    tested, load, warmth = (
        "Tested at System Time (DDDD HH:MM)",
        "At Average load in milliamps",
        "At Temperature",
    )
    if last is None:
        return tuple(Row(label, NOTHING) for label in (tested, load, warmth))
    at = last.ended_at or last.started_at
    uptime = _number(snapshot, "system.uptime")
    then = None if uptime is None else uptime - (snapshot.at - at)
    is_before = then is None or uptime is None or not 0 <= then <= uptime
    return (
        Row(
            tested,
            "before the last start" if is_before or then is None else _days(then),
            say_time(at),
        ),
        Row(
            load, UNKNOWN if last.average_current is None else f"{last.average_current * 1000:.0f}"
        ),
        Row(
            warmth,
            UNKNOWN if last.average_temperature is None else f"{last.average_temperature:.0f} °C",
        ),
    )


def _current(snapshot: Snapshot) -> tuple[Row, ...]:
    """Current Status (manual 7.2.2)."""
    system_v = snapshot.settings.integer("system.voltage")
    pair = "11.00 V or 22.00 V" if system_v <= 24 else "33.00 V or 44.00 V"  # C17
    cutoff = Thresholds.of(snapshot.settings).cutoff_v
    estimate = _number(snapshot, "runtime.estimate")
    low, high = (_number(snapshot, f"runtime.estimate_{end}") for end in ("low", "high"))
    minimum = snapshot.settings.integer("test.minimum_runtime_min")
    state = _value(snapshot, "capacity.state")
    note = ""
    if estimate is not None:
        note = f"to {cutoff:.2f} V"
        if low is not None and high is not None:
            note += f"; 90 %: {_hours(low)} to {_hours(high)}"
    return (
        Row(
            f"Est Runtime HHHH:MM to {pair}",
            NOTHING if estimate is None else _hours(estimate),
            note,
        ),
        Row(
            "Minimum Runtime",
            f"{minimum // 60} Hours {minimum % 60} Min",
            "" if minimum else "0 = no judgement",
        ),
        Row(
            "Capacity",
            CAPACITY_WORDS.get(str(state), UNKNOWN),
            tone={"good": "good", "low": "bad"}.get(str(state), ""),
        ),
    )


def _health(snapshot: Snapshot, is_assessed: bool) -> tuple[Row, ...]:
    """What is known about the battery's age: nothing is guessed."""
    soh = _number(snapshot, SOH)
    rated = snapshot.settings["battery.rated_ah"]
    is_rated = isinstance(rated, int | float)
    why = "" if is_rated else "It needs the battery's rating: see Battery Test."
    rows = (
        Row("Battery rating", f"{rated:g} Ah" if is_rated else "not set"),
        Row("State of health", UNKNOWN if soh is None else f"{soh:.0f} %", "" if soh else why),
    )
    if is_assessed:
        return rows
    return (*rows, Row("Replacement forecast", UNKNOWN), Row("Resistance", UNKNOWN))


def _say_assessment(event: Event) -> Assessment:
    value = event.value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Assessment(say_time(event.at), f"{value:.0f} %" if is_number else NOTHING, event.text)


def _note(snapshot: Snapshot, judged: TestRecord | None) -> str:
    last, running = snapshot.last_test, snapshot.test
    if running is not None and running.type != "outage" and running.state != "finished":
        return f"Test {running.n} is running; the estimate is the one so far. See Manual Test."
    if last is None:
        return NO_TEST
    if last.result != "aborted":
        return ""
    reason = last.reason.rstrip(".") or "no reason is known"
    text = f"Test {last.n} was aborted: {reason}."
    if judged is not None and judged.n != last.n:
        return f"{text} Estimate and curve are those of test {judged.n}."
    return text


def say_past(test: TestRecord) -> Past:
    """A test of the history in words; what is not known is said so or left out."""
    estimate = UNKNOWN if test.estimate_s is None else say_duration(test.estimate_s)
    interval = ""
    if test.estimate_low_s is not None and test.estimate_high_s is not None:
        interval = f"{say_duration(test.estimate_low_s)} to {say_duration(test.estimate_high_s)}"
    return Past(
        test.n,
        "Outage" if test.type == "outage" else f"Type {test.type}",
        say_time(test.ended_at or test.started_at),
        RESULTS.get(test.result, test.result) if test.state == "finished" else "Running",
        TONES.get(test.result, ""),
        NOTHING if test.type == "outage" and test.estimate_s is None else estimate,
        interval,
        say_duration(test.duration_s),
        _with_unit(test.average_current, 2, "A"),
        _with_unit(test.average_temperature, 0, "°C"),
        _with_unit(test.end_voltage, 2, "V"),
        test.reason,
    )


def _with_unit(value: float | None, decimals: int, unit: str) -> str:
    return NOTHING if value is None else f"{value:.{decimals}f} {unit}"


def _days(seconds: float) -> str:
    """DDDD HH:MM, as the manual writes a system time."""
    minutes = int(max(seconds, 0.0)) // 60
    return f"{minutes // 1440:04} {minutes // 60 % 24:02}:{minutes % 60:02}"


def _hours(seconds: float) -> str:
    """HHHH:MM, as the manual writes a run time."""
    minutes = int(max(seconds, 0.0)) // 60
    return f"{minutes // 60:04}:{minutes % 60:02}"


def _value(snapshot: Snapshot, key: str) -> object:
    reading = snapshot.points.get(key)
    if reading is None or reading.quality is BAD or reading.quality is MISSING:
        return None
    return reading.value


def _number(snapshot: Snapshot, key: str) -> float | None:
    value = _value(snapshot, key)
    return float(value) if isinstance(value, int | float) else None


def battery_status_routes(pages: Pages, curves: Curves) -> list[Route]:
    """The page and its data."""
    page = BatteryStatusPage(pages, curves)
    return [
        Route("GET", "/battery-status", page.show, Access.PAGE),
        Route("GET", "/battery-status/data", page.data, Access.PAGE),
    ]
