"""Outage: a real discharge because the supply is lost, recorded like a test (DESIGN section 3)."""

from __future__ import annotations

from typing import NamedTuple

from ..model.commands import EstimateReady
from ..model.discharge import RELIEVED_LEAST_S, Estimate, TestRecord, is_relieved
from ..model.events import Kind
from ..model.result_words import FINDINGS
from .capacity_test.progress import Progress, advance, ended, restamped
from .capacity_test.verdict import measured, with_estimate, without_estimate
from .machines.condition import StartCondition
from .machines.flood import Flood, chattering
from .scan.actions import SaveRecord, WantEstimate
from .scan.context import StepContext
from .scan.due import due_if

EVALUATE_EVERY_S = 60.0
EVALUATE_AFTER_S = 600.0


class Outage(NamedTuple):
    """`record` None = no outage. `measured_s` time from its start to the cutoff, once reached.
    `relieved_s`: how long of it the battery did not carry the load. `is_doubted`: the battery's
    voltage has been doubted in it, and nothing is concluded from its curve."""

    record: TestRecord | None = None
    progress: Progress = Progress()
    estimate: Estimate | None = None
    asked_at: float = 0.0
    measured_s: float | None = None
    relieved_s: float = 0.0
    is_doubted: bool = False

    def next_due(self, now: float) -> float:
        """Every scan while it is recorded."""
        return due_if(self.record is not None)


NO_OUTAGE = Outage()


def _open(
    n: int, carried_from: int | None, condition: StartCondition, flood: Flood, ctx: StepContext
) -> Outage:
    marks: tuple[str, ...] = () if carried_from is None else (f"after_test:{carried_from}",)
    if not condition.is_full:
        marks = (*marks, "not_full")
    if flood.held:
        marks = (*marks, "chattering")
    record = TestRecord(
        n=n,
        type="outage",
        state="running",
        source="core",
        started_at=ctx.inputs.wall,
        minimum_runtime_s=ctx.sp.minimum_runtime_s,
        marks=marks,
        started_at_charge=condition.charge,
    )
    ctx.do(SaveRecord(record, curve=True))
    text = "The load runs on the battery."
    if flood.held:
        text += f" {chattering(flood)}"
    ctx.tell("ups.on_battery", Kind.RAISE, text, value=True)
    return Outage(record, Progress(t0=ctx.now), asked_at=ctx.now)


def close(outage: Outage, reason: str, ctx: StepContext) -> Outage:
    """End the record: the supply is back, LVD has opened, or the daemon stops."""
    record = outage.record
    if record is None:
        return outage
    progress = outage.progress
    estimate = outage.estimate
    if outage.measured_s is not None:
        estimate = measured(outage.measured_s, estimate)
    record = with_estimate(record, estimate)
    marks = {*record.marks}
    if outage.measured_s is not None:
        marks.add("reached_cutoff")
    if estimate is not None:
        marks.update(finding for finding in estimate.findings if finding in FINDINGS)
    record = record._replace(
        state="finished",
        reason=reason,
        duration_s=ctx.now - progress.t0,
        average_current=progress.mean_a,
        average_temperature=progress.mean_temp,
        end_voltage=progress.mean_v,
        marks=tuple(sorted(marks)),
    )
    record = ended(record, ctx.now - progress.t0, ctx.inputs)
    ctx.do(SaveRecord(record, finished=True))
    # an outage that ends because the battery was taken off the load is no good news
    kind = Kind.CHANGE if reason.startswith("LVD") else Kind.CLEAR
    what = "The battery no longer feeds the load" if kind is Kind.CHANGE else "Outage over"
    ctx.tell("ups.on_battery", kind, f"{what}: {reason}", value=False)
    return NO_OUTAGE


def take_estimate(outage: Outage, ready: EstimateReady) -> Outage:
    if outage.record is None or outage.record.n != ready.test_n or ready.estimate is None:
        return outage
    if outage.is_doubted:
        return outage
    record = with_estimate(outage.record, ready.estimate)
    return outage._replace(estimate=ready.estimate, record=record)


def step_outage(
    outage: Outage,
    on_battery: bool,
    n: int,
    carried_from: int | None,
    condition: StartCondition,
    reason: str,
    flood: Flood,
    ctx: StepContext,
) -> Outage:
    """One step. `n`: the number a new record would get, `condition` how the battery stands;
    `reason` why an outage would be over.

    `flood`: how often outages come; where it is held, this record stands for all that follow.
    """
    if outage.record is None:
        return _open(n, carried_from, condition, flood, ctx) if on_battery else outage
    if not on_battery:
        return close(outage, reason, ctx)
    # what a charger gives, that never went or is back with the supply, is no part of the discharge
    amps, load = ctx.inputs.battery_a, ctx.inputs.load_a
    is_carried = amps.good and is_relieved(amps.value, load.value if load.good else None)
    relieved_s = outage.relieved_s + (ctx.dt if is_carried else 0.0)
    progress = outage.progress if is_carried else advance(outage.progress, ctx)
    elapsed = ctx.now - progress.t0
    record = restamped(outage.record, elapsed, ctx.inputs)
    if record is not outage.record:
        ctx.do(SaveRecord(record))
    estimate, reached = outage.estimate, outage.measured_s
    is_doubted = outage.is_doubted or "battery.voltage" in ctx.doubts
    if is_doubted and not outage.is_doubted:
        record, estimate, reached = without_estimate(record), None, None
    if (
        reached is None
        and not is_doubted
        and elapsed > EVALUATE_AFTER_S
        and relieved_s <= RELIEVED_LEAST_S  # else it is no run time of the battery alone
        and (mean := progress.mean_v) is not None
        and mean < ctx.sp.th.cutoff_v
    ):
        reached = elapsed
    asked = outage.asked_at
    may_ask = elapsed >= EVALUATE_AFTER_S and not is_doubted
    if may_ask and ctx.now - asked >= EVALUATE_EVERY_S:
        ctx.do(WantEstimate(record.n))
        asked = ctx.now
    return Outage(record, progress, estimate, asked, reached, relieved_s, is_doubted)
