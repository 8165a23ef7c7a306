"""What feeds the load: told from the currents, the same for picture, pre-check and protocols."""

from __future__ import annotations

import pytest
from core_scenes import (
    VOLTS,
    WALL_0,
    Bench,
    measured,
    model_for,
    rested,
    start,
    step_context,
    supply,
)

from btrmd.core.machines.onbattery import OnBattery, step_on_battery
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.publish import points
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.load_source import load_source
from btrmd.core.scan.setpoints import Setpoints
from btrmd.model.board import Inputs, Outputs
from btrmd.model.settings import Settings

# --- Who feeds the load, at the borders of what the currents and the contacts tell ---------------


def source(
    *, k1: bool = False, k3: bool = False, single: bool = False, volts: int = 12,
    guard: bool | None = False, **put: object,
) -> str | None:  # fmt: skip
    ctx = step_context(volts=volts, guard=guard, changes={"system.single_source": single}, **put)  # type: ignore[arg-type]
    return load_source(ctx.inputs, Outputs(k1=k1, k3=k3), ctx.sp, is_misfit=False)


@pytest.mark.parametrize("volts", [12, 48])
def test_a_load_below_9_v_a_block_has_no_power(volts: int) -> None:
    dark = 9.0 * volts / 12
    assert source(volts=volts, load_v=dark - 0.01) == "none"
    assert source(volts=volts, load_v=dark) == "supply"
    assert source(volts=volts, load_v=None) == "supply"


def of(battery: object, charger: object, supply: object, **put: object) -> str | None:
    """Who feeds a load of 4 A, the supply's volts above the battery's."""
    return source(load_a=4.0, battery_a=battery, charger_a=charger, supply_a=supply, **put)  # type: ignore[arg-type]


def test_a_quarter_of_the_load_and_0_1_a_is_nothing() -> None:
    assert of(-1.1, 0.0, 2.0) == "supply"
    assert of(-1.11, 0.0, 2.0) == "shared"


def test_three_quarters_less_0_1_a_are_all_of_it() -> None:
    assert of(-2.89, 0.0, 2.0) == "shared"
    assert of(-2.9, 0.0, 2.0) == "battery"
    # of two witnesses that do not agree the one that carries the load is believed
    assert of(-2.0, 0.0, 2.9) == "supply"
    assert of(-2.0, 0.0, 2.89) == "shared"


def test_a_battery_that_gives_less_than_a_quarter_leaves_it_to_the_charger() -> None:
    assert of(-0.99, 3.0, 0.0) == "charger"
    assert of(-1.0, 3.0, 0.0) == "battery"
    assert of(1.0, 5.0, 0.0) == "charger"


def test_a_supply_that_gives_nothing_leaves_the_load_to_the_path_however_little_it_shows() -> None:
    assert of(-0.5, 0.0, 0.049) == "charger"
    assert of(-1.0, 0.0, 0.049) == "battery"
    assert of(-1.0, 0.0, 0.05) == "supply"
    assert of(-0.1, 0.0, 0.0) == "supply"
    assert of(-0.11, 0.0, 0.0) == "charger"
    # not known what it gives: the path alone tells
    assert of(-1.1, 0.0, None) == "supply"
    assert of(-1.11, 0.0, None) == "shared"
    assert of(-2.9, 0.0, None) == "battery"


def test_what_the_hat_takes_of_the_battery_is_not_the_loads() -> None:
    """4 W at 16 V: 0.25 A, where the battery is the higher one."""
    high = {"battery_v": 16.0, "supply_v": 13.6}
    assert of(-1.35, 0.0, 2.0, **high) == "supply"
    assert of(-1.36, 0.0, 2.0, **high) == "shared"
    equal = {"battery_v": 13.6, "supply_v": 13.6}
    assert of(-1.11, 0.0, 2.0, **equal) == "shared"
    for name in ("battery_v", "supply_v"):
        assert of(-1.11, 0.0, 2.0, **{**high, name: None}) == "shared"


