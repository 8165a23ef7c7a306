"""What people see: the points of the status pages in every state of the station."""

from __future__ import annotations

import pytest
from core_scenes import Bench, phase

from btrmd.core.publish import UNTESTED, alarm_views, points
from btrmd.model.chemistry import hours_at, new_charge_ah
from btrmd.model.commands import CapacityCheck, StartTest, StopTest
from btrmd.model.discharge import Estimate
from btrmd.model.encoding import encode_register
from btrmd.model.point import InputRegister
from btrmd.model.points import modbus_map
from btrmd.model.readings import BAD, GOOD, MISSING, STALE, Reading, Value

IDENTITY: dict[str, Value] = {
    "system.model": "BTRM300", "system.firmware": "1.0", "system.build_date": "x",
    "system.serial": "y",
}  # fmt: skip
RUN_TIME = Estimate(9000.0, 8000.0, 10000.0)


def ready(**settings: object) -> Bench:
    bench = Bench(**settings)
    bench.estimate = RUN_TIME
    bench.run(20.0)
    return bench


def reading(bench: Bench, key: str) -> Reading:
    return points(bench.state, bench.inputs, IDENTITY, bench.now - bench.dt)[key]


def shown(bench: Bench, key: str) -> object:
    return reading(bench, key).value


def test_before_the_first_test_capacity_is_unknown_and_there_is_no_run_time() -> None:
    bench = ready()
    for key, value in [
        ("capacity.state", "unknown"), ("test.result", "none"), ("test.number", None),
        ("runtime.estimate", None), ("runtime.estimate_low", None), ("test.last_duration", None),
        ("test.state", "idle"), ("test.data_present", False), ("runtime.remaining", None),
    ]:  # fmt: skip
        assert shown(bench, key) == value, key
    assert reading(bench, "runtime.estimate").quality is MISSING


def test_a_finished_test_shows_its_time_load_temperature_and_run_time() -> None:
    bench = ready(test__type2_min=12)
    bench.start("2")
    bench.until("idle", 800.0)
    for key, value in [
        ("capacity.state", "good"), ("test.result", "good"), ("test.number", 1),
        ("runtime.estimate", 9000.0), ("runtime.estimate_low", 8000.0),
        ("runtime.estimate_high", 10000.0), ("test.data_present", True), ("test.failed", False),
    ]:  # fmt: skip
        assert shown(bench, key) == value, key
    assert shown(bench, "test.last_duration") == pytest.approx(720.0, abs=3.0)
    assert shown(bench, "test.last_current") == pytest.approx(2.0)
    assert shown(bench, "test.last_temperature") == pytest.approx(25.0)
    assert shown(bench, "test.last_voltage") == pytest.approx(12.6)
    assert str(shown(bench, "test.reason")).startswith("The planned 12 min are over.")


def test_a_running_test_shows_its_running_run_time_and_its_age() -> None:
    bench = ready()
    bench.start("1")
    assert shown(bench, "runtime.estimate") is None
    bench.run(1300.0)
    assert shown(bench, "runtime.estimate") == 9000.0
    assert shown(bench, "test.elapsed") == pytest.approx(1300.0, abs=5.0)
    assert shown(bench, "test.number") == 1
    bench.ask(StopTest("x"))
    bench.until("idle", 30.0)
    assert shown(bench, "test.elapsed") is None
    assert shown(bench, "runtime.estimate") is None, "an aborted test leaves no run time"
    assert shown(bench, "test.failed") is True


def test_a_delayed_test_shows_when_it_starts() -> None:
    bench = ready()
    bench.ask(StartTest("1", 2.0, "x"))
    bench.run(600.0)
    assert (shown(bench, "test.state"), shown(bench, "test.running")) == ("delayed", False)
    assert shown(bench, "test.start_in") == pytest.approx(6600.0, abs=5.0)


def test_a_delayed_test_that_is_stopped_did_not_begin_after_its_end() -> None:
    bench = ready()
    bench.ask(StartTest("1", 2.0, "x"))
    bench.run(600.0)
    assert bench.ask(StopTest("x")).ok
    record = bench.records[1]
    assert (record.state, record.result) == ("finished", "aborted")
    assert record.started_at == record.ended_at


