"""A System Voltage that is wrong from the start: told, and the load stays fed all the same."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, permit, step_context, supply
from station import Station

from btrmd.core import persist
from btrmd.core.machines.bank_fit import BankFit, step_bank_fit
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import new_state
from btrmd.hal.sim.plant import Plant
from btrmd.model.commands import BatteryReplaced
from btrmd.model.settings import Settings
from btrmd.model.site import Site

WRONG = [(bank, setting) for bank in VOLTS for setting in VOLTS if bank != setting]
AT_36 = {"battery_v": 40.6, "supply_v": 40.8, "load_v": 40.7}  # read by a unit set to 48 V
FEEDS = {"load_a": 2.0, "supply_a": 2.1, "battery_a": 0.0, "charger_a": 0.0}


def site(bank: int, setting: int, load_a: float = 5.0, **settings: object) -> Station:
    """A bank under a setting that nobody could refuse: it stood in the file at the start."""
    plant = Plant(blocks=bank // 12, rated_ah=17.0)
    changes = {
        "system.voltage": setting, **{k.replace("__", "."): v for k, v in settings.items()}
    }  # fmt: skip
    station = Station(changes, site=Site(model="400"), plant=plant)
    station.before_time = lambda: permit(station)
    plant.load.hold(load_a)
    plant.touch()
    return station


@pytest.mark.parametrize(("bank", "setting"), WRONG)
def test_a_good_battery_is_not_cut_off_by_the_levels_of_another_bank(
    bank: int, setting: int
) -> None:
    station = site(bank, setting, lvd__enabled=True)
    station.run(90.0)
    assert "system.voltage_mismatch" in station.state.alarms.keys
    supply(station, False)
    station.run(600.0)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0
    assert station.plant.sense().load_v > 11.0 * bank / 12
    supply(station, True)
    station.run(60.0)
    assert station.plant.sense().supply_a > 4.9  # it is not left on the battery
    assert station.plant.circuit.path_a == 0.0


def test_an_lvd_that_has_opened_is_closed_when_the_setting_is_known_to_be_wrong() -> None:
    """Started in an outage, nobody could know it; the supply that comes back tells."""
    station = site(36, 48, lvd__enabled=True)
    supply(station, False)
    station.run(60.0)
    assert station.state.lvd.is_open
    supply(station, True)
    station.run(30.0)
    assert not station.state.lvd.is_open
    supply(station, False)
    station.run(60.0)
    assert not station.state.lvd.is_open
    assert station.plant.sense().load_v > 33.0


def test_what_is_known_of_the_setting_outlives_a_restart() -> None:
    station = site(36, 48, lvd__enabled=True)
    station.run(90.0)
    supply(station, False)
    station.run(5.0)
    station.crash(5.0)
    station.run(120.0)
    assert not station.state.lvd.is_open
    assert "system.voltage_mismatch" in station.state.alarms.keys


def test_a_flat_bank_of_the_right_setting_has_its_lvd_after_a_restart_too() -> None:
    """42 V are 36 V well charged: the proof of better days must not be forgotten."""
    station = site(48, 48, lvd__enabled=True)
    station.run(30.0)
    supply(station, False)
    station.run(10.0)
    station.crash(5.0)
    station.plant.battery.charge.soc = 0.02
    station.plant.touch()
    assert station.until(lambda s: s.state.lvd.is_open, 1200.0)


@pytest.mark.parametrize("volts", VOLTS)
def test_one_good_reading_of_battery_or_supply_is_the_proof(volts: int) -> None:
    blocks = volts // 12
    low = {"battery_v": 11.0 * blocks, "supply_v": 0.0, "load_v": 10.9 * blocks}
    for name in ("battery_v", "supply_v"):
        for each, is_proven in ((11.99, False), (12.0, True), (15.5, True), (15.51, False)):
            put = {**low, name: each * blocks}
            fit = step_bank_fit(BankFit(), step_context(volts=volts, **put))  # type: ignore[arg-type]
            assert fit == BankFit(volts, is_proven)
        unread = {**low, name: None}
        assert not step_bank_fit(BankFit(), step_context(volts=volts, **unread)).is_proven  # type: ignore[arg-type]


def test_it_takes_battery_supply_and_what_flows_for_10_s() -> None:
    def after(seconds: float, fit: BankFit | None = None, **put: object) -> BankFit:
        fit = fit or BankFit()
        readings = {**AT_36, **FEEDS, **put}
        for at in (0.0, seconds):
            fit = step_bank_fit(fit, step_context(volts=48, now=500.0 + at, **readings))  # type: ignore[arg-type]
        return fit

    assert after(9.9) == BankFit(48, wrong_since=500.0)
    assert after(10.0) == BankFit(48, is_wrong=True)
    for other in ({"supply_a": 0.0, "battery_a": -2.1}, {"battery_v": None}, {"supply_v": None},
                  {"supply_v": 47.0}, {"battery_v": 47.0}, {"supply_v": 26.0}):  # fmt: skip
        assert not after(60.0, **other).is_wrong
        assert after(60.0, BankFit(48, wrong_since=0.0), **other).wrong_since is None
    wrong = BankFit(48, is_wrong=True)
    assert after(60.0, wrong, supply_a=0.0, battery_a=-2.1) is wrong  # it stands without a supply
    assert after(60.0, wrong, battery_v=48.0).is_proven
    assert after(60.0, BankFit(48, is_proven=True)) == BankFit(48, is_proven=True)
    assert after(60.0, BankFit(36, is_proven=True)) == wrong


def test_what_was_known_of_another_setting_says_nothing() -> None:
    settings = Settings.defaults(Site(model="400")).with_changes({"system.voltage": 48})
    setpoints = Setpoints.of(settings)
    assert BankFit(48, is_wrong=True).contradicts(setpoints)
    assert not BankFit(36, is_wrong=True).contradicts(setpoints)
    assert not BankFit(48, is_proven=True).contradicts(setpoints)
    assert BankFit(48, wrong_since=1.0).next_due(5.0) == float("-inf")
    assert BankFit(48).next_due(5.0) == float("inf")
    assert BankFit(48, is_wrong=True).next_due(5.0) == float("inf")


def test_another_battery_is_asked_anew() -> None:
    station = site(48, 48)
    station.run(30.0)
    assert station.state.bank_fit == BankFit(48, is_proven=True)
    station.plant.charger.switch(False)
    station.lies.update(battery_v=lambda _: 40.0, supply_v=lambda _: 47.0)
    station.run(30.0)
    assert station.ask(BatteryReplaced("test")).ok
    assert not station.state.bank_fit.is_proven


@pytest.mark.parametrize("stored", [None, 5, {}, {"system_v": "x", "is_wrong": 1}])
def test_what_is_stored_and_makes_no_sense_is_not_known(stored: object) -> None:
    fresh = new_state(Setpoints.of(Settings.defaults()), 0.0)
    made = persist.restore(fresh, {"bank_fit": stored}, 1.8e9, {}, False)
    assert made.bank_fit == BankFit()
