"""Readings that drift away slowly: told as what they are, or all that it may be is named."""

from __future__ import annotations

import pytest
from core_scenes import rested, start, supply
from station import Station

from btrmd.core.scan.relations import CHARGER
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import StopTest

VOLTS = (12, 48)
BOTH = ["reading.battery.voltage", "reading.charger.voltage"]


def lie(station: Station, point: str, text: str) -> None:
    set_keys(station.plant, {f"fault.reading.{point}": text})


def drift(station: Station, point: str, volts_per_h: float) -> None:
    """V an hour and block."""
    lie(station, point, f"drift:{volts_per_h * station.plant.blocks:g}")


def reported(station: Station) -> list[str]:
    """Readings that are not believed and relays that are blamed, by their alarms."""
    keys = station.state.alarms.keys
    return sorted(key for key in keys if key.startswith(("reading.", "relay.")))


def on_float(volts: int) -> Station:
    station = rested(volts, load_a=5.0, rated_ah=7.0, lvd__enabled=True)
    station.run(1800.0)
    assert 0.0 < station.inputs.charger_a.value < 0.05
    assert not station.plant.relays.k2_open
    return station


# --- on float, where no current tells ------------------------------------------------------------


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(
    ("point", "volts_per_h"),
    [("battery.voltage", -6), ("battery.voltage", -60), ("charger.voltage", 6)],
)
def test_a_reading_that_drifts_on_float_is_never_told_as_an_open_k2(
    volts: int, point: str, volts_per_h: float
) -> None:
    station = on_float(volts)
    drift(station, point, volts_per_h)
    assert station.until(lambda s: reported(s) != [], 600.0)
    assert reported(station) == BOTH
    for key in BOTH:
        text = station.state.alarms.raised[key].text
        assert "one of them is wrong, or relay K2 is open; it cannot be told which" in text
    station.run(600.0)
    assert station.state.relays.faulty == ()
    lie(station, point, "off")
    station.run(30.0)
    assert reported(station) == []


@pytest.mark.parametrize(
    ("volts", "volts_per_h", "before_s"),
    [(12, 6, 0), (12, 6, 200), (12, 12, 0), (12, 12, 100), (24, 12, 0)],
)
def test_a_charger_reading_that_creeps_up_after_a_test_is_never_told_as_an_open_k2(
    volts: int, volts_per_h: float, before_s: float
) -> None:
    """The test has ended an absorption: the battery stands above the charger, and no current shows
    that K2 has closed. A charger that gives nothing holds its volts."""
    station = rested(volts, load_a=2.0, rated_ah=17.0)
    station.run(60.0)
    supply(station, False)
    station.run(20.0)
    supply(station, True)
    station.run(1200.0)
    assert station.inputs.battery_v.value > 13.6 * station.plant.blocks
    drift(station, "charger.voltage", volts_per_h)
    station.run(before_s)
    start(station, "2")
    station.run(30.0)
    station.ask(StopTest("test"))
    assert station.until(lambda s: reported(s) != [], 900.0)
    assert station.inputs.charger_a.value < 0.05
    assert reported(station) == BOTH
    station.run(300.0)
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("volts", VOLTS)
def test_the_load_tells_in_an_outage_that_it_is_the_batterys_reading(volts: int) -> None:
    station = on_float(volts)
    drift(station, "battery.voltage", -20)
    assert station.until(lambda s: reported(s) == BOTH, 600.0)
    supply(station, False)
    station.run(20.0)
    assert reported(station) == ["reading.battery.voltage"]
    assert station.state.relays.faulty == ()
    assert station.plant.dropped_s == 0.0
    lie(station, "battery.voltage", "off")
    supply(station, True)
    station.run(60.0)
    assert reported(station) == []


