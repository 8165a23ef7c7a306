"""LVD: the battery path opens before the battery is ruined, and never without need."""

from __future__ import annotations

from collections.abc import Callable
from operator import neg

import pytest
from core_scenes import (
    LVD_LOW,
    LVD_ON,
    VOLTS,
    WALL_0,
    Bench,
    bad_readings,
    drift,
    joined,
    lie,
    measured,
    model_for,
    phase,
    rested,
    step_context,
    stepped_lvd,
    supply,
)

from btrmd.core.machines.lvd import Lvd, step_lvd
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.relations import BATTERY
from btrmd.core.scan.setpoints import Setpoints
from btrmd.model.board import Inputs
from btrmd.model.commands import StartTest
from btrmd.model.events import Event, Kind
from btrmd.model.settings import Settings

# --- The low-voltage disconnect, step by step: 10.5 V for 10 s, 12.5 V for 60 s, two witnesses


def counts(**put: object) -> bool:
    """Whether such a scan counts towards opening."""
    return stepped_lvd(Lvd(), **put)[0].low_since == 1000.0  # type: ignore[arg-type]


def test_it_opens_after_10_s_below_10_5_v() -> None:
    lvd, told = stepped_lvd(Lvd(), 100.0, **LVD_LOW)  # type: ignore[arg-type]
    assert (lvd, told) == (Lvd(False, 100.0), [])
    assert not lvd.is_due(109.9)
    assert lvd.is_due(110.0)
    assert not Lvd().is_due(110.0)
    same, _ = stepped_lvd(lvd, 109.9, **LVD_LOW)  # type: ignore[arg-type]
    assert same is lvd
    held, _ = stepped_lvd(lvd, 200.0, may_open=False, **LVD_LOW)  # type: ignore[arg-type]
    assert held is lvd
    opened, told = stepped_lvd(lvd, 110.0, **LVD_LOW)  # type: ignore[arg-type]
    assert opened == Lvd(True)
    assert told == ["LVD opened: the battery is at 10.40 V."]
    assert (opened.is_driven, Lvd(True, remembered=True).is_driven, Lvd().is_driven) == (
        True, False, False,
    )  # fmt: skip


def test_it_begins_anew_when_the_battery_is_not_low() -> None:
    low = Lvd(False, 100.0)
    assert stepped_lvd(low, 105.0, **{**LVD_LOW, "battery_v": 10.5})[0] == Lvd()  # type: ignore[arg-type]
    assert stepped_lvd(low, 105.0, **{**LVD_LOW, "battery_v": None})[0] == Lvd()  # type: ignore[arg-type]
    closed = Lvd()
    assert stepped_lvd(closed)[0] is closed


@pytest.mark.parametrize("volts", [12, 48])
def test_what_counts_while_it_feeds_the_load(volts: int) -> None:
    blocks = volts // 12

    def low(battery: float, load: object) -> bool:
        each = load * blocks if isinstance(load, float) else load
        return counts(**{**LVD_LOW, "volts": volts, "battery_v": battery * blocks, "load_v": each,
                         "battery_a": -2.05, "load_a": 2.0})  # fmt: skip

    assert low(10.49, 10.4)
    assert not low(10.5, 10.4)
    # the load must be low too
    assert low(10.4, 10.49)
    assert not low(10.4, 10.51)
    assert not low(10.1, 10.5)
    # half a volt apart they contradict each other: then the load must be low by itself
    assert low(9.5, 10.3)
    assert not low(9.5, 10.48)


def test_without_the_loads_reading_it_must_be_sure_who_feeds_it() -> None:
    blind = {**LVD_LOW, "load_v": None}
    assert counts(**blind)
    assert not counts(**blind, jumped=BATTERY)
    doubts = {"battery.voltage": "It is.", "charger.voltage": "It is."}
    assert not counts(**blind, doubtful=True, doubts=doubts)
    others = {"load.voltage": "It is.", "supply.voltage": "It is."}
    assert counts(**blind, doubtful=True, doubts=others), "that is not about the battery"
    lines_only = {**blind, "battery_a": None, "load_a": None, "guard": True}
    assert not counts(**lines_only)


