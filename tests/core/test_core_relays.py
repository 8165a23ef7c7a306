"""Relay faults: found by current and BATT_PATH within 5 s of a change, latched, acknowledged."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, rested, start, supply
from station import Station

from btrmd.model.commands import AckAlarm, StartTest, StopTest

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])

CONTRADICTIONS = [
    ("k1", {"battery_a": -2.3, "supply_a": 0.0}),
    ("k1", {"battery_a": 0.4, "charger_a": 2.5, "supply_a": 0.3}),  # the charger helps it feed
    ("k2", {"charger_v": 14.4, "battery_v": 13.0, "charger_a": 0.0}),
    ("k3", {"batt_path": False}),
]


def contradict(bench: Bench, channels: dict[str, object]) -> None:
    """From now on; a charger that gives nothing has given until now, or a reading might lie."""
    bench.put(battery_a=2.0, charger_a=2.0)
    bench.run(bench.dt)
    bench.free("battery_a", "charger_a")
    bench.put(**channels)


@STEPS
@pytest.mark.parametrize(("name", "channels"), CONTRADICTIONS)
def test_evidence_is_believed_after_3_s_and_latched_for_good(
    name: str, channels: dict[str, object], dt: float
) -> None:
    bench = Bench(dt=dt)
    bench.run(20.0)
    contradict(bench, channels)
    bench.run(2.0)
    bench.free(*channels)
    bench.run(5.0)
    assert bench.state.relays.faulty == (), "a short contradiction is none"
    contradict(bench, channels)
    bench.run(5.0)
    assert bench.state.relays.faulty == (name,)
    assert f"relay.{name}" in bench.alarms
    bench.free(*channels)
    bench.run(3600.0, dt=10.0)
    assert bench.state.relays.faulty == (name,)
    assert [event.kind.value for event in bench.reported(f"relay.{name}")] == ["raise"]


@pytest.mark.parametrize(("name", "channels"), CONTRADICTIONS)
def test_it_forbids_tests_until_it_is_acknowledged_with_its_cause_gone(
    name: str, channels: dict[str, object]
) -> None:
    bench = Bench()
    bench.run(20.0)
    contradict(bench, channels)
    bench.run(6.0)
    key = f"relay.{name}"
    assert bench.ask(StartTest("1", source="x")).code == "relay"
    answer = bench.ask(AckAlarm(key, "web"))
    assert (answer.ok, answer.text) == (True, "Acknowledged; the cause is still there.")
    assert bench.state.relays.faulty == (name,)
    assert bench.state.alarms.raised[key].acknowledged
    bench.free(*channels)
    bench.run(15.0)
    assert bench.state.relays.faulty == (name,)
    assert bench.ask(AckAlarm(key, "web")).ok
    assert bench.state.relays.faulty == ()
    assert key not in bench.alarms
    assert bench.ask(StartTest("1", source="x")).ok


def test_an_alarm_that_is_not_raised_cannot_be_acknowledged() -> None:
    bench = Bench()
    bench.run(20.0)
    answer = bench.ask(AckAlarm("relay.k1", "web"))
    assert (answer.ok, answer.code, answer.text) == (
        False, "unknown", "No alarm 'relay.k1' is raised.",
    )  # fmt: skip


SILENT: list[dict[str, object]] = [
    {"supply_a": None, "battery_a": -2.3},
    {"battery_a": None, "supply_a": 0.0},
    {"load_a": None, "battery_a": -2.3, "supply_a": 0.0},
    {"supply_v": None, "battery_a": -2.3, "supply_a": 0.0},
    {"guard": None, "battery_a": -2.3, "supply_a": 0.0},
    {"charger_a": None, "charger_v": 14.4, "battery_v": 13.0},
    {"charger_v": None, "charger_a": 0.0, "battery_v": 13.0},
    {"batt_path": None},
    {"batt_path": False, "battery_v": None},
]


@pytest.mark.parametrize("channels", SILENT)
def test_no_relay_is_blamed_on_a_bad_reading(channels: dict[str, object]) -> None:
    bench = Bench(ups__enabled=True)
    bench.run(20.0)
    bench.put(**channels)
    bench.run(30.0)
    assert bench.state.relays.faulty == ()


def mended(station: Station, name: str) -> None:
    station.plant.relay_faults[name] = "off"
    station.plant.touch()
    station.run(10.0)
    assert station.ask(AckAlarm(f"relay.{name}", "x")).ok
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.long
def test_every_relay_fault_of_the_plant_is_found_within_5_s_of_its_change(volts: int) -> None:
    station = rested(volts, dt=0.1)
    start(station)
    station.plant.relay_faults["k1"] = "welded"
    station.ask(StopTest("x"))
    assert station.until(lambda s: not s.state.outputs.k1, 5.0)
    station.run(5.0)
    assert station.state.relays.faulty == ("k1",)
    mended(station, "k1")

    station = rested(volts, dt=0.1, load_a=6.0)
    start(station)
    station.run(100.0)
    station.plant.relay_faults["k2"] = "welded"
    station.ask(StopTest("x"))
    station.run(5.2)
    assert station.state.relays.faulty == ("k2",)

    station = rested(volts, dt=0.1)
    station.plant.relay_faults["k3"] = "open"
    station.plant.touch()
    station.change(ups__enabled=False)
    station.run(5.2)
    assert station.state.relays.faulty == ("k3",)
    mended(station, "k3")


@pytest.mark.long
def test_a_healthy_plant_is_never_blamed() -> None:
    """Small loads, low supplies, both K1 positions, a charger in bulk: no relay is at fault."""
    for volts in (12, 48):
        for load_a in (0.25, 0.35, 0.5, 1.0, 9.0):
            for supply_v in (11.6, 12.5, 13.6, 14.2):
                station = rested(volts, dt=0.5, load_a=load_a)
                station.plant.supply.volts = supply_v * volts / 12
                station.plant.touch()
                station.run(12.0)
                station.plant.charger.switch(False)
                station.plant.touch()
                station.run(8.0)
                supply(station, False)
                station.run(8.0)
                station.plant.battery.set_soc(0.8)
                supply(station, True)
                station.run(30.0)
                assert station.state.relays.faulty == (), (volts, load_a, supply_v)
