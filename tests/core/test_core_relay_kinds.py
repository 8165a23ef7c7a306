"""Every kind of relay fault is found by what flows, also with a sensor missing."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, phase, rested, start, supply
from station import Station

from btrmd.core.machines.recharge import Recharge
from btrmd.core.scan.relations import CHARGER
from btrmd.hal.sim.circuit import Circuit
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import AckAlarm, StartTest, StopTest

FIELD = {"0x40": "battery_a", "0x41": "load_a", "0x44": "charger_a", "0x45": "supply_a"}


def put(station: Station, **keys: object) -> None:
    set_keys(station.plant, {key.replace("__", "."): value for key, value in keys.items()})


def site(volts: int, joined: bool, **settings: object) -> Station:
    """A site at rest; `joined`: its charger is the supply."""
    station = rested(volts, system__single_source=joined, **settings)  # type: ignore[arg-type]
    station.plant.single_source = joined
    station.plant.touch()
    return station


def found(station: Station, name: str, within_s: float) -> float:
    """Seconds until relay `name` is latched, and no other."""
    began = station.now
    assert station.until(lambda s: name in s.state.relays.faulty, within_s), (
        station.state.alarms.keys
    )
    assert station.state.relays.faulty == (name,)
    return station.now - began


# --- K2 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(
    ("volts", "load_a", "rated_ah"), [(12, 2.0, 17.0), (48, 2.0, 17.0), (24, 0.5, 100.0)]
)
@pytest.mark.parametrize("joined", [False, True])
def test_a_k2_that_stays_open_after_a_short_test_is_found_in_time(
    volts: int, load_a: float, rated_ah: float, dt: float, joined: bool
) -> None:
    """F2: a charger that has the volts and gives nothing back is not connected."""
    station = site(volts, joined, dt=dt, load_a=load_a, rated_ah=rated_ah, test__type2_min=1)
    start(station, "2")
    put(station, fault__relay__k2="welded")
    assert station.until(lambda s: phase(s) != "running", 90.0)
    seconds = found(station, "k2", 120.0)
    assert seconds < 75.0
    # a charger of its own reads too little above the battery to be told by that alone
    assert joined or seconds > 58.0


@pytest.mark.parametrize("is_over", [False, True])
def test_a_restart_does_not_hide_a_k2_that_stays_open(is_over: bool) -> None:
    """Killed in the test, or half a minute after it: what the charger owes is remembered."""
    station = rested(load_a=2.0, rated_ah=17.0, test__type2_min=1)
    start(station, "2")
    put(station, fault__relay__k2="welded")
    if is_over:
        assert station.until(lambda s: phase(s) == "idle", 120.0)
        station.run(5.0)
    station.crash(5.0)
    found(station, "k2", 120.0)


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("ran_s", [0.0, 10.0])
def test_a_k2_that_stays_open_is_found_though_hardly_anything_was_taken(
    volts: int, ran_s: float
) -> None:
    """A battery that has given nothing at all stays within mV of its charger for minutes."""
    station = rested(volts, load_a=0.5)
    assert station.ask(StartTest("1", source="test")).ok
    station.run(20.0)
    put(station, fault__relay__k2="welded")
    if ran_s:
        assert station.until(lambda s: phase(s) == "running", 60.0)
        station.run(ran_s)
    assert station.ask(StopTest("test")).ok
    found(station, "k2", 120.0 if ran_s else 600.0)


@pytest.mark.long
@pytest.mark.parametrize("joined", [False, True])
def test_a_charger_that_was_parted_for_a_moment_is_no_fault(joined: bool) -> None:
    for volts in VOLTS:
        for rated_ah in (7.0, 100.0, 400.0):
            station = site(volts, joined, rated_ah=rated_ah, load_a=0.5)
            for run_s in (5.0, 33.0, 50.0):
                assert station.ask(StartTest("1", source="test")).ok
                station.run(run_s)
                station.ask(StopTest("test"))
                station.run(900.0)
                assert station.state.relays.faulty == (), (volts, rated_ah, run_s)


@pytest.mark.parametrize("joined", [False, True])
def test_a_k2_that_fails_open_in_an_outage_is_found_when_the_charger_is_back(joined: bool) -> None:
    station = site(12, joined, load_a=3.0)
    supply(station, False)
    station.run(60.0)
    put(station, fault__relay__k2="welded")
    station.plant.relays.k2_open = True
    supply(station, True)
    found(station, "k2", 120.0)


@pytest.mark.long
@pytest.mark.parametrize("joined", [False, True])
def test_a_charger_that_gives_back_what_was_taken_is_no_fault(joined: bool) -> None:
    for rated_ah in (7.0, 17.0, 100.0, 400.0):
        for load_a in (0.3, 2.0, 9.0):
            station = site(12, joined, rated_ah=rated_ah, load_a=load_a, test__type2_min=1)
            start(station, "2")
            station.run(200.0)
            assert phase(station) == "idle"
            station.run(300.0)
            assert station.state.relays.faulty == (), (rated_ah, load_a)


def test_a_battery_still_above_its_charger_is_owed_nothing() -> None:
    """Right after an absorption the battery stands higher than the float that follows."""
    station = rested(load_a=2.0, test__type2_min=1)
    station.plant.battery.charge.surface = 1.45
    station.plant.touch()
    start(station, "2")
    station.run(180.0)
    assert station.inputs.battery_v.value > station.inputs.charger_v.value
    station.run(3600.0)
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("volts", [12, 48])
def test_a_k2_that_stays_open_is_found_though_the_chargers_reading_has_lied_in_the_test(
    volts: int,
) -> None:
    """It has jumped as the lie began and ended, and nothing has vouched for it since. A battery
    that low takes what any charger gives."""
    station = rested(volts, load_a=2.0)
    start(station, "2")
    station.run(20.0)
    put(station, **{"fault.reading.charger.voltage": f"{1.5 * volts / 12:+g}"})
    station.run(60.0)
    put(station, **{"fault.reading.charger.voltage": "off"})
    station.run(30.0)
    assert station.state.plausible.jumped[CHARGER]
    station.plant.battery.set_soc(0.2)
    put(station, fault__relay__k2="welded")
    station.ask(StopTest("test"))
    found(station, "k2", 8.0)
    assert "reading.charger.voltage" not in station.state.alarms.keys


@pytest.mark.parametrize("volts", VOLTS)
def test_the_gap_that_no_two_sensors_can_make(volts: int) -> None:
    """0.40 V a block without current is a fault; 0.34 V may be two sensors and a diode."""
    station = rested(volts)
    blocks = volts / 12
    station.lies["charger_a"] = lambda _: 0.0
    relays = station.state.relays  # K2 was told to open, and has not been seen closed since
    moved = relays._replace(recharge=Recharge(parted=True))
    station.state = station.state._replace(relays=moved)
    station.lies["battery_v"] = lambda _: 13.0 * blocks
    station.lies["charger_v"] = lambda _: 13.39 * blocks
    station.run(60.0)
    assert station.state.relays.faulty == ()
    station.lies["battery_v"] = lambda _: 12.97 * blocks
    found(station, "k2", 5.0)


# --- K1 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", [None, *FIELD])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_k1_that_does_not_let_go_is_found_with_any_current_missing(
    volts: int, chip: str | None
) -> None:
    station = rested(volts, load_a=5.0)
    start(station)
    station.run(400.0)
    put(station, fault__relay__k1="welded")
    if chip is not None:
        station.lies[FIELD[chip]] = None
    if phase(station) == "running":
        station.ask(StopTest("x"))
    assert station.until(lambda s: not s.state.outputs.k1, 10.0)
    found(station, "k1", 6.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("chip", FIELD)
def test_a_missing_current_alone_blames_nobody(chip: str) -> None:
    station = rested(load_a=5.0)
    station.lies[FIELD[chip]] = None
    for on in (False, True, False, True):
        supply(station, on)
        station.run(60.0)
    assert station.state.relays.faulty == ()


def test_a_contact_that_gives_the_load_nothing_though_the_supply_lives_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S1 or F1 is open: the guard holds the load, the supply feeds this unit alone."""
    station = rested(load_a=3.0)
    solve = Circuit.solve

    def cut(circuit: Circuit, load_a: float) -> float:
        circuit.has_s1 = False
        return solve(circuit, load_a)

    monkeypatch.setattr(Circuit, "solve", cut)
    station.plant.charger.switch(False)
    station.plant.touch()
    station.run(90.0)
    assert station.state.on_battery
    assert "relay.k1" in station.state.alarms.keys
    assert "reading.supply.voltage" not in station.state.alarms.keys
    assert station.plant.sense().load_v > 11.0


