"""What the rest of the station learns of a test that is over."""

from __future__ import annotations

from core_scenes import step_context

from btrmd.core.capacity_test.state import IDLE, Moved
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.schedule import Schedule
from btrmd.core.machines.transfer import Handover
from btrmd.core.records import close_test, take_moved
from btrmd.core.scan.context import StepContext
from btrmd.core.state import State, new_state
from btrmd.model.discharge import Capacity, TestRecord

ENABLED: dict[str, object] = {"test.enabled": True, "test.interval_h": 168, "block.tap1": "ch2"}
LOW = TestRecord(n=5, type="1", result="low", reason="R.", estimate_s=3600.0)
PLAN = Schedule(due=1000.0 + 5 * 86400.0, interval_s=168 * 3600.0, retries=1, base=9.0)


def context() -> StepContext:
    return step_context(volts=24, changes=ENABLED)


def station(**more: object) -> State:
    state = new_state(context().sp, 0.0)
    return state._replace(blocks=Blocks(weak=2, hits=3), schedule=PLAN, carried_from=1, **more)  # type: ignore[arg-type]


def test_capacity_blocks_and_reason_are_taken() -> None:
    made = close_test(station(), LOW, context())
    assert (made.health.state, made.health.last) == (Capacity.LOW, LOW)
    assert made.blocks == Blocks()
    assert made.last_reason == "R."
    assert made.schedule == PLAN


def test_a_low_that_is_not_sure_asks_for_another_test() -> None:
    ctx = context()
    made = close_test(station(), LOW._replace(marks=("marginal",)), ctx)
    assert (made.schedule.is_extra, made.schedule.asked_n) == (True, 5)
    texts = [action.event.text for action in ctx.actions]  # type: ignore[union-attr]
    assert texts[0].startswith("Test 5 says that the capacity is low, but not for sure. ")


def test_what_a_step_of_the_test_concluded() -> None:
    state, scheduled = station(), IDLE._replace(scheduled=True)
    assert take_moved(state, Moved(state.test), context()) is state
    made = take_moved(state, Moved(scheduled), context())
    assert (made.test, made.schedule) == (scheduled, PLAN)
    made = take_moved(state, Moved(scheduled, proved=True), context())
    assert (made.schedule.retries, made.schedule.base) == (0, None)
    made = take_moved(state, Moved(IDLE._replace(k2=True), proved=True), context())
    assert made.schedule == PLAN
    made = take_moved(state, Moved(IDLE, suspect="k2"), context())
    assert made.relays.faulty == ("k2",)


def test_one_that_is_closed_may_be_carried_or_tried_again() -> None:
    state = station()
    made = take_moved(state, Moved(IDLE, Handover.CARRY, closed=LOW), context())
    assert (made.carried_from, made.health.last) == (5, LOW)
    for back in (Handover.RETURN, Handover.NONE):
        assert take_moved(state, Moved(IDLE, back, closed=LOW), context()).carried_from is None
    assert take_moved(state, Moved(IDLE), context()).carried_from == 1
    made = take_moved(state, Moved(IDLE, closed=LOW, failed_start=True), context())
    assert (made.schedule.retries, made.schedule.refused) == (2, "R.")
