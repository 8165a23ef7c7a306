"""Readings that lie: the odd one is found, told and left out; in doubt the load stays fed."""

from __future__ import annotations

import pytest
from core_scenes import (
    VOLTS,
    Bench,
    bad_readings,
    joined,
    last,
    lie,
    phase,
    rested,
    start,
    supply,
)
from station import POINT_OF, Station

from btrmd.core.machines.odd_one import put
from btrmd.core.publish import points
from btrmd.core.requests import look, prechecks
from btrmd.core.scan.relations import BATTERY, Tie
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import StartTest
from btrmd.model.readings import Quality

VOLTAGES = ("battery.voltage", "load.voltage", "charger.voltage", "supply.voltage")


def site(state: str, volts: int = 12, **settings: object) -> Station:
    """A station in the middle of something, with LVD and UPS mode on."""
    station = rested(
        volts, load_a=5.0, rated_ah=17.0 if state == "running" else 7.0, lvd__enabled=True,
        **settings,
    )  # fmt: skip
    if state == "bulk":
        station.plant.battery.set_soc(0.4)
        station.run(60.0)
    elif state == "running":
        start(station)
        station.run(30.0)
    elif state == "outage":
        supply(station, False)
        station.run(30.0)
    return station


def drain(station: Station) -> float:
    """A real outage down to the LVD; the lowest V a block at which the battery still gave."""
    supply(station, False)
    plant, lowest, open_s = station.plant, 99.0, 0
    plant.battery.set_soc(min(plant.battery.charge.soc, 0.12))
    for _ in range(9000):
        station.tick()
        if plant.circuit.battery_a < -0.6:
            lowest = min(lowest, plant.circuit.battery_v / plant.blocks)
        open_s += station.state.lvd.is_open
        if open_s > 30:
            return lowest
    return lowest


STEP_LIES = ("x0.78", "x1.25", "-2.0", "x0", "noise:2")
SEEN = [
    *(("battery.voltage", state) for state in ("bulk", "running", "outage")),
    *(("load.voltage", state) for state in ("float", "bulk", "running", "outage")),
    *(("supply.voltage", state) for state in ("float", "bulk")),
    ("charger.voltage", "bulk"),
]


@pytest.mark.parametrize("text", STEP_LIES)
@pytest.mark.parametrize(("point", "state"), SEEN)
@pytest.mark.long
def test_a_reading_that_jumps_away_is_named_at_once(point: str, state: str, text: str) -> None:
    station = site(state)
    lie(station, point, text)
    assert station.until(lambda s: bad_readings(s) != [], 15.0)
    assert bad_readings(station) == [f"reading.{point}"]
    shown = points(station.state, station.inputs, {}, station.now)[point]
    assert (shown.value, shown.quality) == (None, Quality.BAD)
    station.run(60.0)
    assert phase(station) in ("idle", "running")
    assert phase(station) == "idle" or state != "running"
    assert drain(station) > 10.2, "the LVD opens by what is left"
    lie(station, point, "off")
    supply(station, True)
    station.run(1200.0)
    assert bad_readings(station) == []
    assert not station.state.outputs.k1
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", [12, 36])
@pytest.mark.parametrize(
    ("liar", "text"), [("battery", "x0.85"), ("battery", "+4.0"), ("charger", "x0.85")]
)
def test_who_agreed_while_a_current_lied_is_not_blamed_for_what_came_before(
    volts: int, liar: str, text: str
) -> None:
    """The charger comes back after two minutes in which nobody could vouch for it, and a current
    that lies meanwhile hides that it agrees with the battery."""
    station = rested(volts, load_a=9.0, rated_ah=17.0)
    station.plant.battery.set_soc(0.2)
    supply(station, False)
    station.run(150.0)
    lie(station, "load.current", "x0.78")
    supply(station, True)
    station.run(20.0)
    station.plant.reading_faults.clear()
    lie(station, f"{liar}.voltage", text)
    station.run(8.0)
    odd = [
        (name, one.doubted)
        for name, one in zip(VOLTAGES, station.state.plausible.odd, strict=True)
        if one is not None
    ]
    assert odd, "it is told"
    assert all(doubted or name == f"{liar}.voltage" for name, doubted in odd), odd


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("point", ["load.voltage", "charger.voltage"])
@pytest.mark.parametrize("text", ["x0.85", "x1.2"])
def test_who_lies_while_the_charger_feeds_the_load_is_named(
    volts: int, point: str, text: str
) -> None:
    """The battery floats beside it and says nothing: it neither takes nor gives."""
    station = rested(volts, load_a=2.0)
    set_keys(station.plant, {"supply.on": 0})
    station.run(120.0)
    assert abs(station.plant.sense().battery_a) < 0.1
    lie(station, point, text)
    assert station.until(lambda s: bad_readings(s) != [], 10.0)
    assert bad_readings(station) == [f"reading.{point}"]
    station.run(60.0)
    assert station.plant.dropped_s == 0.0
    station.plant.reading_faults.clear()
    station.run(30.0)
    assert bad_readings(station) == []