# --- chatter -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
def test_contacts_that_chatter_are_found_though_no_scan_is_like_the_other(
    name: str, dt: float
) -> None:
    station = rested(load_a=3.0, dt=dt)
    if name == "k2":  # in a test, where K2 must keep the charger off
        assert station.ask(StartTest("1", source="x")).ok
        station.run(30.0)
        assert station.state.outputs.k2
    elif name == "k3":
        station.change(ups__enabled=False)
    put(station, **{f"fault.relay.{name}": "chatter"})
    found(station, name, 60.0 if name == "k2" else 40.0)
    assert station.plant.dropped_s == 0.0
    put(station, **{f"fault.relay.{name}": "off"})
    station.run(60.0)
    station.ask(AckAlarm(f"relay.{name}", "x"))
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("dt", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("joined", [False, True])
def test_a_k2_that_chatters_after_a_short_test_is_found(
    joined: bool, volts: int, dt: float
) -> None:
    """It charges half the time, and the volts of a rested bank are too near to tell the rest."""
    station = rested(volts, load_a=3.0, dt=dt, test__type2_min=1, system__single_source=joined)
    station.plant.single_source = joined
    station.plant.noise = True
    station.plant.touch()
    assert station.ask(StartTest("2", source="x")).ok
    assert station.until(lambda s: phase(s) == "returning", 120.0)
    put(station, fault__relay__k2="chatter")
    found(station, "k2", 90.0)
    assert station.state.relays.faulty == ("k2",)
    put(station, fault__relay__k2="off")
    station.run(150.0)
    station.ask(AckAlarm("relay.k2", "x"))
    assert station.state.relays.faulty == ()
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("dt", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("line", ["guard", "batt_path"])
def test_a_line_that_lies_in_a_test_blames_no_relay(line: str, dt: float) -> None:
    """K1 is on and S1 open, as told: a guard line that says closed is no evidence against K1."""
    station = rested(load_a=5.0, dt=dt)
    start(station)
    station.run(30.0)
    put(station, **{f"fault.{line}": "low"})
    station.run(90.0)
    assert [key for key in station.state.alarms.keys if key.startswith("relay.")] == []
    assert f"reading.{'guard.active' if line == 'guard' else line}" in station.state.alarms.keys
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_charger_current_that_lies_in_a_test_blames_no_relay(dt: float) -> None:
    """A volt apart, charger and battery are parted: K2 is open as told."""
    station = rested(load_a=5.0, rated_ah=7.0, dt=dt)
    start(station)
    station.run(120.0)
    put(station, **{"fault.reading.charger.current": "+0.5"})
    station.run(90.0)
    assert station.state.relays.faulty == ()
    assert "wiring.current_balance" in station.state.alarms.keys
    assert station.plant.dropped_s == 0.0


# --- a joined source -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["k1", "k2"])
@pytest.mark.parametrize("load_a", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.long
def test_on_a_single_source_the_dead_coil_is_the_one_that_is_blamed(
    volts: int, load_a: float, name: str
) -> None:
    station = rested(volts, load_a=load_a, system__single_source=True)
    station.plant.single_source = True
    station.plant.noise = True
    station.plant.touch()
    station.run(4000.0)
    put(station, **{f"fault.relay.{name}": "open"})
    assert station.ask(StartTest("1", source="x")).ok
    station.run(45.0)
    assert phase(station) == "idle"
    assert station.state.relays.faulty == (name,)
    assert station.plant.dropped_s == 0.0


def test_a_welded_k1_is_not_taken_for_a_supply_that_lies() -> None:
    """The supply jumps when S1 parts it from the load that pulled it down; it tells the truth."""
    station = rested(load_a=5.0)
    supply(station, False)
    station.run(30.0)
    put(station, fault__relay__k1="welded")
    put(station, supply__ohms=1.0)
    supply(station, True)
    assert station.until(lambda s: "k1" in s.state.relays.faulty, 120.0)
    station.run(30.0)
    assert not any(key.startswith("reading.") for key in station.state.alarms.keys)


@pytest.mark.parametrize("volts", [12, 48])
def test_a_load_that_falls_on_a_welded_k1_keeps_its_battery_path(volts: int) -> None:
    """UPS mode is off, and K3 is pulled only where that drops nothing."""
    station = rested(volts, load_a=5.0, ups__enabled=False)
    start(station)
    put(station, fault__relay__k1="welded")
    station.run(2.0)
    station.ask(StopTest("x"))
    station.run(30.0)
    assert station.state.relays.k1.faulty
    put(station, load__amps=0.05)
    station.run(30.0)
    assert not station.state.outputs.k3
    assert station.plant.sense().load_v > 11.0 * volts / 12
