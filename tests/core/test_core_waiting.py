"""Why a scheduled test that is due has not begun: one sentence, with until when it waits."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, Bench, step_context

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.schedule import Schedule
from btrmd.core.outage import Outage
from btrmd.core.publish import points
from btrmd.core.state import State, new_state
from btrmd.core.waiting import waiting_of
from btrmd.model.commands import StartTest
from btrmd.model.discharge import TestRecord, TestState
from btrmd.model.schedule import StartWait, format_waiting

# --- Why a scheduled test that is due has not begun: one sentence, with until when it waits ------

AT = 1_780_000_000.0  # 2026-05-28 20:26:40 UTC
H = 3600.0


@pytest.mark.parametrize(
    ("waiting", "text"),
    [
        (
            StartWait(AT - H, is_unrested=True, float_s=9.5 * H, latest_at=AT + 71 * H),
            "Due since 19:26 UTC; waits for a rested battery (float 9 of 24 h), latest "
            "31 May 19:26 UTC.",
        ),
        (
            StartWait(AT - H, is_unrested=True, float_s=25 * H, discharged_s=30 * H,
                    latest_at=AT + 71 * H),
            "Due since 19:26 UTC; waits for a rested battery (30 of 48 h since the last "
            "discharge), latest 31 May 19:26 UTC.",
        ),
        (
            StartWait(AT - H, is_unrested=True, latest_at=AT + H, is_extra=True),
            "Due since 19:26 UTC; waits for a rested battery (float 0 of 24 h), given up "
            "21:26 UTC.",
        ),
        (
            StartWait(AT - 30 * H, is_shut=True, window_at=AT + 2 * H),
            "Due since 27 May 14:26 UTC; waits for the test window (opens 22:26 UTC).",
        ),
        (
            StartWait(AT - H, busy="the outage"),
            "Due since 19:26 UTC; waits until the outage is over.",
        ),
        (
            StartWait(AT - H, refused="The supply is not present.", next_at=AT + 23 * H, retry=1,
                    retries=3),
            "Could not start at 19:26 UTC: The supply is not present. Next try 29 May 19:26 UTC "
            "(retry 1 of 3).",
        ),
        (StartWait(AT), "Due since 20:26 UTC; waits for the end of the self-test."),
    ],
)  # fmt: skip
def test_the_sentence(waiting: StartWait, text: str) -> None:
    assert format_waiting(waiting, AT) == text
    assert text.isascii()


def due(**settings: object) -> Bench:
    """A test fell due an hour ago; the battery has been on float for two hours."""
    bench = Bench(test__enabled=True, test__interval_h=1, **settings)
    bench.put(battery_a=0.02)
    bench.run(20.0)
    bench.dt = 10.0
    bench.run(2 * H)
    return bench


def said(bench: Bench) -> object:
    return points(bench.state, bench.scan(), {}, bench.now)["test.waiting"].value


def test_a_battery_that_is_not_rested_is_waited_for() -> None:
    bench = due()
    waiting = waiting_of(bench.state, bench.scan(), bench.now)
    assert waiting is not None
    assert waiting.is_unrested
    assert waiting.latest_at == pytest.approx(waiting.due_at + 72 * H)
    assert "waits for a rested battery (float" in str(said(bench))


def test_nothing_is_said_while_nothing_is_due() -> None:
    bench = Bench(test__enabled=True, test__interval_h=5)
    bench.run(60.0)
    assert said(bench) == ""
    assert waiting_of(bench.state, bench.scan(), bench.now) is None


def test_a_refused_start_stays_known_until_a_test_begins() -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(supply_v=0.0)
    bench.run(15.0)
    answer = bench.ask(StartTest("1", source="test"))
    assert not answer.ok
    assert bench.state.refusal is not None
    assert bench.state.refusal.text == answer.text
    bench.free("supply_v")
    bench.run(30.0)
    assert bench.ask(StartTest("1", source="test")).ok
    assert bench.state.refusal is None


# --- What a scheduled test that has not started waits for ----------------------------------------

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