def test_a_joined_source_that_charges_feeds_all() -> None:
    joined = {"single": True}
    assert of(0.11, None, 0.0, **joined) == "supply"
    assert of(0.1, None, 6.0, **joined) == "supply"
    # what it gives is known as a sum only, and tells nothing of the load
    assert of(-2.0, None, 3.9, **joined) == "shared"
    assert of(-2.0, 5.0, 3.9, **joined) == "shared"
    assert of(-2.0, None, 0.0, **joined) == "shared"
    assert of(-1.1, None, 0.0, **joined) == "supply"
    assert of(-2.9, None, 3.9, **joined) == "battery"


@pytest.mark.parametrize("missing", [{"battery_a": None}, {"charger_a": None}, {"load_a": None},
                                     {"load_a": 0.19}])  # fmt: skip
def test_where_the_currents_do_not_tell_the_contacts_do(missing: dict[str, object]) -> None:
    assert source(**missing) == "supply"  # type: ignore[arg-type]
    assert source(k1=True, **missing) == "battery"  # type: ignore[arg-type]
    assert source(k1=True, k3=True, **missing) is None  # type: ignore[arg-type]
    assert source(k3=True, **missing) == "supply"  # type: ignore[arg-type]
    # the guard closes both: the supply if it is there
    assert source(guard=True, **missing) == "supply"  # type: ignore[arg-type]
    assert source(guard=True, supply_v=11.5, **missing) == "supply"  # type: ignore[arg-type]
    assert source(guard=True, supply_v=11.49, **missing) == "battery"  # type: ignore[arg-type]
    assert source(guard=True, supply_v=None, **missing) is None  # type: ignore[arg-type]
    assert source(guard=True, k3=True, supply_v=None, **missing) == "supply"  # type: ignore[arg-type]
    assert source(guard=None, **missing) == "supply"  # type: ignore[arg-type]
    # without the loads volts they tell nothing
    assert source(load_v=None, **missing) is None  # type: ignore[arg-type]


def test_a_load_of_0_2_a_shows_in_the_currents() -> None:
    on = {"battery_a": -0.45, "supply_a": 0.0, "charger_a": 0.0}
    assert source(load_a=0.2, **on) == "battery"
    assert source(load_a=0.19, **on) == "supply"


# --- What feeds the load: told from the currents, the same for picture, pre-check and protocols

HAT_A = 4.0 / 13.6  # what the unit takes


def reported(outputs: Outputs = Outputs(), volts: int = 12, **channels: object) -> str | None:  # noqa: B008
    """The source of a load of 5 A; volts are a block's."""
    bench = Bench(volts=volts)
    bench.load_a = 5.0
    bench.put(**channels)
    return load_source(bench.scan(), outputs, bench.state.setpoints, is_misfit=False)


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(
    ("source", "channels"),
    [
        ("supply", {"supply_a": 5.2, "charger_a": 0.0, "battery_a": 0.0}),
        # bulk charging beside the load
        ("supply", {"supply_a": 5.2, "charger_a": 2.5, "battery_a": 2.5}),
        ("battery", {"supply_a": 0.0, "charger_a": 0.0, "battery_a": -5.3}),
        ("charger", {"supply_a": 0.0, "charger_a": 7.0, "battery_a": 1.7}),
        ("shared", {"supply_a": 2.5, "charger_a": 0.0, "battery_a": -2.5}),
        ("none", {"load_v": 0.0, "load_a": 0.0, "supply_a": 0.0, "battery_a": 0.0}),
        # a dead bus with noise on it: no source, whatever the guard closes
        ("none", {"load_v": 0.1, "load_a": -0.01, "guard": True, "supply_a": 0.0}),
        (None, {"battery_a": None, "load_v": None}),
    ],
)
def test_the_currents_tell(source: str | None, channels: dict[str, object], volts: int) -> None:
    assert reported(volts=volts, **channels) == source


