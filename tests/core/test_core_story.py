"""The station's stories, each told over the simulated plant."""

from __future__ import annotations

from station import Station

from btrmd.hal.sim.plant import Plant
from btrmd.model.commands import StartTest


def rested(**settings: object) -> Station:
    plant = Plant(rated_ah=17.0)
    station = Station({"battery.rated_ah": 17, **settings}, plant=plant)
    station.plant.load.hold(2.0)
    station.run(30.0)
    return station


def test_a_type_1_test_moves_the_load_and_brings_it_back() -> None:
    station = rested()
    answer = station.ask(StartTest("1", source="test"))
    assert answer.ok, answer.text
    assert station.until(lambda s: s.state.test.state.value == "running", 60.0), station.events
    sense = station.plant.sense()
    assert sense.battery_a < -1.9
    assert sense.supply_a < 0.5
    station.run(1800.0)
    running = station.state.test.record
    assert running is not None
    assert running.estimate_s is not None  # people see it while the test runs
    assert station.until(lambda s: s.state.test.state.value == "idle", 5 * 3600.0)
    record = station.records[1]
    assert record.state == "finished"
    assert record.result in ("good", "low")
    assert record.estimate_s is not None
    station.run(20.0)
    assert station.plant.sense().supply_a > 1.9
    assert station.plant.dropped_s == 0.0
    assert not station.state.outputs.k1
    assert not station.state.outputs.k2
    assert station.state.alarms.keys in ((), ("battery.low_capacity",))
