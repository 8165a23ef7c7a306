"""Records: what a test or an outage that moved or ended leaves behind in the rest of the state."""

from __future__ import annotations

from typing import Final

from ..model.discharge import TestRecord
from .capacity_test.state import Moved
from .machines import capacity, schedule
from .machines.blocks import take_record
from .machines.condition import StartCondition, condition_of
from .machines.relaywatch import latch
from .machines.transfer import Handover
from .outage import step_outage
from .scan.actions import SaveRecord
from .scan.context import StepContext
from .state import State

NOT_ASKED: Final = StartCondition()


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


def step_outage_record(state: State, ctx: StepContext) -> State:
    """An outage lasts until the load has been well on the supply for the watch time, or for a
    minute once two returns have failed."""
    lasting = state.on_battery or state.in_outage
    if state.outage.record is not None and not state.test.is_on:
        # two returns have failed: the next one ends the outage when it has proven itself
        lasting = lasting or state.transfer.is_on_trial
    reason = "The supply is back."
    if state.presence.supply.above_since is None:
        reason = "LVD opened." if state.lvd.is_open else "The battery no longer feeds the load."
    flood = state.outages
    begins = state.outage.record is None and lasting
    if state.outage.record is not None:
        flood, may_close = flood.step(lasting, ctx.now)
        # a test has a record of its own: what waited for the next outage is over now
        lasting = lasting or not (may_close or state.test.is_on)
    elif lasting:
        flood = flood.come(ctx.now)
    stands = (
        condition_of(state.charge, state.float_time, state.health, ctx) if begins else NOT_ASKED
    )
    outage = step_outage(
        state.outage, lasting, state.next_n, state.carried_from, stands, reason, flood, ctx
    )
    if outage is state.outage and flood is state.outages:
        return state
    for action in ctx.actions:
        if isinstance(action, SaveRecord) and action.finished and action.record.type == "outage":
            blocks = take_record(state.blocks, action.record, bool(ctx.sp.taps))
            state = state._replace(blocks=blocks)
    if state.outage.record is None and outage.record is not None:
        return state._replace(
            outage=outage, next_n=state.next_n + 1, carried_from=None, outages=flood
        )
    if outage.record is None:
        flood = flood.let_go()
    return state._replace(outage=outage, outages=flood)
