"""What outlives a restart: dumped as JSON, put back, whatever the clock did in between."""

from __future__ import annotations

import json

import pytest
from core_scenes import Bench, last, phase, rested, start

from btrmd.core.machines.float_time import FloatTime
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.relaywatch import latch
from btrmd.core.persist import dump, restore
from btrmd.core.recover import closed_after_death
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import State, new_state
from btrmd.model.commands import AckAlarm, CapacityCheck, NextTestIn, StartTest
from btrmd.model.discharge import Capacity, TestRecord

HOUR = 3600.0


def again(
    bench: Bench, away_s: float = 0.0, *, interrupted: bool = False,
    records: dict[int, TestRecord] | None = None, wall: float | None = None,
) -> State:  # fmt: skip
    """The state after a restart that took `away_s` s."""
    stored = json.loads(json.dumps(dump(bench.state, bench.now, bench.wall)))
    fresh = new_state(Setpoints.of(bench.settings), 50.0)
    known = bench.records if records is None else records
    return restore(fresh, stored, bench.wall + away_s if wall is None else wall, known, interrupted)


def scheduled(**settings: object) -> Bench:
    bench = Bench(test__enabled=True, test__interval_h=100, **settings)
    bench.run(20.0)
    bench.ask(NextTestIn(10.0, "web"))
    return bench


def test_a_new_unit_restores_to_a_new_state() -> None:
    bench = Bench()
    fresh = new_state(bench.state.setpoints, 50.0)
    assert restore(fresh, {}, bench.wall, {}, False) == fresh._replace(
        float_time=FloatTime(), schedule=fresh.schedule
    )


YEAR = 365 * 24 * HOUR


@pytest.mark.parametrize("jump_s", [YEAR, -YEAR, 5 * HOUR, 0.0])
def test_a_clock_set_while_the_daemon_is_away_moves_no_test(jump_s: float) -> None:
    """Within a boot the machine's own clock counts: only it cannot be set."""
    bench = scheduled()
    bench.run(HOUR)
    stored = json.loads(json.dumps(dump(bench.state, bench.now, bench.wall, "boot-1")))
    fresh = new_state(Setpoints.of(bench.settings), bench.now + 2 * HOUR)
    wall = bench.wall + 2 * HOUR + jump_s
    state = restore(fresh, stored, wall, bench.records, False, "boot-1")
    assert state.schedule.due is not None
    assert state.schedule.due - fresh.boot == pytest.approx(7 * HOUR, abs=30.0)
    other = restore(fresh, stored, bench.wall + 3 * HOUR, bench.records, False, "boot-2")
    assert other.schedule.due is not None
    assert other.schedule.due - fresh.boot == pytest.approx(6 * HOUR, abs=30.0)


def test_results_capacity_and_faults_come_back() -> None:
    bench = Bench()
    bench.start("2")
    bench.change(test__type2_min=1)
    bench.ask(CapacityCheck(True, "x"))  # refused: a test runs
    bench.state = bench.state._replace(
        health=bench.state.health._replace(
            state=Capacity.LOW, low_alarm=True, last=last(bench), measured=last(bench)
        ),
        relays=latch(bench.state.relays, "k2"),
        last_reason="So it was.",
    )
    state = again(bench)
    assert state.health == bench.state.health
    assert state.relays.faulty == ("k2",)
    assert state.last_reason == "So it was."
    assert state.next_n == bench.state.next_n == 2


def test_the_countdown_goes_on_while_the_daemon_is_away() -> None:
    bench = scheduled()
    state = again(bench, 4 * HOUR)
    assert state.schedule.next_s(0.0, 50.0) == pytest.approx(6 * HOUR, abs=2.0)
    assert again(bench, 50 * HOUR).schedule.next_s(0.0, 50.0) == 0.0


def test_a_clock_that_went_back_tells_nothing_of_the_time_away() -> None:
    bench = scheduled()
    state = again(bench, -1e9)
    assert state.schedule.next_s(0.0, 50.0) == pytest.approx(10 * HOUR, abs=2.0)


def test_nor_does_a_clock_that_was_never_set_before() -> None:
    """Saved in 1970, restored after the network gave the time: that was no 55 years."""
    bench = scheduled()
    bench.ask(StartTest("1", 3.0, "web"))
    bench.wall = 3600.0
    state = again(bench, wall=1.79e9)
    assert state.schedule.next_s(0.0, 50.0) == pytest.approx(10 * HOUR, abs=3.0)
    assert state.test.due - 50.0 == pytest.approx(3 * HOUR, abs=3.0)


def test_a_disabled_countdown_stands_still() -> None:
    bench = scheduled()
    bench.change(test__enabled=False)
    bench.run(2.0)
    state = again(bench, 40 * HOUR)
    assert state.schedule.due is None
    assert state.schedule.left_s == pytest.approx(10 * HOUR, abs=3.0)


def test_the_wait_for_rest_is_not_begun_anew_by_a_restart_nor_spent_while_away() -> None:
    bench = scheduled()
    bench.put(battery_v=12.9)
    bench.run(70 * HOUR, dt=60.0)
    waited = bench.now - bench.state.schedule.due
    assert waited == pytest.approx(60 * HOUR, abs=60.0)
    state = again(bench, 500 * HOUR)
    assert 50.0 - state.schedule.due == pytest.approx(waited, abs=2.0)


