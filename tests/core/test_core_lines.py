"""GUARD and BATT_PATH: when they are belied by what flows, when believed again."""

from __future__ import annotations

import pytest
from core_scenes import bad_readings, joined, lie, phase, rested, start, step_context, supply

from btrmd.core.machines.lines import GUARD_HANGS, GUARD_MISSES, PATH_MISSES, InputLines, step_lines
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.publish import points
from btrmd.core.scan.flows import measure_flows
from btrmd.hal.sim.keys import set_keys
from btrmd.model.board import Outputs
from btrmd.model.readings import Measurement, Quality

# --- GUARD and BATT_PATH, step by step: when they are belied by what flows -----------------------

ABOVE = Presence(Source(0.0, None, 0.0, True, True))
BATTERY_FEEDS = {"battery_v": 12.5, "battery_a": -2.3, "load_v": 12.4, "supply_v": 0.0,
                 "supply_a": 0.0, "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip


def looked(
    lines: InputLines, now: float = 1000.0, *, guard: bool | None = False,
    path: bool | None = True, k1: bool = False, k3: bool = False, settled_s: float = 100.0,
    presence: Presence = ABOVE, supply_is_odd: bool = False, weak: bool = False,
    single: bool = False, dt: float = 1.0, guard_moved: bool = False, **channels: object,
) -> InputLines:  # fmt: skip
    ctx = step_context(
        now, dt=dt, guard=guard, guard_moved=guard_moved, batt_path=path,
        changes={"system.single_source": single}, **channels,
    )  # type: ignore[arg-type] # fmt: skip
    flows = measure_flows(ctx.inputs, single)
    return step_lines(
        lines, ctx.inputs, flows, Outputs(k1=k1, k3=k3), settled_s, presence, supply_is_odd, weak,
        ctx.sp, now, dt,
    )  # fmt: skip


ALONE = InputLines(s1_proven=True, alone_since=0.0)
HANGS = InputLines(guard_since=900.0, alone_since=900.0)
PROVEN = InputLines(s1_proven=True)


def test_what_is_remembered_of_the_lines() -> None:
    made = looked(InputLines())
    assert made == InputLines(s1_proven=True, alone_since=1000.0)
    assert looked(made, 1001.0) is made
    # the guard closes: when is remembered
    made = looked(made, 1002.0, guard=True)
    assert (made.guard_since, made.alone_since, made.s1_proven) == (1002.0, 1000.0, True)
    made = looked(made, 1003.0, guard=True)
    assert made.guard_since == 1002.0
    made = looked(made, 1004.0, guard=None)
    assert made.guard_since is None
    # K1 on: S2 is closed, and nothing is proven any more until the supply is alone again
    made = looked(made, 1005.0, k1=True, **BATTERY_FEEDS)
    assert (made.s1_proven, made.alone_since) == (False, None)
    assert not looked(made, 1006.0, guard=False, **BATTERY_FEEDS).s1_proven
    assert not looked(made, 1006.0, guard=True).s1_proven
    assert looked(made, 1006.0).s1_proven


def test_a_guard_that_hangs_is_not_believed_after_3_s() -> None:
    made = HANGS
    for seconds in (1.0, 2.0):
        made = looked(made, 1000.0 + seconds, guard=True)
        assert (made.guard_s, made.guard_reason) == (seconds, "")
    made = looked(made, 1003.0, guard=True)
    assert (made.guard_s, made.guard_reason) == (0.0, GUARD_HANGS)
    assert made.reasons == {"guard.active": GUARD_HANGS}
    assert not made.is_clear


@pytest.mark.parametrize(
    "put",
    [
        {"k1": True}, {"settled_s": 14.9}, {"supply_is_odd": True},
        {"weak": True}, {"supply_v": None}, {"supply_v": 11.89},
        {"presence": Presence(Source(985.1, None, 985.1, True, True))},
        # not alone: the battery helps
        {"supply_v": 13.0, "battery_v": 13.0, "supply_a": 1.3, "battery_a": -1.0},
    ],
)  # fmt: skip
def test_a_guard_that_may_be_active_is_believed(put: dict[str, object]) -> None:
    assert looked(HANGS, guard=True, **put).guard_s == 0.0  # type: ignore[arg-type]


def test_it_hangs_only_when_all_has_been_so_for_15_s() -> None:
    assert looked(InputLines(guard_since=985.0, alone_since=900.0), guard=True).guard_s == 1.0
    assert looked(InputLines(guard_since=985.1, alone_since=900.0), guard=True).guard_s == 0.0
    assert looked(InputLines(guard_since=900.0, alone_since=985.1), guard=True).guard_s == 0.0
    assert looked(InputLines(guard_since=900.0, alone_since=985.0), guard=True).guard_s == 1.0
    assert looked(HANGS, guard=True, settled_s=15.0).guard_s == 1.0
    assert looked(HANGS, guard=True, supply_v=11.9).guard_s == 1.0
    late = Presence(Source(985.0, None, 985.0, True, True))
    assert looked(HANGS, guard=True, presence=late).guard_s == 1.0
    assert looked(HANGS, guard=None).guard_s == 0.0
    # a supply whose reading is bad is not known to be above anything
    bad = Measurement(13.6, Quality.BAD, 1000.0)
    ctx = step_context(guard=True)
    inputs, flows = ctx.inputs._replace(supply_v=bad), measure_flows(ctx.inputs, False)
    made = step_lines(
        HANGS, inputs, flows, Outputs(), 100.0, ABOVE, False, False, ctx.sp, 1000.0, 1.0
    )
    assert made.guard_s == 0.0


def test_a_guard_that_has_moved_between_two_scans_does_not_hang() -> None:
    made = looked(HANGS._replace(guard_s=2.0), guard=True, guard_moved=True)
    assert made.guard_since == 1000.0
    assert (made.guard_s, made.guard_reason) == (1.5, "")
    assert looked(HANGS, guard_moved=True).guard_since is None
    # long after that it hangs as any other
    later = looked(HANGS._replace(guard_since=1000.0), 1015.0, guard=True)
    assert later.guard_s == 1.0


def test_a_guard_that_is_idle_though_the_battery_feeds_the_load_is_not_believed() -> None:
    made = PROVEN
    for seconds in (1.0, 2.0):
        made = looked(made, 1000.0 + seconds, **BATTERY_FEEDS)
        assert (made.guard_s, made.guard_reason) == (seconds, "")
    made = looked(made, 1003.0, **BATTERY_FEEDS)
    assert (made.guard_s, made.guard_reason) == (0.0, GUARD_MISSES)


@pytest.mark.parametrize(
    "put",
    [
        {"k1": True}, {"guard": True}, {"guard": None}, {"settled_s": 0.4},
        {"supply_v": 10.5}, {"supply_v": None},
    ],
)  # fmt: skip
def test_a_guard_that_may_be_idle_is_believed(put: dict[str, object]) -> None:
    assert looked(PROVEN, **{**BATTERY_FEEDS, **put}).guard_s == 0.0  # type: ignore[arg-type]


def test_it_must_be_active_only_where_the_supply_is_surely_dead_and_s2_was_open() -> None:
    assert looked(PROVEN, settled_s=0.5, **BATTERY_FEEDS).guard_s == 1.0
    assert looked(PROVEN, **{**BATTERY_FEEDS, "supply_v": 10.49}).guard_s == 1.0
    assert looked(PROVEN, supply_is_odd=True, **{**BATTERY_FEEDS, "supply_v": 13.6}).guard_s == 1.0
    # K1 may not have let go since the last time it was on
    assert looked(InputLines(), **BATTERY_FEEDS).guard_s == 0.0
    # nothing flows through the path
    assert looked(PROVEN, **{**BATTERY_FEEDS, "battery_a": 0.0, "load_a": 0.0}).guard_s == 0.0


def test_what_is_not_so_any_more_is_forgotten_at_half_the_pace() -> None:
    timing = InputLines(guard_s=2.0, path_s=2.0, s1_proven=True, alone_since=0.0)
    made = looked(timing)
    assert (made.guard_s, made.path_s) == (1.5, 1.5)
    made = looked(InputLines(guard_s=0.3, path_s=0.3, s1_proven=True, alone_since=0.0))
    assert (made.guard_s, made.path_s) == (0.0, 0.0)


def test_a_guard_that_moves_is_believed_after_3_s_and_one_that_does_not_after_60_s() -> None:
    hangs = ALONE._replace(guard_reason=GUARD_HANGS)
    assert looked(hangs).guard_well_s == 1.0
    assert looked(hangs._replace(guard_well_s=1.9)).guard_reason == GUARD_HANGS
    made = looked(hangs._replace(guard_well_s=2.0))
    assert (made.guard_reason, made.guard_well_s, made.guard_s) == ("", 0.0, 0.0)
    # still active: that is what it was disbelieved for
    assert looked(hangs._replace(guard_well_s=2.0), guard=True).guard_well_s == 0.0
    assert looked(hangs._replace(guard_well_s=2.0), guard=None).guard_well_s == 0.0
    # it has moved, whoever feeds the load
    unknown = looked(hangs, load_a=None, battery_a=None)
    assert unknown.guard_well_s == 1.0
    misses = ALONE._replace(guard_reason=GUARD_MISSES)
    made = looked(misses._replace(guard_well_s=2.0), guard=True)
    assert made.guard_reason == ""
    # idle while the supply alone feeds the load: right, but it does not say much
    assert looked(misses._replace(guard_well_s=58.9)).guard_reason == GUARD_MISSES
    assert looked(misses._replace(guard_well_s=59.0)).guard_reason == ""
    # idle, and it is not known who feeds the load: nothing is proven
    unknown = looked(misses._replace(guard_well_s=10.0), load_a=None, battery_a=None)
    assert unknown.guard_well_s == 0.0
    # and wrong once more
    assert looked(misses._replace(guard_well_s=10.0), **BATTERY_FEEDS).guard_well_s == 0.0


def test_a_path_that_is_said_to_be_open_though_the_load_is_fed_through_it() -> None:
    put = {**BATTERY_FEEDS, "k1": True, "path": False}
    made = InputLines()
    for seconds in (1.0, 2.0):
        made = looked(made, 1000.0 + seconds, **put)  # type: ignore[arg-type]
        assert (made.path_s, made.path_reason) == (seconds, "")
    made = looked(made, 1003.0, **put)  # type: ignore[arg-type]
    assert (made.path_s, made.path_reason) == (0.0, PATH_MISSES)
    assert made.reasons == {"batt_path": PATH_MISSES}
    for other in (
        {"path": True}, {"path": None}, {"k3": True}, {"settled_s": 0.4},
        {"battery_a": 0.0, "supply_a": 2.3, "supply_v": 13.6},
    ):  # fmt: skip
        assert looked(InputLines(), **{**put, **other}).path_s == 0.0, other  # type: ignore[arg-type]
    assert looked(InputLines(), **{**put, "settled_s": 0.5}).path_s == 1.0  # type: ignore[arg-type]


def test_a_path_that_says_closed_again_is_believed_after_3_s() -> None:
    lies = ALONE._replace(path_reason=PATH_MISSES)
    assert looked(lies).path_well_s == 1.0
    assert looked(lies._replace(path_well_s=1.9)).path_reason == PATH_MISSES
    made = looked(lies._replace(path_well_s=2.0))
    assert (made.path_reason, made.path_well_s, made.path_s) == ("", 0.0, 0.0)
    assert looked(lies._replace(path_well_s=2.0), path=False).path_well_s == 0.0
    assert looked(lies._replace(path_well_s=2.0), k3=True).path_well_s == 0.0
    assert looked(lies._replace(path_well_s=2.0), path=None).path_well_s == 0.0


# --- Lines that lie, on a whole station ----------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_guard_line_that_says_active_for_ever_is_not_believed(dt: float) -> None:
    station = rested(dt=dt)
    set_keys(station.plant, {"fault.guard": "low"})
    station.run(16.0)
    assert bad_readings(station) == [], "a real guard holds for 10 s"
    moved = station.until(lambda s: s.state.outputs.k1, 5.0)
    station.run(60.0)
    assert bad_readings(station) == ["reading.guard.active"]
    assert not moved
    assert not station.state.outputs.k1
    assert not station.state.on_battery
    shown = points(station.state, station.inputs, {}, station.now)["guard.active"]
    assert shown.value is None
    set_keys(station.plant, {"fault.guard": "off"})
    station.run(5.0)
    assert bad_readings(station) == []


def test_a_guard_line_that_says_idle_in_an_outage_is_not_believed_and_the_load_is_carried() -> None:
    station = rested()
    set_keys(station.plant, {"fault.guard": "high"})
    supply(station, False)
    station.run(4.0)
    assert station.state.on_battery
    station.run(4.0)
    assert bad_readings(station) == ["reading.guard.active"]
    assert station.state.outputs.k1, "the currents say it"
    assert len(station.records) == 1
    supply(station, True)
    station.run(60.0)
    assert not station.state.on_battery
    assert station.plant.dropped_s == 0.0


def test_an_outage_behind_a_guard_line_that_hangs_is_carried_by_the_charger_too() -> None:
    station = rested()
    set_keys(station.plant, {"fault.guard": "low"})
    station.run(30.0)
    assert bad_readings(station) == ["reading.guard.active"]
    station.plant.battery.set_soc(0.5)
    set_keys(station.plant, {"supply.on": 0})  # the charger feeds load and battery
    station.run(6.0)
    assert station.plant.circuit.battery_a > 0.0
    assert station.state.outputs.k1
    assert station.plant.dropped_s == 0.0


def test_a_path_line_that_the_load_current_belies_blames_no_relay() -> None:
    station = rested()
    start(station)
    set_keys(station.plant, {"fault.batt_path": "low"})
    station.run(30.0)
    assert bad_readings(station) == ["reading.batt_path"]
    assert station.state.relays.faulty == ()
    assert phase(station) == "running"
    set_keys(station.plant, {"fault.batt_path": "off"})
    station.run(10.0)
    assert bad_readings(station) == []


def test_an_open_path_is_the_relays_fault() -> None:
    station = rested()
    set_keys(station.plant, {"battery.fuse": 0, "charger.on": 0})
    station.run(10.0)
    assert bad_readings(station) == []
    assert station.state.relays.faulty == ("k3",)


def test_a_guard_that_was_active_as_k1_was_energised_holds_s1_until_k1_is_released() -> None:
    held = looked(InputLines(), guard=True)
    assert held.s1_held
    assert looked(held, guard=True, k1=True).s1_held
    assert looked(held, guard=False, k1=True).s1_held, "it cannot let go: the line lies"
    assert not looked(held, guard=False).s1_held
    assert not looked(InputLines(), guard=True, k1=True).s1_held
    assert not looked(InputLines(guard_reason=GUARD_HANGS), guard=True).s1_held


@pytest.mark.parametrize("volts", [12, 48])
def test_a_guard_line_that_says_idle_while_k1_is_on_blames_no_k1_as_the_supply_is_back(
    volts: int,
) -> None:
    """The guard holds S1 and S2 until K1 is released: the load goes back to the supply with it."""
    station = rested(volts)
    supply(station, False)
    station.run(60.0)
    assert station.state.outputs.k1
    set_keys(station.plant, {"fault.guard": "high"})
    station.run(60.0)
    supply(station, True)
    station.run(60.0)
    assert not station.state.outputs.k1
    assert "raise" not in station.kinds("relay.k1")


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_guard_line_that_hangs_is_not_believed_on_a_joined_source_either(
    volts: int, dt: float
) -> None:
    station = joined(volts, dt=dt, load_a=6.0)
    set_keys(station.plant, {"fault.guard": "low"})
    station.run(60.0)
    assert "reading.guard.active" in station.state.alarms.keys
    station.run(300.0)
    assert "raise" not in station.kinds("guard.active")
    assert not station.state.outputs.k1


def test_a_guard_line_that_says_active_in_a_test_has_no_voltage_named() -> None:
    """With K1 energised and the load far above its level no guard closes: S1 is as it was told. At
    48 V a supply current that is 30 mA low hides what the unit takes of a supply."""
    station = rested(48, load_a=6.0, rated_ah=7.0)
    station.errors["supply_a"] = (1.0, -0.03)
    start(station, "2")
    station.run(300.0)
    set_keys(station.plant, {"fault.guard": "low"})
    station.run(60.0)
    assert not station.state.outputs.k1
    assert [key for key in bad_readings(station) if key.endswith("voltage")] == []
    assert "raise" not in station.kinds("reading.supply.voltage")


@pytest.mark.parametrize("volts", [12, 48])
def test_a_guard_line_that_was_mended_takes_nobody_its_lvd(volts: int) -> None:
    """It is not believed for the rest of the outage, and a load current that lies says nothing
    either: both voltages, which are true, went down to 9.5 V a block."""
    station = rested(volts, load_a=2.0, rated_ah=3.0, lvd__enabled=True)
    set_keys(station.plant, {"fault.guard": "low"})
    station.run(60.0)
    supply(station, False)
    station.run(60.0)
    set_keys(station.plant, {"fault.guard": "off"})
    station.run(60.0)
    lie(station, "load.current", "x0")
    low_v = 10.35 * volts / 12
    station.until(lambda s: s.state.lvd.is_open or s.plant.circuit.battery_v < low_v, 20000.0)
    assert station.state.lvd.is_open
