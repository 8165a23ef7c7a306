"""The test card: what the status page says about the running or the last test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from btrmd.docgen.event_text import with_names
from btrmd.model.discharge import TestRecord
from btrmd.model.result_words import format_action, format_mark, is_combined, is_dated, weak_block
from btrmd.model.schedule import format_waiting
from btrmd.model.snapshot import Snapshot
from btrmd.model.thresholds import Thresholds
from btrmd.model.value_text import CLOCK_SANE_S, format_number

from .known import known, known_number
from .wording import format_duration, format_short, format_time

STATES: Final = {
    "delayed": "waits for its start",
    "proving": "is proving that it may start",
    "running": "is running",
    "returning": "is returning the load to the supply",
}
RESULTS: Final = {"good": "Good", "low": "Low", "aborted": "Aborted", "none": "No judgement"}
DAY_S: Final = 86400
TONES: Final = {"good": "good", "low": "bad", "aborted": "warn", "none": ""}


class Card(NamedTuple):
    """`rows`: (label, text) pairs; `tone` "", good, warn or bad; `is_running` a test or an outage
    goes on; `heading` which of them it is about."""

    title: str
    tone: str
    is_running: bool
    rows: tuple[tuple[str, str], ...]
    heading: str = "Battery test"

    def encode(self) -> dict[str, object]:
        """For the stream."""
        return {**self._asdict(), "rows": [list(row) for row in self.rows]}


def make_card(snapshot: Snapshot) -> Card:
    """The running test or outage first, then a delayed start, then the last test."""
    if snapshot.test is not None:
        return _running(snapshot.test, snapshot)
    if known(snapshot, "test.state") == "delayed":
        rows = (("Starts in", format_duration(known_number(snapshot, "test.start_in"))),)
        return Card("A test waits for its start", "", True, rows)
    following = [("Next test", format_next(snapshot))]
    refusal = format_refusal(snapshot)
    if refusal:
        following.append(("Last start", refusal))
    if snapshot.last_test is not None:
        last = _last(snapshot.last_test)
        return last._replace(rows=(*last.rows, *following))
    return Card("No test yet", "", False, tuple(following))


def format_next(snapshot: Snapshot) -> str:
    """When the schedule starts a test: coarse, so that it is not another text every second."""
    if known(snapshot, "test.enabled") is not True:
        return "none is scheduled"
    if snapshot.waiting is not None:
        return with_names(format_waiting(snapshot.waiting, snapshot.at, format_short))
    seconds = known_number(snapshot, "test.next")
    if seconds is None:
        return "not known"
    if seconds < DAY_S:
        return f"in {format_duration(seconds)}"
    return f"in {int(seconds // DAY_S)} d {int(seconds % DAY_S // 3600)} h"


def format_refusal(snapshot: Snapshot) -> str:
    """The last start of a test that was refused, where `format_next` does not say it already."""
    refusal, waiting = snapshot.refusal, snapshot.waiting
    if refusal is None or (waiting is not None and waiting.refused == refusal.text):
        return ""
    return f"refused {format_time(refusal.at)}: {with_names(refusal.text)}"


def _outage(record: TestRecord, snapshot: Snapshot) -> Card:
    """An outage: how long it lasts already, how long the battery still does, where it ends."""
    elapsed = max(snapshot.at - record.started_at, 0.0) if record.started_at else None
    is_set = record.started_at >= CLOCK_SANE_S  # its record is marked at its end only
    began = format_time(record.started_at) if is_set else "not known"
    rows = [("Began", began), ("Elapsed", format_duration(elapsed))]
    rows.append(("Time left", _format_left(record, snapshot)))
    volts = known_number(snapshot, "battery.voltage")
    now = "" if volts is None else f"; the battery has {format_number(volts, 2, 'V')}"
    if known(snapshot, "lvd.enabled") is True:
        opens = Thresholds.of(snapshot.settings).lvd_open_v
        rows.append(
            ("Low-voltage disconnect", f"below {format_number(opens, 2, 'V')} for 10 s{now}")
        )
    else:
        rows.append(("Low-voltage disconnect", f"off: the load stays on the battery{now}"))
    rows.append(("Record", f"number {record.n} of Discharge Curves"))
    title = _FED.get(known(snapshot, "load.source"), "What feeds the load is not known")
    return Card(title, "warn", True, tuple(rows), "Outage")


_FED: Final[Mapping[object, str]] = {  # as the verdict and the sentence below the picture say
    "battery": "The battery feeds the load",
    "charger": "The charger carries the load",
    "shared": "Supply and battery feed the load together",
    "supply": "The supply feeds the load again",
    "none": "The load has no power",
}


def _format_left(record: TestRecord, snapshot: Snapshot) -> str:
    """The time left and what it rests on."""
    if known(snapshot, "load.source") == "charger":
        return "not known: the charger carries the load"  # whatever little the battery gives
    left = known_number(snapshot, "runtime.remaining")
    if left is None:
        if snapshot.settings["battery.rated_ah"] is None:
            return "not known: no test yet, and no battery rating is set"
        return "not known yet"
    if left == 0.0:
        return "none: the battery is at its cutoff"
    made, low, high = record.estimate_s, record.estimate_low_s, record.estimate_high_s
    if made is not None and low is not None and high is not None:
        ends = (max(left + end - made, 0.0) for end in (low, high))
        span = " to ".join(format_duration(end) for end in ends)
        return f"{format_duration(left)} ({span}, 90 %)"
    last = snapshot.last_test
    if last is None or last.estimate_s is None:
        return f"about {format_duration(left)}, by rating and load alone: half as long is possible"
    return f"about {format_duration(left)}, by the last test"


def _running(test: TestRecord, snapshot: Snapshot) -> Card:
    if test.type == "outage":
        return _outage(test, snapshot)
    elapsed = known_number(snapshot, "test.elapsed")
    if elapsed is None:
        elapsed = test.duration_s
    rows = [("Elapsed", format_duration(elapsed))]
    # The point shows the last finished test's estimate until the running one has its own.
    estimate, low, high = test.estimate_s, test.estimate_low_s, test.estimate_high_s
    minimum = test.minimum_runtime_s
    if minimum is None:
        minimum = known_number(snapshot, "runtime.minimum")
    rows.append(("Estimated run time", _format_estimate(estimate, low, high)))
    rows.extend(_weakest(test))
    rows.append(("Minimum run time", format_duration(minimum)))
    own = format_own(test)
    if own:
        rows.append(("This discharge alone", own))
    verdict, tone = _judge(test, minimum)
    if test.type == "1":
        rows.append(("So far", verdict))
    title = f"Test {test.n} (Type {test.type}) {STATES.get(test.state, test.state)}"
    return Card(title, tone if test.type == "1" else "", True, tuple(rows))


def _last(test: TestRecord) -> Card:
    rows = [("Result", format_verdict(test))]
    action = format_action(test)
    if action:
        rows.append(("What to do", action))
    if test.estimate_s is not None:
        text = _format_estimate(test.estimate_s, test.estimate_low_s, test.estimate_high_s)
        rows.append(("Estimated run time", text))
    rows.extend(_weakest(test))
    own = format_own(test)
    if own:
        rows.append(("This discharge alone", own))
    if test.minimum_runtime_s:
        rows.append(("Minimum run time", format_duration(test.minimum_runtime_s)))
    rows.append(("Length", format_duration(test.duration_s)))
    if test.average_current is not None:
        rows.append(("Average load", format_number(test.average_current, 2, "A")))
    if test.end_voltage is not None:
        rows.append(("End voltage", format_number(test.end_voltage, 2, "V")))
    rows.append(("Ended", format_time(test.ended_at) if is_dated(test) else "not known"))
    notes = format_notes(test)
    if notes:
        rows.append(("To be noted", notes))
    if test.reason:
        rows.append(("Reason", test.reason))
    title = f"Last test: number {test.n} (Type {test.type})"
    return Card(title, TONES.get(test.result, ""), False, tuple(rows))


def format_verdict(test: TestRecord) -> str:
    """The result, and whether it is firm."""
    word = RESULTS.get(test.result, test.result)
    if "unconfirmed" in test.marks:
        return f"{word}, not confirmed"
    return f"{word}, probably" if "marginal" in test.marks else word


def format_own(test: TestRecord) -> str:
    """What this discharge alone says, where earlier ones have changed what is told."""
    if not is_combined(test):
        return ""
    return _format_estimate(test.own_estimate_s, test.own_low_s, test.own_high_s)


def format_notes(test: TestRecord) -> str:
    """The marks in words, and what the battery began with."""
    marks = tuple(mark for mark in test.marks if mark not in ("marginal", "unconfirmed"))
    parts = [f"{text[0].upper()}{text[1:]}." for text in (format_mark(mark) for mark in marks)]
    if test.started_at_charge is not None:
        charge = format_number(100.0 * test.started_at_charge, 0, "%")
        parts.append(f"It began at {charge} of the charge.")
    return " ".join(parts)


def _format_estimate(estimate: float | None, low: float | None, high: float | None) -> str:
    if estimate is None:
        return "not known yet"
    if low is None or high is None:
        return format_duration(estimate)
    return f"{format_duration(estimate)} ({format_duration(low)} to {format_duration(high)}, 90 %)"


def _weakest(test: TestRecord) -> list[tuple[str, str]]:
    """The block that will end the run, where one stands out."""
    block = weak_block(test)
    if not block or test.estimate_s is None:
        return []
    verb = "will end" if test.state != "finished" else "ends"
    return [("Weakest block", f"Block {block} {verb} the run: {format_duration(test.estimate_s)}")]


def _judge(test: TestRecord, minimum: float | None) -> tuple[str, str]:
    """What the verdict would be now, and its tone."""
    estimate = test.estimate_s
    if not minimum:
        return "no judgement: the minimum run time is 0", ""
    if estimate is None:
        return "too early to tell", ""
    side, tone = ("above", "good") if estimate >= minimum else ("below", "bad")
    for low, high in (
        (test.estimate_low_s, test.estimate_high_s),
        (test.own_low_s, test.own_high_s),
    ):
        if low is None or high is None:
            continue
        if low <= minimum <= high or (low > minimum) is not (estimate >= minimum):
            return f"{side} the minimum, but marginal", "warn"
    return f"{side} the minimum", tone
