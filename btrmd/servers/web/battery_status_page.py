"""The Battery Status page (manual 7.2): the last test, the estimate, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from flask import Response, g, request

from btrmd.model.battery_table import EXAMPLE, MAX_LENGTH
from btrmd.model.discharge import TestRecord
from btrmd.model.events import Event
from btrmd.model.readings import MISSING
from btrmd.model.result_words import format_result
from btrmd.model.setting_battery import BATTERY_TYPES
from btrmd.model.settings import find_setting
from btrmd.model.snapshot import Snapshot
from btrmd.model.thresholds import Thresholds
from btrmd.model.value_text import CLOCK_SANE_S, format_number

from ..replacement import TYPE, replace_battery
from .answers import answer_json
from .card import Card, make_card
from .curve_points import Curves
from .discharge_plot import LiveCurve, plot_test
from .kept_form import KeptForm
from .known import known, known_number
from .pages import Pages, see_other
from .past import UNKNOWN, Past, format_moment, format_past
from .plot import Drawing, draw, encode_plots
from .replaced_form import FIELDS, read_form
from .roles import Role
from .routes import Route, RouteAccess, may_change
from .services import source
from .wording import CAPACITY_WORDS, NOTHING, format_time

NO_TEST: Final = "No test has run yet."  # R192
OUTAGE: Final = "An outage: what stands below it is of the last test."
NO_TAP: Final = "what its taps read does not fit the bank: check their fuses and wires"
NO_TEST_SINCE: Final = "No test of this battery has come to a result; what was before stands below."
SOH: Final = "battery.soh"
REPLACED: Final = "battery.replaced"
PATH: Final = "/battery-status"
REPLACED_PATH: Final = f"{PATH}/replaced"
DONE: Final = "The battery counts as replaced: earlier discharges are kept and count no more."
NO_ERRORS: Final[Mapping[str, str]] = MappingProxyType({})
HISTORY: Final = 20
ASSESSMENTS: Final = 10
_LOOK_BACK: Final = 200  # tests among which the last one with an estimate is looked for


class CardRow(NamedTuple):
    """One line of a card: the manual's label, the value, and what there is to say about it."""

    label: str
    text: str
    note: str = ""
    tone: str = ""


class Assessment(NamedTuple):
    """What a discharge said about the battery's age: health, resistance and forecast in words."""

    at: str
    soh: str
    text: str


class BatteryStatus(NamedTuple):
    """All that the page shows. `note`: what the last test did not do; "" = nothing to tell."""

    results: tuple[CardRow, ...]
    current: tuple[CardRow, ...]
    health: tuple[CardRow, ...]
    assessments: tuple[Assessment, ...]
    note: str
    curve: Drawing | None
    history: tuple[Past, ...]
    blocks: tuple[CardRow, ...]


class BatteryStatusPage:
    """The page and its curve as data."""

    def __init__(self, pages: Pages, curves: Curves) -> None:
        self._pages = pages
        self._services = pages.services
        self._curves = curves
        self._live = LiveCurve(curves)

    def show(self) -> str:
        kept = self._pages.kept(REPLACED_PATH) if self._can_change() else None
        return self._render(
            done=DONE if request.args.get("done") == "replaced" else "",
            kept=kept,
        )

    def replaced(self) -> Response:
        """Another battery was put in, with its rating and type where they were given."""
        snapshot = self._services.bus.snapshot
        tests = self._services.history.tests(include_cleared=True, limit=1)
        form = read_form(request.form, snapshot.settings, tests, snapshot.at)
        if form.errors:
            return Response(self._render(form.alert, errors=form.errors), 422)
        answer = replace_battery(
            self._services.bus.submit, snapshot.settings, form.changes, source(), form.at
        )
        if not answer.ok:
            status = 503 if answer.code in ("busy", "storage") else 409
            return Response(self._render(alert=answer.text), status)
        return see_other(f"{PATH}?done=replaced")

    def _render(
        self,
        alert: str = "",
        done: str = "",
        errors: Mapping[str, str] = NO_ERRORS,
        kept: KeptForm | None = None,
    ) -> str:
        snapshot = self._services.bus.snapshot
        tests = self._tests()
        judged = _judged(tests, snapshot)
        points = self._curves.get(judged) if judged is not None else None
        assessments = tuple(
            _format_assessment(event)
            for event in self._services.history.find_events(0, ASSESSMENTS, SOH)
        )
        has_curve = judged is not None and points is not None and bool(points.xs)
        page = BatteryStatus(
            _results(snapshot),
            _current(snapshot),
            _health(snapshot, bool(assessments), self._since()),
            assessments,
            _note(snapshot, judged, any(test.type != "outage" for test in tests)),
            draw(plot_test(judged, points, snapshot)) if has_curve and judged and points else None,
            tuple(format_past(test) for test in tests[:HISTORY]),
            _blocks(snapshot),
        )
        return self._pages.render(
            "battery_status.html",
            "Battery Status",
            page=page,
            live=self._live.get(snapshot),
            outage=_outage(snapshot),
            alert=alert,
            done=done,
            kept=kept,
            typed={
                name: text[:MAX_LENGTH]
                for name, text in (kept.fields if kept is not None else request.form).items()
            },
            errors=errors,
            example=EXAMPLE,
            types=tuple(zip(BATTERY_TYPES, find_setting(TYPE).choice_labels, strict=True)),
            can_change=self._can_change(),
        )

    def _can_change(self) -> bool:
        return may_change(g.session, Role.ADMIN, self._services.bus.snapshot.settings)

    def _since(self) -> str:
        """When somebody said that the battery was replaced; "" where nobody has."""
        found = self._services.history.find_events(0, 1, REPLACED)
        if not found:
            return ""
        day = found[0].value
        return day if isinstance(day, str) and day else format_time(found[0].at)

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
    """The test that the estimate in force comes from, else the last one of this battery; None after
    a replacement or a reset, until the next."""
    last = snapshot.last_test
    if last is None or known_number(snapshot, "runtime.estimate") is None:
        return last
    own = [test for test in tests if test.type != "outage"]
    for test in own:
        if test.estimate_s is not None and test.result in ("good", "low", "none"):
            return test
    return last


