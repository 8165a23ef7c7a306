"""What outlives a restart: dumped as JSON, put back, whatever the clock did in between."""

from __future__ import annotations

import json
from math import nan

import pytest
from core_scenes import WALL_0, Bench, last, phase, rested, start, step_context

from btrmd.core.machines.alarms import RaisedAlarm
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.float_time import FloatTime
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.recharge import Recharge, Tied
from btrmd.core.machines.relaywatch import latch
from btrmd.core.machines.schedule import Schedule
from btrmd.core.persist import dump, restore, was_interrupted
from btrmd.core.recover import closed_after_death
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import State, new_state
from btrmd.model.commands import AckAlarm, CapacityCheck, NextTestIn, StartTest
from btrmd.model.discharge import Capacity, TestRecord, TestState

# --- What outlives a restart: dumped as JSON, put back, whatever the clock did in between --------

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


# --- What is put back after a restart, value by value, and what a torn or foreign file leaves ----

START = 100.0  # process clock of the new start
AWAY = 50.0


def back(
    *, interrupted: bool = False, boot_id: str = "", wall: float = WALL_0 + AWAY,
    records: dict[int, TestRecord] | None = None, **stored: object,
) -> State:  # fmt: skip
    """The state at a start 50 s after `stored` was saved."""
    fresh = new_state(step_context().sp, START)
    data = {"saved_at": WALL_0, **stored}
    return restore(fresh, data, wall, records or {}, interrupted, boot_id)


def test_an_empty_file_is_a_new_station() -> None:
    made = back()
    fresh = new_state(step_context().sp, START)
    assert made == fresh
    assert made.next_n == 1


def test_who_was_interrupted() -> None:
    outage, test = TestRecord(n=1, type="outage", state="running"), TestRecord(n=2, type="1")
    assert was_interrupted(outage, {})
    assert was_interrupted(outage, {"outage_waits": False})
    assert not was_interrupted(outage, {"outage_waits": True})
    assert was_interrupted(test, {"outage_waits": True})
    assert not was_interrupted(test._replace(state="delayed"), {})


def test_capacity() -> None:
    last, measured = TestRecord(n=4, type="1"), TestRecord(n=3, type="1")
    made = back(capacity="low", low_alarm=True, forced=True, low_text="T", is_probable=True,
                last_n=4, measured_n=3, records={3: measured, 4: last}).health  # fmt: skip
    assert (made.state, made.low_alarm, made.forced, made.low_text, made.is_probable) == (
        Capacity.LOW, True, True, "T", True,
    )  # fmt: skip
    assert (made.last, made.measured) == (last, measured)
    odd = back(capacity="dead", low_alarm=1, forced="yes", low_text=None, is_probable=1).health
    assert odd == new_state(step_context().sp, START).health


def test_numbers_of_tests_go_on() -> None:
    assert back(next_n=9).next_n == 9
    assert back(next_n=9, records={12: TestRecord(n=12, type="1")}).next_n == 13
    assert back(next_n=-5).next_n == 1
    assert back(replaced_after=7).replaced_after == 7
    assert back(replaced_after=-7).replaced_after == 0
    assert back(replaced_at=5.5).replaced_at == 5.5
    assert back(last_reason="R").last_reason == "R"


def test_relays() -> None:
    relays = back(relay_faults=["k2"], charger_owes_as=7.0, charger_tied=[0.1, 13.0],
                  charger_parted=True).relays  # fmt: skip
    assert (relays.k1.faulty, relays.k2.faulty, relays.k3.faulty) == (False, True, False)
    assert (relays.recharge.taken_as, relays.recharge.parted) == (7.0, True)
    assert relays.recharge.tied == Tied(0.1, 13.0)
    died = back(interrupted=True, charger_owes_as=7.0).relays.recharge
    assert (died.taken_as, died.parted) == (20.0, False)  # in an outage K2 is not told to open
    assert back(interrupted=True, charger_owes_as=70.0).relays.recharge.taken_as == 70.0
    for odd in ("x", [1.0], [1.0, 2.0, 3.0], [1.0, "x"], [nan, 1.0], None):
        assert back(charger_tied=odd).relays.recharge.tied is None, odd
    assert back(relay_faults="k1").relays.faulty == ()
    assert back(charger_parted=1).relays.recharge.parted is False
    assert back(charger_gone=True).relays.recharge == Recharge(is_gone=True)
    assert back(charger_came_back=True).relays.recharge == Recharge(came_back=True)
    assert back(charger_gone="x", charger_came_back=1).relays.recharge == Recharge()


