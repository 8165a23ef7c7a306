"""UPS mode: to the battery when the supply fails the load, and the careful way back."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, last, rested, supply

from btrmd.model.commands import ChangeSettings, StartTest

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


@STEPS
@pytest.mark.parametrize("volts", VOLTS)
def test_an_outage_is_carried_and_the_load_never_notices(volts: int, dt: float) -> None:
    station = rested(volts, dt=dt)
    supply(station, False)
    station.run(3.0)
    assert station.state.outputs.k1
    assert station.state.on_battery
    assert (last(station).type, last(station).state) == ("outage", "running")
    station.run(600.0 if dt == 1.0 else 20.0)
    ended_at_v = station.inputs.battery_v.value
    supply(station, True)
    back = station.now
    assert station.until(lambda s: not s.state.outputs.k1, 30.0)
    assert station.now - back == pytest.approx(10.0, abs=2.1)
    assert not station.state.on_battery
    assert last(station).state == "running", "the record waits for the watch to end"
    station.run(8.0)
    record = last(station)
    assert (record.state, record.result, record.reason) == (
        "finished", "none", "The supply is back.",
    )  # fmt: skip
    assert record.average_current == pytest.approx(2.0 + 4.0 / (12.5 * volts / 12), rel=0.05)
    # what the charger gives after the supply's return is no part of the discharge
    assert record.end_voltage == pytest.approx(ended_at_v, abs=0.03 * volts / 12)
    assert station.plant.dropped_s == 0.0
    assert station.plant.lowest_v_block > 10.0
    assert station.kinds("ups.on_battery") == ["raise", "clear"]


@STEPS
def test_a_low_load_bus_for_2_ticks_is_enough_and_one_is_not(dt: float) -> None:
    bench = Bench(dt=dt)
    bench.run(20.0)
    bench.put(load_v=10.99, supply_v=11.4)
    bench.step()
    assert not bench.state.outputs.k1
    bench.put(load_v=11.01)
    bench.step()
    bench.put(load_v=10.99)
    bench.step()
    assert not bench.state.outputs.k1
    bench.step()
    assert bench.state.outputs.k1


def test_the_guard_is_enough_at_once() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(guard=True, supply_v=3.0)
    bench.step()
    assert bench.state.outputs.k1


def test_a_battery_below_the_bus_is_no_help() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(load_v=10.9, battery_v=10.8)
    bench.run(5.0)
    assert not bench.state.outputs.k1


@pytest.mark.parametrize("channel", ["load_v", "supply_v"])
def test_nothing_is_done_on_a_bad_reading(channel: str) -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(**{channel: None})
    bench.run(60.0)
    assert not bench.state.outputs.k1


@pytest.mark.parametrize(("dt", "times"), [(0.1, 3), (1.0, 8)])
def test_a_supply_that_fails_at_the_return_doubles_the_wait_up_to_10_min(
    dt: float, times: int
) -> None:
    bench = Bench(dt=dt)
    bench.run(20.0)
    bench.put(guard=True, supply_v=0.0)
    bench.run(2.0)
    waits = []
    for _ in range(times):
        bench.put(supply_v=13.5)
        began = bench.now
        while bench.state.outputs.k1:
            bench.step()
        waits.append(round(bench.now - began))
        bench.put(supply_v=11.0)  # fails within 5 s
        bench.run(2.0)
        assert bench.state.outputs.k1
    expected = [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert [wait // 10 * 10 for wait in waits] == expected[:times]
    texts = [event.text for event in bench.reported("relay.k1")]
    assert texts[-1].endswith(f"next try after {expected[times]} s.")
    bench.put(supply_v=13.5, guard=False)
    bench.run(620.0, dt=1.0)
    assert not bench.state.on_battery
    assert bench.state.transfer.wait_s == 10.0, "a good return starts afresh"
    outages = [record for record in bench.records.values() if record.type == "outage"]
    assert len(outages) == 1, "one outage, however often the return failed"


def test_a_supply_that_keeps_its_volts_but_not_the_load_is_not_tried_every_5_s() -> None:
    """A blown F1: SUPPLY+ reads well, the bus falls as soon as K1 lets go."""
    bench = Bench(dt=0.5)
    bench.run(20.0)
    moves, before = 0, False
    for _ in range(2400):
        bench.put(load_v=12.5 if bench.state.outputs.k1 else 10.8)
        bench.step()
        moves += before is not bench.state.outputs.k1
        before = bench.state.outputs.k1
    assert moves <= 2 * 8


def test_a_dip_below_the_threshold_begins_the_10_s_again() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(guard=True, supply_v=0.0)
    bench.run(2.0)
    bench.put(supply_v=13.0)
    bench.run(8.0)
    bench.put(supply_v=11.4)
    bench.run(0.2)
    bench.put(supply_v=13.0)
    bench.run(9.0)
    assert bench.state.outputs.k1
    bench.run(1.5)
    assert not bench.state.outputs.k1


@STEPS
def test_with_ups_mode_off_k3_keeps_the_battery_off_the_load(dt: float) -> None:
    station = rested(dt=dt, ups__enabled=False)
    assert station.state.outputs.k3
    assert not station.plant.sense().batt_path
    supply(station, False)
    station.run(20.0)
    assert not station.state.outputs.k1
    assert not station.state.on_battery
    assert station.plant.sense().load_v < 10.0
    assert not station.records
    assert station.plant.dropped_s == 0.0
    assert station.plant.dead_s > 10.0
    supply(station, True)
    station.run(30.0)
    assert station.plant.sense().load_v > 13.0


UNPROVEN: list[dict[str, object]] = [
    {"supply_v": None}, {"supply_v": 11.4}, {"load_v": None}, {"load_v": 10.9}, {"guard": True},
    {"guard": None}, {"load_a": None}, {"supply_a": None}, {"supply_a": 1.5},
]  # fmt: skip


@pytest.mark.parametrize("channels", UNPROVEN)
def test_k3_is_energised_only_when_the_load_is_proven_on_the_supply(
    channels: dict[str, object],
) -> None:
    bench = Bench(ups__enabled=False)
    bench.put(**channels)
    bench.run(60.0)
    assert not bench.state.outputs.k3
    bench.free(*channels)
    bench.run(3.0)
    assert bench.state.outputs.k3


def test_k3_once_energised_is_not_dropped_by_a_doubt() -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(supply_a=None)
    bench.run(20.0)
    assert bench.state.outputs.k3


def test_switching_ups_mode_on_closes_the_battery_path() -> None:
    station = rested(ups__enabled=False)
    assert station.change(ups__enabled=True).ok
    station.run(3.0)
    assert not station.state.outputs.k3
    supply(station, False)
    station.run(10.0)
    assert station.state.on_battery
    assert station.plant.dropped_s == 0.0


def test_with_ups_mode_off_k3_is_released_for_a_test_and_comes_back() -> None:
    bench = Bench(ups__enabled=False, test__type2_min=1)
    bench.start("2")
    assert not bench.state.outputs.k3
    bench.until("idle", 120.0)
    bench.run(10.0)
    assert bench.state.outputs.k3


def test_ups_mode_switched_off_in_an_outage_does_not_drop_the_load() -> None:
    station = rested()
    supply(station, False)
    station.run(30.0)
    assert station.change(ups__enabled=False).ok
    station.run(30.0)
    assert station.plant.sense().load_v > 11.5
    supply(station, True)
    station.run(60.0)
    assert station.state.outputs.k3
    assert station.plant.dropped_s == 0.0


@pytest.mark.long
def test_the_run_time_of_an_outage_is_measured_at_11_v_per_block() -> None:
    for volts in (12, 24):
        station = rested(volts, rated_ah=7.0, load_a=4.0)
        supply(station, False)
        station.run(30.0)
        began = station.now - 30.0
        limit = 11.0 * volts / 12
        assert station.until(lambda s, v=limit: s.inputs.battery_v.value < v, 4 * 3600.0)
        reached = station.now - began
        assert reached > 700.0
        station.run(30.0)
        supply(station, True)
        station.run(40.0)
        record = last(station)
        assert "reached_cutoff" in record.marks
        assert record.estimate_s == record.estimate_low_s == record.estimate_high_s
        assert record.estimate_s == pytest.approx(reached, abs=10.0)
        assert record.result == "none"


def test_a_short_outage_has_no_run_time() -> None:
    station = rested()
    supply(station, False)
    station.run(120.0)
    supply(station, True)
    station.run(40.0)
    assert last(station).estimate_s is None
    assert "reached_cutoff" not in last(station).marks


def test_in_an_outage_tests_and_the_system_voltage_are_refused() -> None:
    station = rested()
    supply(station, False)
    station.run(30.0)
    refused = station.ask(StartTest("1", source="x"))
    assert (refused.code, refused.text) == ("on_battery", "The load is on the battery.")
    refused = station.ask(ChangeSettings({"system.voltage": 24}, "x"))
    assert not refused.ok
    assert refused.text == "system.voltage = 24 is refused on battery."


def test_events_of_an_outage_are_few() -> None:
    station = rested(dt=0.1)
    count = len(station.events)
    supply(station, False)
    station.run(300.0)
    supply(station, True)
    station.run(60.0)
    reported = [event.text for event in station.events[count:]]
    assert len(reported) == len(set(reported)), reported
    assert len(reported) <= 10
