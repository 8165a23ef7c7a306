"""Records: when an outage's begins and ends, and what the station learns of a test."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, step_context

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import IDLE, Moved
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.flood import Flood
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.schedule import Schedule
from btrmd.core.machines.transfer import Handover, Transfer
from btrmd.core.outage import Outage
from btrmd.core.records import close_test, step_outage_record, take_moved
from btrmd.core.scan.actions import SaveRecord
from btrmd.core.scan.context import StepContext
from btrmd.core.state import State, new_state
from btrmd.model.discharge import Capacity, TestRecord, TestState

# --- What the rest of the station learns of a test that is over ----------------------------------

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


# --- When an outage's record begins and ends, on states put by hand ------------------------------

HERE = Source(0.0, None, 0.0, True, True)
RECORD = TestRecord(n=6, type="outage", state="running", started_at=WALL_0 - 100.0)
UNDER_WAY = Outage(RECORD, Progress(t0=900.0), asked_at=900.0)
HELD = Flood((1.0, 2.0), held=True)


def outage_station(on: bool, **more: object) -> State:
    state = new_state(step_context().sp, 0.0)._replace(next_n=7)
    state = state._replace(
        presence=Presence(HERE, HERE), battery_use=state.battery_use._replace(on=on)
    )
    return state._replace(**more)  # type: ignore[arg-type]


def stepped(state: State, volts: int = 12, **changes: object) -> tuple[State, list[TestRecord]]:
    """The state after the step, and the records that ended in it."""
    ctx = step_context(volts=volts, changes=changes)
    made = step_outage_record(state, ctx)
    return made, [a.record for a in ctx.actions if isinstance(a, SaveRecord) and a.finished]


def test_nothing_happens_while_the_load_is_on_the_supply() -> None:
    state = outage_station(False)
    assert stepped(state) == (state, [])
    assert stepped(state)[0] is state


def test_on_battery_a_record_begins_with_the_next_number() -> None:
    made, ended = stepped(outage_station(True, carried_from=5))
    assert ended == []
    record = made.outage.record
    assert record is not None
    assert (record.n, record.marks, made.next_n) == (7, ("after_test:5", "not_full"), 8)
    assert made.carried_from is None
    assert made.outages.times == (1000.0,)
    # that it is stored says nothing of the blocks yet
    found = Blocks(hit_block=2, hits=3)
    assert stepped(outage_station(True, blocks=found))[0].blocks == found
    # it goes on under its number
    again, _ = stepped(made)
    assert again.outage.record is not None
    assert (again.outage.record.n, again.next_n) == (7, 8)


@pytest.mark.parametrize(
    ("supply", "lvd_open", "reason"),
    [
        (HERE, False, "The supply is back."),
        (HERE, True, "The supply is back."),
        (Source(None, 900.0), True, "LVD opened."),
        (Source(None, 900.0), False, "The battery no longer feeds the load."),
    ],
)
def test_why_it_is_over(supply: Source, lvd_open: bool, reason: str) -> None:
    state = outage_station(False, outage=UNDER_WAY, presence=Presence(supply, HERE))
    state = state._replace(lvd=state.lvd._replace(is_open=lvd_open))
    made, ended = stepped(state)
    assert made.outage.record is None
    assert [record.reason for record in ended] == [reason]
    assert made.next_n == 7


def test_one_that_comes_too_often_stays_open_until_10_min_of_quiet() -> None:
    state = outage_station(False, outage=UNDER_WAY, outages=HELD)
    made, ended = stepped(state)
    assert made.outage.record is not None
    assert (made.outages.quiet_since, ended) == (1000.0, [])
    made, ended = stepped(state._replace(outages=HELD._replace(quiet_since=400.1)))
    assert made.outage.record is not None
    made, ended = stepped(state._replace(outages=HELD._replace(quiet_since=400.0)))
    assert len(ended) == 1
    assert made.outages == Flood((1.0, 2.0))
    # a test has a record of its own
    testing = state._replace(test=IDLE._replace(state=TestState.RUNNING))
    made, ended = stepped(testing)
    assert len(ended) == 1
    assert not made.outages.held


@pytest.mark.parametrize(("waited_s", "lasts"), [(0.0, False), (20.0, False), (40.0, True)])
def test_it_lasts_while_a_supply_that_has_failed_two_returns_is_on_trial(
    waited_s: float, lasts: bool
) -> None:
    state = outage_station(False, outage=UNDER_WAY, transfer=Transfer(waited_s=waited_s))
    made, ended = stepped(state)
    assert (made.outage.record is not None, ended == []) == (lasts, lasts)
    testing = state._replace(test=IDLE._replace(state=TestState.RUNNING))
    assert len(stepped(testing)[1]) == 1, "a test has a record of its own"
    # it begins none
    assert stepped(outage_station(False, transfer=Transfer(waited_s=40.0)))[0].outage.record is None


def test_what_it_has_said_of_the_blocks_is_taken() -> None:
    taps: dict[str, object] = {"block.tap1": "ch2"}
    record = RECORD._replace(estimate_s=3600.0)
    state = outage_station(
        False, outage=UNDER_WAY._replace(record=record), blocks=Blocks(weak=2, hits=3)
    )
    made, _ = stepped(state, 24, **taps)
    assert made.blocks == Blocks(weak=0)
    made, _ = stepped(state)
    assert made.blocks == Blocks(weak=2)
    going = state._replace(battery_use=state.battery_use._replace(on=True))
    assert stepped(going, 24, **taps)[0].blocks == Blocks(weak=2, hits=3)