def test_the_time_to_the_next_test_counts_down_and_stays_while_disabled() -> None:
    bench = ready(test__interval_h=10)
    assert shown(bench, "test.next") == 36000.0
    bench.change(test__enabled=True)
    bench.run(3600.0, dt=10.0)
    assert shown(bench, "test.next") == pytest.approx(32400.0, abs=15.0)
    bench.change(test__enabled=False)
    bench.run(3600.0, dt=10.0)
    assert shown(bench, "test.next") == pytest.approx(32400.0, abs=30.0)
    assert shown(bench, "test.interval") == 36000.0


def test_remaining_run_time_in_an_outage_follows_the_load() -> None:
    bench = ready(test__type2_min=12)
    bench.start("2")
    bench.until("idle", 800.0)
    bench.run(10.0)
    bench.load_a = 4.0  # twice the load of the test
    bench.put(guard=True, supply_v=0.0, supply_a=0.0, battery_a=-4.0)  # the HAT fed elsewhere
    bench.run(60.0)
    assert shown(bench, "ups.on_battery") is True
    begun = bench.state.outage.record.started_at_charge or 1.0
    expected = begun * 3600.0 * hours_at(2.5, 2.0, 4.0) - 60.0
    assert shown(bench, "runtime.remaining") == pytest.approx(expected, rel=0.05)
    bench.estimate = Estimate(5000.0, 4000.0, 6000.0)
    bench.run(700.0)
    assert shown(bench, "runtime.remaining") == pytest.approx(5000.0 - 760.0, abs=10.0)
    bench.free("guard", "supply_v", "supply_a", "battery_a")
    bench.run(30.0)
    assert shown(bench, "runtime.remaining") is None


def test_the_time_left_is_not_known_while_a_charger_carries_the_load() -> None:
    bench = ready(battery__rated_ah=17.0)
    bench.estimate = None
    outage = {"guard": True, "supply_v": 0.0, "supply_a": 0.0}
    bench.put(**outage, charger_a=2.3, battery_a=-0.01)  # a little of noise
    bench.run(3600.0, dt=1.0)
    assert shown(bench, "ups.on_battery") is True
    assert shown(bench, "load.source") == "charger"
    assert reading(bench, "runtime.remaining")[:2] == (None, MISSING)
    bench.put(**outage, charger_a=0.0, charger_v=0.0, battery_a=-2.0)
    bench.run(60.0, dt=1.0)
    assert shown(bench, "load.source") == "battery"
    # 80 % of 17 Ah at 2 A, whatever had passed before the battery gave anything
    by_rating = 3600.0 * UNTESTED * new_charge_ah(17.0, 2.0) / 2.0
    assert shown(bench, "runtime.remaining") == pytest.approx(by_rating, rel=0.05)
    assert bench.state.outage.progress.mean_a == pytest.approx(2.0)


def test_a_run_that_a_charger_made_longer_is_not_a_measured_run_time() -> None:
    for relieved_s, is_measured in ((0.0, True), (3600.0, False)):
        bench = ready()
        outage = {"guard": True, "supply_v": 0.0, "supply_a": 0.0}
        bench.put(**outage, charger_a=2.3, battery_a=0.0)
        bench.run(relieved_s, dt=1.0)
        bench.put(**outage, charger_a=0.0, charger_v=0.0, battery_a=-2.0)
        bench.run(700.0, dt=1.0)
        bench.put(**outage, charger_a=0.0, charger_v=0.0, battery_a=-2.0, battery_v=10.0)
        bench.run(30.0)
        assert (bench.state.outage.measured_s is not None) == is_measured
        assert shown(bench, "runtime.remaining") == 0.0


def test_presence_has_the_quality_of_its_voltage() -> None:
    bench = ready()
    assert reading(bench, "supply.present")[:2] == (True, GOOD)
    bench.put(supply_v=11.0, supply_a=0.0, charger_v=None)
    bench.step()
    assert reading(bench, "supply.present")[:2] == (False, GOOD)
    assert reading(bench, "charger.present")[:2] == (None, BAD)