def test_a_welded_contact_does_not_lie() -> None:
    """The coil says battery, the current comes from the supply."""
    coils = Outputs(k1=True)
    assert reported(coils, supply_a=5.2, charger_a=0.0, battery_a=0.0) == "supply"


@pytest.mark.parametrize(
    ("source", "coils", "channels"),
    [
        ("supply", Outputs(), {}),
        ("battery", Outputs(k1=True), {}),
        (None, Outputs(k1=True, k3=True), {"guard": False}),
        ("battery", Outputs(), {"guard": True, "supply_v": 0.0}),
        ("supply", Outputs(), {"guard": True}),
        (None, Outputs(), {"guard": True, "supply_v": None}),
    ],
)
def test_a_load_too_small_for_the_currents_is_told_by_the_contacts(
    source: str | None, coils: Outputs, channels: dict[str, object]
) -> None:
    assert (
        reported(coils, load_a=0.05, supply_a=0.0, battery_a=0.0, charger_a=0.0, **channels)
        == source
    )


@pytest.mark.parametrize("volts", [12, 48])
def test_the_plant_agrees_in_rest_test_and_outage(volts: int) -> None:
    station = rested(volts, rated_ah=40.0, load_a=3.0)

    def source() -> object:
        return points(station.state, station.read(), {}, station.now)["load.source"].value

    assert source() == "supply"
    start(station)
    station.run(60.0)
    assert source() == "battery"
    supply(station, False)
    station.run(60.0)
    assert source() == "battery"
    supply(station, True)
    assert station.until(lambda s: s.state.outage.record is None, 600.0)
    station.run(30.0)
    assert source() == "supply"


# --- Whether the battery feeds the load, step by step, on readings put by hand -------------------

ON_SUPPLY = {
    "battery_v": 13.5, "battery_a": 0.02, "load_v": 13.5, "load_a": 2.0, "supply_v": 13.6,
    "supply_a": 2.3, "charger_v": 13.55, "charger_a": 0.02,
}  # fmt: skip
HELPS = {"battery_v": 12.6, "battery_a": -1.5, "supply_v": 12.6, "supply_a": 0.8, "load_v": 12.6}