def test_a_battery_that_is_changed_while_the_lvd_is_open_is_not_blamed() -> None:
    """It jumps as no battery does, and the charger's reading had been wrong before."""
    station = rested(load_a=5.0, rated_ah=7.0, lvd__enabled=True)
    drain(station)
    assert station.state.lvd.is_open
    lie(station, "charger.voltage", "x0.78")
    station.run(60.0)
    set_keys(station.plant, {"battery.soc": 1, "charger.on": 1})
    assert station.until(lambda s: bad_readings(s) != [], 15.0)
    assert not station.state.plausible.is_odd("battery.voltage")
    set_keys(station.plant, {"fault.reading.charger.voltage": "off"})
    station.run(120.0)
    assert bad_readings(station) == []
    assert not station.state.lvd.is_open


@pytest.mark.parametrize("volts", [12, 24])
def test_a_battery_that_jumped_while_a_current_lied_is_not_blamed_for_the_load(volts: int) -> None:
    """Battery and load have agreed since, over a K1 that is on."""
    station = rested(volts, load_a=2.0)
    supply(station, False)
    station.run(60.0)
    lie(station, "load.current", "-2.0")
    station.run(5.0)
    station.plant.battery.set_soc(0.05)
    station.run(30.0)
    station.plant.reading_faults.clear()
    lie(station, "load.voltage", "x0.85")
    station.run(8.0)
    assert bad_readings(station) != []
    assert not station.state.plausible.is_odd("battery.voltage")


@pytest.mark.parametrize("volts", [12, 48])
def test_a_charger_that_is_gone_does_not_hang(volts: int) -> None:
    """It stands at 0 V as it may, while the battery's reading, which lies, moves."""
    station = rested(volts, ups__enabled=False)
    station.plant.battery.set_soc(0.9)
    lie(station, "load.current", "x1.5")
    station.run(30.0)
    station.plant.reading_faults.clear()
    lie(station, "battery.voltage", "x0.78")
    station.run(3.0)
    supply(station, False)
    station.run(20.0)
    assert not station.state.plausible.is_odd("charger.voltage")


@pytest.mark.parametrize("volts", [12, 48])
def test_a_load_that_nobody_could_vouch_for_is_not_blamed_for_that(volts: int) -> None:
    """Its current has lied since the start; the LVD does not open on the battery's lie alone."""
    station = rested(volts, load_a=5.0, lvd__enabled=True)
    lie(station, "load.current", "x1.5")
    station.run(300.0)
    supply(station, False)
    station.run(3.0)
    station.plant.reading_faults.clear()
    lie(station, "battery.voltage", "x0.78")
    station.run(60.0)
    assert not station.state.plausible.is_odd("load.voltage")
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


