"""Proving: each check before the battery carries the load, and what its failure does."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, last, phase, rested, sentences, start
from station import Station

from btrmd.model.commands import StartTest, StopTest
from btrmd.model.readings import STALE

START = StartTest("1", source="test")
STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


def released(station: Station | Bench) -> bool:
    outputs = station.state.outputs
    return not (outputs.k1 or outputs.k2)


def try_test(station: Station) -> str:
    """Start a test that cannot be proved; the reason it was aborted with."""
    answer = station.ask(START)
    assert answer.ok, answer.text
    assert station.until(lambda s: phase(s) == "idle", 61.0), station.state.test
    record = last(station)
    assert (record.state, record.result) == ("finished", "aborted")
    station.run(6.0)
    assert released(station)
    assert station.plant.dropped_s == 0.0
    return record.reason


@pytest.mark.parametrize("volts", VOLTS)
@STEPS
def test_the_order_is_path_charger_rest_and_takeover(volts: int, dt: float) -> None:
    station = rested(volts, dt=dt, ups__enabled=False)
    assert station.state.outputs.k3
    began = station.now
    station.ask(START)
    assert not station.state.outputs.k3
    assert station.plant.sense().batt_path
    assert station.until(lambda s: s.state.outputs.k2, 2.0)
    assert not station.state.outputs.k1
    opened = station.now
    assert station.until(lambda s: s.state.outputs.k1, 40.0)
    assert 30.0 <= station.now - opened <= 30.0 + 3.0
    moved = station.now - dt
    assert station.until(lambda s: phase(s) == "running", 3.0)
    assert station.now - began <= 60.0
    record = last(station)
    assert station.state.test.progress.t0 == pytest.approx(moved), "time 0 is K1 on"
    assert record.started_at == pytest.approx(station.wall - (station.now - moved))
    sense = station.plant.sense()
    assert sense.battery_a < -1.9
    assert sense.supply_a < 0.5
    assert station.plant.dropped_s == 0.0


@STEPS
def test_a_battery_path_that_stays_open_is_found_within_3_s_and_k3_is_latched(dt: float) -> None:
    station = rested(dt=dt, ups__enabled=False)
    station.plant.relay_faults["k3"] = "welded"
    began = station.now
    assert try_test(station) == "The battery path did not close (BATT_PATH)."
    assert station.now - began - 6.0 <= 4.0
    assert station.state.relays.faulty == ("k3",)
    assert "relay.k3" in station.state.alarms.keys


@STEPS
def test_a_welded_charger_relay_is_found_by_its_current(dt: float) -> None:
    station = rested(dt=dt)
    station.plant.battery.set_soc(0.93)
    station.plant.relay_faults["k2"] = "welded"
    station.plant.touch()
    station.run(20.0)
    assert station.plant.sense().charger_a > 0.15
    assert try_test(station) == "The charger did not open: it still delivers current."
    assert station.state.relays.faulty == ("k2",)


@STEPS
def test_a_welded_charger_relay_on_float_is_found_when_it_feeds_the_load(dt: float) -> None:
    station = rested(dt=dt)
    station.plant.relay_faults["k2"] = "welded"
    station.plant.touch()
    assert station.plant.sense().charger_a < 0.1
    try_test(station)
    assert station.state.relays.faulty == ("k2",)


@STEPS
def test_a_battery_that_sags_in_the_rest_is_not_tested(dt: float) -> None:
    station = rested(dt=dt)
    assert station.ask(START).ok, "with the charger on its voltage says nothing"
    assert station.until(lambda s: s.state.outputs.k2, 5.0)
    station.plant.battery.set_soc(0.4)
    station.plant.touch()
    assert station.until(lambda s: phase(s) == "idle", 40.0)
    reason = last(station).reason
    assert reason.startswith("Without the charger the battery fell to 1")
    assert reason.endswith("a test starts only above 12.40 V.")
    assert not any("battery carries the load" in text for text in sentences(station))


@STEPS
def test_a_missing_fuse_is_found_before_the_load_is_moved(dt: float) -> None:
    station = rested(dt=dt)
    station.plant.has_fuse = False
    station.plant.touch()
    reason = try_test(station)
    assert "fuse F2" in reason
    assert not any("battery carries the load" in text for text in sentences(station))


@STEPS
@pytest.mark.parametrize("fault", ["open", "welded"])
def test_a_transfer_relay_that_does_not_move_is_found_in_a_second(dt: float, fault: str) -> None:
    station = rested(dt=dt)
    station.plant.relay_faults["k1"] = fault
    assert try_test(station) == "The battery did not take over the load."
    assert station.state.relays.faulty == ("k1",)
    refused = station.ask(START)
    assert refused.code == "relay"
    assert "K1" in refused.text


def test_a_load_that_is_switched_off_in_the_rest_cannot_prove_anything() -> None:
    station = rested(dt=0.1)
    station.ask(START)
    station.run(10.0)
    station.plant.load.hold(0.0)
    station.plant.touch()
    assert station.until(lambda s: phase(s) == "idle", 60.0)
    assert last(station).reason == "The battery did not take over the load."
    assert station.state.relays.faulty == ()


def test_a_small_load_on_a_low_supply_is_proved_too() -> None:
    """A 12.5 V supply below the battery: the HAT lives on the battery while the charger is off."""
    for load_a in (0.25, 0.3, 0.35, 0.45, 0.6, 1.0):
        station = rested(dt=0.1, load_a=load_a, rated_ah=7.0)
        station.plant.supply.volts = 12.3
        station.plant.touch()
        station.run(15.0)
        assert station.plant.sense().supply_v < station.plant.sense().battery_v
        start(station)
        station.run(10.0)
        assert phase(station) == "running", (load_a, last(station).reason)
        station.ask(StopTest("test"))
        station.run(20.0)
        assert station.state.relays.faulty == (), load_a


def test_a_dead_k1_is_latched_on_a_low_supply_too() -> None:
    station = rested(dt=0.1)
    station.plant.supply.volts = 12.3
    station.plant.relay_faults["k1"] = "open"
    station.plant.touch()
    station.run(15.0)
    try_test(station)
    assert station.state.relays.faulty == ("k1",)


FAILURES = [
    ("path", {"batt_path": False}, "The battery path did not close (BATT_PATH)."),
    ("charger", {"charger_a": 0.12}, "The charger did not open: it still delivers current."),
    ("charger", {"charger_a": None}, "The charger current has no good reading."),
    ("rest", {"battery_v": 12.40}, "Without the charger the battery fell to 12.40 V"),
    ("rest", {"batt_path": False}, "fuse F2"),
    ("rest", {"guard": True}, "The bus guard closed."),
    ("rest", {"battery_v": STALE}, "A needed sensor has no good reading."),
    ("rest", {"load_a": None}, "A needed sensor has no good reading."),
    ("rest", {"guard": None}, "A needed sensor has no good reading."),
    ("rest", {"supply_v": 11.4}, "The supply was lost (11.40 V)."),
    ("rest", {"load_a": 23.0}, "Over-current: the load takes 23.0 A."),
    ("takeover", {"supply_a": 0.5}, "The battery did not take over the load."),
    ("takeover", {"supply_a": None}, "The supply current has no good reading."),
    ("takeover", {"battery_a": -1.59}, "The battery did not take over the load."),
    ("takeover", {"load_v": 12.09}, "The battery did not take over the load."),
    ("takeover", {"guard": True}, "The bus guard closed."),
]


@STEPS
@pytest.mark.parametrize(("at", "channels", "words"), FAILURES)
def test_each_failure_releases_k1_and_k2_and_says_why(
    at: str, channels: dict[str, object], words: str, dt: float
) -> None:
    bench = Bench(dt=dt, ups__enabled=False)
    bench.run(20.0)
    assert bench.ask(START).ok
    limit = bench.now + 45.0
    while bench.state.test.phase.value != at:
        bench.step()
        assert bench.now < limit
    bench.put(**channels)
    while phase(bench) == "proving":
        bench.step()
        assert bench.now < limit
    record = last(bench)
    assert (phase(bench), record.result) == ("idle", "aborted")
    assert words in record.reason
    assert bench.state.last_reason == record.reason
    assert released(bench)
    assert bench.reported("test.result")[-1].text == f"Test 1 was aborted: {record.reason}"


@STEPS
def test_values_at_the_limit_pass(dt: float) -> None:
    bench = Bench(dt=dt)
    bench.run(20.0)
    bench.load_a = 0.2
    assert bench.ask(START).ok
    bench.run(20.0)
    bench.put(battery_v=12.41, charger_a=0.099)
    while bench.state.test.phase.value != "takeover":
        bench.step()
    bench.put(supply_a=0.499, battery_a=-0.161, load_v=11.92)
    bench.run(2.0)
    assert phase(bench) == "running"


def test_one_bad_scan_decides_nothing() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.ask(START)
    bench.run(10.0)
    bench.put(battery_v=None, load_v=None)
    bench.run(1.5)
    assert phase(bench) == "proving"
    bench.free("battery_v", "load_v")
    bench.until("running", 60.0)


def test_a_supply_that_flickers_forever_ends_within_a_minute() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.ask(START)
    began = bench.now
    while phase(bench) == "proving" and bench.now - began < 90.0:
        bench.put(batt_path=False) if round(bench.now * 10) % 3 else bench.free("batt_path")
        bench.step()
    assert bench.now - began <= 61.0


def test_a_stop_in_the_proving_ends_it_at_once() -> None:
    for wait in ("charger", "rest", "takeover"):
        station = rested(dt=0.1)
        station.ask(START)
        assert station.until(lambda s, w=wait: s.state.test.phase.value == w, 40.0)
        assert phase(station) == "proving"
        assert station.ask(StopTest("web")).ok
        assert (phase(station), last(station).result) == ("idle", "aborted")
        assert last(station).reason == "Stopped by web."
        assert released(station)


@STEPS
def test_a_supply_lost_while_k1_closes_is_carried_by_the_battery(dt: float) -> None:
    station = rested(dt=dt, ups__enabled=False)
    station.ask(START)
    assert station.until(lambda s: s.state.outputs.k2, 5.0)
    station.run(20.0)
    station.plant.supply.on = False
    station.plant.touch()
    station.run(30.0)
    assert last(station).type == "outage" or phase(station) == "idle"
    assert station.records[1].result == "aborted"
    assert station.plant.dropped_s == 0.0
    assert station.plant.sense().load_v > 11.5
    assert station.state.on_battery