def test_what_is_not_believed_is_told_by_what_hangs_on_it() -> None:
    assert counts(**{**LVD_LOW, "battery_v": None}, odd=True)
    assert not counts(**{**LVD_LOW, "battery_v": None, "load_v": 10.6}, odd=True)
    assert not counts(**{**LVD_LOW, "battery_v": None, "battery_a": 0.0, "load_a": 0.0}, odd=True)


@pytest.mark.parametrize("grows", [False, True])
def test_with_the_batterys_chips_dead_another_load_or_source_keeps_no_lvd_closed(
    grows: bool,
) -> None:
    """Its current is worked out from the others: the load that grows, the charger that goes."""
    station = rested(12, load_a=3.0, rated_ah=7.0, lvd__enabled=True)
    lie(station, "battery.voltage", "x0.7")
    station.run(30.0)
    station.plant.supply.on = False
    station.plant.touch()
    station.run(30.0)
    station.lies["battery_a"] = None
    if grows:
        station.plant.charger.switch(False)
        station.run(30.0)
        station.plant.load.hold(9.0)
        station.plant.touch()
    else:
        station.plant.charger.switch(False)
        station.plant.touch()
    assert station.until(lambda s: s.plant.circuit.battery_v < 10.5, 9000.0)
    assert not station.state.lvd.is_open
    assert station.until(lambda s: s.state.lvd.is_open, 30.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("first", ["noise:2", "x0.78", "+1.5"])
def test_a_load_reading_that_lies_after_the_batterys_cuts_off_nobody(first: str) -> None:
    station = rested(12, load_a=5.0, rated_ah=17.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.4)
    station.run(10.0)
    supply(station, False)
    station.run(30.0)
    lie(station, "battery.voltage", first)
    station.run(30.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    lie(station, "battery.voltage", "off")
    at = station.plant.sense().load_v
    lie(station, "load.voltage", f"x{10.1 / at:.3f}")
    station.run(300.0)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


def test_the_lines_say_that_the_load_hangs_on_it_where_the_currents_do_not() -> None:
    lines = {**LVD_LOW, "battery_a": None, "load_a": None, "guard": True}
    assert counts(**lines)
    unknown = {"guard": None, "battery_v": 10.4}
    for other in (
        {"guard": False}, {"supply_v": 11.5}, {"supply_v": None}, {"batt_path": False},
        {"load_v": 7.9}, {"guard": None, "load_v": None}, {**unknown, "load_v": 9.89},
    ):  # fmt: skip
        assert not counts(**{**lines, **other}), other
    # the line is not believed; a load at the battery's volts hangs on it all the same
    assert counts(**{**lines, **unknown, "load_v": 9.91})
    assert counts(**{**lines, "supply_v": 11.49})
    assert counts(**{**lines, "batt_path": None})
    assert counts(**{**lines, "load_v": 8.0, "battery_v": 8.4})


def test_a_battery_that_gives_nothing_needs_a_charger_that_sees_it_low_too() -> None:
    idle = {"battery_v": 10.4, "battery_a": 0.0, "charger_a": 0.0}
    assert counts(**idle, charger_v=10.59)
    assert not counts(**idle, charger_v=10.61), "it reads that the battery is not low"
    assert counts(**idle, charger_v=9.91)
    assert not counts(**idle, charger_v=9.89)
    assert not counts(**idle, charger_v=None)
    # a dead charger is no witness of a reading that lies at 0 V
    assert counts(**{**idle, "battery_v": 8.0}, charger_v=8.0)
    assert not counts(**{**idle, "battery_v": 8.0}, charger_v=7.99)
    assert not counts(**{**idle, "battery_v": 0.0}, charger_v=0.0)


@pytest.mark.parametrize("text", ["x0", "x0.02"])
def test_a_dead_charger_is_no_witness_of_a_battery_that_reads_nothing(text: str) -> None:
    """The LVD opened in an outage of the charger alone, and a weak supply dropped the load."""
    station = rested(24, load_a=5.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.6)
    station.run(60.0)
    lie(station, "battery.voltage", text)
    station.run(10.0)
    station.plant.charger.switch(False)
    station.plant.touch()
    station.run(120.0)
    assert not station.state.lvd.is_open


@pytest.mark.parametrize(("volts", "level"), [(12, 12.5), (24, 24.5), (36, 36.75), (48, 49.0)])
def test_it_closes_after_60_s_above_the_reconnect_level(volts: int, level: float) -> None:
    """As the manual prints it, also where 24 V is no multiple of 12 V."""
    blocks = volts // 12
    opened = Lvd(True)
    assert stepped_lvd(opened, 100.0, volts=volts, battery_v=level)[0] is opened
    rising, _ = stepped_lvd(opened, 100.0, volts=volts, battery_v=level + 0.01)
    assert rising == Lvd(True, None, 100.0)
    assert stepped_lvd(rising, 109.9, volts=volts, battery_v=level + 0.01)[0] is rising
    shown, _ = stepped_lvd(rising, 159.9, volts=volts, battery_v=level + 0.01)
    assert shown == rising._replace(is_shown=True)
    # it may dip by 0.05 V a block
    assert stepped_lvd(shown, 120.0, volts=volts, battery_v=level - 0.04 * blocks)[0] is shown
    assert stepped_lvd(rising, 120.0, volts=volts, battery_v=level - 0.06 * blocks)[0] == opened
    assert stepped_lvd(rising, 120.0, volts=volts, battery_v=None, charger_v=0.0)[0] == opened
    assert stepped_lvd(opened, 120.0, volts=volts, battery_v=None, charger_v=0.0)[0] is opened
    closed, told = stepped_lvd(rising, 160.0, volts=volts, battery_v=level + 0.01)
    assert closed == Lvd()
    assert told == [f"LVD closed: the battery is at {level + 0.01:.2f} V."]


def test_switched_off_it_closes() -> None:
    closed, told = stepped_lvd(Lvd(True), enabled=False)
    assert (closed, told) == (Lvd(), ["LVD was disabled: battery path closed."])
    assert stepped_lvd(Lvd(False, 5.0), enabled=False) == (Lvd(), [])
    assert stepped_lvd(nothing := Lvd(), enabled=False)[0] is nothing


def test_what_is_remembered_is_checked_against_the_first_readings() -> None:
    remembered = Lvd(True, remembered=True)
    told = ["LVD closed: the battery is at 12.51 V."]
    assert stepped_lvd(remembered, battery_v=12.51) == (Lvd(), told), "it has recovered meanwhile"
    # low, and the load lives on the supply: it loses nothing
    assert stepped_lvd(remembered, proven=True, battery_v=12.5) == (Lvd(True), [])
    # the load is on it again
    made, told = stepped_lvd(remembered, **LVD_LOW)  # type: ignore[arg-type]
    assert made == Lvd()
    assert told == ["LVD closed: the restart has put the load back on the battery."]
    lines = {**LVD_LOW, "battery_a": None, "load_a": None, "guard": True}
    assert stepped_lvd(remembered, **lines)[0] == Lvd()  # type: ignore[arg-type]
    # it cannot be told for 2 s
    waiting, told = stepped_lvd(remembered, 100.0, battery_v=None)
    assert (waiting, told) == (Lvd(True, None, 100.0, True), [])
    assert stepped_lvd(waiting, 101.9, battery_v=None, proven=True)[0] is waiting
    made, told = stepped_lvd(waiting, 102.0, battery_v=None)
    assert made == Lvd()
    assert told == ["LVD closed: after the restart it cannot be told whether the battery is low."]


def test_with_limits_of_another_bank_it_closes_and_says_so_once() -> None:
    def misfit(lvd: Lvd) -> tuple[Lvd, list[Event]]:
        ctx = step_context(changes=LVD_ON, **LVD_LOW)  # type: ignore[arg-type]
        ctx.is_misfit = True
        made = step_lvd(lvd, True, False, ctx)
        return made, [action.event for action in ctx.actions if isinstance(action, Tell)]

    closed, (told,) = misfit(Lvd(True))
    assert (closed, told.value) == (Lvd(), False)
    assert told.text == "LVD closed: System Voltage is not that of the battery."
    assert misfit(closed) == (closed, []) == misfit(Lvd(False, 100.0))


def test_the_line_of_a_disabled_one_says_that_it_is_closed() -> None:
    ctx = step_context(**LVD_LOW)  # type: ignore[arg-type]
    step_lvd(Lvd(True), True, False, ctx)
    (told,) = [action.event for action in ctx.actions if isinstance(action, Tell)]
    assert told.value is False


# --- The LVD's own step on readings put by hand: who agrees, and what is said of it --------------

OUTAGE = {
    "battery_a": -2.4, "load_a": 2.0, "supply_v": 0.0, "supply_a": 0.0,
    "charger_v": 0.0, "charger_a": 0.0,
}  # fmt: skip


def scene(volts: int, now: float, guard: bool | None, **channels: object) -> StepContext:
    """One scan: V of the bank, A; None = bad."""
    changes = {"system.voltage": volts, "lvd.enabled": True}
    settings = Settings.defaults(model_for(volts)).with_changes(changes)
    readings = {name: measured(value, now) for name, value in {**OUTAGE, **channels}.items()}
    inputs = Inputs(**readings, guard=guard, batt_path=True, wall=WALL_0)
    return StepContext(now, 0.1, 0.0, inputs, Setpoints.of(settings))


def texts(ctx: StepContext) -> list[str]:
    return [action.event.text for action in ctx.actions if isinstance(action, Tell)]


def test_both_witnesses_are_below_the_level_and_up_to_2_v_apart_in_a_48_v_bank() -> None:
    """A battery reading that drifts down while the load hangs at 10.6 V a block cuts off nobody."""
    for load_v, is_open in ((41.95, True), (42.05, False), (43.7, False)):
        ctx = scene(48, 100.0, True, battery_v=40.1, load_v=load_v)
        made = step_lvd(Lvd(False, low_since=90.0), True, False, ctx)
        assert made.is_open is is_open, load_v


def test_where_nobody_knows_what_was_remembered_waits_for_2_s() -> None:
    unknown = {"load_v": None, "load_a": None, "battery_a": None, "supply_v": None}
    lvd = Lvd(True, remembered=True)
    for now in (100.0, 101.0, 101.9):
        ctx = scene(12, now, None, battery_v=10.9, **unknown)
        lvd = step_lvd(lvd, False, False, ctx)
        assert (lvd.is_open, lvd.is_driven, texts(ctx)) == (True, False, []), now
    ctx = scene(12, 102.0, None, battery_v=10.9, **unknown)
    assert step_lvd(lvd, False, False, ctx) == Lvd()
    assert "it cannot be told whether the battery is low" in texts(ctx)[0]


# --- LVD: the battery path opens before the battery is ruined, and never without need ------------

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])
CLOSE_V = {12: 12.5, 24: 24.5, 36: 36.75, 48: 49.0}


