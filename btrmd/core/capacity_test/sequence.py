"""The test machine: idle, delayed, proving, running, returning, and the ways between them."""

from __future__ import annotations

from ...model.commands import EstimateReady
from ...model.discharge import TestRecord, TestResult, TestState
from ...model.events import Kind
from ...model.result_words import format_action
from ..machines.condition import StartCondition
from ..machines.lvd import Lvd
from ..machines.presence import Presence
from ..machines.relaywatch import RelayWatch
from ..machines.transfer import Handover, Transfer, Where
from ..scan.actions import SaveRecord, WantEstimate
from ..scan.context import StepContext
from .checks import step_checks
from .discharge import step_discharge
from .progress import ended, restamped
from .state import IDLE, CapacityTest, End, Moved, lasted
from .type1 import weigh
from .verdict import judge, with_estimate

SUPPLY_BACK_S = 2.0
FINAL_ESTIMATE_S = 5.0  # how long the verdict waits for the last estimate
LONGEST_RETURN_S = 30.0  # a supply that flickers for so long counts as lost


def begin(
    n: int,
    type_: str,
    source: str,
    delay_s: float,
    scheduled: bool,
    condition: StartCondition,
    ctx: StepContext,
) -> CapacityTest:
    """A new test, number `n`: delayed, or proving at once. Interlocks are the caller's business.

    `condition`: how the battery stands now; one that is delayed is asked again when it starts.
    """
    record = TestRecord(
        n=n,
        type=type_,
        state=(TestState.DELAYED if delay_s > 0.0 else TestState.PROVING).value,
        source=source,
        started_at=ctx.inputs.wall + delay_s,
        minimum_runtime_s=ctx.sp.minimum_runtime_s,
        marks=condition.marks,
        started_at_charge=None if delay_s > 0.0 else condition.charge,
    )
    if delay_s > 0.0:
        ctx.do(SaveRecord(record))
        text = f"Test {n} (Type {type_}) will start in {delay_s / 3600.0:g} h."
        ctx.tell("test.state", Kind.COMMAND, text, value="delayed", source=source)
        return CapacityTest(
            state=TestState.DELAYED, record=record, since=ctx.now, due=ctx.now + delay_s
        )
    ctx.do(SaveRecord(record))
    ctx.tell(
        "test.state", Kind.COMMAND, f"Test {n} (Type {type_}) started: proving the battery path.",
        value="proving", source=source,
    )  # fmt: skip
    return CapacityTest(
        state=TestState.PROVING,
        record=record,
        scheduled=scheduled,
        since=ctx.now,
        phase_since=ctx.now,
        is_used=condition.is_used,
    )


def close(test: CapacityTest, record: TestRecord, ctx: StepContext) -> TestRecord:
    """Make the record final and tell of it."""
    has_begun = test.state is not TestState.DELAYED
    elapsed = ctx.now - (test.progress.t0 or test.since) if has_begun else 0.0
    record = ended(record._replace(state="finished"), elapsed, ctx.inputs)
    ctx.do(SaveRecord(record, finished=True))
    kind = {TestResult.GOOD.value: "good", TestResult.LOW.value: "low"}.get(record.result)
    word = f"Test {record.n} finished, capacity {kind}" if kind else f"Test {record.n} ended"
    if record.result == TestResult.ABORTED.value:
        word = f"Test {record.n} was aborted"
    if "unconfirmed" in record.marks:
        word = f"Test {record.n} finished, capacity perhaps low"
    elif "marginal" in record.marks:
        word = f"Test {record.n} finished, capacity probably {record.result}"
    action = format_action(record)
    ctx.tell(
        "test.result", Kind.CHANGE, f"{word}: {record.reason}{action and ' '}{action}",
        value=record.result, source=record.source,
    )  # fmt: skip
    return record


def abort(test: CapacityTest, reason: str, ctx: StepContext) -> TestRecord:
    """Close the record as aborted for `reason`, with what was measured so far."""
    progress, record = test.progress, test.record
    assert record is not None
    if progress.t0 and record.duration_s is None:
        test = test._replace(record=record._replace(duration_s=ctx.now - progress.t0))
    return close(test, judge(test._replace(end=End.ABORT, reason=reason), ctx), ctx)


def take_estimate(test: CapacityTest, ready: EstimateReady, ctx: StepContext) -> CapacityTest:
    """Take an answered estimate into a running or returning test."""
    if test.record is None or test.record.n != ready.test_n or not test.is_on:
        return test
    if test.collapse:
        return test._replace(asked_at=None)  # of the curve before
    if ready.estimate is None:
        return test._replace(asked_at=None, no_estimate=ready.reason)
    elapsed = ctx.now - test.progress.t0
    policy = test.policy
    if test.state is TestState.RUNNING:
        policy = weigh(policy, ready.estimate, elapsed, test.record.minimum_runtime_s or 0.0)
    made = ready.estimate
    record = with_estimate(test.record, made)
    return test._replace(asked_at=None, record=record, estimate=made, no_estimate="", policy=policy)