def _results(snapshot: Snapshot) -> tuple[CardRow, ...]:
    """Capacity Test Settings Results (manual 7.2.1)."""
    last = snapshot.last_test
    tested, load, warmth = (
        "Tested at System Time (DDDD HH:MM)",
        "At Average load in milliamps",
        "At Temperature",
    )
    if last is None:
        return tuple(CardRow(label, NOTHING) for label in (tested, load, warmth))
    at = last.ended_at or last.started_at
    uptime = known_number(snapshot, "system.uptime")
    then = None if uptime is None else uptime - (snapshot.at - at)
    is_before = then is None or uptime is None or not 0 <= then <= uptime
    return (
        CardRow(
            tested,
            "before the last start" if is_before or then is None else _days(then),
            format_moment(last, at),
        ),
        CardRow(
            load,
            UNKNOWN
            if last.average_current is None
            else format_number(last.average_current * 1000, 0),
        ),
        CardRow(
            warmth,
            UNKNOWN
            if last.average_temperature is None
            else format_number(last.average_temperature, 0, "°C"),
        ),
    )


def _current(snapshot: Snapshot) -> tuple[CardRow, ...]:
    """Current Status (manual 7.2.2)."""
    system_v = snapshot.settings.integer("system.voltage")
    pair = "11.00 V or 22.00 V" if system_v <= 24 else "33.00 V or 44.00 V"  # C17
    cutoff = Thresholds.of(snapshot.settings).cutoff_v
    estimate = known_number(snapshot, "runtime.estimate")
    low, high = (known_number(snapshot, f"runtime.estimate_{end}") for end in ("low", "high"))
    minimum = snapshot.settings.integer("test.minimum_runtime_min")
    state = known(snapshot, "capacity.state")
    note = ""
    if estimate is not None:
        note = f"to {format_number(cutoff, 2, 'V')}"
        if low is not None and high is not None:
            note += f"; 90 %: {_hours(low)} to {_hours(high)}"
    return (
        CardRow(
            f"Est Runtime HHHH:MM to {pair}",
            NOTHING if estimate is None else _hours(estimate),
            note,
        ),
        CardRow(
            "Minimum Runtime",
            f"{minimum // 60} Hours {minimum % 60} Min",
            "" if minimum else "0 = no judgement",
        ),
        CardRow(
            "Capacity",
            CAPACITY_WORDS.get(str(state), UNKNOWN),
            tone={"good": "good", "low": "bad"}.get(str(state), ""),
        ),
    )