def low(bench: Bench, block_v: float) -> None:
    """An outage with the battery at `block_v` a block."""
    bench.put(supply_v=0.0, supply_a=0.0, charger_v=0.0, charger_a=0.0, guard=True,
              battery_v=block_v, load_v=block_v - 0.05)  # fmt: skip


@STEPS
@pytest.mark.parametrize("volts", VOLTS)
def test_it_opens_below_10_5_for_10_s_and_closes_above_the_printed_volts_for_60_s(
    volts: int, dt: float
) -> None:
    blocks = volts // 12
    bench = Bench(volts=volts, dt=dt, lvd__enabled=True)
    bench.run(20.0)
    low(bench, 10.51)
    bench.run(30.0)
    assert not bench.state.lvd.is_open
    low(bench, 10.49)
    bench.run(9.0)
    low(bench, 10.51)
    bench.run(2.0)
    low(bench, 10.49)
    bench.run(9.5)
    assert not bench.state.lvd.is_open, "ten seconds without a break"
    bench.run(2.0)
    assert bench.state.lvd.is_open
    assert bench.state.outputs.k3
    bench.run(2.0)
    assert not bench.state.outputs.k1
    assert not bench.state.on_battery
    bench.put(battery_v=CLOSE_V[volts] / blocks)
    bench.run(100.0)
    assert bench.state.lvd.is_open
    bench.put(battery_v=CLOSE_V[volts] / blocks + 0.01)
    bench.run(59.0)
    assert bench.state.lvd.is_open
    bench.run(3.0)
    assert not bench.state.lvd.is_open
    assert [event.value for event in bench.reported("lvd.open")] == [True, False]