def looked(
    was: OnBattery, now: float, *, volts: int = 12, where: Where = Where.SUPPLY, k1: bool = False,
    k1_is_faulty: bool = False, in_test: bool = False, settled_s: float = 10.0,
    guard: bool = False, **channels: object,
) -> OnBattery:  # fmt: skip
    """One step; volts are a block's."""
    settings = Settings.defaults(model_for(volts)).with_changes({"system.voltage": volts})
    put = {**ON_SUPPLY, **channels}
    for name in ("battery_v", "load_v", "supply_v", "charger_v"):
        if isinstance(put[name], float):
            put[name] = put[name] * (volts // 12)
    readings = {name: measured(value, now) for name, value in put.items()}
    inputs = Inputs(**readings, guard=guard, batt_path=True, wall=WALL_0)
    ctx = StepContext(now, 0.1, 0.0, inputs, Setpoints.of(settings))
    return step_on_battery(was, Transfer(where), in_test, False, k1, k1_is_faulty, settled_s, ctx)


def test_a_discharge_beside_the_supply_is_on_battery_after_2_s() -> None:
    was = OnBattery()
    for now, on in ((100.0, False), (101.9, False), (102.0, True)):
        was = looked(was, now, **HELPS)
        assert was.on is on, now


def test_it_is_over_2_s_after_the_last_current() -> None:
    was = OnBattery(True, flows_since=90.0, flowed_at=100.0, on_at=100.0)
    was = looked(was, 101.9)
    assert was.on
    assert not looked(was, 102.0).on


def test_what_flows_in_a_test_or_while_the_contacts_move_is_not_on_battery() -> None:
    assert looked(OnBattery(), 100.0, **HELPS, settled_s=0.5).flows_since == 100.0
    assert looked(OnBattery(), 100.0, **HELPS, settled_s=0.4).flows_since is None
    assert looked(OnBattery(), 100.0, **HELPS, in_test=True).flows_since is None
    was = OnBattery(True, flowed_at=100.0, on_at=100.0)
    assert looked(was, 100.5).on
    assert not looked(was, 100.5, in_test=True).on
    assert not looked(was, 100.5, k1=True).on


def test_a_load_that_is_dark_and_takes_nothing_is_fed_by_nobody() -> None:
    off = {**HELPS, "guard": True, "load_a": 0.1}
    assert looked(OnBattery(), 100.0, **off).flows_since == 100.0
    assert looked(OnBattery(), 100.0, **{**off, "load_v": 2.0}).flows_since is None
    assert looked(OnBattery(), 100.0, **{**off, "load_v": None}).flows_since == 100.0, "who knows"


def test_a_return_that_has_not_relieved_the_battery_is_on_battery_without_a_wait() -> None:
    for now, on in ((104.9, True), (105.1, False)):
        was = OnBattery(False, on_at=100.0)
        assert looked(was, now, **HELPS).on is on


def test_a_k1_that_sticks_is_on_battery_until_it_is_known_that_nothing_flows() -> None:
    unknown = {"battery_a": None, "supply_a": None, "load_a": None, "charger_a": None}
    known = OnBattery(True)
    blind = OnBattery(True)
    for second in range(32):
        how = {"where": Where.BATTERY, "k1": True, "k1_is_faulty": True}
        known = looked(known, 100.0 + second, **how)  # type: ignore[arg-type]
        blind = looked(blind, 100.0 + second, **how, **unknown)  # type: ignore[arg-type]
        assert known.on is (second < 30), second
    assert blind.on


def test_a_k1_that_follows_is_on_battery_however_little_flows() -> None:
    was = OnBattery(True)
    for second in range(40):
        was = looked(was, 100.0 + second, where=Where.BATTERY, k1=True)
        assert was.on, second
    # 0.1 A beyond the unit's own draw is a discharge
    little = {**HELPS, "battery_a": -0.8}
    assert looked(OnBattery(), 200.0, **little).flows_since == 200.0


def test_by_a_k1_that_sticks_it_is_on_battery_also_where_the_currents_do_not_add_up() -> None:
    """Half of the load goes past its shunt: of 3.9 A from the battery 1.4 are not accounted for."""
    wrong = {**HELPS, "battery_a": -3.9, "charger_a": 1.0, "load_a": 2.5, "supply_a": 0.1}
    stuck = {"where": Where.BATTERY, "k1": True, "k1_is_faulty": True}
    was = OnBattery(True)
    for second in range(60):
        was = looked(was, 100.0 + second, **stuck, **wrong)  # type: ignore[arg-type]
        assert was.on, second
    # released, and found on it again
    was = looked(OnBattery(), 200.0, k1_is_faulty=True, **wrong)
    assert looked(was, 202.0, k1_is_faulty=True, **wrong).on
    # of one that follows, a sum that is wrong tells nothing
    assert looked(OnBattery(), 200.0, **wrong).flows_since is None
    assert looked(OnBattery(), 200.0, guard=True, **wrong).flows_since == 200.0
    assert looked(OnBattery(), 200.0, k1_is_faulty=True, k1=True, **wrong).flows_since is None


def test_a_48_v_bus_is_dead_below_36_v_and_nobody_feeds_it() -> None:
    dead = {"battery_a": 0.0, "load_a": 0.0, "supply_v": 0.0, "supply_a": 0.0}
    for block_v, on in ((8.9, False), (9.0, True)):
        was = OnBattery(True)
        for second in range(6):
            was = looked(
                was, 100.0 + second, volts=48, where=Where.BATTERY, k1=True, load_v=block_v, **dead
            )
        assert was.on is on, block_v
