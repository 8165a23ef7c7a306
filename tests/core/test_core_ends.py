"""Every reason on which a running test ends, with its time and its sentence."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, last, phase, rested, start

from btrmd.model.commands import StopTest
from btrmd.model.readings import BAD, STALE
from btrmd.model.site import Site

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


def running(type_: str = "1", dt: float = 1.0, volts: int = 12, **settings: object) -> Bench:
    bench = Bench(volts=volts, dt=dt, **settings)
    bench.start(type_)
    return bench


def until_over(bench: Bench, limit_s: float) -> float:
    """Step until the discharge is over; the seconds it took."""
    began = bench.now
    while phase(bench) == "running" and bench.now - began < limit_s:
        bench.step()
    assert phase(bench) != "running", f"still running after {limit_s:g} s"
    return bench.now - began


def verdict(bench: Bench) -> tuple[str, str]:
    bench.free("battery_v", "supply_v", "temperature", "guard", "load_a", "load_v")
    bench.until("idle", 60.0)
    record = last(bench)
    assert record.state == "finished"
    return record.result, record.reason


@STEPS
@pytest.mark.parametrize("volts", VOLTS)
def test_the_cutoff_is_a_5_s_mean(volts: int, dt: float) -> None:
    bench = running(dt=dt, volts=volts)
    bench.load_a = 3.0
    bench.run(10.0)
    bench.load_a = 2.0  # below the highest load seen the floor of 11.6 V does not count
    bench.run(600.0, dt=1.0)
    bench.put(battery_v=11.7)
    bench.run(10.0)
    bench.put(battery_v=9.0)  # a second drags no mean of 5 s below 11 V ...
    bench.run(1.0)
    bench.put(battery_v=11.7)
    bench.run(10.0)
    assert phase(bench) == "running"
    bench.put(battery_v=10.99)  # ... five seconds do
    assert until_over(bench, 10.0) == pytest.approx(5.0, abs=1.1)
    result, reason = verdict(bench)
    assert f"The battery reached {11.0 * volts / 12:.2f} V." in reason
    assert result == "low"


@STEPS
def test_a_dip_in_the_first_10_min_is_no_cutoff(dt: float) -> None:
    bench = running(dt=dt)
    bench.put(battery_v=10.51)
    bench.run(60.0)
    assert phase(bench) == "running"
    bench.free("battery_v")
    bench.run(560.0, dt=1.0)
    assert phase(bench) == "running"


@STEPS
def test_below_10_5_v_for_2_s_it_is_one_even_then(dt: float) -> None:
    bench = running(dt=dt)
    bench.run(30.0)
    bench.put(battery_v=10.4)
    bench.run(1.0)
    bench.free("battery_v")
    bench.run(2.0)
    assert phase(bench) == "running"
    bench.put(battery_v=10.4)
    assert until_over(bench, 5.0) == pytest.approx(2.0, abs=1.01)
    result, reason = verdict(bench)
    assert (result, reason.split(".")[0]) == ("low", "The battery fell to 10")


def test_a_dip_that_lasts_ends_the_test_when_the_10_min_are_over() -> None:
    bench = running()
    bench.put(battery_v=10.9)
    bench.run(580.0)
    assert phase(bench) == "running"
    until_over(bench, 30.0)
    result, _ = verdict(bench)
    assert result == "low"
    assert last(bench).duration_s == pytest.approx(600.0, abs=3.0)


def test_the_planned_end() -> None:
    bench = running("2", test__type2_min=20)
    assert until_over(bench, 1300.0) == pytest.approx(1200.0, abs=5.0)
    assert bench.state.test.reason == "The planned 20 min are over."


def test_a_users_stop_returns_and_is_an_aborted_test() -> None:
    bench = running()
    bench.run(100.0)
    assert bench.ask(StopTest("cli")).ok
    assert phase(bench) == "returning"
    assert not bench.state.outputs.k2
    again = bench.ask(StopTest("cli"))
    assert (again.ok, again.text) == (False, "The test is already returning to the supply.")
    assert verdict(bench) == ("aborted", "Stopped by cli.")
    assert last(bench).duration_s == pytest.approx(101.0, abs=3.0)
    idle = bench.ask(StopTest("cli"))
    assert (idle.ok, idle.text) == (False, "No test is running.")


ABORTS = [
    ({"supply_v": 11.4}, 2.0, "The supply was lost (11.40 V)."),
    ({"supply_v": -0.004}, 2.0, "The supply was lost (0.00 V)."),
    ({"temperature": 61.0}, 60.0, "Over-temperature: the enclosure is at 61.0 C."),
    ({"temperature": 45.0625}, 60.0, "The temperature of 45.1 C is outside 0 to 45 C."),
    ({"temperature": -0.0625}, 60.0, "The temperature of -0.1 C is outside 0 to 45 C."),
    ({"load_a": 22.1}, 5.0, "Over-current: the load takes 22.1 A."),
    ({"battery_v": BAD}, 2.0, "A needed sensor has no good reading."),
    ({"battery_a": STALE}, 2.0, "A needed sensor has no good reading."),
    ({"load_v": None}, 2.0, "A needed sensor has no good reading."),
    ({"load_a": None}, 2.0, "A needed sensor has no good reading."),
    ({"supply_v": None}, 2.0, "A needed sensor has no good reading."),
    ({"temperature": None}, 2.0, "A needed sensor has no good reading."),
    ({"guard": None}, 2.0, "A needed sensor has no good reading."),
    ({"guard": True}, 0.0, "The bus guard closed."),
    ({"supply_a": 2.4, "battery_a": 0.0}, 3.0, "Relay K1 does not move the load"),
    # closed, K2 ties the charger to the volts of the battery
    ({"charger_a": 0.3, "charger_v": 12.7}, 3.0, "Relay K2 does not switch the charger"),
]


@STEPS
@pytest.mark.parametrize(("channels", "delay_s", "words"), ABORTS)
@pytest.mark.long
def test_each_abort_has_its_time_and_its_sentence(
    channels: dict[str, object], delay_s: float, words: str, dt: float
) -> None:
    bench = running(dt=dt)
    bench.run(120.0, dt=1.0)
    if delay_s >= 5.0:  # a shorter spell does nothing
        bench.put(**channels)
        bench.run(delay_s - 0.3)
        bench.free(*channels)
        bench.run(3.0)
        assert phase(bench) == "running"
    bench.put(**channels)
    assert until_over(bench, delay_s + 5.0) == pytest.approx(delay_s, abs=2.1)
    assert words in bench.records[1].reason or words in bench.state.test.reason
    assert not bench.state.outputs.k2
    bench.free(*channels)
    bench.until("idle", 30.0)
    assert bench.records[1].result == "aborted"
    assert words in bench.records[1].reason
    assert bench.records[1].reason.isascii()  # SNMP carries it as DisplayString


def test_the_400_is_over_its_rating_at_11_a() -> None:
    bench = Bench(site=Site(model="400"))
    bench.start()
    bench.load_a = 11.5
    until_over(bench, 10.0)
    assert verdict(bench) == ("aborted", "Over-current: the load takes 11.5 A.")


def test_a_lost_charger_or_a_full_event_disk_is_no_reason_to_end() -> None:
    bench = running()
    bench.put(charger_v=0.0, charger_a=None, storage_ok=False, io1_v=None)
    bench.run(120.0)
    assert phase(bench) == "running"


def test_the_low_voltage_disconnect_waits_for_the_end_of_the_test() -> None:
    bench = running(lvd__enabled=True)
    bench.run(590.0)
    bench.put(battery_v=10.45)
    while phase(bench) != "idle":
        assert not bench.state.outputs.k3, "K3 stays closed in a test"
        bench.step()
    assert last(bench).result == "low"
    bench.run(12.0)
    assert bench.state.lvd.is_open, "after the test it opens"


@pytest.mark.parametrize("volts", [12, 24])
def test_a_real_battery_runs_down_to_its_cutoff(volts: int) -> None:
    station = rested(volts, rated_ah=7.0, load_a=7.0, test__minimum_runtime_min=5)
    start(station)
    assert station.until(lambda s: phase(s) == "idle", 3 * 3600.0)
    record = last(station)
    assert record.result in ("good", "low")
    assert record.average_current == pytest.approx(7.0, rel=0.02)
    assert record.average_temperature == pytest.approx(25.0)
    assert station.plant.dropped_s == 0.0
    rows = station.curves[1]
    assert rows[0].time_s <= 1.0
    assert rows[-1].battery_v > 10.4 * volts / 12
