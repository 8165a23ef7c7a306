"""Records: what a test that moved or ended leaves behind in the rest of the state."""

from __future__ import annotations

from ..model.discharge import TestRecord
from .capacity_test.state import Moved
from .machines import capacity, schedule
from .machines.blocks import take_record
from .machines.relaywatch import latch
from .machines.transfer import Handover
from .scan.context import StepContext
from .state import State


def close_test(state: State, record: TestRecord, ctx: StepContext) -> State:
    """A test became final in this step: capacity, blocks and schedule learn of it."""
    plan = state.schedule
    if capacity.needs_confirming(record):
        why = f"Test {record.n} says that the capacity is low, but not for sure."
        plan = schedule.confirm(plan, record.n, why, ctx)
    health = capacity.conclude(state.health, record, ctx)
    blocks = take_record(state.blocks, record, bool(ctx.sp.taps))
    return state._replace(health=health, blocks=blocks, schedule=plan, last_reason=record.reason)


def take_moved(state: State, moved: Moved, ctx: StepContext) -> State:
    """Take over what the test machine concluded in this step."""
    if moved.test is not state.test:
        state = state._replace(test=moved.test)
    if moved.suspect:
        state = state._replace(relays=latch(state.relays, moved.suspect))
    if moved.proved and moved.test.scheduled:
        state = state._replace(schedule=schedule.proved(state.schedule))
    if moved.closed is not None:
        state = close_test(state, moved.closed, ctx)
        carried = moved.closed.n if moved.handover is Handover.CARRY else None
        state = state._replace(carried_from=carried)
        if moved.failed_start:
            state = state._replace(
                schedule=schedule.failed(state.schedule, moved.closed.reason, ctx)
            )
    return state
