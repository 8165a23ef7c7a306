"""What is put back after a restart, value by value, and what a torn or foreign file leaves."""

from __future__ import annotations

from math import nan

import pytest
from core_scenes import WALL_0, step_context

from btrmd.core.machines.alarms import RaisedAlarm
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.recharge import Recharge, Tied
from btrmd.core.machines.schedule import Schedule
from btrmd.core.persist import dump, restore, was_interrupted
from btrmd.core.state import State, new_state
from btrmd.model.discharge import Capacity, TestRecord, TestState

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
