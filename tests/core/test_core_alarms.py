"""Alarms: each one's threshold, delay, hysteresis, latch and acknowledgement."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, rested
from station import CHIPS

from btrmd.model.board import Led
from btrmd.model.commands import AckAlarm, CapacityCheck, ResetData
from btrmd.model.events import Kind
from btrmd.model.site import Site

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])
SILENT_CHIP = tuple((chip, chip != "0x4a") for chip in CHIPS)

# key, raises, delay s, neither raises nor clears (hysteresis), clears, clear delay s
ALARMS = [
    ("battery.low_voltage", {"battery_v": 10.9}, 10, {"battery_v": 11.5}, {"battery_v": 11.6}, 10),
    ("supply.lost", {"supply_v": 11.49, "supply_a": 0}, 10, None, {"supply_v": 11.5}, 10),
    ("charger.lost", {"charger_v": 12.59}, 60, None, {"charger_v": 12.6}, 10),
    ("temperature.high", {"temperature": 61}, 60, {"temperature": 57}, {"temperature": 56.9}, 10),
    ("sensor.0x4a", {"chips": SILENT_CHIP}, 10, None, {}, 2),
    ("wiring.current_balance", {"supply_a": 3.0}, 60, None, {}, 10),
    ("system.voltage_mismatch", {"battery_v": 8.9}, 60, None, {"battery_v": 9.0}, 10),
    ("system.voltage_mismatch", {"battery_v": 16.1}, 60, None, {"battery_v": 16.0}, 10),
    ("storage", {"storage_ok": False}, 0, None, {}, 0),
    ("clock", {"clock_ok": False}, 0, None, {}, 0),
]  # fmt: skip


@STEPS
@pytest.mark.parametrize(("key", "raises", "delay_s", "holds", "clears", "clear_s"), ALARMS)
@pytest.mark.long
def test_each_alarm_has_its_delay_and_hysteresis(
    key: str,
    raises: dict[str, object],
    delay_s: float,
    holds: dict[str, object] | None,
    clears: dict[str, object],
    clear_s: float,
    dt: float,
) -> None:
    bench = Bench(dt=dt, ups__enabled=False)
    bench.run(20.0)
    if delay_s:
        bench.put(**raises)
        bench.run(delay_s - 1.0)
        assert key not in bench.alarms
        bench.free(*raises)
        bench.run(2.0)
        bench.put(**raises)  # a break starts the delay again
        bench.run(delay_s - 1.0)
        assert key not in bench.alarms
        bench.run(2.1)
    else:
        bench.put(**raises)
        bench.step()
    assert key in bench.alarms
    if holds is not None:
        bench.put(**holds)
        bench.run(120.0)
        assert key in bench.alarms, "within the hysteresis it holds"
    if not clears:
        bench.free(*raises)
    else:
        bench.put(**clears)
    if clear_s:
        bench.run(clear_s - 1.0)
        assert key in bench.alarms
    bench.run(2.1)
    assert key not in bench.alarms
    bench.run(300.0, dt=1.0)
    assert [event.kind for event in bench.reported(key)] == [Kind.RAISE, Kind.CLEAR]


@pytest.mark.parametrize(
    ("key", "channel"),
    [
        ("battery.low_voltage", "battery_v"), ("supply.lost", "supply_v"),
        ("charger.lost", "charger_v"), ("temperature.high", "temperature"),
        ("overcurrent", "load_a"), ("system.voltage_mismatch", "battery_v"),
        ("wiring.current_balance", "supply_a"),
    ],
)  # fmt: skip
def test_a_bad_reading_neither_raises_nor_clears(key: str, channel: str) -> None:
    values: dict[str, object] = {
        "battery_v": 8.5, "supply_v": 3.0, "charger_v": 3.0, "temperature": 70.0, "load_a": 30.0,
        "supply_a": 9.0,
    }  # fmt: skip
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(**{channel: None})
    bench.run(120.0)
    assert key not in bench.alarms
    bench.put(**{channel: values[channel]})
    if channel == "charger_v":
        bench.put(charger_a=0.0)
    bench.run(70.0)
    assert key in bench.alarms
    bench.put(**{channel: None})
    bench.run(120.0)
    assert key in bench.alarms
    assert [event.kind for event in bench.reported(key)] == [Kind.RAISE]


@pytest.mark.parametrize(("model", "limit", "rating"), [("300", 22.0, 20.0), ("400", 11.0, 10.0)])
def test_over_current_by_model_5_s(model: str, limit: float, rating: float) -> None:
    bench = Bench(dt=0.1, site=Site(model=model))
    bench.run(20.0)
    bench.load_a = limit
    bench.run(20.0)
    assert "overcurrent" not in bench.alarms
    bench.load_a = limit + 0.1
    bench.run(4.8)
    assert "overcurrent" not in bench.alarms
    bench.run(0.5)
    assert "overcurrent" in bench.alarms
    bench.load_a = rating + 0.1
    bench.run(30.0)
    assert "overcurrent" in bench.alarms
    bench.load_a = rating - 0.1
    bench.run(11.0)
    assert "overcurrent" not in bench.alarms


@pytest.mark.parametrize("volts", VOLTS)
def test_low_battery_voltage_scales_with_the_blocks(volts: int) -> None:
    bench = Bench(volts=volts)
    bench.run(20.0)
    bench.put(battery_v=11.01)
    bench.run(20.0)
    assert "battery.low_voltage" not in bench.alarms
    bench.put(battery_v=10.99)
    bench.run(12.0)
    event = bench.reported("battery.low_voltage")[0]
    assert event.threshold == 11.0 * volts / 12
    assert event.value == pytest.approx(10.99 * volts / 12)


def test_a_charger_in_bulk_is_there_by_its_current() -> None:
    bench = Bench()
    bench.run(20.0)
    bench.put(charger_v=12.2, battery_v=12.17, charger_a=2.5, battery_a=2.5)
    bench.run(200.0)
    assert "charger.lost" not in bench.alarms
    bench.put(charger_a=0.0, battery_a=0.0)
    bench.run(59.0)
    assert "charger.lost" not in bench.alarms
    bench.run(3.0)
    assert "charger.lost" in bench.alarms
    bench.put(charger_a=2.5, battery_a=2.5)
    bench.run(2.0)
    assert "charger.lost" not in bench.alarms
    assert [event.threshold for event in bench.reported("charger.lost")] == [12.6, 12.6]


def test_on_a_single_source_a_lost_supply_is_one_alarm() -> None:
    bench = Bench(system__single_source=True, ups__enabled=False)
    bench.run(20.0)
    bench.put(supply_v=0.0, charger_v=0.0, charger_a=None)
    bench.run(120.0)
    assert "supply.lost" in bench.alarms
    assert "charger.lost" not in bench.alarms


def test_the_balance_allows_0_2_a_and_3_percent_and_the_hat() -> None:
    bench = Bench(dt=1.0)
    bench.run(20.0)
    for supply_a, odd in [
        (2.0 - 0.24, False),
        (2.0 + 0.29 + 0.25, False),
        (1.72, True),
        (2.6, True),
    ]:
        bench.put(supply_a=supply_a)
        bench.run(75.0)
        assert ("wiring.current_balance" in bench.alarms) is odd, supply_a
        bench.free("supply_a")
        bench.run(15.0)


def test_the_balance_of_a_bypassed_load_is_found_and_a_healthy_plant_is_in_balance() -> None:
    station = rested(load_a=6.0)
    station.run(120.0)
    assert station.state.alarms.keys == ()
    station.plant.load_bypass = 0.2
    station.plant.touch()
    station.run(70.0)
    assert station.state.alarms.keys == ("wiring.current_balance",)


# --- latch and acknowledge -----------------------------------------------------------------------


def test_low_capacity_is_latched_until_a_good_test_or_a_reset() -> None:
    bench = Bench()
    bench.run(20.0)
    assert bench.ask(CapacityCheck(True, "web")).ok
    bench.run(3600.0, dt=10.0)
    alarm = bench.state.alarms.raised["battery.low_capacity"]
    assert alarm.latched
    assert bench.ask(AckAlarm("battery.low_capacity", "web")).ok
    bench.run(60.0)
    assert bench.state.alarms.raised["battery.low_capacity"].acknowledged
    assert bench.ask(ResetData(source="web")).ok
    assert "battery.low_capacity" not in bench.alarms


def test_an_acknowledged_alarm_stays_while_its_cause_does() -> None:
    bench = Bench()
    bench.run(20.0)
    bench.put(charger_v=0.0, charger_a=0.0)
    bench.run(70.0)
    assert bench.ask(AckAlarm("charger.lost", "web admin")).ok
    bench.run(60.0)
    assert bench.state.alarms.raised["charger.lost"].acknowledged
    reported = bench.reported("charger.lost")
    assert [event.kind for event in reported] == [Kind.RAISE, Kind.COMMAND]
    assert reported[1].source == "web admin"
    bench.free("charger_v", "charger_a")
    bench.run(15.0)
    assert "charger.lost" not in bench.alarms
    bench.put(charger_v=0.0, charger_a=0.0)
    bench.run(70.0)
    assert not bench.state.alarms.raised["charger.lost"].acknowledged, "a new one is new"


def test_two_alarms_come_and_go_apart_and_the_status_led_tells() -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    assert bench.state.outputs.led_status is Led.BLINK_1HZ
    bench.put(storage_ok=False, supply_v=0.0)
    bench.run(12.0)
    assert set(bench.alarms) == {"storage", "supply.lost"}
    assert bench.state.outputs.led_status is Led.BLINK_4HZ
    bench.free("storage_ok")
    bench.run(2.0)
    assert set(bench.alarms) == {"supply.lost"}
    bench.free("supply_v")
    bench.run(12.0)
    assert bench.alarms == ()
    assert bench.state.outputs.led_status is Led.BLINK_1HZ


def test_settings_that_were_set_aside_are_an_alarm_until_somebody_acts() -> None:
    for act in ("ack", "change"):
        bench = Bench()
        bench.put(settings_ok=False)
        bench.run(20.0)
        assert bench.alarms == ("settings.defaults",)
        assert "defaults" in bench.reported("settings.defaults")[0].text
        if act == "ack":
            assert bench.ask(AckAlarm("settings.defaults", "web admin")).ok
        else:
            bench.change(site__location="Shed")
        bench.run(2.0)
        assert bench.alarms == ()
        bench.run(60.0)
        assert bench.alarms == ()


def test_a_restart_does_not_forget_that_the_settings_were_lost() -> None:
    station = rested()
    station.settings_ok = False
    station.run(2.0)
    station.settings_ok = True  # there is no file any more to be unreadable
    station.crash(5.0)
    station.run(30.0)
    assert station.state.alarms.keys == ("settings.defaults",)
    assert station.ask(AckAlarm("settings.defaults", "x")).ok
    station.run(2.0)
    assert station.state.alarms.keys == ()


def test_an_open_lvd_is_an_alarm_without_events_of_its_own() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    bench.put(supply_v=0.0, charger_v=0.0, guard=True, battery_v=10.3)
    bench.run(15.0)
    assert "lvd.open" in bench.alarms
    assert [event.kind for event in bench.reported("lvd.open")] == [Kind.CHANGE]
    bench.put(battery_v=12.8)
    bench.run(70.0)
    assert "lvd.open" not in bench.alarms