def test_it_is_off_by_default() -> None:
    bench = Bench()
    bench.run(20.0)
    low(bench, 9.5)
    bench.run(60.0)
    assert (bench.state.lvd.is_open, bench.state.outputs.k3) == (False, False)


@pytest.mark.parametrize(("battery", "bus"), [(None, 11.95), (None, 10.2), (9.9, 11.95)])
def test_it_never_opens_on_a_bad_reading_nor_on_one_the_bus_belies(
    battery: float | None, bus: float
) -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 12.0)
    bench.run(5.0)
    assert bench.state.outputs.k1
    bench.put(battery_v=battery, load_v=bus)
    bench.run(120.0)
    assert not bench.state.lvd.is_open


def test_a_bad_reading_starts_the_10_s_again() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 10.4)
    bench.run(8.0)
    bench.put(battery_v=None)
    bench.run(1.0)
    bench.put(battery_v=10.4)
    bench.run(9.0)
    assert not bench.state.lvd.is_open


def test_it_does_not_open_while_the_supply_is_neither_proven_nor_absent() -> None:
    bench = Bench(lvd__enabled=True, ups__enabled=False)
    bench.put(battery_v=10.2, charger_v=10.23, supply_v=None)
    bench.run(120.0)
    assert not bench.state.outputs.k3
    bench.free("supply_v")
    bench.run(10.0)
    assert bench.state.lvd.is_open, "the load is proven on the supply"


