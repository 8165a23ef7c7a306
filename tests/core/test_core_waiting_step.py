"""What a scheduled test that has not started waits for."""

from __future__ import annotations

from core_scenes import WALL_0, step_context

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.schedule import Schedule
from btrmd.core.outage import Outage
from btrmd.core.state import State, new_state
from btrmd.core.waiting import waiting_of
from btrmd.model.discharge import TestRecord, TestState
from btrmd.model.schedule import StartWait

NOW = 1000.0


def station(plan: Schedule) -> State:
    return new_state(step_context().sp, 0.0)._replace(schedule=plan)


def waits(state: State) -> StartWait | None:
    return waiting_of(state, step_context().inputs, NOW)


def test_nothing_waits_before_it_is_due_or_in_a_test() -> None:
    assert waits(station(Schedule())) is None
    assert waits(station(Schedule(due=NOW + 1.0))) is None
    due = station(Schedule(due=NOW))
    assert waits(due) is not None
    assert waits(due._replace(test=IDLE._replace(state=TestState.RUNNING))) is None


def test_one_that_could_not_start_waits_for_its_next_try() -> None:
    plan = Schedule(due=NOW + 50.0, retries=2, refused="Why.", refused_at=NOW - 7.0)
    made = waits(station(plan))
    assert made is not None
    assert made == StartWait(
        WALL_0 - 7.0, refused="Why.", next_at=WALL_0 + 50.0, retry=2, retries=3
    )
    assert waits(station(plan._replace(retries=0))) is None
    assert waits(station(plan._replace(refused=""))) is None


def test_one_that_is_due_says_what_it_waits_for() -> None:
    state = station(Schedule(due=NOW - 5.0, is_extra=True))
    aged = state.float_time._replace(float_s=60.0, undischarged_s=70.0)
    made = waits(state._replace(float_time=aged))
    assert made == StartWait(
        WALL_0 - 5.0, is_unrested=True, float_s=60.0, discharged_s=70.0,
        latest_at=WALL_0 - 5.0 + 72 * 3600.0, is_extra=True,
    )  # fmt: skip
    rested = state._replace(float_time=aged._replace(float_s=1e9, undischarged_s=None))
    found = waits(rested)
    assert found is not None
    assert (found.is_unrested, found.busy, found.is_shut) == (False, "", False)
    outage = state._replace(outage=Outage(TestRecord(n=1, type="outage", state="running")))
    found = waits(outage)
    assert found is not None
    assert found.busy == "the outage"
    delayed = waits(state._replace(test=IDLE._replace(state=TestState.DELAYED)))
    assert delayed is not None
    assert delayed.busy == "a test that was asked for with a delay"
