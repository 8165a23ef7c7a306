"""The charge balance, step by step: what is counted, what float says, what is not known."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.capacity import CapacityHealth
from btrmd.core.machines.charge import ChargeBalance, after_gap, full_ah, need_ah, step_charge
from btrmd.core.machines.presence import Presence, Source
from btrmd.model.discharge import TestRecord
from btrmd.model.readings import BAD, Measurement

HERE, GONE = Source(0.0, None, 0.0, True, True), Source(None, 990.0, None, False, True)
HALF = ChargeBalance(50.0, 1.0)  # of 100 Ah
DISCHARGE = {"battery_v": 12.5}


def stepped(
    before: ChargeBalance, amps: object, *, ah: float | None = 100.0, dt: float = 3600.0,
    on_battery: bool = False, charger: Source = HERE, volts: float = 12.5,
) -> ChargeBalance:  # fmt: skip
    ctx = step_context(dt=dt, battery_a=amps, battery_v=volts)
    return step_charge(before, Presence(HERE, charger), on_battery, ah, ctx)


def test_a_discharge_is_counted_with_what_the_sensor_may_be_off_by() -> None:
    made = stepped(HALF, -10.0)
    assert made.missing_ah == pytest.approx(60.0)
    # 1 % of 10 Ah and 30 mA for an hour
    assert made.sd_ah == pytest.approx(1.0 + 0.1 + 0.03)


def test_a_charge_counts_for_0_93_of_it() -> None:
    made = stepped(HALF, 10.0)
    assert made.missing_ah == pytest.approx(40.7)
    assert made.sd_ah == pytest.approx(1.0 + 0.5 + 0.03)
    assert stepped(ChargeBalance(5.0, 1.0), 10.0).missing_ah == 0.0


@pytest.mark.parametrize(("amps", "missing"), [(-0.05, 50.0), (-0.06, 50.06), (0.05, 50.0)])
def test_less_than_50_ma_is_nobodys_charge(amps: float, missing: float) -> None:
    made = stepped(HALF, amps)
    assert made.missing_ah == pytest.approx(missing)
    assert made.sd_ah >= 1.03
    assert stepped(HALF, 0.06).missing_ah == pytest.approx(50.0 - 0.93 * 0.06)


def test_what_is_not_known_stays_so_until_float_tells() -> None:
    assert stepped(ChargeBalance(), -10.0) == ChargeBalance()
    assert stepped(ChargeBalance(unread_s=5.0), -10.0) == ChargeBalance()


def test_without_readings_it_is_not_known_after_10_min_and_on_battery_after_1_min() -> None:
    assert stepped(HALF, None, dt=600.0) == HALF._replace(unread_s=600.0)
    assert stepped(HALF, None, dt=601.0) == ChargeBalance(unread_s=601.0)
    assert stepped(HALF, None, dt=60.0, on_battery=True) == HALF._replace(unread_s=60.0)
    assert stepped(HALF, None, dt=61.0, on_battery=True) == ChargeBalance(unread_s=61.0)
    assert stepped(HALF._replace(unread_s=599.0), None, dt=2.0).missing_ah is None
    assert stepped(HALF._replace(unread_s=599.0), 10.0, dt=2.0).unread_s == 0.0


# --- float ---------------------------------------------------------------------------------------


def near(amps: float, **put: object) -> tuple[float, float]:
    """(seconds near the tail, seconds on it) after one step of 5 s."""
    made = stepped(ChargeBalance(), amps, dt=5.0, **{"volts": 13.5, **put})  # type: ignore[arg-type]
    return made.near_s, made.tail_s


def test_the_tail_is_1_a_of_100_ah_and_three_times_that_is_near() -> None:
    assert near(1.0) == (5.0, 5.0)
    assert near(1.01) == (5.0, 0.0)
    assert near(3.0) == (5.0, 0.0)
    assert near(3.01) == (0.0, 0.0)
    assert near(-0.05) == (5.0, 5.0)
    assert near(-0.06) == (0.0, 0.0)
    # 0.1 A at least, 0.3 A where the Ah are not known
    assert near(0.1, ah=2.0) == (5.0, 5.0)
    assert near(0.11, ah=2.0) == (5.0, 0.0)
    assert near(0.3, ah=None) == (5.0, 5.0)
    assert near(0.31, ah=None) == (5.0, 0.0)
    # at absorption, from 14.0 V, twice as much
    assert near(2.0, volts=14.0) == (5.0, 5.0)
    assert near(2.01, volts=14.0) == (5.0, 0.0)
    assert near(2.0, volts=13.99) == (5.0, 0.0)


def test_float_is_13_0_v_with_a_charger_behind_it() -> None:
    assert near(1.0, volts=13.0) == (5.0, 5.0)
    assert near(1.0, volts=12.99) == (0.0, 0.0)
    assert near(1.0, charger=GONE) == (0.0, 0.0)


def test_after_10_s_on_the_tail_an_unknown_charge_is_known() -> None:
    young = ChargeBalance(tail_s=4.9, near_s=4.9)
    assert stepped(young, 0.5, dt=5.0, volts=13.5) == ChargeBalance(tail_s=9.9, near_s=9.9)
    made = stepped(ChargeBalance(tail_s=5.0, near_s=5.0), 0.5, dt=5.0, volts=13.5)
    # 3 h of 0.5 A are missing, sure to 5 % of the Ah
    assert made == ChargeBalance(1.5, 5.0, 10.0, 10.0, 0.0, True)
    # no more than 3 h of its tail, and nothing below zero
    bulk = stepped(ChargeBalance(tail_s=10.0), 2.0, dt=5.0, volts=14.0)
    assert bulk.missing_ah == pytest.approx(3.0)
    assert stepped(ChargeBalance(tail_s=10.0), -0.05, dt=5.0, volts=13.5).missing_ah == 0.0
    unknown = stepped(ChargeBalance(tail_s=10.0), 0.3, ah=None, dt=5.0, volts=13.5)
    assert (unknown.missing_ah, unknown.sd_ah) == (pytest.approx(0.9), 0.0)


def test_the_tail_overrules_what_was_counted_within_5_min_and_becomes_sure_within_an_hour() -> None:
    made = stepped(ChargeBalance(3.5, 9.0), 0.5, dt=30.0, volts=13.5)
    assert made.missing_ah == pytest.approx(3.5 + 0.1 * (1.5 - 3.5))
    assert made.sd_ah == pytest.approx(9.0 + 30.0 / 3600.0 * (1.0 - 9.0))
    at_once = stepped(ChargeBalance(3.5, 9.0), 0.5, dt=7200.0, volts=13.5)
    assert (at_once.missing_ah, at_once.sd_ah) == (pytest.approx(1.5), pytest.approx(1.0))


def test_after_1_min_on_the_tail_no_more_than_4_percent_can_be_missing() -> None:
    lacks = ChargeBalance(20.0, 9.0, tail_s=50.0)
    made = stepped(lacks, 0.5, dt=9.0, volts=13.5)
    assert made.missing_ah == pytest.approx(20.0 + 9.0 / 300.0 * (1.5 - 20.0))
    made = stepped(lacks, 0.5, dt=10.0, volts=13.5)
    assert (made.missing_ah, made.sd_ah) == (4.0, 5.0)
    unknown = stepped(lacks, 0.2, ah=None, dt=10.0, volts=13.5)
    assert unknown.missing_ah == pytest.approx(0.6)
    assert unknown.sd_ah > 8.0


def test_a_tail_that_falls_says_more_than_the_first_look() -> None:
    first = ChargeBalance(1.5, 5.0, 10.0, is_first=True)
    made = stepped(first, 0.2, dt=3.0, volts=13.5)
    assert made.missing_ah == pytest.approx(0.6)
    assert made.is_first
    # one that rises only draws it along
    made = stepped(first, 1.0, dt=3.0, volts=13.5)
    assert made.missing_ah == pytest.approx(1.5 + 0.01 * 1.5)
    assert not stepped(first, -10.0).is_first


# --- what is made of it --------------------------------------------------------------------------


def test_the_part_that_is_in_the_battery() -> None:
    assert ChargeBalance(25.0, 1.0).part(100.0) == 0.75
    assert ChargeBalance(150.0, 1.0).part(100.0) == 0.0
    assert ChargeBalance(-5.0, 1.0).part(100.0) == 1.0
    assert ChargeBalance(25.0, 15.0).part(100.0) == 0.75
    assert ChargeBalance(25.0, 15.1).part(100.0) is None
    assert ChargeBalance(25.0).part(None) is None
    assert ChargeBalance().part(100.0) is None


def test_what_begins_full() -> None:
    assert ChargeBalance(5.0).is_full(100.0, 0.0, True)
    assert not ChargeBalance(5.1).is_full(100.0, 0.0, True)
    assert not ChargeBalance(5.1, tail_s=10.0).is_full(100.0, 0.0, True)
    # where the charge is not known, float tells; near it only if no discharge is known
    assert ChargeBalance(tail_s=10.0).is_full(100.0, 0.0, True)
    assert not ChargeBalance(tail_s=9.9).is_full(100.0, 0.0, True)
    assert ChargeBalance(near_s=10.0).is_full(100.0, 0.0, False)
    assert not ChargeBalance(near_s=10.0).is_full(100.0, 0.0, True)
    assert not ChargeBalance(near_s=9.9).is_full(100.0, 0.0, False)
    # or a tenth of what the load needs
    assert ChargeBalance(1.0).is_full(None, 10.0, True)
    assert not ChargeBalance(1.1).is_full(None, 10.0, True)
    assert not ChargeBalance(1.0, 99.0).is_full(100.0, 10.0, True)
    assert not ChargeBalance().is_full(None, 10.0, True)


def test_the_ah_that_percent_are_of() -> None:
    plain, rated = step_context().sp, step_context(changes={"battery.rated_ah": 40.0}).sp
    record = TestRecord(n=1, type="1", estimate_s=7200.0, average_current=5.0)
    tested = CapacityHealth(measured=record)
    assert full_ah(rated, tested) == 40.0
    assert full_ah(plain, tested) == pytest.approx(10.0)
    assert full_ah(plain, CapacityHealth()) is None
    for nothing in ({"estimate_s": None}, {"estimate_s": 0.0}, {"average_current": None},
                    {"average_current": 0.0}, {"average_current": -5.0}):  # fmt: skip
        assert full_ah(plain, CapacityHealth(measured=record._replace(**nothing))) is None


def test_what_the_load_needs() -> None:
    hours = {"test.minimum_runtime_min": 120}
    assert need_ah(step_context(load_a=2.0, changes=hours)) == pytest.approx(4.0)
    assert need_ah(step_context(load_a=2.0, changes={"test.minimum_runtime_min": 30})) == 2.0
    assert need_ah(step_context(load_a=None, changes=hours)) == 0.0
    ctx = step_context(load_a=2.0, changes=hours)
    ctx.inputs = ctx.inputs._replace(load_a=Measurement(2.0, BAD, ctx.now))
    assert need_ah(ctx) == 0.0


def test_what_is_known_after_the_daemon_was_away() -> None:
    assert after_gap(5.0, 1.0, 3600.0, False) == ChargeBalance(5.0, 1.03)
    assert after_gap(5.0, 1.0, 0.0, False) == ChargeBalance(5.0, 1.0)
    assert after_gap(5.0, 1.0, 3601.0, False) == ChargeBalance()
    assert after_gap(5.0, 1.0, -1.0, False) == ChargeBalance()
    assert after_gap(5.0, 1.0, 10.0, True) == ChargeBalance()
    assert after_gap(None, 1.0, 10.0, False) == ChargeBalance()
    assert after_gap(-5.0, -1.0, 0.0, False) == ChargeBalance(0.0, 0.0)