def test_a_bad_reading_has_no_value_and_a_stale_one_keeps_its_last() -> None:
    bench = ready()
    bench.put(battery_v=None, load_v=STALE)
    bench.step()
    assert reading(bench, "battery.voltage")[:2] == (None, BAD)
    stale = reading(bench, "load.voltage")
    assert (stale.value, stale.quality) == (-999.0, STALE)


@pytest.mark.parametrize(("config", "digital"), [(0, None), (1, True), (2, False), (3, None)])
def test_digital_in_is_known_in_digital_modes_only(config: int, digital: bool | None) -> None:
    bench = ready(io1__config=config)
    assert shown(bench, "io1.digital") is digital
    assert shown(bench, "io1.voltage") == 0.0
    assert shown(bench, "io1.output") is False


@pytest.mark.parametrize("config", [3, 4])
def test_digital_out_is_on_while_a_battery_fault_is_signalled(config: int) -> None:
    bench = ready(io1__config=config)
    assert shown(bench, "io1.output") is False
    bench.ask(CapacityCheck(True, "x"))
    assert shown(bench, "io1.output") is True


@pytest.mark.parametrize("extended", [False, True])
def test_any_fault_is_the_manuals_four_or_with_the_extension_all(extended: bool) -> None:
    bench = ready(io1__config=2)
    bench.change(dnp3__extended=extended)
    bench.put(storage_ok=False)
    bench.run(2.0)
    assert shown(bench, "alarm.any") is True
    assert shown(bench, "alarm.fault") is extended
    bench.put(io1_v=5.0)
    bench.run(3.0)
    assert shown(bench, "alarm.fault") is True
    assert shown(bench, "alarm.list") == ("storage", "io1")
    assert [view.key for view in alarm_views(bench.state)] == ["storage", "io1"]


def test_modes_relays_and_uptime() -> None:
    bench = ready(ups__enabled=False, lvd__enabled=True)
    assert (shown(bench, "ups.enabled"), shown(bench, "lvd.enabled")) == (False, True)
    assert (shown(bench, "lvd.open"), shown(bench, "ups.on_battery")) == (False, False)
    assert [shown(bench, f"relay.{k}") for k in ("k1", "k2", "k3")] == [False, False, True]
    assert shown(bench, "system.uptime") == pytest.approx(19.0)
    assert shown(bench, "system.voltage") == 12
    bench.start("1")
    assert [shown(bench, f"relay.{k}") for k in ("k1", "k2", "k3")] == [True, True, False]
    assert shown(bench, "ups.on_battery") is False, "a test is no outage"
    assert phase(bench) == "running"


def test_two_words_say_which_registers_hold_no_value() -> None:
    """Before the first test there is no run time; a dead sensor takes its own registers along."""
    bench = Bench()
    bench.run(30.0)

    def bits() -> tuple[set[int], set[int]]:
        seen = points(bench.state, bench.inputs, IDENTITY, bench.now - bench.dt)
        first, second = (int(str(seen[f"modbus.unknown{n}"].value)) for n in (1, 2))
        low = {k for k in range(13) if first >> k & 1} | ({30} if first >> 13 & 1 else set())
        assert first < 1 << 14
        assert second < 1 << 15
        return low, {13 + k for k in range(15) if second >> k & 1}

    low, _ = bits()
    assert 6 in low, "the run time"
    assert not low & {0, 1, 2, 3}, "volts and amps are measured"
    bench.put(battery_v=None)
    bench.run(15.0)
    now, above = bits()
    assert now > low
    table = modbus_map(InputRegister)
    seen = points(bench.state, bench.inputs, IDENTITY, bench.now - bench.dt)
    for address, (point, binding) in table.items():
        is_unknown = encode_register(binding, seen[point.key]) == (
            0x8000 if binding.number.signed else 0xFFFF
        )
        assert is_unknown is (address in now | above), (address, point.key)
