"""Floods: what comes and goes, such as a weak supply, is never silent and never a flood."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, phase, rested, start, supply
from station import Station

from btrmd.core.machines.flood import NO_FLOOD, Flood, chattering
from btrmd.core.publish import remaining_s
from btrmd.estimate.evidence import why_not
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import BatteryReplaced, StartTest, StopTest
from btrmd.model.events import Kind

# --- Flood: the same pair at most six times an hour, then one sentence until 10 min of quiet -----


def test_the_seventh_time_within_an_hour_is_held() -> None:
    flood = NO_FLOOD
    for now in (0.0, 60.0, 120.0, 180.0, 240.0, 300.0):
        flood = flood.come(now)
        assert not flood.held, now
    flood = flood.come(360.0)
    assert flood.held
    assert flood.times == (0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0)


def test_what_is_older_than_an_hour_does_not_count() -> None:
    flood = Flood((0.0, 1000.0, 2000.0))
    assert flood.come(3599.9).times == (0.0, 1000.0, 2000.0, 3599.9)
    assert flood.come(3600.0).times == (1000.0, 2000.0, 3600.0)


def test_one_that_is_not_held_may_go_at_once() -> None:
    flood = Flood((1.0, 2.0))
    assert flood.step(True, 3.0) == (flood, True)
    assert flood.let_go() is flood


def test_one_that_is_held_goes_after_10_min_of_quiet_and_counts_what_it_hides() -> None:
    flood = Flood((1.0, 2.0), held=True)
    assert flood.step(True, 100.0) == (flood, False)
    flood, may_go = flood.step(False, 100.0)
    assert (flood.quiet_since, flood.hidden, may_go) == (100.0, 0, False)
    same, may_go = flood.step(False, 699.9)
    assert (same, may_go) == (flood, False)
    assert flood.step(False, 700.0) == (flood, True)
    flood, may_go = flood.step(True, 650.0)
    assert (flood.quiet_since, flood.hidden, may_go) == (None, 1, False)
    flood, may_go = flood.step(True, 651.0)
    assert (flood.hidden, may_go) == (1, False)
    flood, _ = flood.step(False, 660.0)
    flood, _ = flood.step(True, 670.0)
    assert flood.hidden == 2
    assert flood.let_go() == Flood((1.0, 2.0))


def test_the_sentence_says_how_often_and_for_how_long() -> None:
    assert chattering(Flood((1.0, 2.0, 3.0))) == (
        "It is chattering: 3 times within an hour; it is told again when it has been steady for "
        "10 min."
    )


# --- Weak supplies and faults that come and go: never silent, and never a flood ------------------

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


def put(station: Station, **keys: object) -> None:
    set_keys(station.plant, {key.replace("__", "."): value for key, value in keys.items()})


@pytest.mark.parametrize(("volts", "dt"), [(12, 0.1), (48, 1.0)])
@pytest.mark.long
def test_a_supply_behind_ohms_discharges_nobody_in_silence(volts: int, dt: float) -> None:
    station = rested(volts, dt=dt, load_a=5.0)
    count = len(station.events)
    put(station, supply__ohms=0.8 * volts / 12)
    station.run(5.0)
    assert station.state.on_battery
    assert station.kinds("ups.on_battery") == ["raise"]
    began = heard = station.now
    while station.now < began + 1800.0:
        station.tick()
        if station.plant.sense().battery_a > -0.6 or station.state.on_battery:
            heard = station.now
        assert station.now - heard <= 2.0, "the battery gives, and nobody is told"
    assert "supply.weak" in station.state.alarms.keys
    assert len(station.events) - count <= 20
    assert len(station.records) == 1
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", [12, 24])
def test_with_ups_mode_off_a_supply_behind_ohms_is_told_too(volts: int) -> None:
    """K3 is open, so that the guard has nothing to give: the load was at 9.6 V in silence."""
    station = rested(volts, load_a=5.0, ups__enabled=False)
    put(station, supply__ohms=0.8 * volts / 12)
    station.run(10.0)
    assert station.events[-1].key == "guard.active"
    station.run(60.0)
    assert station.state.alarms.keys == ("guard.active",)
    assert "battery path is open" in station.state.alarms.raised["guard.active"].text
    put(station, supply__ohms=0.0)
    station.run(30.0)
    assert station.state.alarms.keys == ()


def test_a_limited_supply_shares_the_load_with_the_battery_and_is_told_of() -> None:
    station = rested(load_a=6.0)
    put(station, supply__limit_a=4.0)
    station.run(600.0)
    assert station.state.on_battery
    assert "supply.weak" in station.state.alarms.keys
    put(station, supply__limit_a="none")
    station.run(700.0)
    assert not station.state.on_battery
    assert not station.state.outputs.k1
    station.run(3700.0)
    assert station.state.alarms.keys == ()
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize(
    ("volts", "limit_a", "dt"), [(12, 3.0, 0.1), (12, 4.5, 1.0), (48, 3.0, 1.0), (48, 4.5, 1.0)]
)
def test_a_limited_supply_beside_a_charger_makes_few_records(
    volts: int, limit_a: float, dt: float
) -> None:
    """The charger gives the rest while the guard holds: each return made an outage of its own."""
    station = rested(volts, dt=dt, load_a=5.0)
    count = len(station.events)
    put(station, supply__limit_a=limit_a)
    station.run(1800.0)
    assert "supply.weak" in station.state.alarms.keys
    assert len(station.events) - count <= 20
    assert len(station.records) <= 3
    put(station, supply__limit_a="none")
    station.run(900.0)
    assert not station.state.on_battery
    assert all(record.state == "finished" for record in station.records.values())
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(("volts", "limit_a", "inrush"), [(12, 6.0, 5.0), (24, 8.0, 10.0)])
def test_a_guard_that_lets_go_and_closes_again_between_two_scans_is_believed(
    dt: float, volts: int, limit_a: float, inrush: float
) -> None:
    """The inrush at each letting go is more than the supply has: 20 ms later it closes again."""
    station = rested(volts, dt=dt, load_a=5.0)
    count = len(station.events)
    put(station, load__inrush=inrush, supply__on=0)
    station.run(60.0)
    put(station, supply__on=1, supply__limit_a=limit_a)
    moves = station.plant.guard.moves
    station.run(900.0)
    assert station.plant.guard.moves - moves >= 10
    assert set(station.state.alarms.keys) == {"guard.active", "supply.weak"}
    assert not [e for e in station.events[count:] if e.key.startswith("reading.")]
    assert len(station.events) - count <= 20
    assert station.plant.dropped_s == 0.0


def test_a_discharge_is_told_though_the_sum_of_the_currents_is_wrong() -> None:
    """A load that goes partly around its shunt beside a supply that cannot feed it."""
    station = rested(load_a=5.0)
    put(station, wiring__load_bypass=0.5)
    station.run(90.0)
    assert station.state.alarms.keys == ("wiring.current_balance",)
    put(station, supply__limit_a=1.0)
    heard = station.now
    for _ in range(900):
        station.tick()
        if station.plant.sense().battery_a > -0.6 or station.state.on_battery:
            heard = station.now
        assert station.now - heard <= 4.0, "the battery gives, and nobody is told"
    assert station.plant.dropped_s == 0.0


def test_more_than_three_helps_within_an_hour_make_a_supply_weak() -> None:
    station = rested()
    for number in range(1, 5):
        supply(station, False)
        station.run(30.0)
        assert ("supply.weak" in station.state.alarms.keys) is (number > 3)
        supply(station, True)
        station.run(300.0)
    assert station.kinds("supply.weak") == ["raise"]
    station.run(3700.0)
    assert station.kinds("supply.weak") == ["raise", "clear"]


@pytest.mark.long
def test_three_helps_an_hour_are_no_weakness_however_long_it_goes_on() -> None:
    station = rested()
    for _ in range(12):
        supply(station, False)
        station.run(30.0)
        supply(station, True)
        station.run(1190.0)
    assert station.kinds("supply.weak") == []


# --- the guard -----------------------------------------------------------------------------------


@STEPS
def test_a_guard_that_acts_is_an_event_after_5_s_and_an_alarm_after_60(dt: float) -> None:
    bench = Bench(dt=dt)
    bench.run(20.0)
    bench.put(supply_v=None, guard=True, supply_a=0.0, battery_a=-2.3, load_v=12.5, battery_v=12.6,
              charger_v=0.0)  # fmt: skip
    bench.run(4.5)
    assert bench.reported("guard.active") == []
    bench.run(1.5)
    assert [event.kind for event in bench.reported("guard.active")] == [Kind.CHANGE]
    bench.run(53.0)
    assert "guard.active" not in bench.alarms
    bench.run(3.0)
    assert "guard.active" in bench.alarms
    bench.free("supply_v", "guard", "supply_a", "battery_a", "load_v", "battery_v", "charger_v")
    bench.run(9.0)
    assert "guard.active" in bench.alarms
    bench.run(3.0)
    assert "guard.active" not in bench.alarms
    kinds = [event.kind for event in bench.reported("guard.active")]
    assert kinds == [Kind.CHANGE, Kind.RAISE, Kind.CLEAR]


def test_a_guard_that_waits_for_the_end_of_an_outage_is_no_news() -> None:
    station = rested()
    supply(station, False)
    station.run(600.0)
    assert station.plant.sense().guard
    assert station.kinds("guard.active") == []
    assert set(station.state.alarms.keys) == {"supply.lost", "charger.lost"}


# --- K1 that does not let go ---------------------------------------------------------------------


@pytest.mark.parametrize(("volts", "dt"), [(12, 0.1), (24, 1.0)])
@pytest.mark.long
def test_a_welded_k1_with_a_low_battery_is_told_in_few_words(volts: int, dt: float) -> None:
    station = rested(volts, dt=dt, load_a=8.0, rated_ah=7.0, lvd__enabled=True)
    start(station)
    put(station, fault__relay__k1="welded")
    station.run(5.0)
    station.ask(StopTest("x"))
    station.run(20.0)
    assert "relay.k1" in station.state.alarms.keys
    assert station.state.on_battery, "the battery feeds the load, whoever left it there"
    station.plant.battery.set_soc(0.12)
    count, records = len(station.events), len(station.records)
    station.run(3600.0)
    assert len(station.events) - count <= 30
    assert len(station.records) - records <= 3
    assert station.plant.dropped_s == station.plant.dead_s == 0.0
    assert station.plant.sense().supply_a > 7.0, "the guard has put the supply on the load"
    assert not station.state.on_battery


@STEPS
@pytest.mark.parametrize("soc", [0.03, 0.05, 0.12])
def test_a_k1_that_welds_on_a_nearly_flat_battery_in_an_outage_is_found(
    soc: float, dt: float
) -> None:
    """With the supply back the battery lets the bus fall soon after each return: that is no
    supply that fails."""
    station = rested(dt=dt, load_a=8.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(soc)
    station.run(60.0)
    supply(station, False)
    station.run(10.0)
    put(station, fault__relay__k1="welded")
    supply(station, True)
    count = len(station.events)
    assert station.until(lambda s: "relay.k1" in s.state.alarms.keys, 120.0)
    station.run(3600.0 if dt == 1.0 else 600.0)
    assert len(station.events) - count <= 20
    assert len(station.records) <= 3
    assert "supply.weak" not in {event.key for event in station.events}
    assert station.plant.dropped_s == station.plant.dead_s == 0.0


@pytest.mark.parametrize("lvd", [True, False])
@pytest.mark.long
def test_a_welded_k1_without_ups_mode_fills_no_list_of_outages(lvd: bool) -> None:
    """The guard lets the supply help for 10 s, and then the battery feeds again: one outage."""
    station = rested(load_a=8.0, rated_ah=7.0, lvd__enabled=lvd, ups__enabled=False, dt=1.0)
    start(station, "2")
    put(station, fault__relay__k1="welded")
    station.ask(StopTest("x"))
    station.run(20.0)
    count, records = len(station.events), len(station.records)
    station.run(7200.0)
    assert len(station.events) - count <= 30
    assert len(station.records) - records <= 3
    assert station.plant.dropped_s == station.plant.dead_s == 0.0


# --- the flood rule ------------------------------------------------------------------------------


def flip(bench: Bench, times: int, **channels: object) -> None:
    for _ in range(times):
        bench.put(**channels)
        bench.run(15.0)
        bench.free(*channels)
        bench.run(15.0)


FLOODS = [
    ("battery.low_voltage", {"battery_v": 10.9, "charger_v": 10.93}),
    ("io1", {"io1_v": 5.0}),
    ("storage", {"storage_ok": False}),
    ("sensor.0x4a", {"chips": (("0x40", True), ("0x4a", False))}),
]


@pytest.mark.parametrize(("key", "channels"), FLOODS)
def test_an_alarm_that_comes_too_often_is_told_as_chattering(
    key: str, channels: dict[str, object]
) -> None:
    bench = Bench(ups__enabled=False, io1__config=2)
    bench.put(chips=(("0x40", True), ("0x4a", True)))
    bench.run(20.0)
    for _ in range(20):
        bench.put(**channels)
        bench.run(15.0)
        bench.put(chips=(("0x40", True), ("0x4a", True)))
        bench.free(*(name for name in channels if name != "chips"))
        bench.run(15.0)
    reported = bench.reported(key)
    kinds = [event.kind for event in reported]
    assert kinds == [Kind.RAISE, Kind.CLEAR] * 6 + [Kind.RAISE]
    assert "chattering: 7 times within an hour" in reported[-1].text
    assert key in bench.alarms
    bench.run(580.0)
    assert key in bench.alarms, "steady for ten minutes first"
    bench.run(30.0)
    assert key not in bench.alarms
    assert bench.reported(key)[-1].kind is Kind.CLEAR
    assert "13 times more" in bench.reported(key)[-1].text
    bench.put(**channels)
    bench.run(15.0)
    assert "chattering" in bench.reported(key)[-1].text, "the hour is not over"
    bench.put(chips=(("0x40", True), ("0x4a", True)))
    bench.free(*(name for name in channels if name != "chips"))
    bench.run(4200.0, dt=5.0)
    bench.put(**channels)
    bench.run(15.0)
    assert "chattering" not in bench.reported(key)[-1].text


def test_readings_that_contradict_each_other_now_and_then_are_no_flood() -> None:
    station = rested()
    for _ in range(12):
        put(station, **{"fault.reading.load.voltage": "+3"})
        station.run(20.0)
        put(station, **{"fault.reading.load.voltage": "off"})
        station.run(40.0)
    kinds = station.kinds("reading.load.voltage")
    assert kinds == ["raise", "clear"] * 6 + ["raise"]


def test_outages_that_come_too_often_share_a_record() -> None:
    station = rested()
    for _ in range(15):
        supply(station, False)
        station.run(20.0)
        supply(station, True)
        station.run(150.0)
    assert len(station.records) == 7
    assert station.records[7].marks == ("chattering",)
    assert station.records[7].state == "running"
    assert station.kinds("ups.on_battery") == ["raise", "clear"] * 6 + ["raise"]
    station.run(700.0)
    assert station.records[7].state == "finished"
    assert not station.state.on_battery


def held_record(**settings: object) -> Station:
    """Seven outages in half an hour: the record of the seventh stays open for those to come."""
    station = rested(**settings)  # type: ignore[arg-type]
    for _ in range(8):
        supply(station, False)
        station.run(20.0)
        supply(station, True)
        station.run(150.0)
    assert station.records[7].state == "running"
    assert not station.state.on_battery
    return station


def test_between_outages_that_share_a_record_there_is_none() -> None:
    station = held_record(rated_ah=17.0)
    assert remaining_s(station.state, station.inputs, station.now) is None
    assert station.ask(BatteryReplaced("x")).ok


def test_a_test_ends_the_record_that_waits_for_the_next_outage() -> None:
    station = held_record(test__type2_min=1)
    assert station.ask(StartTest("2", source="x")).ok
    station.run(1.0)
    assert station.records[7].state == "finished"
    assert station.until(lambda s: phase(s) == "running", 60.0)
    supply(station, True)
    assert station.until(lambda s: phase(s) == "idle", 120.0)
    assert why_not(station.records[7]) != "", "what came and went is no evidence of the battery"


def test_a_restart_between_them_is_none_on_battery() -> None:
    station = held_record(rated_ah=17.0)
    before = station.state
    station.crash(5.0)
    assert station.state.float_time.float_s == pytest.approx(before.float_time.float_s, abs=200.0)
    assert station.state.charge.missing_ah is not None
    assert not station.state.transfer.carried


def test_a_weak_supply_is_still_weak_after_a_restart() -> None:
    station = held_record()
    assert "supply.weak" in station.state.alarms.keys
    station.crash(5.0)
    station.run(30.0)
    assert "supply.weak" in station.state.alarms.keys
    assert station.kinds("supply.weak") == ["raise"]


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.long
def test_six_outages_an_hour_are_six_records(volts: int) -> None:
    station = rested(volts)
    for _ in range(12):
        supply(station, False)
        station.run(20.0)
        supply(station, True)
        station.run(640.0)
    assert len(station.records) == 12
    assert not any("chattering" in event.text for event in station.events)
