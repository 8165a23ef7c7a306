"""The charge balance: what is missing since the battery was full, and how a start is marked."""

from __future__ import annotations

import pytest
from core_scenes import Bench, last, phase, rested, start, supply

from btrmd.core import persist
from btrmd.core.machines.charge import ChargeBalance, full_ah
from btrmd.core.machines.float_time import FloatTime
from btrmd.core.publish import points
from btrmd.core.state import new_state
from btrmd.model.commands import StartTest, StopTest
from btrmd.model.discharge import Estimate
from btrmd.model.readings import MISSING, Reading

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