def stop(test: CapacityTest, reason: str, ctx: StepContext) -> Moved:
    """End the test on request: cancel a delay, release at proving, return from running."""
    if test.state is TestState.DELAYED or (test.state is TestState.PROVING and not test.k1):
        return Moved(IDLE, closed=abort(test, reason, ctx))
    if test.state is TestState.PROVING:
        back = Handover.CARRY if _is_supply_low(ctx) else Handover.RETURN
        return Moved(IDLE, back, closed=abort(test, reason, ctx))
    if test.state is TestState.RUNNING:
        return _end(test._replace(end=End.ABORT, reason=reason), ctx)
    return Moved(test)


def _is_supply_low(ctx: StepContext) -> bool:
    """It is about to be lost, or is: no load goes back to it, however short it has been so."""
    supply = ctx.inputs.supply_v
    return supply.good and supply.value < ctx.sp.th.supply_present_v


def _end(test: CapacityTest, ctx: StepContext) -> Moved:
    """From running to returning: charger back at once, then the supply."""
    record = test.record
    assert record is not None
    record = record._replace(state=TestState.RETURNING.value, duration_s=ctx.now - test.progress.t0)
    test = test._replace(record=record, state=TestState.RETURNING, since=ctx.now, k2=False)
    if lasted(test.watch.supply, 2.0, ctx.now):
        return Moved(IDLE, Handover.CARRY, closed=close(test, judge(test, ctx), ctx))
    wants = test.end in (End.PLANNED, End.EARLY) or (test.end is End.CUTOFF and record.type == "2")
    asked = None
    if wants:
        ctx.do(WantEstimate(record.n))
        asked = ctx.now
    ctx.do(SaveRecord(record))
    ctx.tell(
        "test.state", Kind.CHANGE, f"Test {record.n}: {test.reason} Returning to the supply.",
        value="returning", source=record.source, notify=False,
    )  # fmt: skip
    return Moved(test._replace(asked_at=asked))


def _judged(test: CapacityTest, ctx: StepContext) -> CapacityTest:
    """Judge once the last estimate is there; the result is stored before the load is back."""
    if test.judged or (test.asked_at is not None and ctx.now - test.asked_at < FINAL_ESTIMATE_S):
        return test
    record = judge(test, ctx)
    ctx.do(SaveRecord(record))
    return test._replace(record=record, judged=True)


def _restamped(test: CapacityTest, ctx: StepContext) -> CapacityTest:
    """Somebody may set the clock in a test."""
    assert test.record is not None
    record = restamped(test.record, ctx.now - test.progress.t0, ctx.inputs)
    if record is test.record:
        return test
    ctx.do(SaveRecord(record))
    return test._replace(record=record)


def _step_returning(
    test: CapacityTest, transfer: Transfer, presence: Presence, ctx: StepContext
) -> Moved:
    test = _judged(test, ctx)
    record = test.record
    assert record is not None
    now, supply = ctx.now, ctx.inputs.supply_v
    if test.k1:
        waited = now - test.since >= SUPPLY_BACK_S - 1e-6
        unknown = not supply.good
        if waited and (unknown or presence.supply.above_for(now) >= SUPPLY_BACK_S - 1e-6):
            return Moved(test._replace(k1=False), Handover.RETURN)
        if presence.supply.below_for(now) >= SUPPLY_BACK_S or now - test.since > LONGEST_RETURN_S:
            record = record if test.judged else judge(test, ctx)
            return Moved(IDLE, Handover.CARRY, closed=close(test, record, ctx))
        return Moved(test)
    if transfer.where is Where.RETURNED or not test.judged:
        return Moved(test)
    if transfer.where is Where.BATTERY:
        record = record._replace(marks=(*record.marks, "return_failed"))
    return Moved(IDLE, closed=close(test, record, ctx))


def step_test(
    test: CapacityTest,
    transfer: Transfer,
    relays: RelayWatch,
    lvd: Lvd,
    presence: Presence,
    ctx: StepContext,
) -> Moved:
    """One step of whatever state the test is in; a due delayed start is the scheduler's."""
    state = test.state
    if state is TestState.PROVING:
        moved = step_checks(test, transfer, relays, ctx)
        if not moved.test.reason:
            return moved
        closed = abort(moved.test, moved.test.reason, ctx)
        back = Handover.CARRY if test.k1 and _is_supply_low(ctx) else moved.handover
        return Moved(IDLE, back, closed=closed, failed_start=test.scheduled, suspect=moved.suspect)
    if state is TestState.RUNNING:
        test = _restamped(step_discharge(test, relays, lvd, ctx), ctx)
        return Moved(test) if test.end is End.NONE else _end(test, ctx)
    if state is TestState.RETURNING:
        return _step_returning(test, transfer, presence, ctx)
    return Moved(test)