@pytest.mark.parametrize("volts", VOLTS)
def test_a_doubt_of_the_charger_blames_no_k2_after_an_outage_and_ends_when_it_delivers(
    volts: int,
) -> None:
    station = on_float(volts)
    drift(station, "charger.voltage", 6)
    assert station.until(lambda s: reported(s) == BOTH, 600.0)
    station.run(300.0)
    supply(station, False)
    station.run(60.0)
    assert station.state.relays.faulty == ()
    lie(station, "charger.voltage", "off")
    supply(station, True)
    station.run(60.0)
    assert reported(station) == []


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("outage_s", [60.0, 300.0])
def test_a_k2_that_stays_open_is_named_after_a_crash_in_an_outage_too(
    volts: int, outage_s: float
) -> None:
    """The daemon dies in the outage; supply and charger are back before it is. Without the charger
    that was gone at its end, its volts might as well be a reading that hangs."""
    station = on_float(volts)
    supply(station, False)
    station.plant.relays.k2_open = True  # stuck, though its coil was never driven
    station.plant.relay_faults["k2"] = "welded"
    station.plant.touch()
    station.run(outage_s)
    supply(station, True)  # unseen: it has died
    station.crash(5.0)
    assert station.plant.relays.k2_open
    assert station.until(lambda s: "relay.k2" in reported(s), 180.0)
    assert station.plant.dropped_s == 0.0


def test_a_charger_that_reads_what_none_gives_is_named_for_that() -> None:
    station = on_float(12)
    drift(station, "charger.voltage", 60)
    assert station.until(lambda s: s.inputs.charger_v.value > 16.1, 300.0)
    station.run(3.0)
    assert reported(station) == ["reading.charger.voltage"]


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("point", ["battery.voltage", "charger.voltage"])
def test_a_reading_that_drifts_is_doubted_where_a_fifth_of_an_ampere_charges(
    volts: int, point: str
) -> None:
    """What is given and what is taken say that the two are tied; it is no word on K2."""
    station = rested(volts, load_a=2.0, rated_ah=100.0)
    station.plant.battery.set_soc(1.0)
    station.run(900.0)
    assert 0.15 < station.inputs.charger_a.value < 0.3
    drift(station, point, 12)
    assert station.until(lambda s: reported(s) != [], 300.0)
    assert reported(station) == BOTH
    assert "K2" not in station.state.alarms.raised[BOTH[0]].text
    lie(station, point, "off")
    station.run(30.0)
    assert reported(station) == []


# --- in an outage, until the chip has nothing to say any more ------------------------------------


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("volts_per_h", [-12, -60, 12, 60])
def test_a_battery_reading_that_drifts_out_of_its_chips_range_leaves_the_lvd_its_say(
    volts: int, volts_per_h: float
) -> None:
    """F5. At volts at which no battery feeds a load it is named; the load tells the battery then,
    also when the chip has come to its end."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.7 if abs(volts_per_h) < 20 else 0.5)
    station.run(20.0)
    supply(station, False)
    station.run(30.0)
    drift(station, "battery.voltage", volts_per_h)

    def tick_to(done: bool) -> bool:
        if not 0.0 <= station.inputs.battery_v.value <= 80.0:
            station.lies["battery_v"] = None
        return done

    assert station.until(lambda s: tick_to(s.state.lvd.is_open), 9000.0)
    assert reported(station) == ["reading.battery.voltage"]
    assert 10.4 < station.plant.circuit.battery_v / station.plant.blocks < 10.6
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("volts_per_h", [-60, 60])
def test_a_load_reading_that_drifts_away_in_an_outage_cuts_off_nobody(
    volts: int, volts_per_h: float
) -> None:
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    supply(station, False)
    station.run(30.0)
    drift(station, "load.voltage", volts_per_h)
    station.run(600.0)
    assert reported(station) == ["reading.load.voltage"]
    assert not station.state.lvd.is_open
    assert station.until(lambda s: s.state.lvd.is_open, 9000.0)
    assert 10.4 < station.plant.circuit.battery_v / station.plant.blocks < 10.6
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", VOLTS)
def test_a_battery_chip_that_dies_in_an_outage_leaves_one_witness_which_is_too_few(
    volts: int,
) -> None:
    """Nothing has told that the load's reading is the true one: it may be the next that lies."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    supply(station, False)
    station.run(30.0)
    station.lies["battery_v"] = None
    lie(station, "load.voltage", "x0.8")
    station.run(600.0)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


# --- what is vouched for -------------------------------------------------------------------------


