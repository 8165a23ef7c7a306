"""Starts: what begins without being asked now, a delayed test or one of the schedule."""

from __future__ import annotations

from ..model.discharge import TestState
from ..model.schedule import StartRefusal
from .capacity_test import sequence
from .capacity_test.state import IDLE
from .interlocks import refusal
from .machines import schedule
from .machines.condition import condition_of
from .records import close_test
from .scan.context import StepContext
from .state import State

SETTLE_S = 15.0  # after the start: the self-test and the 10 s of presence are over


def step_starts(state: State, ctx: StepContext) -> State:
    """Start what is due: a delayed test first, then the schedule."""
    test = state.test
    # what fell due while the daemon was away waits until presence can be known
    settled = state.selftest.is_over and ctx.now - ctx.boot >= SETTLE_S
    settled = settled and state.restart_at is None  # nothing begins that a restart would end
    if test.state is TestState.DELAYED and ctx.now >= test.due and settled:
        return _start_delayed(state, ctx)
    plan = schedule.step_schedule(state.schedule, ctx)
    if plan is not state.schedule:
        state = state._replace(schedule=plan)
    is_free = test.state is TestState.IDLE
    if is_free and schedule.is_due(plan, state.float_time.is_rested, ctx) and settled:
        return _start_scheduled(state, ctx)
    return state


def _start_delayed(state: State, ctx: StepContext) -> State:
    record = state.test.record
    assert record is not None
    against = refusal(state, ctx)
    if against is not None:
        ended = sequence.abort(state.test, against.text, ctx)
        refused = StartRefusal(against.text, ctx.inputs.wall)
        return close_test(state._replace(test=IDLE, refusal=refused), ended, ctx)
    stands = condition_of(state.charge, state.float_time, state.health, ctx)
    begun = sequence.begin(record.n, record.type, record.source, 0.0, False, stands, ctx)
    return state._replace(test=begun, refusal=None)


def _start_scheduled(state: State, ctx: StepContext) -> State:
    plan = state.schedule
    against = refusal(state, ctx)
    if against is not None:
        return state._replace(
            schedule=schedule.failed(plan, against.text, ctx),
            last_reason=against.text,
            refusal=StartRefusal(against.text, ctx.inputs.wall),
        )
    n = state.next_n
    stands = condition_of(state.charge, state.float_time, state.health, ctx)
    begun = sequence.begin(n, ctx.sp.test_type, "schedule", 0.0, True, stands, ctx)
    plan = schedule.started(plan, n, ctx)
    return state._replace(test=begun, next_n=n + 1, schedule=plan, refusal=None)
