"""Alarms: each one's threshold, delay, hysteresis, latch and acknowledgement."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from core_scenes import VOLTS, Bench, rested, step_context
from station import CHIPS

from btrmd.core.machines.alarms import (
    AlarmCondition,
    Alarms,
    RaisedAlarm,
    Seen,
    acknowledge,
    check_conditions,
    conditions,
    step_alarms,
)
from btrmd.core.machines.capacity import CapacityHealth
from btrmd.core.machines.digital import Digital, DigitalInput
from btrmd.core.machines.flood import Flood
from btrmd.core.machines.guardwatch import GuardWatch
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.relaywatch import Contact, RelayWatch
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.model.alarms import ALARM
from btrmd.model.board import Led
from btrmd.model.commands import AckAlarm, CapacityCheck, ResetData
from btrmd.model.events import Event, Kind
from btrmd.model.site import Site

# --- Alarms: each one's threshold, delay, hysteresis, latch and acknowledgement ------------------

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
    ("system.voltage_mismatch", {"battery_v": 16.1, "charger_v": 15.9}, 60, None,
     {"battery_v": 16.0}, 10),
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
    if channel == "supply_v":
        bench.put(supply_a=0.0, battery_a=-2.3, charger_a=0.0)
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


# --- Alarms, step by step: each condition at its border, then raising, clearing and flooding -----

HERE, GONE, YOUNG = Source(0.0, None, 0.0, True, True), Source(None, 990.0), Source(995.0)
SEEN = Seen(Presence(HERE, HERE), RelayWatch(), Digital(), CapacityHealth())
NOW = 1000.0


def found(key: str, seen: Seen = SEEN, **put: object) -> AlarmCondition:
    return next(c for c in conditions(seen, step_context(NOW, **put)) if c.key == key)  # type: ignore[arg-type]


def sides(key: str, seen: Seen = SEEN, **put: object) -> tuple[bool | None, bool]:
    """(its raising side, its clearing side) in this scan."""
    condition = found(key, seen, **put)
    return condition.on, condition.off


ON, OFF, HOLD, UNKNOWN = (True, False), (False, True), (False, False), (None, False)


@pytest.mark.parametrize("volts", [12, 48])
def test_low_battery_voltage_is_below_11_0_and_over_above_11_5_v_a_block(volts: int) -> None:
    def at(each: float) -> tuple[bool | None, bool]:
        return sides("battery.low_voltage", volts=volts, battery_v=each * volts / 12)

    assert [at(v) for v in (10.99, 11.0, 11.5, 11.51)] == [ON, HOLD, HOLD, OFF]
    assert found("battery.low_voltage", battery_v=10.5)[-3:-1] == (10.5, 11.0)
    assert sides("battery.low_voltage", battery_v=None)[0] is None


def test_the_supply_is_lost_below_11_5_v_unless_it_feeds_the_load() -> None:
    def at(supply: Source, volts: object) -> tuple[bool | None, bool]:
        return sides("supply.lost", SEEN._replace(presence=Presence(supply, HERE)), supply_v=volts)

    assert at(GONE, 11.49) == ON
    assert at(GONE, 11.5) == HOLD
    assert at(YOUNG, 11.49) == HOLD
    assert at(HERE, 11.6) == OFF
    assert at(GONE, None) == UNKNOWN
    assert at(HERE, None) == OFF, "it feeds the load, whatever its volts"
    # and whatever its volts: one that S1 ties to a load that the battery feeds, and gives nothing
    gone = SEEN._replace(presence=Presence(GONE, GONE))
    silent = {"supply_v": None, "supply_a": 0.05, "battery_a": -2.3, "charger_a": 0.0}
    assert sides("supply.lost", gone, **silent)[0] is True
    assert sides("supply.lost", gone, **{**silent, "supply_a": 0.051})[0] is None
    assert sides("supply.lost", gone, **{**silent, "supply_a": None})[0] is None
    assert sides("supply.lost", gone, **{**silent, "battery_a": 0.0, "supply_a": 2.3})[0] is None
    opened = gone._replace(relays=RelayWatch(k1=Contact(energised=True)))
    assert sides("supply.lost", opened, **silent)[0] is None, "with K1 on S1 is open"
    assert found("supply.lost", supply_v=None).value is None
    assert found("supply.lost", supply_v=12.0)[-3:-1] == (12.0, 11.5)


def test_the_charger_is_lost_below_12_6_v_unless_it_delivers() -> None:
    away = SEEN._replace(presence=Presence(HERE, GONE))
    assert sides("charger.lost", away, charger_v=12.59, charger_a=0.05) == ON
    assert sides("charger.lost", away, charger_v=12.6, charger_a=0.0) == HOLD
    assert sides("charger.lost", away, charger_v=12.0, charger_a=0.06) == OFF
    assert sides("charger.lost", charger_v=13.5, charger_a=0.0) == OFF
    assert sides("charger.lost", away, charger_v=None, charger_a=0.0) == UNKNOWN
    # whatever its volts: one that gives nothing while the battery is discharged is not there
    gives = {"battery_a": -2.3, "supply_a": 0.0, "charger_a": 0.0, "charger_v": None}
    assert sides("charger.lost", away, **gives)[0] is True
    assert sides("charger.lost", away, **{**gives, "charger_a": None})[0] is None
    assert sides("charger.lost", away, **{**gives, "charger_a": 1.0, "battery_a": -1.3}) == OFF
    opened = away._replace(relays=RelayWatch(k2=Contact(energised=True)))
    assert sides("charger.lost", opened, **gives)[0] is None
    # on a joined source it is told with the supply
    keys = [
        c.key for c in conditions(SEEN, step_context(NOW, changes={"system.single_source": True}))
    ]
    assert "charger.lost" not in keys
    assert "supply.lost" in keys


def test_a_guard_that_acts_and_a_supply_that_is_weak() -> None:
    def guarded(**watch: object) -> Seen:
        return SEEN._replace(guard=GuardWatch()._replace(**watch))

    assert sides("guard.active") == OFF
    assert sides("guard.active", guarded(active_since=990.0)) == ON
    assert sides("guard.active", guarded(active_since=900.0, idle_since=990.0)) == HOLD
    assert sides("supply.weak") == OFF
    assert sides("supply.weak", guarded(helps=(1.0, 2.0, 3.0))) == HOLD
    assert sides("supply.weak", guarded(helps=(1.0, 2.0, 3.0, 4.0))) == ON


def test_hot_is_above_60_and_over_below_57_degrees() -> None:
    marks = [sides("temperature.high", temperature=t) for t in (60.1, 60.0, 57.0, 56.9, None)]
    assert marks[:4] == [ON, HOLD, HOLD, OFF]
    assert marks[4][0] is None
    assert found("temperature.high", temperature=61.0)[-3:-1] == (61.0, 60.0)


def test_over_current_is_above_22_a_and_over_below_20_a_on_a_300() -> None:
    marks = [sides("overcurrent", load_a=a) for a in (22.01, 22.0, 20.0, 19.99)]
    assert marks == [ON, HOLD, HOLD, OFF]
    assert sides("overcurrent", load_a=None)[0] is None


def test_the_balance_allows_0_2_a_3_percent_and_what_the_hat_may_take() -> None:
    """10 A from the supply: 0.5 A, and 4 W at 16 V are 0.25 A more on the one side."""

    def left(amps: float, **put: object) -> bool | None:
        channels = {"supply_v": 16.0, "supply_a": 10.0, "load_a": 10.0 - amps, "battery_a": 0.0,
                    "charger_a": 0.0, **put}  # fmt: skip
        return found("wiring.current_balance", **channels).on

    assert left(0.74) is False
    assert left(0.76) is True
    assert left(-0.47) is False
    assert left(-0.53) is True
    # exactly at the border it is within it
    assert left(0.75) is False
    assert left(-0.5, supply_a=10.0, battery_a=10.0, load_a=0.5) is False
    assert left(0.76, supply_v=8.0, battery_v=10.0) is False  # the HAT takes 0.4 A at 10 V
    assert left(0.93, supply_v=None, battery_v=None) is False  # 0.444 A at its 9 V
    assert left(0.96, supply_v=None, battery_v=None) is True
    assert left(0.96, supply_v=0.0, battery_v=0.0) is True
    for name in ("supply_a", "load_a", "battery_a", "charger_a"):
        assert found("wiring.current_balance", **{name: None})[2:4] == UNKNOWN
    # each current counts with its sign, and the largest of them decides
    assert left(10.0, battery_a=9.5) is False
    assert left(-10.0, charger_a=9.8) is False
    single = {"system.single_source": True}
    assert left(0.0, charger_a=5.0, changes=single) is False
    assert left(0.0, charger_a=None, changes=single) is False
    assert left(0.0, charger_a=5.0) is True
    condition = found("wiring.current_balance", supply_a=10.0, load_a=8.0, battery_a=0.0,
                      charger_a=0.0)  # fmt: skip
    assert condition.value == 2.0
    assert condition.threshold == pytest.approx(0.5)


@pytest.mark.parametrize("volts", [12, 48])
def test_a_battery_of_9_to_16_v_a_block_fits(volts: int) -> None:
    def at(each: float) -> tuple[bool | None, bool]:
        return sides("system.voltage_mismatch", volts=volts, battery_v=each * volts / 12)

    assert [at(v) for v in (8.99, 9.0, 16.0, 16.01)] == [ON, OFF, OFF, ON]
    assert sides("system.voltage_mismatch", battery_v=None) == UNKNOWN


@pytest.mark.parametrize(
    ("load_v", "doubted", "on"),
    [(12.2, ("battery", "load"), False), (9.0, ("battery", "load"), False),
     (16.0, ("battery", "load"), False), (8.9, ("battery", "load"), True),
     (16.1, ("battery", "load"), True), (None, ("battery", "load"), True),
     (12.2, ("battery", "charger"), True), (12.2, ("load", "supply"), True), (12.2, (), True)],
)  # fmt: skip
def test_a_battery_that_contradicts_a_load_that_fits_is_no_misfit(
    load_v: float | None, doubted: tuple[str, ...], on: bool
) -> None:
    ctx = step_context(NOW, battery_v=8.5, load_v=load_v)
    ctx.doubts = {f"{name}.voltage": "why" for name in doubted}
    ctx.is_doubtful = bool(doubted)
    found = dict((one.key, one) for one in conditions(SEEN, ctx))
    assert found["system.voltage_mismatch"].on is on


def test_flags() -> None:
    lost = SEEN._replace(settings_lost=True)
    assert sides("settings.defaults") == OFF
    assert sides("settings.defaults", lost) == ON
    assert sides("settings.defaults", SEEN._replace(settings_lost=None)) == HOLD
    for name in ("k1", "k2", "k3"):
        assert sides(f"relay.{name}") == OFF
        watch = RelayWatch()._replace(**{name: Contact(faulty=True)})
        faulty = SEEN._replace(relays=watch)
        assert [sides(f"relay.{n}", faulty)[0] for n in ("k1", "k2", "k3")] == [
            n == name for n in ("k1", "k2", "k3")
        ]
    for key, line in (("storage", "storage_ok"), ("clock", "clock_ok")):
        ctx = step_context(NOW)
        ctx.inputs = ctx.inputs._replace(**{line: False})
        marks = {c.key: c.on for c in conditions(SEEN, ctx)}
        assert marks[key] is True
        assert sides(key) == OFF


@pytest.mark.parametrize(("key", "channel"), [("io1", "io1_v"), ("io2", "io2_v")])
def test_a_digital_input_is_told_with_the_volts_that_passed_its_limit(
    key: str, channel: str
) -> None:
    tripped = SEEN._replace(digital=Digital()._replace(**{key: DigitalInput(1, True)}))
    condition = found(key, tripped, **{channel: 0.254})
    assert (condition.on, condition.off, condition.value) == (True, False, 0.25)
    assert condition.threshold == 1.0
    assert condition.text == f"{ALARM[key].text} 0.25 V, limit 1 V."
    assert condition.notify
    assert found(key, tripped, **{channel: None}).text == ALARM[key].text
    assert sides(key) == OFF
    # R86: nobody is told of it within 10 s of the start
    assert not found(key, tripped, boot=NOW - 9.9).notify
    assert found(key, tripped, boot=NOW - 10.0).notify


def test_chips_and_readings_have_an_alarm_each() -> None:
    ctx = step_context(NOW)
    ctx.inputs = ctx.inputs._replace(chips=(("0x40", False), ("0x41", True)))
    seen = SEEN._replace(reasons={"load.voltage": "It lies."})
    marks = {c.key: (c.on, c.off, c.text) for c in conditions(seen, ctx)}
    assert marks["sensor.0x40"][:2] == ON
    assert marks["sensor.0x41"][:2] == OFF
    assert marks["reading.load.voltage"] == (True, False, "It lies.")


def test_every_alarm_has_a_condition_and_every_condition_an_alarm() -> None:
    check_conditions(["a"], ["a"])
    for made in ([], ["a", "b"]):
        with pytest.raises(ValueError, match="Declared"):
            check_conditions(["a"], made)


# --- raising and clearing ------------------------------------------------------------------------

HOT, CLOCK, RELAY, OPEN = (ALARM[k] for k in ("temperature.high", "clock", "relay.k1", "lvd.open"))


def stepped(
    alarms: Alarms, condition: AlarmCondition | None, now: float, boot: float = 0.0
) -> tuple[Alarms, list[Event]]:
    ctx: StepContext = step_context(now, boot=boot)
    made = step_alarms(alarms, [] if condition is None else [condition], ctx)
    return made, [action.event for action in ctx.actions if isinstance(action, Tell)]


def hot(on: bool | None, off: bool = False) -> AlarmCondition:
    return AlarmCondition("temperature.high", HOT, on, off, "Hot.", 61.0, 60.0)


def clock(on: bool | None, off: bool = False, text: str = "No clock.") -> AlarmCondition:
    return AlarmCondition("clock", CLOCK, on, off, text)


def up(**more: object) -> Alarms:
    """An alarm of heat that is raised."""
    return Alarms({"temperature.high": RaisedAlarm("Hot.", 5.0)._replace(**more)})


def test_an_alarm_comes_after_its_delay() -> None:
    alarms, events = stepped(Alarms(), hot(True), 100.0)
    assert (alarms.keys, alarms.pending, events) == ((), {"temperature.high": 100.0}, [])
    alarms, _ = stepped(alarms, hot(True), 159.9)
    assert alarms.keys == ()
    same, _ = stepped(alarms, hot(None), 159.9)
    assert same is alarms, "what is not known does not break the delay"
    broken, _ = stepped(alarms, hot(False), 159.9)
    assert broken.pending == {}
    held, _ = stepped(alarms, hot(False, True), 159.9)
    assert held.pending == {}
    alarms, events = stepped(alarms, hot(True), 160.0)
    assert alarms.keys == ("temperature.high",)
    assert alarms.pending == {}
    raised = alarms.raised["temperature.high"]
    assert (raised.text, raised.value, raised.threshold) == ("Hot.", 61.0, 60.0)
    assert (raised.latched, raised.acknowledged, raised.clearing) == (False, False, None)
    assert [(e.key, e.kind, e.text, e.value, e.threshold, e.notify) for e in events] == [
        ("temperature.high", Kind.RAISE, "Hot.", 61.0, 60.0, True)
    ]
    assert alarms.floods["temperature.high"].times == (160.0,)
    again, events = stepped(alarms, hot(True), 161.0)
    assert again is alarms
    assert events == []


def test_one_without_a_delay_comes_at_once_and_one_that_is_off_leaves_no_trace() -> None:
    alarms, events = stepped(Alarms(), clock(True), 100.0)
    assert alarms.keys == ("clock",)
    assert len(events) == 1
    empty = Alarms()
    for on, off in ((False, True), (False, False), (None, False)):
        assert stepped(empty, clock(on, off), 100.0) == (empty, [])
    # what waits beside it goes on waiting
    waiting = Alarms(pending={"x": 1.0, "clock": 2.0})
    assert stepped(waiting, clock(True), 100.0)[0].pending == {"x": 1.0}
    assert stepped(waiting, clock(False), 100.0)[0].pending == {"x": 1.0}


def test_an_alarm_goes_when_it_has_been_well_for_its_time() -> None:
    alarms, events = stepped(up(), hot(False, True), 100.0)
    assert alarms.raised["temperature.high"].clearing == 100.0
    assert events == []
    within, _ = stepped(alarms, hot(False, False), 105.0)
    assert within.raised["temperature.high"].clearing is None
    unknown, _ = stepped(alarms, hot(None, True), 105.0)
    assert unknown.raised["temperature.high"].clearing is None
    same, _ = stepped(alarms, hot(False, True), 109.9)
    assert same is alarms
    alarms, events = stepped(alarms, hot(False, True), 110.0)
    assert alarms.raised == {}
    assert [(e.kind, e.text, e.notify) for e in events] == [(Kind.CLEAR, "Cleared: Hot.", True)]
    still = up()
    assert stepped(still, hot(True), 100.0) == (still, [])
    assert stepped(still, hot(False), 100.0) == (still, [])


def test_an_alarm_that_is_silent_is_raised_and_cleared_without_an_event() -> None:
    def opened(on: bool) -> AlarmCondition:
        return AlarmCondition("lvd.open", OPEN, on, not on, "Open.")

    alarms, events = stepped(Alarms(), opened(True), 100.0)
    assert (alarms.keys, events) == (("lvd.open",), [])
    alarms, events = stepped(alarms, opened(False), 101.0)
    assert (alarms.keys, events) == ((), [])


def test_a_latched_one_takes_over_newer_words() -> None:
    def relay(text: str) -> AlarmCondition:
        return AlarmCondition("relay.k1", RELAY, True, False, text)

    alarms, _ = stepped(Alarms(), relay("First."), 100.0)
    assert alarms.raised["relay.k1"].latched
    newer, events = stepped(alarms, relay("Newer."), 101.0)
    assert newer.raised["relay.k1"].text == "Newer."
    assert events == []
    plain, _ = stepped(Alarms(), clock(True), 100.0)
    assert stepped(plain, clock(True, text="Other."), 101.0)[0] is plain


def test_the_seventh_time_within_an_hour_is_held_until_10_min_of_quiet() -> None:
    often = Flood((1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    alarms, events = stepped(Alarms(floods={"clock": often}), clock(True), 100.0)
    assert alarms.floods["clock"].held
    assert events[0].text.startswith("No clock. It is chattering: 7 times within an hour")
    alarms, events = stepped(alarms, clock(False, True), 101.0)
    assert (alarms.keys, events) == (("clock",), [])
    assert alarms.floods["clock"].quiet_since == 101.0
    alarms, events = stepped(alarms, clock(None, True), 200.0)
    assert (alarms.floods["clock"].hidden, events) == (1, [])
    alarms, _ = stepped(alarms, clock(False, True), 300.0)
    same, _ = stepped(alarms, clock(False, True), 899.9)
    assert same is alarms
    alarms, events = stepped(alarms, clock(False, True), 900.0)
    assert alarms.keys == ()
    assert not alarms.floods["clock"].held
    assert events[0].text == "Cleared: No clock. It had gone and come 1 times more."


def gone(key: str, floods: Mapping[str, Flood] | None = None, age: float = 99.0) -> list[str]:
    """What is told when the condition of `key` has left the list, `age` s after the start."""
    alarms = Alarms({key: RaisedAlarm("Why.", 5.0), "clock": RaisedAlarm("", 5.0)}, {},
                    floods or {})  # fmt: skip
    made, events = stepped(alarms, clock(True), NOW, NOW - age)
    assert "clock" in made.keys
    assert (key in made.keys) is not bool(events)
    return [event.text for event in events]


def test_an_alarm_whose_subject_has_left_is_cleared() -> None:
    assert gone("sensor.0x40") == ["Cleared: no longer watched."]
    assert gone("reading.load.voltage") == ["Cleared: load voltage: the readings agree again."]
    (text,) = gone("reading.supply.current", age=15.0)
    assert text == "Cleared: supply current: the readings agree again."
    assert gone("reading.guard.active") == ["Cleared: GUARD line: the readings agree again."]
    assert gone("reading.batt_path") == ["Cleared: BATT_PATH line: the readings agree again."]
    # it was raised before a restart, and has not been judged for long enough since
    assert gone("reading.load.voltage", age=14.9) == []
    assert gone("sensor.0x40", age=14.9) == ["Cleared: no longer watched."]
    held = Flood((1.0,), held=True)
    assert gone("sensor.0x40", {"sensor.0x40": held}) == []
    assert gone("sensor.0x40", {"sensor.0x40": held._replace(quiet_since=400.0)}) == [
        "Cleared: no longer watched."
    ]
    plain = Flood((1.0,))
    alarms = Alarms({"x": RaisedAlarm("", 5.0)}, {}, {"x": plain})
    assert stepped(alarms, None, NOW)[0].floods == {"x": plain}


def test_an_acknowledged_alarm_is_marked_and_told() -> None:
    ctx = step_context(NOW)
    made = acknowledge(up(), "temperature.high", "somebody", ctx)
    assert made.raised["temperature.high"].acknowledged
    event = ctx.actions[0].event  # type: ignore[union-attr]
    assert (event.kind, event.text, event.source, event.notify) == (
        Kind.COMMAND, "Acknowledged: Hot.", "somebody", False,
    )  # fmt: skip


def test_an_alarm_that_is_raised_is_neither_latched_nor_acknowledged_by_itself() -> None:
    assert tuple(RaisedAlarm("T", 5.0)) == ("T", 5.0, None, None, False, False, None)


def test_alarms_that_nobody_watches_any_more_go_in_the_order_they_came() -> None:
    raised = {key: RaisedAlarm("Here.", 0.0) for key in ("w", "c", "x", "a", "t")}
    assert [event.key for event in stepped(Alarms(raised), None, 500.0)[1]] == list("wcxat")
