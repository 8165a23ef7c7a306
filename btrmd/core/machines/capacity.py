"""Capacity: unknown, good or low, with the latched alarm that goes with low."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from ...model.commands import HealthReady
from ...model.discharge import Capacity, Estimate, TestRecord, TestResult
from ...model.events import Kind
from ...model.result_words import FINDINGS, format_result
from ..scan.context import StepContext
from ..scan.due import NO_TIME


class CapacityHealth(NamedTuple):
    """`last` the last finished capacity test since the last reset (its result may be aborted);
    `measured` the last one that gave a run time. `forced`: by the IO check. `low_text`: what the
    alarm says after its name; `is_probable`: the low it tells of is not firm. `soh_pct` state of
    health after all discharges with the ends of its 90 % interval, None when not known, and
    `replace_at` wall time s by which the battery must be replaced, `resistance_growth_pct` % over
    the first tests' resistance, `is_change_suspected`: the last discharge differs from those before
    it and another has to confirm it; the shell works them out again at each start."""

    state: Capacity = Capacity.UNKNOWN
    low_alarm: bool = False
    forced: bool = False
    last: TestRecord | None = None
    measured: TestRecord | None = None
    soh_pct: float | None = None
    soh_low_pct: float | None = None
    soh_high_pct: float | None = None
    low_text: str = ""
    is_probable: bool = False
    replace_at: float | None = None
    resistance_growth_pct: float | None = None
    is_change_suspected: bool = False

    def next_due(self, now: float) -> float:
        """Never: only what is told changes it."""
        return NO_TIME

    @property
    def estimate(self) -> Estimate | None:
        """The last finished test's run time, s from full to the cutoff."""
        record = self.measured
        if record is None or record.estimate_s is None:
            return None
        low = record.estimate_s if record.estimate_low_s is None else record.estimate_low_s
        high = record.estimate_s if record.estimate_high_s is None else record.estimate_high_s
        return Estimate(record.estimate_s, low, high)


def adopt(health: CapacityHealth, record: TestRecord) -> CapacityHealth:
    """A final record counts: good clears the alarm, low raises it, the rest leave it as it is.

    A low that another test has to confirm raises nothing; a good one with a finding (the load
    changed, a cell seems shorted, ...) takes no low back.
    """
    health = health._replace(last=record)
    if record.result != TestResult.ABORTED.value and record.estimate_s is not None:
        health = health._replace(measured=record)
    if record.result == TestResult.GOOD.value:
        has_finding = "marginal" in record.marks and any(mark in FINDINGS for mark in record.marks)
        if has_finding and health.state is Capacity.LOW:
            return health
        return health._replace(
            state=Capacity.GOOD, low_alarm=False, forced=False, low_text="", is_probable=False
        )
    if record.result != TestResult.LOW.value or "unconfirmed" in record.marks:
        return health
    return health._replace(
        state=Capacity.LOW,
        low_alarm=True,
        forced=False,
        low_text=format_result(record),
        is_probable="marginal" in record.marks,
    )


def low_alarm_text(health: CapacityHealth) -> str:
    """What the alarm battery.low_capacity says."""
    if health.forced:
        return "Low battery capacity (forced by the IO check)."
    name = "Low battery capacity, probably." if health.is_probable else "Low battery capacity."
    return f"{name} {health.low_text}".rstrip()


def needs_confirming(record: TestRecord) -> bool:
    """A low that is not firm: another test of a rested battery should tell."""
    return record.result == TestResult.LOW.value and "marginal" in record.marks


def conclude(health: CapacityHealth, record: TestRecord, ctx: StepContext) -> CapacityHealth:
    """A test became final in this step: adopt it and tell of a new capacity."""
    after = adopt(health, record)
    if after.state is not health.state:
        word = after.state.value
        probably = "probably " if after.is_probable else ""
        ctx.tell("capacity.state", Kind.CHANGE, f"Capacity is {probably}{word}.", value=word)
    return after


def take_health(health: CapacityHealth, ready: HealthReady, ctx: StepContext) -> CapacityHealth:
    """Adopt what the discharges say together; a text goes into the event log."""
    if ready.text:
        ctx.tell("battery.soh", Kind.CHANGE, ready.text, value=ready.soh_pct, notify=False)
    return health._replace(
        soh_pct=ready.soh_pct,
        soh_low_pct=ready.soh_low_pct,
        soh_high_pct=ready.soh_high_pct,
        replace_at=ready.replace_at,
        resistance_growth_pct=ready.resistance_growth_pct,
        is_change_suspected=ready.confirm,
    )


def force(health: CapacityHealth, low: bool, source: str, ctx: StepContext) -> CapacityHealth:
    """Capacity IO Check (manual 8.1): low fires every alarm path, nominal takes it back."""
    state = Capacity.LOW if low else Capacity.GOOD
    word = "low" if low else "nominal"
    ctx.tell(
        "capacity.state", Kind.COMMAND,
        f"Capacity was set to {word} by the IO check: forced, not measured.",
        value=state.value, source=source,
    )  # fmt: skip
    return health._replace(state=state, low_alarm=low, forced=True, low_text="", is_probable=False)


def replaced(source: str, ctx: StepContext, at: float | None = None) -> CapacityHealth:
    """Another battery: capacity not known, no alarm; what was before stays in the history. `at`
    wall time s of the day it was put in, which the event has as its value; None = now."""
    day = None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    on = "" if day is None else f" on {day}"
    ctx.tell(
        "battery.replaced", Kind.COMMAND,
        f"The battery was replaced{on}: earlier discharges stay in the history and count no more.",
        value=day, source=source,
    )  # fmt: skip
    return CapacityHealth()


def reset(source: str, ctx: StepContext) -> CapacityHealth:
    """Clear the battery test data: no test yet, no alarm (R177)."""
    ctx.tell(
        "capacity.state", Kind.COMMAND, "The battery test data were cleared.",
        value=Capacity.UNKNOWN.value, source=source,
    )  # fmt: skip
    return CapacityHealth()