def test_a_supply_that_cannot_be_read_is_absent_while_the_battery_carries_the_load() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 12.0)
    bench.run(5.0)
    low(bench, 10.4)
    bench.put(supply_v=None, battery_a=-2.4, load_a=2.0)
    bench.run(9.0)
    assert not bench.state.lvd.is_open
    bench.run(3.0)
    assert bench.state.lvd.is_open


def test_in_a_test_it_waits_for_the_end() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    assert bench.ask(StartTest("1", source="x")).ok
    bench.run(5.0)
    bench.put(battery_v=10.4)
    bench.run(20.0)
    assert phase(bench) == "proving"
    assert not bench.state.lvd.is_open
    bench.until("idle", 20.0)
    assert bench.records[1].reason.startswith("Without the charger the battery fell to 10.40 V")
    bench.put(charger_v=10.43)
    bench.run(12.0)
    assert bench.state.lvd.is_open, "the load is proven on the supply"


def test_disabling_it_closes_the_path_at_once() -> None:
    bench = Bench(lvd__enabled=True)
    bench.run(20.0)
    low(bench, 10.2)
    bench.run(15.0)
    assert bench.state.lvd.is_open
    bench.change(lvd__enabled=False)
    bench.run(2.0)
    assert not bench.state.lvd.is_open
    assert not bench.state.outputs.k3
    assert bench.reported("lvd.open")[-1].text == "LVD was disabled: battery path closed."


def test_lvd_open_means_lvd_only() -> None:
    bench = Bench(ups__enabled=False, lvd__enabled=True)
    bench.run(30.0)
    assert bench.state.outputs.k3
    assert not bench.state.lvd.is_open


def test_a_real_outage_ends_at_10_5_v_and_the_load_comes_back_with_the_supply() -> None:
    station = rested(rated_ah=7.0, load_a=5.0, lvd__enabled=True)
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 3 * 3600.0)
    record = station.records[1]
    station.run(2.0)
    record = station.records[1]
    assert (record.state, record.reason) == ("finished", "LVD opened.")
    end = [event for event in station.events if event.key == "ups.on_battery"][
        -1
    ]  # no good news: the load is dark
    assert (end.kind, end.text) == (
        Kind.CHANGE, "The battery no longer feeds the load: LVD opened.",
    )  # fmt: skip
    station.run(60.0)
    assert station.plant.sense().load_v < 1.0
    assert not station.state.outputs.k1
    supply(station, True)
    station.run(30.0)
    assert station.plant.sense().supply_a > 4.9
    assert station.until(lambda s: not s.state.lvd.is_open, 12 * 3600.0)
    station.run(60.0)
    assert phase(station) == "idle"
    assert station.plant.dropped_s == 0.0
    assert station.kinds("lvd.open") == ["change", "change"]


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("lie_v", [0.7, 0.9])
def test_a_load_reading_that_contradicts_one_source_after_the_other_has_no_say(
    volts: int, lie_v: float
) -> None:
    """It was doubted with the supply; as that died, the supply was named, and the load acquitted:
    the LVD opened at 9.5 V a block."""
    station, blocks = rested(volts, rated_ah=7.0, lvd__enabled=True), volts // 12
    lie(station, "load.voltage", f"{lie_v * blocks:+g}")
    station.run(60.0)
    supply(station, False)
    station.run(60.0)
    assert station.state.plausible.is_odd("load.voltage")
    assert station.kinds("reading.supply.voltage") == ["raise", "clear"]
    assert station.until(lambda s: s.state.lvd.is_open, 20000.0)
    assert station.plant.circuit.battery_v / blocks == pytest.approx(10.5, abs=0.1)


