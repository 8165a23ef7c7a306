"""The discharge: the battery carries the load; watch it, know when to end (DESIGN section 3)."""

from __future__ import annotations

from ...model.alarms import ALARM
from ...model.result_words import format_hours
from ..machines.lvd import Lvd
from ..machines.relaywatch import RelayWatch
from ..scan.actions import WantEstimate
from ..scan.context import StepContext
from ..scan.relations import APART_V
from .collapse import step_level
from .progress import advance
from .state import CapacityTest, End, abort_reason, held, lasted
from .type1 import early_stop, may_evaluate

COUP_DE_FOUET_S = 600.0  # in the first 10 min a dip is no cutoff
ESTIMATE_TIMEOUT_S = 30.0


def _limit(test: CapacityTest, ctx: StepContext) -> float:
    """Bank volts below which the discharge ends: Type 2 may ask for its own, higher or lower."""
    assert test.record is not None
    return ctx.sp.type2_minimum_v if test.record.type == "2" else ctx.sp.th.cutoff_v


def _cutoff(test: CapacityTest, ctx: StepContext) -> tuple[CapacityTest, str]:
    inputs, now = ctx.inputs, ctx.now
    volts = inputs.battery_v
    if now - test.progress.t0 <= COUP_DE_FOUET_S:
        low = volts.good and volts.value < ctx.sp.th.early_cutoff_v
        since = held(test.watch.early_low, low, now)
        if since != test.watch.early_low:
            test = test._replace(watch=test.watch._replace(early_low=since))
        if lasted(since, 2.0, now):
            return test, f"The battery fell to {volts.value:.2f} V within minutes."
        return test, ""
    mean, limit = test.progress.mean_v, _limit(test, ctx)
    if mean is not None and mean < limit and test.progress.window_s >= 3.9:
        return test, f"The battery reached {limit:.2f} V."
    return test, ""


def _safety(test: CapacityTest, ctx: StepContext) -> tuple[CapacityTest, str]:
    """Type 1 only: at the highest load seen, the battery must hold 11.6 V a block."""
    inputs = ctx.inputs
    if not (inputs.load_a.good and inputs.battery_v.good):
        return test, ""
    if inputs.load_a.value >= 0.95 * test.top_load_a:
        top = max(test.top_load_a, inputs.load_a.value)
        floor = ctx.sp.th.safety_floor_v
        past_dip = ctx.now - test.progress.t0 > COUP_DE_FOUET_S
        mean = test.progress.mean_v
        if top != test.top_load_a:
            test = test._replace(top_load_a=top)
        if past_dip and mean is not None and mean < floor and test.progress.window_s >= 3.9:
            return test, f"The battery is below {floor:.2f} V at the highest load seen."
    return test, ""


def _type1(test: CapacityTest, ctx: StepContext, elapsed: float) -> tuple[CapacityTest, str]:
    record = test.record
    assert record is not None
    if test.collapse or (test.level is not None and test.level.fell_since is not None):
        return test, ""  # nothing holds of the curve before, or it is not yet known what does
    test, reason = _safety(test, ctx)
    if reason:
        return test, reason
    waiting = test.asked_at is not None and ctx.now - test.asked_at < ESTIMATE_TIMEOUT_S
    charge = test.progress.charge_ah
    if not waiting and may_evaluate(test.policy, elapsed, charge, ctx.sp.rated_ah):
        ctx.do(WantEstimate(record.n))
        test = test._replace(asked_at=ctx.now, policy=test.policy._replace(evaluated_at=elapsed))
    if test.estimate is None:
        return test, ""
    return test, early_stop(
        test.policy, test.estimate, elapsed, charge, test.progress.mean_a or 0.0
    )


def _contradiction(ctx: StepContext) -> str:
    """K1 was proved to have moved the load: battery and load are one node but for a diode."""
    battery, load = ctx.inputs.battery_v, ctx.inputs.load_v
    if ctx.inputs.guard is True or not (battery.good and load.good):
        return ""
    if abs(battery.value - load.value) <= APART_V * ctx.sp.blocks:
        return ""
    return (
        f"No verdict: the battery voltage ({battery.value:.2f} V) and the load voltage "
        f"({load.value:.2f} V) contradict each other."
    )


def step_discharge(
    test: CapacityTest, relays: RelayWatch, lvd: Lvd, ctx: StepContext
) -> CapacityTest:
    """One step. `end` other than NONE in the answer: the discharge is over, with `reason`."""
    test = _step(test, relays, lvd, ctx)
    if test.end in (End.NONE, End.ABORT):
        return test
    contradiction = _contradiction(ctx)
    return test._replace(end=End.ABORT, reason=contradiction) if contradiction else test


def _step(test: CapacityTest, relays: RelayWatch, lvd: Lvd, ctx: StepContext) -> CapacityTest:
    record = test.record
    assert record is not None
    inputs, now = ctx.inputs, ctx.now
    test = test._replace(progress=advance(test.progress, ctx))
    elapsed = now - test.progress.t0
    watch, reason = abort_reason(test, ctx)
    test = test._replace(watch=watch)
    if not reason and relays.faulty:
        reason = ALARM[f"relay.{relays.faulty[0]}"].text
    if reason:
        return test._replace(end=End.ABORT, reason=reason)
    test, reason = _cutoff(test, ctx)
    if reason:
        return test._replace(end=End.CUTOFF, reason=reason)
    if inputs.guard is True:
        # a bus that sags although the battery holds its volts is a fault of the path
        mean, limit = test.progress.mean_v, min(_limit(test, ctx), ctx.sp.th.cutoff_v)
        if mean is not None and mean < limit + 0.2 * ctx.sp.blocks:
            return test._replace(end=End.CUTOFF, reason=f"The battery reached {limit:.2f} V.")
        low_v = min((volts for _, volts in test.progress.window), default=limit)
        why = f": the battery fell to {low_v:.2f} V" if low_v < limit else ""
        return test._replace(end=End.ABORT, reason=f"The bus guard closed{why}.")
    if lvd.is_due(now):
        return test._replace(end=End.CUTOFF, reason="The low-voltage disconnect is due.")
    if record.type == "1":
        level, collapse = step_level(test.level, ctx)
        test = test._replace(level=level)
        if collapse and not test.collapse:
            test = test._replace(collapse=collapse, estimate=None)
        # one that is below its cutoff is about to end by that, and has been measured then; so may
        # one be in the first minutes
        is_left = inputs.battery_v.good and inputs.battery_v.value >= ctx.sp.th.cutoff_v
        if test.collapse and is_left and elapsed > COUP_DE_FOUET_S:
            return test._replace(end=End.ABORT, reason=test.collapse)
        test, reason = _type1(test, ctx, elapsed)
        if reason:
            return test._replace(end=End.EARLY, reason=reason)
    if elapsed >= test.policy.planned_s:
        return test._replace(
            end=End.PLANNED, reason=f"The planned {format_hours(test.policy.planned_s)} are over."
        )
    return test
