"""The checks: what is done between the wish to test and the moment the battery carries the load."""

from __future__ import annotations

from ...model.alarms import ALARM
from ...model.discharge import TestState
from ...model.events import Kind
from ..machines.relaywatch import RelayWatch, look_at_source, single_source_suspect
from ..machines.transfer import Handover, Transfer, Where
from ..scan.actions import SaveRecord
from ..scan.context import StepContext
from ..scan.flows import k2_current
from .progress import Progress, advance
from .state import CapacityTest, CheckPhase, Moved, abort_reason
from .type1 import Policy, planned_length

LONGEST_S = 60.0
REST_S = 30.0
SUSPECT = {CheckPhase.PATH: ("k3",), CheckPhase.CHARGER: ("k2",), CheckPhase.TAKEOVER: ("k1", "k2")}
CLOSED_A = 0.15  # beyond the unit's own: a source that S1 and K2 have parted gives less
CARRIES_PART = 0.8  # of the load's current: so much of the battery's, and it carries it
SCANS = 3  # a check fails only after its time and three scans: at fast speeds a scan is a second


def _expired(test: CapacityTest, limit_s: float, now: float) -> bool:
    return test.phase_ticks >= SCANS and now - test.phase_since >= limit_s - 1e-6


def _late(test: CapacityTest, limit_s: float, now: float, sentence: str) -> str:
    """The failure sentence once the time for a check is over, "" before."""
    return sentence if _expired(test, limit_s, now) else ""


def _enter(test: CapacityTest, phase: CheckPhase, now: float, **changes: object) -> CapacityTest:
    return test._replace(phase=phase, phase_since=now, phase_ticks=0, **changes)  # type: ignore[arg-type]


def _check(test: CapacityTest, ctx: StepContext) -> tuple[bool, str]:
    """(passed, failure sentence once the phase's time is over)."""
    inputs, sp, now = ctx.inputs, ctx.sp, ctx.now
    if test.phase is CheckPhase.PATH:
        closed = inputs.batt_path is True
        return closed, _late(test, 1.0, now, "The battery path did not close (BATT_PATH).")
    if test.phase is CheckPhase.CHARGER:
        amps = k2_current(inputs, sp.single_source)
        quiet = amps.good and amps.value < 0.1
        sentence = "The charger did not open: it still delivers current."
        if not amps.good:
            sentence = "The charger current has no good reading."
        return quiet, _late(test, 2.0, now, sentence)
    if test.phase is CheckPhase.REST:
        if not _expired(test, REST_S, now):
            return False, ""
        if inputs.batt_path is not True:
            return False, "The battery does not reach the transfer relay (fuse F2 or K3)."
        volts = inputs.battery_v.value
        if volts <= sp.th.start_v:
            return False, (
                f"Without the charger the battery fell to {volts:.2f} V; a test starts only "
                f"above {sp.th.start_v:.2f} V."
            )
        return True, ""
    carries = (
        inputs.guard is False
        and inputs.supply_a.good
        and inputs.supply_a.value < 0.5
        and inputs.battery_a.value <= -CARRIES_PART * inputs.load_a.value
        and inputs.load_v.value >= inputs.battery_v.value - sp.th.takeover_drop_v
        and inputs.load_a.value > 0.1
    )
    sentence = "The battery did not take over the load."
    if not inputs.supply_a.good:
        sentence = "The supply current has no good reading."
    return carries, _late(test, 1.0, now, sentence)


def _suspect(test: CapacityTest, relays: RelayWatch, ctx: StepContext) -> str:
    """The relay a failed check speaks against, if the evidence of this scan does so too."""
    inputs, flows = ctx.inputs, ctx.flows
    if ctx.sp.single_source and test.phase is CheckPhase.TAKEOVER and test.before is not None:
        # with S1 and K2 open the source feeds this unit at most
        still = inputs.guard is False and inputs.supply_a.good
        # what the battery gives as well is no source's: the current of one of them lies
        shares = flows.balanced and -inputs.battery_a.value < CARRIES_PART * inputs.load_a.value
        if still and shares and inputs.supply_a.value > flows.hat + CLOSED_A:
            return single_source_suspect(test.before, look_at_source(inputs))
    for name in SUSPECT.get(test.phase, ()):
        if getattr(relays, name).odd_since is not None:
            return name
    return ""


def _started(test: CapacityTest, ctx: StepContext) -> Moved:
    """Proved: time 0 was K1 on, `phase_since` of TAKEOVER."""
    sp, record = ctx.sp, test.record
    assert record is not None
    planned = (
        sp.type2_s
        if record.type == "2"
        else planned_length(sp.rated_ah, max(-ctx.inputs.battery_a.value, 0.0))
    )
    record = record._replace(state=TestState.RUNNING.value)
    ctx.do(SaveRecord(record))
    ctx.tell(
        "test.state", Kind.CHANGE, f"Test {record.n} is running: the battery carries the load.",
        value="running", source=record.source,
    )  # fmt: skip
    moved = test._replace(
        state=TestState.RUNNING, since=ctx.now, record=record, policy=Policy(planned_s=planned)
    )
    return Moved(moved, proved=True)


def step_checks(
    test: CapacityTest, transfer: Transfer, relays: RelayWatch, ctx: StepContext
) -> Moved:
    """One step. A failure releases K1 and K2 at once; the caller writes the record.

    `Moved.test.reason` is the failure; after K1 the transfer machine watches the way back.
    """
    inputs, now = ctx.inputs, ctx.now
    test = test._replace(phase_ticks=test.phase_ticks + 1)
    if test.k1:
        test = test._replace(progress=advance(test.progress, ctx))
    watch, reason = abort_reason(test, ctx)
    test = test._replace(watch=watch)
    if not reason and test.watch.sensor is not None:
        return Moved(test)  # decide nothing on this scan; abort_reason counts
    if not reason and relays.faulty:
        reason = ALARM[f"relay.{relays.faulty[0]}"].text
    if not reason and inputs.guard is True:
        reason = "The bus guard closed."
    if not reason and transfer.where is not Where.SUPPLY:
        reason = "The supply failed the load."
    passed, suspect = False, ""
    if not reason:
        passed, late = _check(test, ctx)
        reason = "" if passed else late
        suspect = _suspect(test, relays, ctx) if reason else ""
    if not reason and not passed and now - test.since > LONGEST_S:
        reason = "The checks before the test took longer than 60 s."
    if reason:
        back = Handover.RETURN if test.k1 else Handover.NONE
        failed = test._replace(reason=reason, k1=False, k2=False)
        return Moved(failed, back, suspect=suspect)
    if not passed:
        return Moved(test)
    if test.phase is CheckPhase.PATH:
        return Moved(_enter(test, CheckPhase.CHARGER, now, k2=True))
    if test.phase is CheckPhase.CHARGER:
        return Moved(_enter(test, CheckPhase.REST, now))
    if test.phase is CheckPhase.REST:
        assert test.record is not None
        record = test.record._replace(started_at=inputs.wall)
        ctx.do(SaveRecord(record, curve=True))
        progress = Progress(t0=now)
        entered = _enter(
            test,
            CheckPhase.TAKEOVER,
            now,
            k1=True,
            record=record,
            progress=progress,
            before=look_at_source(inputs),
        )
        return Moved(entered)
    return _started(test, ctx)