@pytest.mark.parametrize("volts", [12, 48])
def test_an_open_lvd_closes_on_a_charger_that_delivers_to_a_battery_whose_reading_is_doubted(
    volts: int,
) -> None:
    """It opened by right; the battery was charged, and its reading had sunk meanwhile: the next
    outage found a good battery cut off."""
    blocks = volts // 12
    doubts = {"battery.voltage": "why", "charger.voltage": "why"}
    site: dict[str, object] = {"volts": volts, "changes": {"lvd.enabled": True}}
    charging: dict[str, object] = {
        "battery_v": 10.8 * blocks, "battery_a": 2.5, "charger_v": 13.0 * blocks, "charger_a": 2.5,
        "supply_a": 2.3, "load_a": 2.0, "supply_v": 0.0,
    }  # fmt: skip

    def after(since: float | None = 940.0, is_doubted: bool = True, **put: object) -> Lvd | str:
        ctx = step_context(1000.0, **site, **{**charging, **put})  # type: ignore[arg-type]
        ctx.doubts, ctx.is_doubtful = doubts if is_doubted else {}, is_doubted
        made = step_lvd(Lvd(True, high_since=since), False, True, ctx)
        told = [action.event.text for action in ctx.actions if isinstance(action, Tell)]
        return made if made.is_open else told[0].removeprefix("LVD closed: ").split(" at ")[0]

    delivers, stands = "its charger delivers", "its charger stands"
    assert after() == delivers
    assert after(940.1) == Lvd(True, high_since=940.1), "for 60 s, as ever"
    assert after(None) == Lvd(True, high_since=1000.0)
    assert after(charger_v=12.0 * blocks) == Lvd(True), "it is not above the level either"
    assert after(charger_a=0.3, battery_a=0.3) == Lvd(True), "too little to tie"
    assert after(charger_v=None) == Lvd(True)
    # the charger's current is not known: what the battery takes tells
    assert after(charger_a=None) == delivers
    assert after(charger_a=None, battery_a=0.4) == Lvd(True)
    assert after(charger_a=None, battery_a=None) == Lvd(True)
    assert after(charger_a=5.0) == Lvd(True), "the currents contradict each other"
    # the charger's reading may be the one that is wrong, as long as it delivers
    idle = {"battery_v": 13.4 * blocks, "charger_a": 0.0, "battery_a": 0.0}
    assert after(battery_v=13.4 * blocks, charger_v=10.5 * blocks) == "the battery is"
    assert after(**idle, charger_v=10.5 * blocks) == Lvd(True), "nothing fills it"
    assert after(is_doubted=False) == Lvd(True), "nobody doubts it"
    # what gives nothing stands where the battery is: by the lower, and by either while supplied
    for at_v, supply_v, how in (
        (13.0, 0.0, stands), (12.5, 0.0, Lvd(True)), (13.5, 0.0, Lvd(True)), (13.5, 13.6, stands),
    ):  # fmt: skip
        assert after(**idle, charger_v=at_v * blocks, supply_v=supply_v * blocks) == how
    for supply_v, how in ((13.6, stands), (0.0, Lvd(True))):
        dead = {**idle, "battery_v": None, "charger_v": 13.5 * blocks, "is_doubted": False}
        assert after(**dead, supply_v=supply_v * blocks) == how, "left over"  # type: ignore[arg-type]