def test_float_time_and_charge() -> None:
    made = back(float_s=10.0, undischarged_s=20.0, missing_ah=5.0, missing_sd_ah=1.0)
    assert (made.float_time.float_s, made.float_time.undischarged_s) == (10.0, 70.0)
    assert made.charge == ChargeBalance(5.0, pytest.approx(1.0 + 0.03 * 50.0 / 3600.0))
    assert back(undischarged_s=0.0).float_time.undischarged_s == 50.0
    assert back(undischarged_s=-1.0).float_time.undischarged_s is None
    assert back(missing_sd_ah=1.0).charge == ChargeBalance()
    died = back(interrupted=True, float_s=10.0, undischarged_s=20.0, missing_ah=5.0)
    assert (died.float_time.float_s, died.float_time.undischarged_s) == (0.0, 0.0)
    assert died.charge == ChargeBalance()
    assert died.transfer.carried
    assert back(carried=True).transfer.carried
    assert not back(carried=1).transfer.carried


def test_how_long_nobody_was_there() -> None:
    def gone(**put: object) -> float | None:
        made = back(undischarged_s=0.0, **put).float_time.undischarged_s  # type: ignore[arg-type]
        return made

    assert gone() == 50.0
    # by the machine's own clock within a boot
    fresh = new_state(step_context().sp, START)

    def by_boot(boot_id: str, saved_now: float) -> float | None:
        data = {"saved_at": WALL_0, "undischarged_s": 0.0, "boot_id": "b", "saved_now": saved_now}
        return restore(fresh, data, WALL_0 + AWAY, {}, False, boot_id).float_time.undischarged_s

    assert by_boot("b", 70.0) == 30.0
    assert by_boot("b", 100.0) == 0.0
    assert by_boot("c", 70.0) == 50.0
    assert by_boot("", 70.0) == 50.0
    assert by_boot("b", 100.1) == 50.0
    # a wall clock that went back, or was never set, tells nothing
    assert gone(wall=WALL_0 - 5.0) == 0.0
    assert gone(saved_at=1_735_689_599.0) == 0.0
    assert back(undischarged_s=0.0, saved_at=1_735_689_600.0,
                wall=1_735_689_610.0).float_time.undischarged_s == 10.0  # fmt: skip
    # without any time nothing is known of the gap, nor of the charge
    assert back(missing_ah=5.0, saved_at=5.0).charge == ChargeBalance()


def test_what_was_raised_stays_raised() -> None:
    entry = {"text": "T", "since": 5.0, "value": 1.5, "threshold": 2.5, "latched": True,
             "acknowledged": True}  # fmt: skip
    made = back(alarms={"clock": entry}).alarms.raised
    assert made == {"clock": RaisedAlarm("T", 5.0, 1.5, 2.5, True, True)}
    assert back(alarms={"clock": {"text": "T"}}).alarms.raised == {
        "clock": RaisedAlarm("T", 0.0, None, None, False, False)
    }
    odd = {"a": "x", "b": {"text": 5}, "c": {"text": "T", "value": [1], "latched": 1}}
    assert back(alarms=odd).alarms.raised == {"c": RaisedAlarm("T", 0.0)}
    assert back(alarms=[1]).alarms.raised == {}


def test_blocks() -> None:
    assert back(blocks={"over_s": [1, 2.5], "weak": 2}).blocks == Blocks((1.0, 2.5), weak=2)
    assert back(blocks={"over_s": [0.0], "weak": 9}).blocks == Blocks((0.0,), weak=4)
    assert back(blocks={"over_s": [-1.0], "weak": -1}).blocks == Blocks()
    assert back(blocks={"over_s": ["x"]}).blocks == Blocks()
    assert back(blocks={"over_s": [nan]}).blocks == Blocks()
    assert back(blocks={"over_s": "12", "weak": 1}).blocks == Blocks(weak=1)
    assert back(blocks=5).blocks == Blocks()


