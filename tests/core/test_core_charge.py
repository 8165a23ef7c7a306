"""The charge balance: what is missing since the battery was full, and how a start is marked."""

from __future__ import annotations

import pytest
from core_scenes import Bench, last, phase, rested, start, step_context, supply

from btrmd.core import persist
from btrmd.core.machines.capacity import CapacityHealth
from btrmd.core.machines.charge import ChargeBalance, after_gap, full_ah, need_ah, step_charge
from btrmd.core.machines.condition import StartCondition, condition_of
from btrmd.core.machines.float_time import FloatTime, step_float_time
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.publish import points
from btrmd.core.state import new_state
from btrmd.model.commands import StartTest, StopTest
from btrmd.model.discharge import Estimate, TestRecord
from btrmd.model.readings import BAD, MISSING, Measurement, Reading

# --- The charge balance: what is missing since the battery was full, and how a start is marked

HOUR = 3600.0


def part(scene: object) -> float | None:
    state = scene.state  # type: ignore[attr-defined]
    return state.charge.part(full_ah(state.setpoints, state.health))  # type: ignore[no-any-return]


# --- against the plant -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ah", "load_a", "soh"), [(17.0, 4.0, 1.0), (100.0, 6.0, 0.7), (7.0, 0.5, 1.0)]
)
@pytest.mark.long
def test_it_follows_the_plant_through_outage_and_charging(
    ah: float, load_a: float, soh: float
) -> None:
    station = rested(load_a=load_a, rated_ah=ah)
    station.plant.battery.set_up(ah, soh, 25.0)
    station.dt = 5.0
    assert part(station) == pytest.approx(1.0, abs=0.04)
    supply(station, False)
    station.run(76 * 60.0)
    lows = [station.plant.battery.charge.soc]
    assert part(station) == pytest.approx(lows[0], abs=0.05 if soh == 1.0 else 0.12)
    supply(station, True)
    station.dt = 10.0
    for hours in (1.0, 2.0, 3.0, 6.0):
        station.run(hours * HOUR)
        assert part(station) == pytest.approx(station.plant.battery.charge.soc, abs=0.06)
    station.run(12 * HOUR)
    assert part(station) == pytest.approx(1.0, abs=0.02)
    assert station.state.charge.sd_ah < 0.02 * ah


def test_an_outage_and_the_one_after_it_record_what_they_began_with() -> None:
    station = rested(load_a=4.0, rated_ah=17.0)
    station.dt = 5.0
    supply(station, False)
    station.run(76 * 60.0)
    supply(station, True)
    station.run(HOUR)
    supply(station, False)
    station.run(600.0)
    first, second = station.records[1], station.records[2]
    assert first.started_at_charge == pytest.approx(1.0, abs=0.04)
    assert first.marks == ()
    assert second.started_at_charge == pytest.approx(0.82, abs=0.04)
    assert second.marks == ("not_full",)


@pytest.mark.long
def test_a_test_soon_after_an_outage_is_marked_and_a_day_later_it_is_not() -> None:
    station = rested(load_a=4.0, rated_ah=17.0)
    station.dt = 5.0
    supply(station, False)
    station.run(HOUR)
    supply(station, True)
    station.run(HOUR)
    station.dt = 1.0
    record = start(station)
    assert record.marks == ("not_full", "not_rested")
    assert record.started_at_charge is not None
    assert record.started_at_charge < 0.9
    station.tick(StopTest("test"))
    station.run(60.0)
    station.dt = 10.0
    station.run(20 * HOUR)
    station.dt = 1.0
    record = start(station)
    assert record.marks == ("not_rested",)
    assert record.started_at_charge is not None
    assert record.started_at_charge > 0.97


# --- by hand -------------------------------------------------------------------------------------


def test_a_new_station_on_float_counts_as_full_and_one_on_charge_as_unknown() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    assert part(bench) == pytest.approx(1.0, abs=0.01)
    bench = Bench(battery__rated_ah=40)
    bench.put(battery_a=4.0, charger_a=4.0, battery_v=13.2)
    bench.run(6 * HOUR, dt=10.0)
    assert part(bench) is None
    assert bench.ask(StartTest("1", source="test")).ok
    record = last(bench)
    assert record.started_at_charge is None
    assert record.marks == ("not_full", "not_rested")