def test_a_doubt_about_other_readings_keeps_no_lvd_open() -> None:
    for doubts, is_open in (({"load.voltage": "why"}, False), ({"battery.voltage": "why"}, True)):
        put = {"battery_v": 13.0, "battery_a": 0.0, "charger_a": 0.0, "supply_v": 0.0}
        ctx = step_context(1000.0, changes=LVD_ON, **put)  # type: ignore[arg-type]
        ctx.doubts, ctx.is_doubtful = doubts, True
        made = step_lvd(Lvd(True, high_since=940.0), False, True, ctx)
        assert made.is_open is is_open, doubts


def test_without_any_voltage_it_closes_when_it_has_been_charged_for_an_hour() -> None:
    lost = {"battery_v": None, "load_v": None, "charger_v": None, "supply_v": None}
    charging = {"battery_a": 2.5, "charger_a": 2.5}

    def after(filled_s: float, dt: float = 1.0, **put: float) -> Lvd:
        ctx = step_context(1000.0, dt=dt, changes=LVD_ON, **{**lost, **charging, **put})  # type: ignore[arg-type]
        return step_lvd(Lvd(True, filled_s=filled_s), False, True, ctx)

    assert not after(3599.0).is_open
    assert after(3598.0) == Lvd(True, filled_s=3599.0)
    assert after(3598.0, dt=600.0) == Lvd(True, filled_s=3599.0), "a pause shows one moment of it"
    # what stops and goes on has been charged for as long as it was
    assert after(3599.0, battery_a=0.0, charger_a=0.0) == Lvd(True, filled_s=3599.0)


def test_a_battery_that_was_charged_while_its_reading_sank_is_there_in_the_next_outage() -> None:
    station = rested(36, rated_ah=7.0, lvd__enabled=True)
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 30000.0)
    lie(station, "battery.voltage", "drift:-180")
    supply(station, True)
    station.run(40.0)
    station.plant.battery.set_soc(1.0)
    station.plant.touch()
    station.crash(90.0)
    station.run(150.0)
    assert not station.state.lvd.is_open
    before = station.plant.dropped_s
    supply(station, False)
    station.run(60.0)
    assert station.plant.dropped_s == before


@pytest.mark.parametrize(("volts", "volts_per_h"), [(24, 2.0), (36, 3.0)])
def test_an_open_lvd_does_not_close_on_a_drifting_reading_that_is_doubted(
    volts: int, volts_per_h: float
) -> None:
    """Without supply or charger: it closed four times, and the bank was emptied to 9.3 V a block
    round and round."""
    station = rested(volts, load_a=4.0, rated_ah=3.0, lvd__enabled=True)
    supply(station, False)
    station.run(240.0)
    drift(station, "battery.voltage", volts_per_h)
    assert station.until(lambda s: s.state.lvd.is_open, 20000.0)
    station.run(2400.0)
    assert station.state.lvd.is_open
    supply(station, True)
    lie(station, "battery.voltage", "off")
    station.plant.battery.set_soc(0.8)  # type: ignore[union-attr]
    assert station.until(lambda s: not s.state.lvd.is_open, 300.0)


@pytest.mark.parametrize(
    ("text", "volts", "is_joined"),
    [
        ("one volt", 12, True), ("one volt", 48, False), ("all volts", 48, True),
        ("x0.78", 12, True), ("hold", 48, False), ("+1.5", 12, False),
        ("full x0.78", 12, False), ("full x0.78", 48, True), ("full +6", 48, True),
    ],
)  # fmt: skip
def test_an_open_lvd_closes_on_a_bank_that_was_charged_with_no_reading_of_its_volts(
    text: str, volts: int, is_joined: bool
) -> None:
    """It opened by right; the next outage found a full bank cut off."""
    station = joined(volts, is_joined=is_joined, load_a=0.8, rated_ah=2.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.15)  # type: ignore[union-attr]
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 9000.0)
    dead = {
        "one volt": ["battery_v"],
        "all volts": ["battery_v", "load_v", "charger_v", "supply_v"],
    }
    station.lies = dict.fromkeys(dead.get(text, ["battery_a" if is_joined else "charger_a"]))
    if text not in dead:
        lie(station, "battery.voltage", text.removeprefix("full "))
    if text.startswith("full"):  # its charger gives nothing, but stands where it is
        station.plant.battery.set_soc(1.0)  # type: ignore[union-attr]
    station.run(60.0)
    supply(station, True)
    station.run(3540.0)
    assert station.state.lvd.is_open is (text == "all volts"), "without any voltage: in an hour"
    station.run(600.0)
    assert not station.state.lvd.is_open
    before = station.plant.dropped_s
    supply(station, False)
    station.run(120.0)
    assert station.plant.dropped_s == before


