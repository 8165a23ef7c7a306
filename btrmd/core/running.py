"""Running: the battery carries the load; watch it, and know when to end (DESIGN section 3)."""

from __future__ import annotations

from ..model.result_words import say_hours
from .actions import WantEstimate
from .captest import CapTest, End, abort_reason, held, lasted
from .desk import Desk
from .lvd import Lvd
from .progress import advance
from .relations import APART_V
from .relaywatch import FAULT_TEXT, RelayWatch
from .type1 import early_stop, may_evaluate

COUP_DE_FOUET_S = 600.0  # in the first 10 min a dip is no cutoff
ESTIMATE_TIMEOUT_S = 30.0


def _limit(test: CapTest, desk: Desk) -> float:
    """Bank volts below which the discharge ends: Type 2 may ask for its own, higher or lower."""
    assert test.record is not None
    return desk.sp.type2_minimum_v if test.record.type == "2" else desk.sp.th.cutoff_v


def _cutoff(test: CapTest, desk: Desk) -> tuple[CapTest, str]:
    inputs, now = desk.inputs, desk.now
    volts = inputs.battery_v
    if now - test.progress.t0 <= COUP_DE_FOUET_S:
        low = volts.good and volts.value < desk.sp.th.early_cutoff_v
        since = held(test.watch.early_low, low, now)
        if since != test.watch.early_low:
            test = test._replace(watch=test.watch._replace(early_low=since))
        if lasted(since, 2.0, now):
            return test, f"The battery fell to {volts.value:.2f} V within minutes."
        return test, ""
    mean, limit = test.progress.mean_v, _limit(test, desk)
    if mean is not None and mean < limit and test.progress.window_s >= 3.9:
        return test, f"The battery reached {limit:.2f} V."
    return test, ""


def _safety(test: CapTest, desk: Desk) -> tuple[CapTest, str]:
    """Type 1 only: at the highest load seen, the battery must hold 11.6 V a block."""
    inputs = desk.inputs
    if not (inputs.load_a.good and inputs.battery_v.good):
        return test, ""
    if inputs.load_a.value >= 0.95 * test.top_load_a:
        top = max(test.top_load_a, inputs.load_a.value)
        floor = desk.sp.th.safety_floor_v
        past_dip = desk.now - test.progress.t0 > COUP_DE_FOUET_S
        mean = test.progress.mean_v
        if top != test.top_load_a:
            test = test._replace(top_load_a=top)
        if past_dip and mean is not None and mean < floor and test.progress.window_s >= 3.9:
            return test, f"The battery is below {floor:.2f} V at the highest load seen."
    return test, ""


def _type1(test: CapTest, desk: Desk, elapsed: float) -> tuple[CapTest, str]:
    record = test.record
    assert record is not None
    test, reason = _safety(test, desk)
    if reason:
        return test, reason
    waiting = test.asked_at is not None and desk.now - test.asked_at < ESTIMATE_TIMEOUT_S
    charge = test.progress.charge_ah
    if not waiting and may_evaluate(test.policy, elapsed, charge, desk.sp.rated_ah):
        desk.do(WantEstimate(record.n))
        test = test._replace(asked_at=desk.now, policy=test.policy._replace(evaluated_at=elapsed))
    if test.estimate is None:
        return test, ""
    return test, early_stop(
        test.policy, test.estimate, elapsed, charge, test.progress.mean_a or 0.0
    )


def _contradiction(desk: Desk) -> str:
    """K1 was proved to have moved the load: battery and load are one node but for a diode."""
    battery, load = desk.inputs.battery_v, desk.inputs.load_v
    if desk.inputs.guard is True or not (battery.good and load.good):
        return ""
    if abs(battery.value - load.value) <= APART_V * desk.sp.blocks:
        return ""
    return (
        f"No verdict: the battery voltage ({battery.value:.2f} V) and the load voltage "
        f"({load.value:.2f} V) contradict each other."
    )


def step_running(test: CapTest, relays: RelayWatch, lvd: Lvd, desk: Desk) -> CapTest:
    """One step. `end` other than NONE in the answer: the discharge is over, with `reason`."""
    test = _step(test, relays, lvd, desk)
    if test.end in (End.NONE, End.ABORT):
        return test
    contradiction = _contradiction(desk)
    return test._replace(end=End.ABORT, reason=contradiction) if contradiction else test


def _step(test: CapTest, relays: RelayWatch, lvd: Lvd, desk: Desk) -> CapTest:
    record = test.record
    assert record is not None
    inputs, now = desk.inputs, desk.now
    test = test._replace(progress=advance(test.progress, desk))
    elapsed = now - test.progress.t0
    watch, reason = abort_reason(test, desk)
    test = test._replace(watch=watch)
    if not reason and relays.faulty:
        reason = FAULT_TEXT[relays.faulty[0]]
    if reason:
        return test._replace(end=End.ABORT, reason=reason)
    test, reason = _cutoff(test, desk)
    if reason:
        return test._replace(end=End.CUTOFF, reason=reason)
    if inputs.guard is True:
        # a bus that sags although the battery holds its volts is a fault of the path
        mean, limit = test.progress.mean_v, min(_limit(test, desk), desk.sp.th.cutoff_v)
        if mean is not None and mean < limit + 0.2 * desk.sp.blocks:
            return test._replace(end=End.CUTOFF, reason=f"The battery reached {limit:.2f} V.")
        return test._replace(end=End.ABORT, reason="The bus guard closed.")
    if lvd.is_due(now):
        return test._replace(end=End.CUTOFF, reason="The low-voltage disconnect is due.")
    if record.type == "1":
        test, reason = _type1(test, desk, elapsed)
        if reason:
            return test._replace(end=End.EARLY, reason=reason)
    if elapsed >= test.policy.planned_s:
        return test._replace(
            end=End.PLANNED, reason=f"The planned {say_hours(test.policy.planned_s)} are over."
        )
    return test