def test_readings_that_move_together_have_not_jumped() -> None:
    """Two sensors at opposite ends of their tolerance are never near: a battery that is set to
    another charge took the charger along, which was blamed for a K2 that stayed open."""
    station = rested(12, load_a=5.0)
    station.errors = {"battery_v": (0.99, -0.02), "charger_v": (1.01, 0.02)}
    station.run(60.0)
    for soc in (0.03, 0.9):
        station.plant.battery.set_soc(soc)
        station.run(10.0)
        assert not station.state.plausible.jumped[CHARGER]
    start(station, "2")
    set_keys(station.plant, {"fault.relay.k2": "welded"})
    station.run(60.0)
    station.ask(StopTest("test"))
    assert station.until(lambda s: s.state.relays.faulty == ("k2",), 90.0)
    assert reported(station) == ["relay.k2"]


def test_a_charger_that_lies_is_named_under_the_limits_of_another_bank() -> None:
    """0.8 V are no more than half a volt a block of 24 V, which the bank is not."""
    station = rested(12, load_a=5.0)
    station.run(30.0)
    station.settings = station.settings.with_changes({"system.voltage": 24})
    station.crash(1.0)
    station.run(30.0)
    assert station.state.bank_fit.is_wrong
    station.plant.battery.set_soc(0.2)
    station.run(30.0)
    assert reported(station) == []
    supply(station, False)
    station.plant.charger.on = True
    station.plant.touch()
    station.run(30.0)
    lie(station, "charger.voltage", "-0.8")
    station.run(12.0)
    assert reported(station) == ["reading.charger.voltage"]
    assert station.plant.dropped_s == 0.0


# --- a supply that is back, and reads low --------------------------------------------------------


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("soc", [0.02, 0.06, 0.1])
@pytest.mark.parametrize(("below", "names"), [(0.1, 2), (0.25, 2), (0.4, 1)])
def test_a_supply_that_reads_low_beside_a_nearly_flat_battery_gets_its_load_back(
    volts: int, soc: float, below: float, names: int
) -> None:
    """What feeds the load alone is no lower than the battery beside it. Within what sensors differ
    by it cannot be told who lies: the guard, which looks at the supply itself, decides."""
    station = rested(volts, load_a=2.0)
    supply(station, False)
    station.plant.battery.set_soc(soc)
    station.run(30.0)
    assert station.state.outputs.k1
    told = station.plant.circuit.battery_v / station.plant.blocks - below
    lie(station, "supply.voltage", f"x{told / 13.6:.4f}")
    station.run(10.0)
    station.plant.supply.on = True
    station.plant.touch()
    station.run(40.0)
    assert len(reported(station)) == names
    assert "reading.supply.voltage" in reported(station)
    assert not station.state.outputs.k1
    assert not station.plant.guard.active
    assert station.plant.circuit.path_a == 0.0
    assert station.plant.dropped_s == 0.0
    supply(station, False)  # and the next outage is one
    station.run(10.0)
    assert station.plant.circuit.path_a > 1.9
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("soc", [0.06, 0.15])
def test_a_joined_source_that_reads_low_beside_a_nearly_flat_battery_gets_its_load_back(
    volts: int, soc: float
) -> None:
    """Its charger gives less than the load takes: the battery gives the rest, and the source reads
    little less than the load that it feeds by way of K2. It cannot be below it at all."""
    station = rested(volts, load_a=2.0, rated_ah=7.0)
    station.change(system__single_source=True)
    station.plant.single_source = True
    start(station, "2")
    supply(station, False)
    station.plant.battery.set_soc(soc)
    station.run(30.0)
    assert station.state.outputs.k1
    assert not station.plant.guard.active
    told = station.plant.sense().load_v / station.plant.blocks - 0.35
    lie(station, "supply.voltage", f"x{told / 13.6:.4f}")
    station.run(10.0)
    supply(station, True)
    station.run(1.0)
    assert station.plant.sense().battery_a < -0.5  # it gives, beside the source
    station.run(40.0)
    assert reported(station) == ["reading.supply.voltage"]
    assert not station.state.outputs.k1
    assert station.plant.circuit.path_a == 0.0
    assert station.plant.dropped_s == 0.0
