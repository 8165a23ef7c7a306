"""LVD: the battery path opens before the battery is ruined, and never without need."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, phase, rested, supply

from btrmd.model.commands import StartTest
from btrmd.model.events import Kind

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])
CLOSE_V = {12: 12.5, 24: 24.5, 36: 36.75, 48: 49.0}


def low(bench: Bench, block_v: float) -> None:
    """An outage with the battery at `block_v` a block."""
    bench.put(supply_v=0.0, supply_a=0.0, charger_v=0.0, charger_a=0.0, guard=True,
              battery_v=block_v, load_v=block_v - 0.05)  # fmt: skip


@STEPS
@pytest.mark.parametrize("volts", VOLTS)
def test_it_opens_below_10_5_for_10_s_and_closes_above_the_printed_volts_for_60_s(
    volts: int, dt: float
) -> None:
    blocks = volts // 12
    bench = Bench(volts=volts, dt=dt, lvd__enabled=True)
    bench.run(20.0)
    low(bench, 10.51)
    bench.run(30.0)
    assert not bench.state.lvd.is_open
    low(bench, 10.49)
    bench.run(9.0)
    low(bench, 10.51)
    bench.run(2.0)
    low(bench, 10.49)
    bench.run(9.5)
    assert not bench.state.lvd.is_open, "ten seconds without a break"
    bench.run(2.0)
    assert bench.state.lvd.is_open
    assert bench.state.outputs.k3
    bench.run(2.0)
    assert not bench.state.outputs.k1
    assert not bench.state.on_battery
    bench.put(battery_v=CLOSE_V[volts] / blocks)
    bench.run(100.0)
    assert bench.state.lvd.is_open
    bench.put(battery_v=CLOSE_V[volts] / blocks + 0.01)
    bench.run(59.0)
    assert bench.state.lvd.is_open
    bench.run(3.0)
    assert not bench.state.lvd.is_open
    assert [event.value for event in bench.reported("lvd.open")] == [True, False]


def test_it_is_off_by_default() -> None:
    bench = Bench()
    bench.run(20.0)
    low(bench, 9.5)
    bench.run(60.0)
    assert not bench.state.lvd.is_open
    assert not bench.state.outputs.k3


@pytest.mark.parametrize(("battery", "bus"), [(None, 11.95), (None, 10.2), (9.9, 11.95)])
def test_it_never_opens_on_a_bad_reading_nor_on_one_the_bus_belies(
    battery: float | None, bus: float
) -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 12.0)
    bench.run(5.0)
    assert bench.state.outputs.k1
    bench.put(battery_v=battery, load_v=bus)
    bench.run(120.0)
    assert not bench.state.lvd.is_open


def test_a_bad_reading_starts_the_10_s_again() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 10.4)
    bench.run(8.0)
    bench.put(battery_v=None)
    bench.run(1.0)
    bench.put(battery_v=10.4)
    bench.run(9.0)
    assert not bench.state.lvd.is_open


def test_it_does_not_open_while_the_supply_is_neither_proven_nor_absent() -> None:
    bench = Bench(lvd__enabled=True, ups__enabled=False)
    bench.put(battery_v=10.2, charger_v=10.23, supply_v=None)
    bench.run(120.0)
    assert not bench.state.outputs.k3
    bench.free("supply_v")
    bench.run(10.0)
    assert bench.state.lvd.is_open, "the load is proven on the supply"


def test_a_supply_that_cannot_be_read_is_absent_while_the_battery_carries_the_load() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 12.0)
    bench.run(5.0)
    low(bench, 10.4)
    bench.put(supply_v=None, battery_a=-2.4, load_a=2.0)
    bench.run(9.0)
    assert not bench.state.lvd.is_open
    bench.run(3.0)
    assert bench.state.lvd.is_open


def test_in_a_test_it_waits_for_the_end() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    assert bench.ask(StartTest("1", source="x")).ok
    bench.run(5.0)
    bench.put(battery_v=10.4)
    bench.run(20.0)
    assert phase(bench) == "proving"
    assert not bench.state.lvd.is_open
    bench.until("idle", 20.0)
    assert bench.records[1].reason.startswith("Without the charger the battery fell to 10.40 V")
    bench.put(charger_v=10.43)
    bench.run(12.0)
    assert bench.state.lvd.is_open, "the load is proven on the supply"


def test_disabling_it_closes_the_path_at_once() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 10.2)
    bench.run(15.0)
    assert bench.state.lvd.is_open
    bench.change(lvd__enabled=False)
    bench.run(2.0)
    assert not bench.state.lvd.is_open
    assert not bench.state.outputs.k3
    assert bench.reported("lvd.open")[-1].text == "LVD was disabled: battery path closed."


def test_lvd_open_means_lvd_only() -> None:
    bench = Bench(ups__enabled=False, lvd__enabled=True)
    bench.run(30.0)
    assert bench.state.outputs.k3
    assert not bench.state.lvd.is_open


def test_a_real_outage_ends_at_10_5_v_and_the_load_comes_back_with_the_supply() -> None:
    station = rested(rated_ah=7.0, load_a=5.0, lvd__enabled=True)
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 3 * 3600.0)
    record = station.records[1]
    station.run(2.0)
    record = station.records[1]
    assert (record.state, record.reason) == ("finished", "LVD opened.")
    end = [event for event in station.events if event.key == "ups.on_battery"][
        -1
    ]  # no good news: the load is dark
    assert (end.kind, end.text) == (
        Kind.CHANGE, "The battery no longer feeds the load: LVD opened.",
    )  # fmt: skip
    station.run(60.0)
    assert station.plant.sense().load_v < 1.0
    assert not station.state.outputs.k1
    supply(station, True)
    station.run(30.0)
    assert station.plant.sense().supply_a > 4.9
    assert station.until(lambda s: not s.state.lvd.is_open, 12 * 3600.0)
    station.run(60.0)
    assert phase(station) == "idle"
    assert station.plant.dropped_s == 0.0
    assert station.kinds("lvd.open") == ["change", "change"]