def test_a_float_voltage_with_more_than_a_tail_current_is_not_full() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.put(battery_a=0.8)
    bench.run(2 * HOUR, dt=10.0)
    assert part(bench) is None
    bench.put(battery_a=0.3)
    bench.run(20.0)
    assert part(bench) == pytest.approx(1.0 - 3 * 0.3 / 40, abs=0.001)


def test_a_new_station_near_the_tail_is_unknown_but_nothing_speaks_against_full() -> None:
    """Just put on float a full battery takes some amps for a minute."""
    bench = Bench(battery__rated_ah=40)
    bench.put(battery_a=1.0, charger_a=1.0)
    bench.run(20.0)
    assert bench.ask(StartTest("1", source="test")).ok
    assert last(bench).started_at_charge is None
    assert last(bench).marks == ("not_rested",)
    bench = Bench(battery__rated_ah=40)
    bench.put(battery_a=1.0, charger_a=1.0)
    bench.state = bench.state._replace(float_time=FloatTime(0.0, 3600.0))
    bench.run(20.0)
    assert bench.ask(StartTest("1", source="test")).ok
    assert last(bench).marks == ("not_full", "not_rested"), "a discharge is known"


def test_what_comes_back_counts_less_than_what_was_taken() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    bench.put(battery_a=-4.0, battery_v=12.5)
    bench.run(2 * HOUR, dt=10.0)
    assert part(bench) == pytest.approx(0.8, abs=0.01)
    bench.put(battery_a=4.0, battery_v=13.5)
    bench.run(2 * HOUR, dt=10.0)
    assert part(bench) == pytest.approx(1.0 - 0.2 * 0.07, abs=0.01)
    # ... and never more than full, however long a charger gasses
    bench.run(9 * HOUR, dt=10.0)
    assert bench.state.charge.missing_ah == 0.0
    bench.free("battery_a")
    bench.run(12 * HOUR, dt=10.0)
    assert bench.state.charge.sd_ah == pytest.approx(0.4, abs=0.01)


def test_a_minute_on_the_tail_proves_more_than_any_count() -> None:
    """Whatever was counted: a battery that lacks charge does not stand on float taking nothing."""
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    bench.put(battery_a=-4.0, battery_v=12.3)
    bench.run(6 * HOUR, dt=10.0)
    assert part(bench) == pytest.approx(0.4, abs=0.01)
    bench.free("battery_a", "battery_v")
    bench.run(30.0)
    assert part(bench) < 0.6  # type: ignore[operator]
    bench.run(40.0)
    assert part(bench) == pytest.approx(0.96, abs=0.005)
    assert bench.state.charge.sd_ah <= 0.05 * 40
    bench.run(1200.0)
    assert part(bench) == pytest.approx(1.0, abs=0.005)


@pytest.mark.long
def test_currents_within_the_sensors_offset_move_no_charge() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    bench.put(battery_a=-0.04, battery_v=12.8)
    bench.run(24 * HOUR, dt=10.0)
    assert part(bench) == pytest.approx(1.0, abs=0.01)
    assert bench.state.charge.sd_ah > 2.0
    bench.run(240 * HOUR, dt=60.0)
    assert part(bench) is None, "after days of an unknown offset nobody knows"


def test_a_dead_current_sensor_makes_it_unknown() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    bench.put(battery_a=None)
    bench.run(500.0)
    assert part(bench) is not None
    bench.run(200.0)
    assert part(bench) is None
    bench.free("battery_a")
    bench.run(20.0)
    assert part(bench) == pytest.approx(1.0, abs=0.01)


def test_without_a_rating_percent_are_of_the_last_tests_charge() -> None:
    bench = Bench(test__minimum_runtime_min=60)
    bench.run(20.0)
    assert part(bench) is None
    bench.estimate = Estimate(10 * HOUR, 9 * HOUR, 11 * HOUR)
    bench.start("1")
    assert last(bench).started_at_charge is None
    assert last(bench).marks == ("not_rested",), "on float: as full as anyone can tell"
    bench.dt = 5.0
    bench.until("idle", 5 * HOUR)
    assert part(bench) == pytest.approx(1.0 - 2.0 / 20.0, abs=0.01), "it ended after 1 h"
    bench.dt = 1.0
    bench.start("1")
    assert last(bench).started_at_charge == pytest.approx(0.9, abs=0.01)
    assert last(bench).marks == ("not_full", "not_rested")


