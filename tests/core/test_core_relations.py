"""Relations: which voltages must agree under which flows and relays, to the borders."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.scan.flows import measure_flows
from btrmd.core.scan.relations import Relation, Tie, find_relations, voltages
from btrmd.model.board import Outputs

ON_BATTERY = {
    "battery_v": 12.5, "battery_a": -2.3, "load_v": 12.4, "supply_v": 0.0, "supply_a": 0.0,
    "charger_v": 0.0, "charger_a": 0.0,
}  # fmt: skip
TEST = {**ON_BATTERY, "battery_a": -2.0, "supply_v": 13.6, "supply_a": 0.3}  # HAT on the supply
CHARGING = {"battery_v": 13.0, "battery_a": 2.5, "charger_v": 13.1, "charger_a": 2.5}


def found(
    tie: Tie, *, k1: bool = False, k2: bool = False, settled: bool = True, tied: bool = False,
    volts: int = 12, single: bool = False, guard: bool | None = False, misfit: bool = False,
    **channels: object,
) -> Relation:  # fmt: skip
    ctx = step_context(
        volts=volts, guard=guard, changes={"system.single_source": single}, **channels
    )  # type: ignore[arg-type]
    flows = measure_flows(ctx.inputs, single)
    made = find_relations(
        voltages(ctx.inputs),
        ctx.inputs,
        flows,
        Outputs(k1=k1, k2=k2),
        settled,
        tied,
        misfit,
        ctx.sp,
    )
    return made[tie.value]


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize(
    ("gap", "broken", "near"),
    [
        (0.0, False, True), (0.29, False, True), (-0.29, False, True), (0.31, False, False),
        (-0.31, False, False), (0.49, False, False), (-0.49, False, False), (0.51, True, False),
        (-0.51, True, False),
    ],
)  # fmt: skip
def test_two_ends_may_be_half_a_volt_a_block_apart(
    volts: int, gap: float, broken: bool, near: bool
) -> None:
    blocks = volts // 12
    put = {"volts": volts, "supply_v": (13.0 + gap) * blocks, "load_v": 13.0 * blocks}
    made = found(Tie.SUPPLY_LOAD, **put)  # type: ignore[arg-type]
    assert made.gap == pytest.approx(gap * blocks)
    assert (made.broken, made.near) == (broken, near)


@pytest.mark.parametrize(("said", "bank"), [(48, 12), (12, 48), (24, 36)])
def test_under_a_wrong_system_voltage_the_readings_say_what_sensors_may_differ_by(
    said: int, bank: int
) -> None:
    """Sensors are off by a part of what they read; one of the readings may lie by anything."""
    blocks = bank // 12
    put = {"volts": said, "misfit": True, "battery_v": 12.5 * blocks, "charger_v": 0.0}
    for gap, broken in ((0.49, False), (0.51, True), (-0.51, True), (3.0, True), (-12.0, True)):
        supply = {"supply_v": (13.0 + gap) * blocks, "load_v": 13.0 * blocks}
        assert found(Tie.SUPPLY_LOAD, **put, **supply).broken is broken, gap  # type: ignore[arg-type]


def test_exactly_on_the_border_is_within_it() -> None:
    for supply, load in ((0.3, 0.0), (0.0, 0.3)):
        assert found(Tie.SUPPLY_LOAD, supply_v=supply, load_v=load).near
    for supply, load in ((13.5, 13.0), (13.0, 13.5)):
        assert found(Tie.SUPPLY_LOAD, supply_v=supply, load_v=load).broken is False


def silent(tie: Tie, **put: object) -> bool:
    return found(tie, **put).broken is None  # type: ignore[arg-type]


def test_supply_and_load_are_tied_while_the_supply_feeds_it() -> None:
    tie = Tie.SUPPLY_LOAD
    assert not silent(tie)
    assert silent(tie, **ON_BATTERY, k1=True)
    assert silent(tie, supply_v=None)
    assert silent(tie, load_v=None)
    # K1 on and the guard idle: S1 is open, of two sources another way leads round
    assert not silent(tie, k1=True)
    assert silent(tie, k1=True, single=True)
    assert not silent(tie, k1=True, single=True, guard=True)
    assert not silent(tie, single=True)


def test_battery_and_load_are_tied_while_the_battery_gives_to_it() -> None:
    tie = Tie.BATTERY_LOAD
    assert found(tie, **ON_BATTERY, k1=True).broken is False
    assert found(tie, **{**ON_BATTERY, "load_v": 11.9}, k1=True).broken is True
    assert silent(tie)
    assert silent(tie, **{**ON_BATTERY, "battery_v": None}, k1=True)
    # the charger alone feeds the load: fuse F2 may be open
    assert silent(tie, **{**ON_BATTERY, "battery_a": 0.0, "charger_a": 2.3}, k1=True)


def test_charger_and_battery_are_tied_while_the_charger_charges() -> None:
    tie = Tie.CHARGER_BATTERY
    assert found(tie, **CHARGING).broken is False
    assert found(tie, **{**CHARGING, "charger_v": 13.6}).broken is True
    assert silent(tie, **CHARGING, k2=True)
    # 0.3 A and more, surely
    assert not silent(tie, **{**CHARGING, "charger_a": 0.31, "battery_a": 0.31})
    assert silent(tie, **{**CHARGING, "charger_a": 0.3, "battery_a": 0.0})
    assert silent(tie, **{**CHARGING, "charger_a": None})
    # less, where two currents say so
    little = {**CHARGING, "charger_a": 0.11, "battery_a": 0.15}
    assert found(tie, **little).broken is False
    assert found(tie, **{**little, "charger_v": 13.6}).broken is True
    for other in ({"charger_a": 0.1}, {"battery_a": 0.11}, {"battery_a": None}, {"k2": True}):
        assert silent(tie, **{**little, **other})
    assert silent(Tie.CHARGER_LOAD, **little)
    # a sum that is wrong says nothing of who contradicts whom, but two that agree still agree
    wrong = {**CHARGING, "battery_a": 5.0}
    assert found(tie, **wrong)[1:] == (None, True)
    assert found(tie, **{**wrong, "charger_v": 13.6})[1:] == (None, False)
    # the battery takes nothing: only with the load at the same node
    balances = {**ON_BATTERY, "battery_a": 0.0, "charger_a": 2.3, "charger_v": 12.6}
    assert not silent(tie, **{**balances, "load_v": 12.4}, k1=True)
    assert silent(tie, **{**balances, "load_v": 12.1}, k1=True)
    assert silent(tie, **{**balances, "load_v": None}, k1=True)
    assert silent(tie, battery_a=0.0, charger_a=0.35)


def test_on_a_joined_source_what_the_battery_takes_ties_it_to_the_charger_terminal() -> None:
    """It has no charger current of its own."""
    tie = Tie.CHARGER_BATTERY
    joined = {**CHARGING, "charger_a": None, "supply_a": 4.3, "battery_a": 2.0, "single": True}
    assert found(tie, **joined).broken is False
    assert found(tie, **{**joined, "battery_v": 10.2}).broken is True
    assert silent(tie, **joined, k2=True)
    assert silent(tie, **{**joined, "battery_a": 0.3, "supply_a": 2.6})
    assert silent(tie, **{**joined, "battery_a": -2.0, "supply_a": 0.3})


def test_two_that_agree_vouch_for_each_other_while_a_current_lies() -> None:
    lies = {"load_a": 6.0}
    tie = Tie.BATTERY_LOAD
    assert found(tie, **{**ON_BATTERY, **lies}, k1=True)[1:] == (None, True)
    assert found(tie, **{**ON_BATTERY, **lies, "load_v": 11.9}, k1=True)[1:] == (None, False)
    assert silent(tie, **{**ON_BATTERY, **lies})
    tie = Tie.SUPPLY_LOAD
    on_supply = {"supply_v": 13.6, "load_v": 13.5, "supply_a": 2.3, "battery_a": 0.0}
    assert found(tie, **on_supply).broken is False
    assert found(tie, **{**on_supply, **lies})[1:] == (None, True)
    assert found(tie, **{**on_supply, **lies, "load_v": 13.0})[1:] == (None, False)
    assert silent(tie, **{**on_supply, **lies}, k1=True)
    assert silent(tie, **{**on_supply, **lies}, guard=True)


@pytest.mark.parametrize("volts", [12, 48])
def test_charger_and_load_are_tied_while_the_charger_feeds_it(volts: int) -> None:
    """Whether the battery takes, gives, or is cut off."""
    tie, blocks = Tie.CHARGER_LOAD, volts // 12
    floats = {
        **ON_BATTERY, "battery_v": 13.5 * blocks, "battery_a": 0.0, "charger_v": 13.54 * blocks,
        "charger_a": 2.3, "load_v": 13.47 * blocks,
    }  # fmt: skip
    assert found(tie, **floats, k1=True, volts=volts)[1:] == (False, True)
    for battery_a in (-1.0, 1.0):
        moves = {**floats, "battery_a": battery_a, "charger_a": 2.3 + battery_a}
        assert found(tie, **moves, k1=True, volts=volts).broken is False
    away = {**floats, "battery_v": 0.0}
    assert found(tie, **away, k1=True, volts=volts).broken is False
    lies = {**floats, "load_v": 13.02 * blocks}
    assert found(tie, **lies, k1=True, volts=volts).broken is True
    for silent_if in (
        {"k2": True}, {"single": True}, {"load_a": 3.5}, {"charger_a": 0.3, "battery_a": -2.0},
        {"supply_a": 2.3, "charger_a": 0.31, "battery_a": 0.31},
    ):  # fmt: skip
        assert silent(tie, **{**floats, "k1": True, "volts": volts, **silent_if}), silent_if


def test_a_supply_that_gives_nothing_is_not_above_the_load() -> None:
    tie = Tie.SUPPLY_SILENT
    idle = {**ON_BATTERY, "supply_a": 0.0}
    assert found(tie, **{**idle, "supply_v": 12.9}, guard=True).broken is False
    assert found(tie, **{**idle, "supply_v": 12.91}, guard=True).broken is True
    assert found(tie, **{**idle, "supply_v": 9.0}, guard=True).broken is False
    assert silent(tie, **idle, guard=True, settled=False)
    assert silent(tie, **{**idle, "supply_a": None}, guard=True)
    assert silent(tie, **{**idle, "load_v": None}, guard=True)
    assert silent(tie, **{**idle, "supply_v": None}, guard=True)
    # with S1 open it may be anything
    assert silent(tie, **idle, k1=True)
    # what the HAT takes is no nothing: 0.6 of 4 W at 12.5 V are 0.192 A
    assert not silent(tie, **{**idle, "supply_a": 0.19}, guard=True)
    assert silent(tie, **{**idle, "supply_a": 0.2}, guard=True)


def test_at_48_v_a_sensors_offset_is_not_taken_for_the_hats_draw() -> None:
    """0.6 of 4 W at 51.2 V is 0.047 A; 0.06 A is the least that is believed."""
    put = {"volts": 48, "supply_v": 51.2, "load_v": 50.0, "battery_a": -2.05, "load_a": 2.0}
    assert not silent(Tie.SUPPLY_SILENT, **{**put, "supply_a": 0.059}, guard=True)
    assert silent(Tie.SUPPLY_SILENT, **{**put, "supply_a": 0.061}, guard=True)


def test_a_supply_that_feeds_the_hat_is_not_below_the_battery() -> None:
    tie = Tie.SUPPLY_HAT
    assert found(tie, **TEST, k1=True).broken is False
    assert found(tie, **{**TEST, "supply_v": 12.01}, k1=True).broken is False
    assert found(tie, **{**TEST, "supply_v": 11.99}, k1=True).broken is True
    assert found(tie, **{**TEST, "supply_v": 15.0}, k1=True).broken is False
    for put in (
        {"guard": True}, {"guard": None}, {"settled": False}, {"single": True},
        {"battery_v": None}, {"supply_a": None}, {"load_a": None}, {"charger_a": None},
    ):  # fmt: skip
        assert silent(tie, **{**TEST, "k1": True, **put}), put
    assert silent(tie, **TEST)
    # nothing shows that the battery feeds a load
    assert silent(tie, **{**TEST, "load_a": 0.0, "battery_a": 0.0}, k1=True)
    # between 0.6 and twice what 4 W are: 0.176 and 0.588 A at 13.6 V
    assert not silent(tie, **{**TEST, "supply_a": 0.18}, k1=True)
    assert silent(tie, **{**TEST, "supply_a": 0.17}, k1=True)
    assert not silent(tie, **{**TEST, "supply_a": 0.58}, k1=True)
    assert silent(tie, **{**TEST, "supply_a": 0.6, "battery_a": -1.7}, k1=True)
    # the battery gives the HAT its current as well: more than 0.5 of it beyond the load's
    assert silent(tie, **{**TEST, "battery_a": -2.15}, k1=True)
    assert not silent(tie, **{**TEST, "battery_a": -2.14}, k1=True)


@pytest.mark.parametrize("volts", [12, 48])
def test_a_charger_that_gives_nothing_is_not_above_the_battery(volts: int) -> None:
    tie, blocks = Tie.CHARGER_SILENT, volts // 12
    base = {"volts": volts, "charger_a": 0.0, "battery_v": 13.0 * blocks}
    assert found(tie, **base, charger_v=13.49 * blocks).broken is False
    assert found(tie, **base, charger_v=13.51 * blocks).broken is True
    assert found(tie, **base, charger_v=12.61 * blocks).broken is False
    assert silent(tie, **base, charger_v=12.59 * blocks), "no charger: it cannot agree either"
    for put in (
        {"k2": True}, {"settled": False}, {"single": True}, {"charger_a": 0.05},
        {"charger_a": None}, {"charger_v": None}, {"battery_v": None},
    ):  # fmt: skip
        assert silent(tie, **{**base, **put}), put
    assert not silent(tie, **{**base, "charger_a": 0.049})


def test_a_supply_that_feeds_beside_a_tied_battery_is_not_below_it() -> None:
    """Asked only where supply and load contradict each other: it tells which of them lies."""
    tie = Tie.SUPPLY_BATTERY
    beside = {"battery_v": 12.3, "load_v": 13.5, "supply_a": 2.3, "guard": True, "k1": True,
              "charger_v": 0.0}  # fmt: skip
    assert found(tie, **beside, supply_v=11.93, tied=True).broken is True
    assert found(tie, **beside, supply_v=11.95, tied=True).broken is False
    # two honest sensors (1 % and 20 mV) at 14.4 V, and their noise, are no contradiction
    honest = {**beside, "battery_v": 14.4 * 1.01 + 0.02 + 0.01}
    assert found(tie, **honest, supply_v=14.4 * 0.99 - 0.02 - 0.01, tied=True).broken is False
    # while the battery gives too, the paths take their part
    shares = {**beside, "supply_a": 1.3, "battery_a": -1.0}
    assert found(tie, **shares, supply_v=11.79, tied=True).broken is True
    assert found(tie, **shares, supply_v=11.81, tied=True).broken is False
    assert silent(tie, **beside, supply_v=11.79)
    assert silent(tie, **beside, supply_v=13.4, tied=True)
    assert silent(tie, **beside, supply_v=None, tied=True)
    assert silent(tie, **{**beside, "battery_v": None}, supply_v=10.0, tied=True)
    assert silent(tie, **{**beside, "load_a": None}, supply_v=10.0, tied=True)
    # a joined source is all that can charge: it is not below what it charges
    joined = {**beside, "battery_a": 3.0, "supply_a": 5.3, "single": True, "charger_a": None}
    assert found(tie, **joined, supply_v=11.93).broken is True
    assert found(tie, **joined, supply_v=11.95).broken is False
    assert silent(tie, **joined, supply_v=13.4)
    assert silent(tie, **{**joined, "battery_a": 0.0, "supply_a": 2.3}, supply_v=10.0, tied=True)
    assert silent(tie, **{**joined, "single": False, "charger_a": 3.0}, supply_v=10.0)


def test_what_comes_through_an_s2_that_should_be_open_ties_no_supply() -> None:
    """With the guard idle and K1 released, the path says that K1's contacts are elsewhere."""
    shared = {"supply_a": 1.3, "battery_a": -1.0, "supply_v": 13.0, "battery_v": 13.0,
              "load_v": 12.9}  # fmt: skip
    assert not silent(Tie.SUPPLY_LOAD, **shared)
    assert silent(Tie.SUPPLY_LOAD, **shared, single=True)
    assert not silent(Tie.SUPPLY_LOAD, **shared, single=True, guard=None)