@pytest.mark.parametrize("volts", [24, 48])
@pytest.mark.parametrize("then", ["weak source", "outage"])
@pytest.mark.parametrize("reads", [None, neg])
def test_an_open_lvd_closes_on_a_full_bank_whose_reading_dies_before_it_has_waited(
    reads: Callable[[float], float] | None, then: str, volts: int
) -> None:
    """The bank was changed behind it, and its reading died after 35 s: a full bank was cut off."""
    station = joined(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.1)  # type: ignore[union-attr]
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 20000.0)
    station.plant.battery.set_soc(1.0)  # type: ignore[union-attr]
    supply(station, True)
    if then == "weak source":
        station.plant.supply.ohms = 2.0 * volts / 12  # it feeds the load, and charges nothing
    station.plant.touch()
    station.run(30.0)
    supply(station, then == "weak source")
    station.run(5.0)
    station.lies = {"battery_v": reads}
    station.run(20.0)
    assert station.state.lvd.is_open
    assert station.until(lambda s: not s.state.lvd.is_open, 10.0)
    assert station.events[-1].text == "LVD closed: the battery was there when its reading failed."
    before = station.plant.dropped_s
    supply(station, False)
    station.run(60.0)
    assert station.plant.dropped_s == before


def test_a_battery_that_was_there_for_10_s_is_there_still_without_a_reading() -> None:
    def after(
        lvd: Lvd, odd: bool = False, doubted: bool = False, jumped: bool = False,
        **put: float | None,
    ) -> Lvd:  # fmt: skip
        site = {"battery_v": 13.0, "battery_a": 0.0, "charger_v": 0.0, "charger_a": 0.0, **put}
        ctx = step_context(1000.0, changes=LVD_ON, **site)  # type: ignore[arg-type]
        ctx.battery_is_odd, ctx.jumped = odd, (jumped, False, False, False)
        if doubted:
            ctx.doubts, ctx.is_doubtful, ctx.may_be_above = {"battery.voltage": "why"}, True, True
        return step_lvd(lvd, False, True, ctx)

    brief, above = Lvd(True, None, 990.1), Lvd(True, None, 990.0)
    shown = above._replace(is_shown=True)
    assert after(brief) is brief
    assert (after(above), after(shown)) == (shown, shown)
    assert after(shown, doubted=True) == above, "it is above by another reading"
    assert after(shown, battery_v=12.4) == Lvd(True)
    dead: dict[str, float | None] = {"battery_v": None}
    assert after(above, **dead) == Lvd(True)
    assert after(shown, **dead) is shown
    assert after(shown, True, **dead) == Lvd(True), "it had lied"
    assert after(shown, True, jumped=True, **dead) is shown, "from its jump on"
    assert after(shown, battery_v=7.9) == after(shown, battery_v=-13.0) == shown, "no bank's volts"
    assert after(shown, battery_v=8.0) == Lvd(True), "another bank's, maybe"
    fed = {**dead, "battery_a": -2.4, "load_a": 2.0, "supply_v": 0.0, "supply_a": 0.0}
    assert after(shown, **fed) == Lvd(True), "it is not cut off"
    assert after(shown._replace(high_since=940.1), **dead).is_open
    assert not after(shown._replace(high_since=940.0), **dead).is_open
    charging = {**dead, "battery_a": 2.5, "charger_a": 2.5}
    assert after(shown, **charging, charger_v=13.0) is shown, "by the charger's volts"
    assert after(shown, **charging, charger_v=12.0) == Lvd(True)
    assert after(shown, **charging, charger_v=None) is shown