def test_without_any_ah_what_the_load_needs_is_the_measure() -> None:
    bench = Bench(test__type2_min=1, test__minimum_runtime_min=240)
    bench.start("2")
    bench.until("idle", 300.0)
    bench.free("battery_v")
    bench.put(battery_v=12.9, battery_a=0.5, charger_a=0.5)  # charging again, not on float yet
    bench.run(10.0)
    assert bench.ask(StartTest("2", source="test")).ok
    assert last(bench).marks == ("not_rested",), "a minute at 2 A is nothing of 4 h"
    assert last(bench).started_at_charge is None


def test_the_point_is_percent_of_the_full_charge_and_missing_where_that_is_not_known() -> None:
    bench = Bench()
    bench.run(20.0)
    assert charge_point(bench).quality is MISSING, "neither a rating nor a test"
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    assert charge_point(bench).value == pytest.approx(100.0, abs=3.0)
    bench.put(battery_v=12.3, battery_a=-8.0, charger_v=0.0, charger_a=0.0)
    bench.run(HOUR)
    assert charge_point(bench).value == pytest.approx(80.0, abs=3.0), "8 Ah of 40 are gone"
    bench.put(battery_a=None)
    bench.run(700.0)
    assert charge_point(bench).value is None, "who cannot count does not know"


def charge_point(bench: Bench) -> Reading:
    identity = dict.fromkeys(
        ("system.model", "system.firmware", "system.build_date", "system.serial"), ""
    )
    return points(bench.state, bench.inputs, identity, bench.now)["battery.charge"]


# --- over a restart ------------------------------------------------------------------------------


def restarted(bench: Bench, gone_s: float, *, interrupted: bool = False) -> ChargeBalance:
    stored = persist.dump(bench.state, bench.now, bench.wall)
    fresh = new_state(bench.state.setpoints, 5.0)
    return persist.restore(fresh, stored, bench.wall + gone_s, {}, interrupted).charge


def test_it_outlives_a_short_restart_and_nothing_longer() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    bench.put(battery_a=-4.0, battery_v=12.5)
    bench.run(HOUR, dt=10.0)
    missing = bench.state.charge.missing_ah
    assert restarted(bench, 60.0).missing_ah == missing
    assert restarted(bench, 60.0).sd_ah >= bench.state.charge.sd_ah
    assert restarted(bench, 2 * HOUR).missing_ah is None
    assert restarted(bench, 60.0, interrupted=True).missing_ah is None
    assert restarted(bench, -1e6).missing_ah is None, "a clock that went back tells no gap"


def test_an_older_state_without_a_balance_is_unknown() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    stored = persist.dump(bench.state, bench.now, bench.wall)
    for key in ("missing_ah", "missing_sd_ah"):
        del stored[key]
    fresh = new_state(bench.state.setpoints, 5.0)
    assert persist.restore(fresh, stored, bench.wall, {}, interrupted=False).charge == (
        ChargeBalance()
    )
    assert phase(bench) == "idle"


# --- The charge balance, step by step: what is counted, what float says, what is not known -------

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


# --- Float time, step by step: 24 h on float and 48 h without a discharge are rest ---------------

COMING = Source(990.0, None, 990.0)
H = 3600.0


def aged(
    before: FloatTime, *, charger: Source = HERE, on_battery: bool = False,
    changes: dict[str, object] | None = None, **channels: object,
) -> FloatTime:  # fmt: skip
    ctx = step_context(dt=2.0, changes=changes, **channels)  # type: ignore[arg-type]
    return step_float_time(before, Presence(HERE, charger), on_battery, ctx)


def test_rest_is_24_h_of_float_and_48_h_without_a_discharge() -> None:
    assert FloatTime(24 * H, 48 * H).is_rested
    assert FloatTime(24 * H, None).is_rested
    assert not FloatTime(24 * H - 1.0, 48 * H).is_rested
    assert not FloatTime(24 * H, 48 * H - 1.0).is_rested


