"""What was remembered is checked against the first good readings before anything is driven."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from core_scenes import VOLTS, rested, supply
from station import Station

from btrmd.core.recover import let_go
from btrmd.hal.sim.keys import set_keys


def flat(volts: int = 12, *, dt: float = 1.0, load_a: float = 5.0) -> Station:
    """The LVD has opened in an outage; the load has been dark for a minute."""
    station = rested(volts, dt=dt, rated_ah=7.0, load_a=load_a, lvd__enabled=True)
    supply(station, False)
    station.plant.battery.set_soc(0.08)
    assert station.until(lambda s: s.state.lvd.is_open, 3600.0)
    station.run(60.0)
    assert station.plant.sense().load_v < 9.0 * volts / 12
    return station


def die(station: Station, seconds: float = 5.0) -> None:
    """kill -9: the coils fall off within 2 s; the daemon is back after `seconds`."""
    station.crash(seconds)


def hang(station: Station) -> None:
    """The loop hangs for 3 s; the heartbeat circuit releases the coils, the loop then wakes up."""
    for _ in range(3):
        station.pass_time(1.0)
    station.state, _ = let_go(station.state, station.inputs, "It hung.", station.now)
    station.drive()


def fall(station: Station) -> None:
    """A step raises: all outputs safe, what is on is closed."""
    station.state, _ = let_go(station.state, station.inputs, "It fell.", station.now)
    station.drive()
    station.pass_time(1.0)


ENDS = pytest.mark.parametrize("end", [die, hang, fall])


@ENDS
@pytest.mark.parametrize("volts", VOLTS)
def test_a_bank_that_was_charged_meanwhile_keeps_its_load(
    volts: int, end: Callable[[Station], None]
) -> None:
    station = flat(volts)
    for name in ("k1", "k2", "k3"):
        station.plant.set_coil(name, False)
    set_keys(station.plant, {"charger.on": 1, "battery.soc": 0.99})
    end(station)
    dark = station.plant.dropped_s + station.plant.dead_s
    station.run(90.0)
    assert station.plant.dropped_s + station.plant.dead_s - dark < 0.05
    assert not station.state.lvd.is_open
    assert station.state.on_battery
    assert station.plant.sense().load_v > 11.5 * volts / 12


@ENDS
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_load_that_the_restart_has_put_back_is_cut_off_only_when_the_battery_is_low(
    dt: float, end: Callable[[Station], None]
) -> None:
    station = flat(dt=dt)
    station.plant.battery.set_soc(0.3)  # 11.7 V: not yet above 12.5 V
    end(station)
    dark = station.plant.dead_s
    station.run(60.0)
    assert not station.state.outputs.k3
    assert station.plant.dead_s == dark
    station.plant.battery.set_soc(0.02)
    station.run(15.0)
    assert station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@ENDS
def test_an_open_lvd_stays_open_while_the_load_lives_on_the_supply(
    end: Callable[[Station], None],
) -> None:
    station = flat()
    supply(station, True)
    station.plant.charger.switch(False)
    station.run(30.0)
    assert station.state.outputs.k3
    end(station)
    station.run(20.0)
    assert station.state.lvd.is_open
    assert station.state.outputs.k3
    assert station.plant.dropped_s == 0.0
    station.plant.battery.set_soc(1.0)
    station.run(59.0)
    assert station.state.lvd.is_open
    station.run(5.0)
    assert not station.state.lvd.is_open


def test_nothing_is_driven_before_the_first_good_readings() -> None:
    station = flat()
    station.crash(5.0)
    station.lies["battery_v"] = None
    station.run(1.0)
    assert not station.state.outputs.k3
    station.run(3.0)
    assert not station.state.lvd.is_open, "nothing tells that the battery is low"


def test_it_is_forgotten_with_the_setting() -> None:
    station = flat()
    station.settings = station.settings.with_changes({"lvd.enabled": False})
    station.crash(5.0)
    station.run(5.0)
    assert not station.state.lvd.is_open
    assert not station.state.outputs.k3


@pytest.mark.parametrize("on", [True, False])
def test_an_outage_that_was_carried_is_carried_on_only_without_a_supply(on: bool) -> None:
    from btrmd.model.commands import StartTest

    station = rested(ups__enabled=False)
    assert station.ask(StartTest("1", source="x")).ok
    station.run(40.0)
    station.plant.supply.on = False
    station.plant.touch()
    station.run(10.0)
    assert station.state.transfer.carried
    station.plant.supply.on = on
    station.plant.touch()
    station.crash(5.0)
    station.run(40.0)
    assert station.state.outputs.k1 is not on
    assert station.state.outputs.k3 is on
    assert station.plant.dropped_s == 0.0
