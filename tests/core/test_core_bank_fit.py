"""A System Voltage that is wrong from the start: told, and the load stays fed all the same."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, permit, rested, start, step_context, supply
from station import Station

from btrmd.core import persist
from btrmd.core.machines.bank_fit import BankFit, step_bank_fit
from btrmd.core.machines.lvd import Lvd, step_lvd
from btrmd.core.publish import points
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import new_state
from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.model.commands import BatteryReplaced, ChangeSettings
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


@pytest.mark.parametrize(("bank", "setting"), [(12, 24), (12, 48), (36, 48)])
def test_under_a_setting_that_is_too_high_no_fed_load_is_told_as_dead(
    bank: int, setting: int
) -> None:
    """12 V were below what runs on 24 V: "no power", and a low battery, on a healthy site."""
    station = site(bank, setting)
    station.plant.battery.set_soc(0.6)  # type: ignore[union-attr]
    station.run(300.0)
    assert station.state.alarms.keys == ("system.voltage_mismatch",)
    assert station.kinds("battery.low_voltage") == []
    assert points(station.state, station.inputs, {}, station.now)["load.source"].value == "supply"
    supply(station, False)
    station.run(60.0)
    assert points(station.state, station.inputs, {}, station.now)["load.source"].value == "battery"


def put_in(station: Station, blocks: int) -> None:
    """Another bank, and the supply of 13.6 V a block that belongs to it."""
    station.plant.set_blocks(blocks)
    station.plant.supply.volts = 13.6 * blocks
    station.plant.touch()


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


@pytest.mark.parametrize("again", [False, True])
def test_a_flat_bank_of_the_right_setting_has_its_lvd(again: bool) -> None:
    """42 V are 36 V well charged; whether a start comes between or not."""
    station = site(48, 48, lvd__enabled=True)
    station.run(30.0)
    supply(station, False)
    station.run(10.0)
    if again:
        station.crash(5.0)
    station.plant.battery.charge.soc = 0.02
    station.plant.touch()
    assert station.until(lambda s: s.state.lvd.is_open, 1200.0)


@pytest.mark.parametrize("lvd", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_a_flat_bank_beside_a_weak_supply_is_not_taken_for_a_smaller_one(
    again: bool, lvd: bool
) -> None:
    """The guard ties both: battery and supply are at 37 to 42 V, and the supply delivers."""
    station = site(48, 48, lvd__enabled=lvd)
    station.plant.supply.limit_a = 2.0
    station.plant.charger.switch(False)
    station.plant.battery.charge.soc = 0.06
    station.plant.touch()
    fell = 0
    for _ in range(2400):
        station.tick()
        if again and not fell and station.plant.sense().battery_v < 42.0:
            station.crash(30.0)
        fell += station.plant.sense().battery_v < 41.7
        assert not station.state.bank_fit.is_wrong
        assert "system.voltage_mismatch" not in station.state.alarms.keys
        if station.state.lvd.is_open:
            break
    assert fell > 0 or (lvd and not again)  # the LVD was first
    assert station.state.lvd.is_open is lvd


@pytest.mark.parametrize("tested", [False, True])
def test_a_bank_that_dies_beside_a_weak_supply_is_told_as_low(tested: bool) -> None:
    """The guard ties both at 37 V, where nothing can be said of the setting: what had fitted so
    far stands, and the alarm waits for nothing. (It was never raised.)"""
    station = rested(48, load_a=2.0, rated_ah=7.0)
    station.run(30.0)
    if tested:
        start(station, "2")
        station.run(30.0)
    station.plant.supply.ohms = 8.0
    station.plant.battery.set_soc(0.005)
    station.plant.touch()
    assert station.until(lambda s: "battery.low_voltage" in s.state.alarms.keys, 12.0)
    assert 36.0 < station.inputs.battery_v.value < 39.0
    assert station.inputs.guard
    assert not station.state.bank_fit.is_wrong
    assert station.plant.dropped_s == 0.0


def seen(seconds: float, fit: BankFit, *, feeds: bool = True, **put: object) -> BankFit:
    """`seconds` of these readings, at a unit that is set to 48 V."""
    readings = {**AT_36, **FEEDS, **put}
    for at in (0.0, seconds):
        ctx = step_context(500.0 + at, volts=48, **readings)  # type: ignore[arg-type]
        ctx.supply_feeds = feeds
        fit = step_bank_fit(fit, ctx)
    return fit


def test_it_takes_battery_supply_and_what_flows_for_3_s_or_10_s_if_it_was_right() -> None:
    assert seen(2.9, BankFit()) == BankFit(48, since=500.0, looks_right=False)
    assert seen(3.0, BankFit()) == BankFit(48, False, None, 36)
    right = BankFit(48, True, None, 48)
    assert seen(9.9, right) == right._replace(since=500.0, looks_right=False)
    assert seen(10.0, right) == BankFit(48, False, None, 36)
    wrong = BankFit(48, False)
    for other in ({"feeds": False}, {"guard": True}, {"guard": None}, {"battery_v": None},
                  {"supply_v": None}, {"supply_v": 47.0}, {"battery_v": 47.0}, {"supply_v": 26.0},
                  {"battery_v": 35.9}, {"supply_v": 41.8},
                  {"supply_a": 0.8, "battery_a": -1.5}):  # fmt: skip
        assert not seen(60.0, BankFit(48), **other).is_wrong
        assert seen(60.0, BankFit(48, since=0.0), **other).since is None
        assert seen(60.0, wrong, **other) == wrong


def test_it_takes_both_for_10_s_to_know_that_it_is_right_after_all() -> None:
    wrong, right = BankFit(48, False), {"battery_v": 54.0, "supply_v": 54.4}
    assert seen(9.9, wrong, **right) == BankFit(48, False, 500.0, looks_right=True)
    assert seen(10.0, wrong, **right) == BankFit(48, True, None, 48)
    assert seen(9.9, BankFit(48), **right).fits is None
    # what has looked right meanwhile is no time in which it looked wrong
    meanwhile = BankFit(48, None, 495.0, looks_right=True)
    assert seen(2.9, meanwhile) == BankFit(48, None, 500.0, looks_right=False)
    assert seen(3.0, meanwhile).is_wrong
    for one in ({"battery_v": 54.0}, {"supply_v": 54.4}, {**right, "battery_v": 47.9}):
        assert seen(60.0, wrong, **one) == wrong


def test_every_scan_counts_while_it_is_about_to_be_known() -> None:
    assert BankFit(48, since=1.0).next_due(5.0) == float("-inf")
    assert BankFit(48).next_due(5.0) == float("inf")
    assert BankFit(48, False).next_due(5.0) == float("inf")


def test_another_battery_is_asked_anew() -> None:
    station = site(36, 48)
    station.run(60.0)
    assert station.state.bank_fit == BankFit(48, False, None, 36)
    assert station.ask(BatteryReplaced("test")).ok
    assert not station.state.bank_fit.is_wrong


def test_another_setting_is_asked_anew() -> None:
    assert seen(0.0, BankFit(36, False), battery_v=54.0) == BankFit(48)
    assert seen(0.0, BankFit(36, True), battery_v=54.0) == BankFit(48)  # asked before it was set


@pytest.mark.parametrize("load_a", [0.05, 2.0])
def test_a_bank_of_another_voltage_and_its_setting_are_right_at_once(load_a: float) -> None:
    """Battery and supply were asked before the change was taken; a load of next to nothing, whose
    source no current tells, is no reason for a doubt."""
    station = site(12, 12, load_a=load_a)
    station.run(60.0)
    put_in(station, 2)
    station.run(5.0)
    assert station.ask(ChangeSettings({"system.voltage": 24}, "test")).ok
    for _ in range(120):
        station.tick()
        assert not station.state.bank_fit.is_wrong
    assert station.state.bank_fit == BankFit(24, True, None, 24)
    assert "system.voltage_mismatch" not in station.state.alarms.keys


def test_a_file_that_was_edited_for_another_bank_is_right_once_it_shows() -> None:
    """Bank and file were changed while the unit was off, and the load takes next to nothing."""
    station = site(12, 12, load_a=0.05)
    station.run(60.0)
    put_in(station, 2)
    station.settings = station.settings.with_changes({"system.voltage": 24})
    station.crash(5.0)
    station.tick()
    assert station.state.bank_fit.is_wrong
    station.run(30.0)
    assert station.state.bank_fit == BankFit(24, True, None, 24)
    assert "system.voltage_mismatch" not in station.state.alarms.keys


def test_a_file_that_was_edited_in_an_outage_cuts_off_no_good_battery() -> None:
    station = site(36, 36, lvd__enabled=True)
    station.run(60.0)
    assert station.state.bank_fit == BankFit(36, True, None, 36)
    supply(station, False)
    station.run(10.0)
    station.settings = station.settings.with_changes({"system.voltage": 48})
    station.crash(1.0)
    station.run(120.0)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0
    assert "system.voltage_mismatch" in station.state.alarms.keys


@pytest.mark.parametrize("again_v", [36, 48])
def test_a_wrong_file_that_is_edited_in_an_outage_cuts_off_no_good_battery(again_v: int) -> None:
    """It was known to be wrong, and which bank this is: another wrong one is no better."""
    station = site(24, 36, lvd__enabled=True)
    station.run(60.0)
    assert station.state.bank_fit == BankFit(36, False, None, 24)
    supply(station, False)
    station.run(5.0)
    station.settings = station.settings.with_changes({"system.voltage": again_v})
    station.crash(1.0)
    station.run(120.0)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0
    assert "system.voltage_mismatch" in station.state.alarms.keys


def test_a_wrong_file_that_is_mended_in_an_outage_has_its_lvd() -> None:
    station = site(24, 36, lvd__enabled=True)
    station.run(60.0)
    supply(station, False)
    station.run(5.0)
    station.settings = station.settings.with_changes({"system.voltage": 24})
    station.crash(1.0)
    station.plant.battery.set_soc(0.02)
    station.plant.touch()
    assert station.until(lambda s: s.state.lvd.is_open, 1200.0)
    assert "system.voltage_mismatch" not in station.state.alarms.keys


@pytest.mark.parametrize(("bank", "setting"), WRONG)
def test_an_outage_5_s_after_a_start_with_a_wrong_setting_cuts_off_no_good_battery(
    bank: int, setting: int
) -> None:
    station = site(bank, setting, lvd__enabled=True)
    station.run(5.0)
    supply(station, False)
    station.run(120.0)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("stored", [None, 5, {}, {"system_v": "x", "fits": 1}, {"system_v": 13}])
def test_what_is_stored_and_makes_no_sense_is_not_known(stored: object) -> None:
    fresh = new_state(Setpoints.of(Settings.defaults()), 0.0)
    made = persist.restore(fresh, {"bank_fit": stored}, 1.8e9, {}, False)
    assert made.bank_fit == BankFit()


def test_what_was_stored_without_the_bank_tells_it_where_it_was_right() -> None:
    fresh = new_state(Setpoints.of(Settings.defaults()), 0.0)  # 12 V
    for fits, made in ((True, BankFit(12, False, None, 24)), (False, BankFit(24, False))):
        stored = {"bank_fit": {"system_v": 24, "fits": fits}}
        assert persist.restore(fresh, stored, 1.8e9, {}, False).bank_fit == made


def test_a_bank_of_a_block_less_that_is_put_in_while_all_goes_on_is_found() -> None:
    station = site(48, 48, lvd__enabled=True)
    station.run(60.0)
    put_in(station, 3)
    station.run(90.0)
    assert "system.voltage_mismatch" in station.state.alarms.keys
    supply(station, False)
    station.run(120.0)
    assert not station.state.lvd.is_open
    assert station.plant.sense().load_v > 33.0


def test_the_alarm_tells_no_reading_that_is_bad() -> None:
    station = site(36, 48)
    station.run(30.0)
    assert station.state.bank_fit.is_wrong
    station.lies["battery_v"] = None
    station.run(60.0)
    (raised,) = [e for e in station.events if e.key == "system.voltage_mismatch"]
    assert raised.value is None


@pytest.mark.parametrize(("bank", "setting"), [(12, 24), (12, 48), (36, 48)])
def test_before_a_wrong_setting_is_known_no_load_moves_and_no_lvd_opens_for_its_levels(
    bank: int, setting: int
) -> None:
    """The battery stands above the load, as after an absorption; an outage comes at once."""
    station = site(bank, bank, lvd__enabled=True)
    station.run(60.0)
    station.lies["battery_v"] = lambda volts: volts + 0.01 * bank
    station.settings = station.settings.with_changes({"system.voltage": setting})
    station.saved = {}  # killed before what was known of the bank had reached the disk
    station.crash(1.0)
    station.run(2.0)
    assert station.state.bank_fit.fits is None
    assert station.inputs.battery_v.value > station.inputs.load_v.value
    assert not station.state.outputs.k1
    station.run(20.0)
    assert station.state.bank_fit.is_wrong
    assert not station.state.lvd.is_open
    supply(station, False)
    station.run(60.0)
    assert station.plant.circuit.path_a > 4.9
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize(
    ("bank", "setting"), [(12, 24), (12, 36), (12, 48), (24, 36), (24, 48), (36, 48)]
)
@pytest.mark.parametrize("crashes", [1, 2])
def test_a_file_edited_in_an_outage_before_the_bank_was_known_darkens_no_load(
    bank: int, setting: int, crashes: int
) -> None:
    """At 6 V a block nothing feeds a load; at 8 to 9.7 it may be the bank of the file before."""
    station = site(bank, bank, lvd__enabled=True)
    station.run(5.0)
    supply(station, False)
    station.run(20.0)
    assert station.state.bank_fit.fits is None
    station.settings = station.settings.with_changes({"system.voltage": setting})
    for _ in range(crashes):
        station.crash(1.0)
        station.run(60.0)
    assert not station.state.lvd.is_open
    assert station.plant.circuit.path_a > 4.9
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize(("wrong", "bank"), [(24, 36), (36, 48), (48, 36), (48, 24)])
def test_a_file_mended_in_an_outage_before_the_bank_was_known_has_its_lvd(
    wrong: int, bank: int
) -> None:
    """A bank that comes down to its level is above all that the setting before has at rest."""
    station = site(bank, wrong, lvd__enabled=True)
    station.run(2.0)
    supply(station, False)
    station.run(5.0)
    assert station.state.bank_fit.fits is None
    station.settings = station.settings.with_changes({"system.voltage": bank})
    station.crash(1.0)
    station.plant.battery.set_soc(0.06)
    station.plant.touch()
    assert station.until(lambda s: s.state.lvd.is_open, 1800.0)
    assert station.inputs.battery_v.value > 9.5 * bank / 12


def test_the_setting_before_is_forgotten_once_the_bank_is_known() -> None:
    station = site(24, 24, lvd__enabled=True)
    station.run(2.0)
    station.settings = station.settings.with_changes({"system.voltage": 36})
    station.crash(1.0)
    assert station.state.bank_fit.earlier_v == 24
    station.settings = station.settings.with_changes({"system.voltage": 24})
    station.crash(1.0)
    assert station.state.bank_fit.earlier_v == 0
    station.settings = station.settings.with_changes({"system.voltage": 36})
    station.crash(1.0)
    station.run(30.0)
    assert station.state.bank_fit == BankFit(36, False, None, 24)


@pytest.mark.parametrize("bank", [12, 48])
def test_a_new_bank_that_is_emptied_before_it_is_known_is_cut_off_at_its_level(bank: int) -> None:
    station = site(bank, bank, lvd__enabled=True)
    station.run(5.0)
    supply(station, False)
    set_keys(station.plant, {"battery.soc": 0.06})
    assert station.until(lambda s: s.state.lvd.is_open, 1800.0)
    assert station.state.bank_fit.fits is None
    assert station.inputs.battery_v.value > 9.5 * bank / 12


def test_a_battery_that_is_charged_is_not_cut_off_while_it_may_be_another_banks() -> None:
    charged = {**AT_36, "charger_v": 40.7, "charger_a": 1.0, "battery_a": 1.0}
    ctx = step_context(1000.0, volts=48, guard=True, changes={"lvd.enabled": True}, **charged)
    assert step_lvd(Lvd(False, low_since=900.0), True, True, ctx) == Lvd()
    low = {**charged, "supply_v": 47.0, "battery_v": 41.0, "charger_v": 41.1}
    ctx = step_context(1000.0, volts=48, guard=True, changes={"lvd.enabled": True}, **low)
    assert step_lvd(Lvd(False, low_since=900.0), True, True, ctx).is_open