def test_a_joined_source_that_feeds_by_way_of_k2_is_not_below_the_load() -> None:
    """With K1 on nothing but K2 and S2 brings its current; what it reads high says nothing."""
    feeds = {
        "single": True, "k1": True, "tied": True, "supply_a": 3.3, "load_a": 3.0, "battery_a": 0.0,
        "charger_a": 0.0, "battery_v": 13.1, "load_v": 13.0,
    }  # fmt: skip
    low, well = {"supply_v": 12.63}, {"supply_v": 12.65}  # 0.36 V
    assert found(Tie.SUPPLY_LOAD, **feeds, **low).broken  # type: ignore[arg-type]
    assert found(Tie.BATTERY_LOAD, **feeds, **low).near  # type: ignore[arg-type]
    assert silent(Tie.SUPPLY_LOAD, **feeds, **well)
    assert silent(Tie.BATTERY_LOAD, **feeds, **well)
    for other in ({"settled": False}, {"load_v": None}, {"supply_v": None},
                  {"supply_a": 0.3, "battery_a": -3.0}):  # fmt: skip
        assert silent(Tie.SUPPLY_LOAD, **{**feeds, **low, **other})
    # the battery is a witness for the load where both hang on that way, and read alike
    for other in ({"tied": False}, {"battery_v": 13.31}, {"battery_v": None}):
        assert silent(Tie.BATTERY_LOAD, **{**feeds, **low, **other})