def _health(snapshot: Snapshot, is_assessed: bool, since: str) -> tuple[CardRow, ...]:
    """What is known about the battery's age: nothing is guessed. `since`: when it was put in."""
    soh = known_number(snapshot, SOH)
    low, high = (known_number(snapshot, f"{SOH}_{end}") for end in ("low", "high"))
    span = (
        ""
        if low is None or high is None
        else f"90 %: {format_number(low, 0)} to {format_number(high, 0, '%')}"
    )
    rated = snapshot.settings["battery.rated_ah"]
    is_rated = isinstance(rated, int | float)
    why = "" if is_rated else "It needs the battery's rating: see Battery Test."
    rows = (
        CardRow("Battery rating", f"{rated:g} Ah" if is_rated else "not set"),
        CardRow(
            "State of health",
            UNKNOWN if soh is None else format_number(soh, 0, "%"),
            span if soh else why,
        ),
        *((CardRow("In service since", since),) if since else ()),
    )
    resistance = _resistance(snapshot)
    if is_assessed:
        return (*rows, *resistance)
    forecast = CardRow("Replacement forecast", UNKNOWN)
    return (*rows, forecast, *(resistance or (CardRow("Resistance", UNKNOWN),)))


def _resistance(snapshot: Snapshot) -> tuple[CardRow, ...]:
    """How it has grown, once there are tests to compare."""
    growth = known_number(snapshot, "battery.resistance_growth")
    if growth is None:
        return ()
    side = "above" if growth >= 0.0 else "below"
    return (CardRow("Resistance", f"{format_number(abs(growth), 0, '%')} {side} the first tests"),)


def _blocks(snapshot: Snapshot) -> tuple[CardRow, ...]:
    """The voltage of each block that has a tap at both ends, and which of them is weak."""
    weak = known(snapshot, "battery.weak_block")
    rows = []
    for n in range(1, snapshot.settings.blocks + 1):
        reading = snapshot.points.get(f"battery.block{n}.voltage")
        if reading is None or reading.quality is MISSING:
            continue
        volts, apart = (known_number(snapshot, f"battery.block{n}.{what}") for what in
                        ("voltage", "deviation"))  # fmt: skip
        text = UNKNOWN if volts is None else format_number(volts, 2, "V")
        note = "" if apart is None else f"{apart:+.2f} V from the mean"
        if volts is None:
            note = NO_TAP
        if weak == n:
            note = f"{note}; it will end the run" if note else "it will end the run"
        rows.append(CardRow(f"Block {n}", text, note, "bad" if weak == n else ""))
    return tuple(rows)


def _format_assessment(event: Event) -> Assessment:
    value, shown = event.value, NOTHING
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = format_number(value, 0, "%")
    at = format_time(event.at) if event.at >= CLOCK_SANE_S else UNKNOWN  # no clock was set
    return Assessment(at, shown, event.text)


def _note(snapshot: Snapshot, judged: TestRecord | None, has_earlier: bool) -> str:
    """`has_earlier`: there are tests in the table, if only of the battery before."""
    last, running = snapshot.last_test, snapshot.test
    if running is not None and running.type == "outage":
        return OUTAGE if last is not None or has_earlier else f"An outage is on. {NO_TEST}"
    if running is not None and running.type != "outage" and running.state != "finished":
        return f"Test {running.n} is running; the estimate is the one so far. See Manual Test."
    if last is None:
        return NO_TEST_SINCE if has_earlier else NO_TEST
    if last.result != "aborted":
        return format_result(last)
    reason = last.reason.rstrip(".") or "no reason is known"
    text = f"Test {last.n} was aborted: {reason}."
    if judged is not None and judged.n != last.n:
        return f"{text} Estimate and curve are those of test {judged.n}."
    return text


def _outage(snapshot: Snapshot) -> Card | None:
    """The outage that goes on, with its clock and what is left; None while there is none."""
    running = snapshot.test
    return make_card(snapshot) if running is not None and running.type == "outage" else None


def _days(seconds: float) -> str:
    """DDDD HH:MM, as the manual writes a system time."""
    minutes = int(max(seconds, 0.0)) // 60
    return f"{minutes // 1440:04} {minutes // 60 % 24:02}:{minutes % 60:02}"


def _hours(seconds: float) -> str:
    """HHHH:MM, as the manual writes a run time."""
    minutes = int(max(seconds, 0.0)) // 60
    return f"{minutes // 60:04}:{minutes % 60:02}"


def battery_status_routes(pages: Pages, curves: Curves) -> list[Route]:
    """The page and its data."""
    page = BatteryStatusPage(pages, curves)
    return [
        Route("GET", PATH, page.show, RouteAccess.PAGE),
        Route("GET", f"{PATH}/data", page.data, RouteAccess.PAGE),
        Route(
            "POST",
            REPLACED_PATH,
            page.replaced,
            RouteAccess.CHANGE,
            role=Role.ADMIN,
            keeps=(*FIELDS, "date"),
        ),
    ]
