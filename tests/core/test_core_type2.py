"""Type 2: a set time or a set voltage, and the verdict by the end voltage."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, last, phase, rested, start

from btrmd.model.commands import StartTest
from btrmd.model.discharge import Estimate


def run_test(bench: Bench, battery_v: float) -> None:
    bench.start("2")
    bench.put(battery_v=battery_v)
    while phase(bench) == "running":
        bench.step()
    bench.free("battery_v")
    bench.until("idle", 60.0)


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(("offset", "result"), [(0.0, "good"), (0.3, "good")])
def test_at_or_above_the_minimum_at_the_planned_time_is_good(
    volts: int, offset: float, result: str
) -> None:
    blocks = volts // 12
    minimum_mv = {12: 11800, 24: 23600, 36: 35400, 48: 47200}[volts]
    bench = Bench(volts=volts, test__type2_min=11)
    assert bench.state.setpoints.type2_minimum_v == minimum_mv / 1000.0
    run_test(bench, minimum_mv / 1000.0 / blocks + offset)
    record = last(bench)
    assert (record.result, record.type) == (result, "2")
    assert record.duration_s == pytest.approx(660.0, abs=3.0)
    assert record.end_voltage == pytest.approx(minimum_mv / 1000.0 + offset * blocks)
    assert record.reason.startswith("The planned 11 min are over.")


def test_the_minimum_reached_earlier_is_low() -> None:
    bench = Bench(test__type2_min=60)
    bench.start("2")
    bench.run(1500.0)
    bench.put(battery_v=11.7)
    bench.until("idle", 60.0)
    record = last(bench)
    assert record.result == "low"
    assert record.reason == "The battery reached 11.80 V. The planned time was 1 h 00 min."
    assert record.duration_s == pytest.approx(1506.0, abs=5.0)
    assert "battery.low_capacity" in bench.alarms


def test_below_the_minimum_at_the_end_of_a_short_test_is_low() -> None:
    bench = Bench(test__type2_min=5)
    run_test(bench, 11.79)
    record = last(bench)
    assert record.result == "low"
    assert record.duration_s == pytest.approx(300.0, abs=3.0)
    assert "11.790 V is below 11.800 V." in record.reason


def test_the_customers_cutoff_may_lie_below_11_v() -> None:
    bench = Bench(test__type2_min=20, test__type2_minimum_mv=10600)
    run_test(bench, 10.7)
    assert last(bench).result == "good"


def test_the_dip_of_the_first_minutes_does_not_end_it() -> None:
    bench = Bench(test__type2_min=20, test__type2_minimum_mv=12200)
    bench.start("2")
    bench.put(battery_v=12.0)
    bench.run(300.0)
    bench.free("battery_v")
    bench.until("idle", 1300.0)
    assert last(bench).result == "good"


def test_the_setting_chooses_the_type_and_both_sets_are_kept() -> None:
    bench = Bench(test__type=2, test__type2_min=7, test__minimum_runtime_min=99)
    bench.run(20.0)
    assert bench.ask(StartTest(None, source="x")).ok
    assert last(bench).type == "2"
    bench.change(test__type=1)
    assert bench.settings["test.type2_min"] == 7
    assert bench.settings["test.minimum_runtime_min"] == 99


def test_its_curve_gives_a_run_time_too_and_else_the_last_one_stays() -> None:
    bench = Bench(test__type2_min=12)
    bench.estimate = Estimate(9000.0, 8000.0, 10000.0)
    run_test(bench, 12.3)
    assert last(bench).estimate_s == 9000.0
    bench.estimate = "Too short."
    run_test(bench, 12.3)
    assert (last(bench).n, last(bench).estimate_s, last(bench).result) == (2, None, "good")
    assert bench.state.health.estimate == Estimate(9000.0, 8000.0, 10000.0)


def test_a_plant_run_ends_on_time_with_the_load_back() -> None:
    station = rested(24, dt=1.0, test__type2_min=15)
    start(station, "2")
    assert station.until(lambda s: phase(s) == "idle", 1200.0)
    record = last(station)
    assert record.result == "good"
    assert record.duration_s == pytest.approx(900.0, abs=3.0)
    assert record.end_voltage is not None
    assert 23.6 < record.end_voltage < 26.0