def test_retries_and_their_base_come_back() -> None:
    bench = scheduled()
    bench.load_a = 0.0
    bench.state = bench.state._replace(float_time=FloatTime(float_s=1e6))
    bench.run(10.2 * HOUR, dt=60.0)
    before = bench.state.schedule
    assert before.retries == 1
    after = again(bench, HOUR).schedule
    assert after.retries == 1
    assert after.base - 50.0 == pytest.approx(before.base - bench.now - HOUR)
    assert after.due - 50.0 == pytest.approx(before.due - bench.now - HOUR)


def test_a_delayed_start_comes_back_with_its_record() -> None:
    bench = Bench(test__minimum_runtime_min=90)
    bench.run(20.0)
    bench.ask(StartTest("2", 3.0, "web"))
    state = again(bench, HOUR)
    record = state.test.record
    assert record is not None
    assert (state.test.state.value, record.n, record.type, record.source) == (
        "delayed", 1, "2", "web",
    )  # fmt: skip
    assert state.test.due - 50.0 == pytest.approx(2 * HOUR, abs=2.0)
    assert record.started_at == pytest.approx(bench.wall + 3 * HOUR, abs=3.0)
    assert record.minimum_runtime_s == 5400.0


def test_a_delayed_start_that_fell_due_while_away_is_not_refused_by_the_self_test() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.ask(StartTest("1", 1.0, "web"))
    bench.state = again(bench, 5 * HOUR)._replace(boot=bench.now, last_now=bench.now)
    bench.state = bench.state._replace(
        selftest=bench.state.selftest._replace(started=bench.now),
        test=bench.state.test._replace(due=bench.now),
    )
    bench.run(30.0)
    assert phase(bench) == "proving", last(bench).reason


def test_the_rest_of_the_battery_comes_back_older() -> None:
    bench = Bench()
    bench.state = bench.state._replace(float_time=FloatTime(7200.0, 36000.0))
    state = again(bench, HOUR)
    assert (state.float_time.float_s, state.float_time.undischarged_s) == (7200.0, 39600.0)
    assert again(bench).float_time.undischarged_s == 36000.0


def test_a_test_that_was_cut_off_leaves_no_rested_battery() -> None:
    bench = Bench()
    bench.state = bench.state._replace(float_time=FloatTime(1e6, 1e6))
    assert again(bench).float_time.is_rested
    assert not again(bench, interrupted=True).float_time.is_rested


def test_numbers_never_come_twice_even_if_the_state_was_lost() -> None:
    fresh = new_state(Bench().state.setpoints, 50.0)
    records = {7: TestRecord(7, "1")}
    assert restore(fresh, {}, 1.79e9, records, False).next_n == 8
    assert restore(fresh, {"next_n": 20}, 1.79e9, records, False).next_n == 20


@pytest.mark.parametrize(
    "stored",
    [
        {"saved_at": "yesterday", "schedule": [], "delayed": 3, "relay_faults": "k1"},
        {"next_n": float("nan"), "float_s": float("inf"), "last_n": float("inf")},
        {"capacity": "splendid", "undischarged_s": "long", "schedule": {"left_s": "x"}},
        {"schedule": {"running": True, "left_s": float("nan")}, "delayed": {"n": "four"}},
    ],
)
def test_nonsense_falls_back_to_a_new_state(stored: dict[str, object]) -> None:
    bench = Bench()
    bench.state = restore(bench.state, stored, bench.wall, {}, False)
    bench.run(30.0)
    assert bench.state.selftest.is_over


def test_a_carried_outage_stays_carried_over_a_restart() -> None:
    station = rested(dt=1.0, ups__enabled=False)
    start(station)
    station.run(30.0)
    station.plant.supply.on = False
    station.plant.touch()
    station.run(30.0)
    assert station.state.transfer.carried
    station.crash(10.0)
    assert station.state.transfer.carried
    station.run(30.0)
    assert station.state.outputs.k1
    assert not station.state.outputs.k3
    assert station.plant.dropped_s == 0.0


def test_a_raised_alarm_is_no_news_after_a_restart() -> None:
    station = rested()
    station.ask(CapacityCheck(True, "test"))
    station.ask(AckAlarm("battery.low_capacity", "test"))
    station.tick()
    before = station.state.alarms.raised["battery.low_capacity"]
    station.events.clear()
    station.crash(1.0)
    station.run(30.0)
    assert station.state.alarms.raised["battery.low_capacity"] == before
    assert station.kinds("battery.low_capacity") == []


def test_an_open_lvd_stays_open_over_a_restart() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    bench.state = bench.state._replace(lvd=Lvd(is_open=True))
    assert again(bench).lvd.is_open


def test_a_verdict_without_a_minimum_is_a_verdict() -> None:
    judged = TestRecord(n=3, type="1", state="returning", result="none", reason="Done: no minimum.")
    closed = closed_after_death(judged, 1.8e9, 60.0)
    assert (closed.state, closed.result, closed.reason) == ("finished", "none", "Done: no minimum.")
    torn = closed_after_death(judged._replace(reason=""), 1.8e9, 60.0)
    assert torn.result == "aborted"