def test_an_open_lvd_is_remembered_until_the_first_readings() -> None:
    assert back(lvd_open=True).lvd.is_open
    assert back(lvd_open=True).lvd.remembered
    assert not back(lvd_open=1).lvd.is_open


def test_when_the_supply_was_helped_within_the_last_hour() -> None:
    def helps(*ages: object) -> tuple[float, ...]:
        return back(supply_helps_age_s=list(ages)).guard.helps

    assert helps(10.0, 20) == (START - 20.0 - 50.0, START - 10.0 - 50.0)
    assert helps(3549.9) == (pytest.approx(START - 3599.9),)
    assert helps(3550.0) == ()
    assert helps(0.0) == (50.0,)
    assert helps(-1.0, "x", nan) == ()
    assert back(supply_helps_age_s=5).guard.helps == ()


def test_the_schedule() -> None:
    stored = {"running": True, "left_s": 500.0, "interval_s": 3600.0, "extra_age_s": 10.0,
              "extra_n": 4, "asked_n": 5, "is_extra": True, "retries": 2, "base_left_s": 900.0,
              "refused": "Why.", "refused_age_s": 30.0}  # fmt: skip
    assert back(schedule=stored).schedule == Schedule(
        due=START + 450.0, interval_s=3600.0, retries=2, base=START + 850.0, is_extra=True,
        extra_at=START - 60.0, extra_n=4, asked_n=5, refused="Why.", refused_at=START - 80.0,
    )  # fmt: skip
    # fallen due while nobody was there: now, and the wait for rest begins now
    assert back(schedule={**stored, "left_s": 20.0}).schedule.due == START
    # overdue before: the wait goes on, and was not spent while away
    assert back(schedule={**stored, "left_s": -20.0}).schedule.due == START - 20.0
    assert back(schedule={**stored, "refused_age_s": -9.0}).schedule.refused_at == START - 50.0
    kept = back(schedule={**stored, "running": False}).schedule
    assert kept == Schedule(left_s=500.0, interval_s=3600.0, extra_at=START - 60.0, extra_n=4,
                            asked_n=5)  # fmt: skip
    nothing = back(schedule={"running": True, "interval_s": 7.0}).schedule
    assert nothing == Schedule(interval_s=7.0)
    assert back(schedule=5).schedule == Schedule()
    plain = back(schedule={"running": True, "left_s": 500.0}).schedule
    assert plain == Schedule(due=START + 450.0, refused_at=START - 50.0)


def test_a_delayed_test_goes_on_being_delayed() -> None:
    stored = {"n": 7, "left_s": 80.0, "type": "2", "source": "web"}
    test = back(delayed=stored).test
    assert (test.state, test.since, test.due) == (TestState.DELAYED, START, START + 30.0)
    record = test.record
    assert record is not None
    assert (record.n, record.type, record.source, record.state) == (7, "2", "web", "delayed")
    assert record.started_at == WALL_0 + AWAY + 30.0
    assert back(delayed={"n": 7, "left_s": 10.0}).test.due == START
    plain = back(delayed={}).test.record
    assert plain is not None
    assert (plain.n, plain.type, plain.source) == (0, "1", "")
    assert back(delayed=5).test.state is TestState.IDLE


def test_what_is_stored_says_when_and_by_which_clock() -> None:
    state = new_state(step_context().sp, 0.0)._replace(last_reason="R")
    state = state._replace(
        float_time=state.float_time._replace(float_s=5.0, undischarged_s=6.0),
        charge=ChargeBalance(7.0, 8.0), blocks=Blocks((1.0, 2.0), weak=2),
    )  # fmt: skip
    made = dump(state, 10.0, WALL_0)
    assert (made["version"], made["saved_at"], made["last_reason"]) == (1, WALL_0, "R")
    assert (made["float_s"], made["undischarged_s"]) == (5.0, 6.0)
    assert (made["missing_ah"], made["missing_sd_ah"]) == (7.0, 8.0)
    assert made["blocks"] == {"over_s": [1.0, 2.0], "weak": 2}
    assert (made["charger_owes_as"], made["charger_tied"]) == (0.0, None)
    assert "boot_id" not in made
    assert "weak_block" not in made
    within = dump(state, 10.0, WALL_0, "b")
    assert (within["boot_id"], within["saved_now"]) == ("b", 10.0)