def test_a_battery_that_the_charger_holds_does_not_jump_behind_an_open_k3() -> None:
    """UPS mode is off, so K3 is pulled; what jumps on float lies, whatever jumps after it."""
    station = rested(36, ups__enabled=False)
    station.plant.battery.set_soc(0.9)
    station.run(30.0)
    assert station.state.outputs.k3
    lie(station, "battery.voltage", "x0.85")
    station.run(30.0)
    station.plant.battery.set_soc(0.1)
    station.run(30.0)
    assert any(key == "reading.battery.voltage" for key in station.state.alarms.keys)
    assert not station.state.plausible.is_odd("charger.voltage")


def test_another_battery_behind_an_open_k3_has_not_jumped() -> None:
    """Nothing is read of the charger: that it holds the battery cannot be said."""
    station = rested(12, ups__enabled=False)
    station.lies["charger_v"] = None
    station.run(30.0)
    assert station.state.outputs.k3
    station.plant.battery.set_soc(0.05)
    station.run(30.0)
    assert not station.state.plausible.jumped[BATTERY]


def test_a_sinking_battery_reading_while_charging_cuts_off_nobody() -> None:
    """F5: the LVD must not open on it, and the outage after it finds its battery."""
    station = site("bulk")
    station.run(60.0)
    lie(station, "battery.voltage", "x0.78")
    station.run(60.0)
    assert not station.state.lvd.is_open
    assert bad_readings(station) == ["reading.battery.voltage"]
    assert "reads" in station.state.alarms.raised["reading.battery.voltage"].text
    supply(station, False)
    station.run(60.0)
    assert station.plant.sense().load_v > 11.0
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("text", ["hold", "drift:-4", "drift:4"])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_supply_reading_that_hangs_in_an_outage_leaves_the_lvd_its_say(
    volts: int, text: str
) -> None:
    """F6."""
    station = rested(volts, load_a=5.0, rated_ah=7.0, lvd__enabled=True)
    if text == "hold":
        lie(station, "supply.voltage", text)
    supply(station, False)
    station.run(5.0)
    lie(station, "supply.voltage", text)
    if text == "hold":
        lie(station, "supply.voltage", f"+{13.6 * volts / 12:g}")
    station.run(30.0)
    assert station.state.on_battery
    if text == "hold":
        assert bad_readings(station) == ["reading.supply.voltage"]
    assert 10.2 < drain(station) < 10.5
    assert station.plant.dropped_s == 0.0
    lie(station, "supply.voltage", "off")
    supply(station, True)
    station.run(120.0)
    assert station.plant.sense().supply_a > 4.9
    assert bad_readings(station) == []


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("text", ["x0.78", "x0", "-2.5", "x1.15"])
def test_a_battery_reading_that_jumps_while_a_joined_source_charges_is_named(
    volts: int, text: str
) -> None:
    """It was believed until the next outage: a low battery was told that was none."""
    text = f"-{2.5 * volts / 12:g}" if text == "-2.5" else text
    station = rested(volts, load_a=3.0, system__single_source=True, lvd__enabled=True)
    station.plant.single_source = True
    set_keys(station.plant, {"battery.soc": 0.6})
    station.run(60.0)
    assert station.plant.sense().battery_a > 1.0
    lie(station, "battery.voltage", text)
    station.run(60.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    supply(station, False)
    station.run(600.0)
    assert not station.state.lvd.is_open
    assert "battery.low_voltage" not in station.state.alarms.keys
    assert station.plant.dropped_s == station.plant.dead_s == 0.0


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("text", ["x0", "x0.8", "-3"])
@pytest.mark.parametrize("ran_s", [30.0, 90.0, 900.0])
@pytest.mark.parametrize("joined", [False, True])
def test_a_live_supply_that_reads_low_in_a_test_gets_its_load_back(
    volts: int, text: str, ran_s: float, joined: bool
) -> None:
    station = rested(volts, load_a=3.0, system__single_source=joined)
    station.plant.single_source = joined
    start(station)
    station.run(ran_s)
    text = f"-{3 * volts // 12}" if text == "-3" else text
    lie(station, "supply.voltage", text)
    station.run(30.0)
    assert phase(station) == "idle"
    assert station.records[1].result == "aborted"
    assert not station.plant.relays.s1_open
    assert station.plant.sense().supply_a > 2.9
    assert not station.state.on_battery
    assert bad_readings(station) == ["reading.supply.voltage"]


@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
@pytest.mark.parametrize("text", ["hold", "x0.85", "drift:-6", "drift:6"])
def test_no_verdict_comes_from_volts_that_contradict_each_other(point: str, text: str) -> None:
    station = rested(
        load_a=6.0, rated_ah=7.0, test__minimum_runtime_min=10, test__type2_min=90,
        test__type2_minimum_mv=10500,
    )  # fmt: skip
    start(station, "2")
    station.run(20.0)
    lie(station, point, text)
    lowest = 99.0
    while phase(station) == "running":
        station.tick()
        lowest = min(lowest, station.plant.circuit.battery_v)
    station.run(30.0)
    assert last(station).result == "aborted", last(station).reason
    assert lowest > 11.0
    assert any(event.key.startswith("reading.") for event in station.events)
    assert station.plant.dropped_s == 0.0
    assert station.plant.sense().supply_a > 5.9


def test_a_doubt_is_resolved_by_what_the_supply_and_the_charger_say_after_it() -> None:
    station = rested(load_a=5.0)
    start(station)
    lie(station, "battery.voltage", "drift:60")
    assert station.until(lambda s: len(bad_readings(s)) == 2, 600.0)
    assert "cannot be told" in station.state.alarms.raised["reading.load.voltage"].text
    lines = prechecks(station.state, look(station.state, station.inputs, station.now))
    assert next(line for line in lines if line.name == "Readings").text == (
        "Two readings contradict each other."
    )
    station.run(30.0)
    again = "the load agrees with the supply again"
    assert bad_readings(station) == ["reading.battery.voltage"], again
    refused = station.ask(StartTest("1", source="x"))
    assert (refused.ok, refused.code) == (False, "alarm")


@pytest.mark.parametrize("volts", VOLTS)
def test_an_idle_battery_that_reads_low_is_not_cut_off_by_one_witness(volts: int) -> None:
    """Charger off: nobody can say whether it lies; the next outage tells."""
    station = rested(volts, load_a=5.0, lvd__enabled=True)
    station.plant.charger.switch(False)
    station.plant.touch()
    station.run(20.0)
    lie(station, "battery.voltage", "x0.78")
    station.run(120.0)
    assert not station.state.lvd.is_open
    supply(station, False)
    station.run(60.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    assert station.plant.dropped_s == 0.0
    assert 10.2 < drain(station) < 10.5


# --- currents ------------------------------------------------------------------------------------

AMPS = [name for name in POINT_OF.values() if name.endswith(".current")]


@pytest.mark.parametrize("point", AMPS)
@pytest.mark.parametrize("text", ["x0.6", "-2.0", "+1.5"])
@pytest.mark.parametrize("state", ["float", "running", "outage"])
@pytest.mark.long
def test_a_current_that_lies_moves_no_load_and_gives_no_verdict(
    point: str, text: str, state: str
) -> None:
    station = site(state)
    lie(station, point, text)
    station.run(150.0)
    alarms = set(station.state.alarms.keys)
    untouched = text == "x0.6" and abs(getattr(station.plant.sense(), _field(point))) < 1.0
    assert untouched or alarms & {"wiring.current_balance", f"reading.{point}"}
    assert not any(key.startswith("relay.") for key in alarms)
    needed = f"reading.{point}" not in alarms
    assert phase(station) == ("running" if state == "running" and (untouched or not needed) else
                              "idle")  # fmt: skip
    assert station.state.on_battery is (state == "outage")
    assert drain(station) > 10.2
    assert station.plant.dropped_s == 0.0


def _field(point: str) -> str:
    return next(name for name, other in POINT_OF.items() if other == point)


@pytest.mark.parametrize("point", ["load.current", "charger.current", "supply.current"])
def test_a_current_against_its_diode_is_not_believed(point: str) -> None:
    bench = Bench()
    bench.run(20.0)
    field = _field(point)
    bench.put(**{field: -0.15})
    bench.run(30.0)
    assert f"reading.{point}" not in bench.alarms
    bench.put(**{field: -0.3})
    bench.run(3.0)
    assert f"reading.{point}" in bench.alarms
    assert "backward" in bench.state.alarms.raised[f"reading.{point}"].text
    bench.free(field)
    bench.run(7.0)
    assert f"reading.{point}" not in bench.alarms


@pytest.mark.parametrize("text", ["-2.0", "x0.78", "drift:-120"])
def test_no_verdict_comes_from_one_witness_though_the_load_is_too_small_to_prove_him_wrong(
    text: str,
) -> None:
    """Half an ampere is no more than what this unit itself may take: the currents say nothing."""
    station = rested(load_a=0.5)
    station.plant.noise = False
    station.errors["load_a"] = (0.99, -0.03)
    station.errors["battery_a"] = (1.0, 0.03)
    start(station)
    station.run(60.0)
    lie(station, "battery.voltage", text)
    assert station.until(lambda s: phase(s) != "running", 900.0)
    station.run(60.0)
    record = last(station)
    assert record.result == "aborted", record.reason


@pytest.mark.parametrize("volts", VOLTS)
def test_a_reading_that_is_honest_again_is_believed_at_the_ends_of_the_tolerance(
    volts: int,
) -> None:
    station = rested(volts)
    station.errors["load_v"] = (0.99, -0.02)
    station.errors["supply_v"] = (1.01, 0.02)
    lie(station, "load.voltage", "x0.78")
    station.run(30.0)
    assert bad_readings(station) == ["reading.load.voltage"]
    lie(station, "load.voltage", "off")
    station.run(45.0)
    assert bad_readings(station) == []


def test_the_error_of_a_current_is_not_taken_for_this_units_own_draw() -> None:
    station = rested(48)
    start(station)
    station.run(10.0)
    station.errors["supply_a"] = (1.0, 0.05)
    set_keys(station.plant, {"supply.on": 0})  # the test ends, and the charger is back
    station.run(20.0)
    assert station.inputs.charger_a.value > 0.5
    assert station.inputs.guard is False
    assert bad_readings(station) == []
    assert station.state.outputs.k1


def test_a_dead_load_is_no_witness_against_the_battery() -> None:
    """UPS mode off: the supply takes the load with it, and the battery's reading drifts down."""
    station = rested(lvd__enabled=True, ups__enabled=False)
    station.run(30.0)
    supply(station, False)
    lie(station, "battery.voltage", "drift:-120")
    station.run(120.0)
    assert station.inputs.battery_v.value < 10.0
    assert station.inputs.load_v.value < 1.0
    assert not station.state.lvd.is_open
    station.change(ups__enabled=True)
    station.run(5.0)
    assert station.plant.circuit.bus_v > 11.0
    station.run(60.0)
    assert not station.state.plausible.is_odd("load.voltage"), "it tells the truth"
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s < 1.1, "as long as it took to hear of it"


def test_a_lying_charger_cuts_off_no_battery_whose_own_reading_is_not_believed() -> None:
    station = rested(lvd__enabled=True)
    station.run(60.0)
    lie(station, "charger.voltage", "x0.85")
    station.run(30.0)
    station.plant.battery.set_soc(0.1)  # as no battery moves: its own reading is doubted
    station.run(60.0)
    assert 10.6 < station.plant.circuit.battery_v < 12.0
    assert not station.state.lvd.is_open


# --- nothing is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.long
def test_a_healthy_site_is_never_doubted(volts: int) -> None:
    """Small loads, low supplies, deep batteries, all the moves between the sources."""
    for load_a in (0.1, 0.5, 3.0, 9.0):
        for share in (11.6, 12.6, 14.4):
            station = rested(volts, dt=0.5, load_a=load_a, lvd__enabled=True)
            station.plant.noise = True
            station.plant.supply.volts = share * volts / 12
            station.plant.touch()
            station.run(20.0)
            for soc in (1.0, 0.5, 0.1):
                station.plant.battery.set_soc(soc)
                supply(station, False)
                station.run(20.0)
                supply(station, True)
                station.run(40.0)
            assert station.state.plausible.reasons == {}, (load_a, share)
            assert not any(event.key.startswith("reading.") for event in station.events)


def test_a_restart_does_not_say_that_readings_agree_which_do_not() -> None:
    station = rested()
    lie(station, "load.voltage", "+3")
    station.run(30.0)
    assert "reading.load.voltage" in station.state.alarms.keys
    station.crash(5.0)
    station.run(60.0)
    assert "reading.load.voltage" in station.state.alarms.keys
    assert station.kinds("reading.load.voltage") == ["raise"]


def test_a_charger_that_delivers_is_present_whatever_its_volts_say() -> None:
    """DESIGN 8b: or while it delivers more than 0.05 A, for 10 s."""
    station = rested()
    station.plant.battery.set_soc(0.6)
    station.run(30.0)
    lie(station, "charger.voltage", "x0")
    station.run(30.0)
    shown = points(station.state, station.inputs, {}, station.now)["charger.present"]
    assert (shown.value, shown.quality) == (True, Quality.GOOD)


def test_a_test_that_loses_a_reading_names_no_other_one() -> None:
    """The charger's current is needed by no running test; its lie is not why this one ends."""
    bench = Bench(dt=0.1)
    bench.start()
    bench.until("running", 60.0)
    bench.run(60.0)
    bench.put(charger_a=-3.0)
    bench.run(30.0)
    assert phase(bench) == "running"
    assert "reading.charger.current" in bench.alarms
    bench.put(temperature=None)
    bench.run(5.0)
    assert phase(bench) != "running"
    bench.until("idle", 60.0)
    assert last(bench).reason == "A needed sensor has no good reading."


@pytest.mark.parametrize("volts", [12, 24])
def test_a_supply_that_was_away_is_not_the_odd_one_because_it_came(volts: int) -> None:
    """It jumps by right; what has lied meanwhile, unseen on a dark bus, is not vouched for."""
    station = site("float", volts)
    drain(station)
    station.run(60.0)
    lie(station, "load.voltage", "x0.85")
    station.run(30.0)
    supply(station, True)
    for _ in range(300):
        station.tick()
        assert not station.state.plausible.is_odd("supply.voltage")
    assert "reading.load.voltage" in bad_readings(station)  # at least as one of the two


def test_a_charger_that_gives_nothing_in_an_outage_is_lost_whatever_its_reading() -> None:
    """Its volts were not believed when the supply went; that it has none is believed."""
    station = site("bulk")
    lie(station, "charger.voltage", "x0.78")
    assert station.until(lambda s: bad_readings(s) == ["reading.charger.voltage"], 15.0)
    supply(station, False)
    station.run(66.0)
    assert "charger.lost" in station.state.alarms.keys
    assert [e.value for e in station.events if e.key == "charger.lost"] == [0.0]


def test_a_charger_that_lies_is_named_though_the_battery_takes_and_gives_nothing() -> None:
    """What it gives goes to the load; the battery floats between them and balances the rest."""
    station = site("outage")
    station.plant.charger.on = True
    set_keys(station.plant, {"load.amps": 3.0})
    station.run(60.0)
    amps = station.plant.sense().charger_a
    set_keys(station.plant, {"load.amps": amps - 0.3})  # the HAT takes the rest
    station.run(20.0)
    assert abs(station.plant.sense().battery_a) < 0.5
    lie(station, "charger.voltage", "x1.2")
    assert station.until(lambda s: bad_readings(s) != [], 15.0)
    assert bad_readings(station) == ["reading.charger.voltage"]
    assert station.plant.dropped_s == 0.0


def test_a_flow_that_is_seen_for_one_scan_is_no_second_witness() -> None:
    """The battery's reading drifts away in an outage, and cannot be told from the load's. Then the
    battery sinks at once: for a scan the currents look as if the supply fed the load, which must
    not make the load's reading the odd one, nor the lie the LVD's only word."""
    station = site("outage", 24)
    lie(station, "battery.voltage", "drift:-120")
    station.run(75.0)
    assert station.state.plausible.is_doubtful
    memory = station.state.plausible
    place = Tie.SUPPLY_LOAD.value
    station.state = station.state._replace(
        plausible=memory._replace(
            broken_at=put(memory.broken_at, place, station.now),
            broken_since=put(memory.broken_since, place, station.now),
        )
    )
    station.run(120.0)
    assert not station.state.plausible.is_odd("load.voltage")
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("text", ["x0", "x0.78", "x0.8"])
@pytest.mark.parametrize("charger", [True, False])
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("volts", "restarts"), [(12, False), (48, False), (48, True)])
def test_a_supply_reading_that_lies_low_when_the_supply_is_back_gives_the_load_back(
    volts: int, restarts: bool, single: bool, charger: bool, text: str
) -> None:
    """What delivers beside a battery is not below it, whoever else is silent."""
    station = rested(
        volts, load_a=2.0, rated_ah=17.0, lvd__enabled=True, system__single_source=single
    )
    station.plant.single_source = single
    supply(station, False)
    station.plant.charger.on = False
    station.plant.battery.set_soc(0.6)
    station.plant.touch()
    station.run(20.0)
    assert station.state.outputs.k1
    lie(station, "supply.voltage", text)
    station.run(10.0)
    station.plant.supply.on = True
    station.plant.charger.on = charger
    station.plant.touch()
    if restarts:
        station.crash(2.0)
    station.run(30.0)
    assert bad_readings(station) == ["reading.supply.voltage"]
    assert not station.plant.circuit.path_a > 0.0
    assert not station.state.outputs.k1
    assert station.plant.unfed.dropped_s == 0.0
    lie(station, "supply.voltage", "off")
    station.run(30.0)
    assert bad_readings(station) == []
    assert not station.state.on_battery


def test_a_doubt_about_two_readings_ends_when_one_of_them_is_named() -> None:
    """The charger is doubted with the battery, then the battery is named: one alarm is left."""
    station = site("bulk")
    lie(station, "battery.voltage", "drift:-1000")
    station.run(60.0)
    supply(station, False)
    station.run(60.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    lie(station, "battery.voltage", "off")
    supply(station, True)
    station.run(120.0)
    assert bad_readings(station) == []
    assert not station.state.plausible.is_doubtful


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize(
    ("point", "text"),
    [("battery.voltage", "x0.78"), ("charger.voltage", "x1.1")],
)
def test_on_a_joined_source_a_reading_that_jumps_on_float_is_named_too(
    volts: int, point: str, text: str
) -> None:
    """A battery that read 10.6 V a block was told as low, and as nothing else."""
    station = joined(volts, load_a=5.0)
    station.run(3600.0)
    assert 0.0 < station.inputs.battery_a.value < 0.05, "no current ties them"
    lie(station, point, text)
    station.run(60.0)
    assert station.state.plausible.is_odd(point)
    assert station.state.alarms.keys == (f"reading.{point}",)