def test_on_float_both_ages_grow() -> None:
    assert aged(FloatTime(10.0, 20.0, 3.0)) == FloatTime(12.0, 22.0, 0.0)
    assert aged(FloatTime(10.0, None)) == FloatTime(12.0, None, 0.0)


def test_on_battery_both_begin_anew() -> None:
    assert aged(FloatTime(10.0, 20.0, 3.0), on_battery=True) == FloatTime(0.0, 0.0, 5.0)


def test_a_charger_that_is_not_yet_present_neither_breaks_nor_extends_it() -> None:
    assert aged(FloatTime(10.0, 20.0), charger=COMING) == FloatTime(10.0, 22.0)
    assert aged(FloatTime(10.0, 20.0), charger=GONE) == FloatTime(0.0, 22.0)


@pytest.mark.parametrize("name", ["battery_v", "battery_a"])
def test_a_reading_that_is_not_known_neither_breaks_nor_extends_it(name: str) -> None:
    assert aged(FloatTime(10.0, 20.0, 4.0), **{name: None}) == FloatTime(10.0, 22.0, 0.0)


@pytest.mark.parametrize(
    ("amps", "volts", "made"),
    [
        # the end of charging: 0.3 A, or a hundredth of the rating
        (0.3, 13.5, FloatTime(12.0, 22.0)),
        (0.31, 13.5, FloatTime(0.0, 22.0)),
        # the float level is 13.0 V a block: a float charger holds 13.5 V
        (0.0, 13.0, FloatTime(12.0, 22.0)),
        (0.0, 12.99, FloatTime(0.0, 22.0)),
        # the unit's own draw is no discharge
        (-0.2, 13.5, FloatTime(12.0, 22.0)),
        (-0.21, 13.5, FloatTime(10.0, 22.0, 2.0)),
    ],
)
def test_what_counts_as_float(amps: float, volts: float, made: FloatTime) -> None:
    assert aged(FloatTime(10.0, 20.0), battery_a=amps, battery_v=volts) == made


def test_a_large_bank_ends_its_charge_at_a_hundredth_of_its_rating() -> None:
    rated: dict[str, object] = {"battery__rated_ah": 100.0}
    assert aged(FloatTime(10.0, 20.0), battery_a=1.0, changes=rated).float_s == 12.0
    assert aged(FloatTime(10.0, 20.0), battery_a=1.01, changes=rated).float_s == 0.0


def test_10_s_of_discharge_end_both() -> None:
    assert aged(FloatTime(10.0, 20.0, 7.9), battery_a=-1.0) == FloatTime(10.0, 22.0, 9.9)
    assert aged(FloatTime(10.0, 20.0, 8.0), battery_a=-1.0) == FloatTime(0.0, 0.0, 10.0)


# --- The battery's condition at a start, and the marks a test gets from it -----------------------

RATED: dict[str, object] = {"battery.rated_ah": 100.0}


def test_marks() -> None:
    assert StartCondition().marks == ()
    assert StartCondition(is_full=False).marks == ("not_full",)
    assert StartCondition(is_rested=False).marks == ("not_rested",)
    assert StartCondition(is_full=False, is_rested=False).marks == ("not_full", "not_rested")


def test_what_is_known_of_a_battery() -> None:
    ctx = step_context(changes=RATED)
    made = condition_of(ChargeBalance(12.34567, 1.0), FloatTime(1.0, 48 * H), CapacityHealth(), ctx)
    assert made == StartCondition(charge=0.877, is_full=False, is_rested=False, is_used=False)
    rested = FloatTime(24 * H, 48 * H)
    made = condition_of(ChargeBalance(1.0, 1.0), rested, CapacityHealth(), ctx)
    assert made == StartCondition(charge=0.99, is_full=True, is_rested=True, is_used=False)


def test_a_discharge_counts_as_known_for_48_h() -> None:
    ctx = step_context(changes=RATED)
    for age, used in ((None, False), (48 * H - 1.0, True), (48 * H, False)):
        made = condition_of(
            ChargeBalance(near_s=20.0), FloatTime(24 * H, age), CapacityHealth(), ctx
        )
        assert (made.charge, made.is_used, made.is_full) == (None, used, not used), age
