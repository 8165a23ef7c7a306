"""The way back: charger, supply, watch; and what happens when there is no way back."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, last, phase, rested, sentences, start, supply

from btrmd.core.machines.capacity import CapacityHealth, adopt
from btrmd.core.recover import closed_after_death, let_go
from btrmd.model.board import SAFE_OUTPUTS
from btrmd.model.commands import StartTest, StopTest
from btrmd.model.discharge import Capacity, TestRecord

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


@STEPS
@pytest.mark.parametrize("volts", VOLTS)
def test_charger_first_supply_2_s_later_and_5_s_of_watching(volts: int, dt: float) -> None:
    station = rested(volts, dt=dt)
    start(station)
    station.run(20.0)
    asked = station.now
    station.ask(StopTest("test"))
    assert (station.state.outputs.k1, station.state.outputs.k2) == (True, False)
    assert station.until(lambda s: not s.state.outputs.k1, 10.0)
    assert station.now - asked == pytest.approx(2.0, abs=2.1 * dt)
    assert phase(station) == "returning"
    released = station.now
    assert station.until(lambda s: phase(s) == "idle", 10.0)
    assert station.now - released == pytest.approx(5.0, abs=2.1 * dt)
    sense = station.plant.sense()
    assert sense.supply_a > 1.9
    assert sense.charger_a > 0.1
    assert station.plant.dropped_s == 0.0
    assert station.plant.lowest_v_block > 11.5
    assert last(station).type == "1"


@STEPS
def test_a_bus_that_stays_low_gets_the_battery_back(dt: float) -> None:
    bench = Bench(dt=dt)
    bench.start()
    bench.ask(StopTest("test"))
    while bench.state.outputs.k1:
        bench.step()
    bench.put(load_v=11.4)
    bench.run(4.0)
    assert not bench.state.outputs.k1
    bench.run(2.5)
    assert bench.state.outputs.k1
    bench.free("load_v")
    bench.run(3.0)
    record = bench.records[1]
    assert record.state == "finished"
    assert "return_failed" in record.marks
    assert bench.state.on_battery
    assert bench.state.transfer.wait_s == 20.0
    bench.run(40.0)
    assert not bench.state.outputs.k1
    assert not bench.state.on_battery
    assert bench.records[2].state == "finished"


@STEPS
def test_a_supply_that_goes_as_the_load_returns_costs_the_load_nothing(dt: float) -> None:
    station = rested(dt=dt, ups__enabled=False)
    start(station)
    station.run(20.0)
    station.ask(StopTest("test"))
    assert station.until(lambda s: not s.state.outputs.k1, 10.0)
    supply(station, False)
    station.run(20.0)
    assert phase(station) == "idle"
    assert station.state.outputs.k1
    assert station.state.on_battery
    assert station.plant.dropped_s == 0.0
    supply(station, True)
    station.run(60.0)
    assert not station.state.on_battery
    assert station.plant.dropped_s == 0.0


@STEPS
@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("ups", [True, False])
@pytest.mark.long
def test_a_supply_lost_in_a_test_is_carried_as_an_outage(volts: int, ups: bool, dt: float) -> None:
    station = rested(volts, dt=dt, ups__enabled=ups)
    start(station)
    station.run(60.0)
    supply(station, False)
    station.run(5.0)
    test, outage = station.records[1], station.records[2]
    assert (test.state, test.result) == ("finished", "aborted")
    assert test.reason == "The supply was lost (0.00 V)."
    assert test.duration_s == pytest.approx(62.0, abs=4.0)
    assert (outage.type, outage.state, outage.marks) == ("outage", "running", ("after_test:1",))
    station.run(100.0 if dt < 1.0 else 300.0)
    assert station.state.outputs.k1
    assert not station.state.outputs.k2
    assert station.state.on_battery
    supply(station, True)
    station.run(9.0)
    assert station.state.outputs.k1, "the supply must be present for 10 s"
    station.run(10.0)
    assert not station.state.outputs.k1
    assert station.records[2].reason == "The supply is back."
    station.run(20.0)
    assert station.state.outputs.k3 is not ups
    assert station.plant.dropped_s == 0.0
    assert station.plant.dead_s == 0.0
    assert len(station.records) == 2


@STEPS
@pytest.mark.parametrize("alive", [True, False])
def test_with_a_bad_supply_reading_k1_is_released_and_the_guard_decides(
    alive: bool, dt: float
) -> None:
    station = rested(dt=dt, ups__enabled=False)
    start(station)
    station.run(60.0)
    station.lies["supply_v"] = None
    if not alive:
        supply(station, False)
    station.run(8.0)
    assert not station.state.outputs.k1
    assert not station.state.outputs.k3
    station.run(30.0)
    assert (phase(station), station.records[1].result) == ("idle", "aborted")
    assert station.records[1].reason == "A needed sensor has no good reading."
    assert station.plant.sense().guard is not alive
    assert station.plant.sense().load_v > 11.5
    assert station.plant.dropped_s == 0.0
    assert station.state.on_battery is not alive
    del station.lies["supply_v"]
    station.run(30.0)
    assert station.state.outputs.k1 is not alive, "UPS mode is off, but the outage is carried"
    assert station.plant.dropped_s == 0.0


@STEPS
def test_an_outage_goes_on_under_the_guard_when_the_supply_reading_dies(dt: float) -> None:
    station = rested(dt=dt)
    supply(station, False)
    station.run(30.0)
    assert station.state.outputs.k1
    station.lies["supply_v"] = None
    station.run(60.0)
    assert not station.state.outputs.k1
    assert station.plant.sense().guard
    assert station.state.on_battery
    assert "The supply is back." not in station.records[1].reason
    del station.lies["supply_v"]
    station.run(30.0)
    assert station.state.outputs.k1
    supply(station, True)
    station.run(60.0)
    assert station.records[1].reason == "The supply is back."
    assert len(station.records) == 1
    assert station.plant.dropped_s == 0.0


def test_a_supply_that_flickers_at_the_end_of_a_test_does_not_hold_the_battery_for_ever() -> None:
    bench = Bench(dt=0.5, lvd__enabled=True)
    bench.start()
    bench.run(30.0)
    bench.ask(StopTest("test"))
    for second in range(90):
        bench.put(supply_v=11.45 if second % 2 else 11.55)
        bench.run(1.0)
    assert phase(bench) == "idle"
    assert bench.records[1].state == "finished"
    bench.put(supply_v=11.45, battery_v=10.4, load_v=10.37)
    bench.run(15.0)
    assert bench.state.lvd.is_open, "outside a test LVD protects the battery"


def test_a_welded_k1_is_told_within_5_s_and_the_load_is_fed_all_the_while() -> None:
    station = rested(dt=0.1)
    start(station)
    station.run(60.0)
    station.plant.relay_faults["k1"] = "welded"
    station.ask(StopTest("test"))
    assert station.until(lambda s: not s.state.outputs.k1, 5.0)
    station.run(5.0)
    assert station.state.relays.faulty == ("k1",)
    assert "relay.k1" in station.state.alarms.keys
    station.run(30.0)
    assert station.records[1].state == "finished"
    assert station.plant.dropped_s == 0.0


@STEPS
def test_a_charger_that_does_not_come_back_is_told_after_60_s(dt: float) -> None:
    station = rested(dt=dt)
    start(station)
    station.run(60.0)
    station.ask(StopTest("test"))
    station.plant.charger.switch(False)
    station.plant.touch()
    ended = station.now
    assert station.until(lambda s: "charger.lost" in s.state.alarms.keys, 90.0)
    assert station.now - ended == pytest.approx(60.0, abs=2.5)


def test_a_charger_in_bulk_below_its_presence_volts_is_not_lost() -> None:
    station = rested(dt=1.0, rated_ah=7.0, load_a=5.0)
    start(station, "2")
    station.plant.battery.set_soc(0.5)
    station.plant.touch()
    station.run(30.0)
    station.ask(StopTest("test"))
    station.run(300.0)
    assert station.plant.sense().charger_v < 12.6
    assert "charger.lost" not in station.state.alarms.keys


def test_a_return_is_told_once() -> None:
    station = rested(dt=0.1)
    start(station)
    station.run(10.0)
    station.ask(StopTest("test"))
    station.run(60.0)
    reported = sentences(station)
    assert len(reported) == len(set(reported))
    assert sum("Returning" in text for text in reported) == 1


# --- the daemon's own end ------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["proving", "running", "returning", "outage", "delayed", "idle"])
def test_the_daemons_stop_closes_everything_and_releases_everything(where: str) -> None:
    station = rested(dt=1.0)
    if where == "outage":
        supply(station, False)
        station.run(30.0)
    elif where == "delayed":
        assert station.ask(StartTest("1", 2.0, "test")).ok
    elif where != "idle":
        start(station) if where != "proving" else station.ask(StartTest("1", source="test"))
        station.run(5.0)
        if where == "returning":
            station.ask(StopTest("test"))
    state, actions = let_go(station.state, station.inputs, "The daemon stopped.", station.now)
    station.state = state
    station._carry_out(actions, (), 0)
    assert state.outputs == SAFE_OUTPUTS
    if where in ("proving", "running", "returning"):
        record = station.records[1]
        assert (record.state, record.result) == ("finished", "aborted")
        assert record.reason == "The daemon stopped."
        assert state.test.state.value == "idle"
    elif where == "outage":
        assert station.records[1].state == "finished"
        assert state.transfer.carried
    elif where == "delayed":
        assert state.test.state.value == "delayed"
        assert station.records[1].state == "delayed"
    station.drive()
    station.pass_time(3.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("where", ["proving", "running", "returning"])
@pytest.mark.parametrize("mains", [True, False])
def test_after_a_crash_the_load_is_fed_and_the_test_is_aborted(where: str, mains: bool) -> None:
    station = rested(dt=1.0, ups__enabled=False)
    if where == "proving":
        station.ask(StartTest("1", source="test"))
    else:
        start(station)
    station.run(10.0)
    if where == "returning":
        station.ask(StopTest("test"))
    if not mains:
        supply(station, False)
    station.crash(20.0)
    record = station.records[1]
    assert (record.state, record.result) == ("finished", "aborted")
    station.run(120.0)
    assert station.state.on_battery is not mains
    assert station.state.outputs.k3 is mains, "UPS mode is off, but the outage is carried over"
    assert station.plant.dropped_s == 0.0
    assert station.ask(StartTest("1", source="test")).ok is mains


def test_a_record_left_open_by_a_dead_daemon_is_closed() -> None:
    left = TestRecord(3, "1", state="running", started_at=1.0)
    closed = closed_after_death(left, 500.0, 77.0)
    assert (closed.state, closed.result, closed.duration_s) == ("finished", "aborted", 77.0)
    judged = left._replace(state="returning", result="low", reason="Too short.", duration_s=60.0)
    closed = closed_after_death(judged, 500.0, 77.0)
    assert (closed.result, closed.reason, closed.duration_s) == ("low", "Too short.", 60.0)
    outage = closed_after_death(left._replace(type="outage"), 500.0, 77.0)
    assert (outage.result, outage.reason) == ("none", "The daemon stopped in the outage.")


def test_a_verdict_that_was_reached_before_the_death_counts() -> None:
    low = TestRecord(3, "1", state="finished", result="low", estimate_s=3600.0)
    health = adopt(CapacityHealth(), low)
    assert (health.state, health.low_alarm, health.last) == (Capacity.LOW, True, low)
    assert health.estimate is not None
    aborted = adopt(health, low._replace(n=4, result="aborted"))
    assert (aborted.state, aborted.low_alarm, aborted.measured) == (Capacity.LOW, True, low)


def test_a_stop_and_a_start_in_the_same_scan_leave_no_test_without_a_result() -> None:
    bench = Bench()
    bench.run(20.0)
    assert bench.ask(StartTest("1", 1.0, "a")).ok
    stopped, started = bench.step(StopTest("a"), StartTest("1", source="b"))
    assert stopped.ok
    assert (started.ok, started.text) == (False, "A test has just been stopped; ask again.")
    assert phase(bench) == "idle"
    assert bench.ask(StartTest("1", source="b")).ok
    bench.run(5.0)
    assert {n: r.state for n, r in bench.records.items()} == {1: "finished", 2: "proving"}
