"""Relations: which voltages must agree under which flows and relays, to the borders."""

from __future__ import annotations

import pytest
from core_scenes import blamed, joined, lie, rested, sentences, step_context, supply

from btrmd.core.scan.flows import Flows, hat_amps, measure_flows
from btrmd.core.scan.relations import Relation, Tie, find_relations, voltages
from btrmd.hal.sim.keys import set_keys
from btrmd.model.board import Outputs
from btrmd.model.commands import StartTest

# --- Relations: which voltages must agree under which flows and relays, to the borders -----------

ON_BATTERY = {
    "battery_v": 12.5, "battery_a": -2.3, "load_v": 12.4, "supply_v": 0.0, "supply_a": 0.0,
    "charger_v": 0.0, "charger_a": 0.0,
}  # fmt: skip
TEST = {**ON_BATTERY, "battery_a": -2.0, "supply_v": 13.6, "supply_a": 0.3}  # HAT on the supply
CHARGING = {"battery_v": 13.0, "battery_a": 2.5, "charger_v": 13.1, "charger_a": 2.5}


def found(
    tie: Tie, *, k1: bool = False, k2: bool = False, settled: bool = True, tied: bool = False,
    volts: int = 12, single: bool = False, guard: bool | None = False, misfit: bool = False,
    held: bool = True, faulty: bool = False, k3: bool = False, **channels: object,
) -> Relation:  # fmt: skip
    ctx = step_context(
        volts=volts, guard=guard, changes={"system.single_source": single}, **channels
    )  # type: ignore[arg-type]
    flows = measure_flows(ctx.inputs, single)
    made = find_relations(
        voltages(ctx.inputs),
        ctx.inputs,
        flows,
        Outputs(k1=k1, k2=k2, k3=k3),
        settled,
        tied,
        held,
        faulty,
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
    for volts, load in ((0.3, 0.0), (0.0, 0.3)):
        assert found(Tie.SUPPLY_LOAD, supply_v=volts, load_v=load).near
    for volts, load in ((13.5, 13.0), (13.0, 13.5)):
        assert found(Tie.SUPPLY_LOAD, supply_v=volts, load_v=load).broken is False


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
    # the guard's line may lie, as long as the bus does not show what it closes at
    assert silent(tie, k1=True, single=True, guard=True)
    assert not silent(tie, k1=True, single=True, guard=True, load_v=10.5)
    assert not silent(tie, single=True)
    charged = {"single": True, "battery_a": 0.5, "supply_a": 2.8}
    assert silent(tie, faulty=True, **charged), "by either way"
    assert not silent(tie, faulty=True, k3=True, **charged), "of which K3 has parted one"
    assert not silent(tie, **charged)
    for amps in (-0.3, 0.0, 0.1):
        joined = {"single": True, "battery_a": amps, "supply_a": 2.3 + amps}
        assert not silent(tie, faulty=True, **joined), "at its own volts by either way"
    assert not silent(tie, faulty=True), "the currents tell"


def test_battery_and_load_are_tied_while_the_battery_gives_to_it() -> None:
    tie = Tie.BATTERY_LOAD
    assert found(tie, **ON_BATTERY, k1=True).broken is False
    assert found(tie, **{**ON_BATTERY, "load_v": 11.9}, k1=True).broken is True
    assert silent(tie, **ON_BATTERY, k1=True, k3=True), "behind an open K3 it hangs on nothing"
    assert silent(tie)
    assert silent(tie, **{**ON_BATTERY, "battery_v": None}, k1=True)
    # the charger alone feeds the load: fuse F2 may be open
    assert silent(tie, **{**ON_BATTERY, "battery_a": 0.0, "charger_a": 2.3}, k1=True)


def test_a_load_of_half_an_ampere_ties_the_battery_too_where_k1_is_on() -> None:
    """In a test, with this unit on the supply: all four currents say so, and the coil does."""
    tie = Tie.BATTERY_LOAD
    put = {**TEST, "battery_a": -0.5, "load_a": 0.5}
    assert found(tie, k1=True, **put).broken is False
    assert found(tie, k1=True, **{**put, "load_v": 13.1}).broken is True
    assert silent(tie, **put)  # K1 is released: so little may be an error of the sum
    assert silent(tie, k1=True, settled=False, **put)
    assert silent(tie, k1=True, **{**put, "charger_a": None})  # worked out from the others
    assert silent(tie, k1=True, **{**put, "load_a": 1.5})  # the sum does not hold
    assert silent(tie, k1=True, **{**put, "load_a": 0.39})  # 0.09 A above the supply's
    assert not silent(tie, k1=True, **{**put, "load_a": 0.41})
    # the charger may feed the load beside a battery that is cut off
    assert silent(tie, k1=True, **{**put, "battery_a": 0.0, "charger_a": 0.5})


def test_charger_and_battery_are_tied_while_the_charger_charges() -> None:
    tie = Tie.CHARGER_BATTERY
    assert found(tie, **CHARGING).broken is False
    assert found(tie, **{**CHARGING, "charger_v": 13.6}).broken is True
    assert silent(tie, **CHARGING, k2=True)
    # 0.3 A and more, surely
    assert not silent(tie, **{**CHARGING, "charger_a": 0.31, "battery_a": 0.31})
    assert silent(tie, **{**CHARGING, "charger_a": 0.3, "battery_a": 0.0})
    # where its current is not known: by what the battery takes, 0.1 A and 1 % of the load less
    unknown = {**CHARGING, "charger_a": None, "load_a": 2.0}
    assert found(tie, **unknown).broken is False
    assert found(tie, **{**unknown, "charger_v": 13.6}).broken is True
    assert silent(tie, **{**unknown, "battery_a": 0.41})
    assert not silent(tie, **{**unknown, "battery_a": 0.43})
    assert silent(tie, **unknown, k2=True)
    assert silent(Tie.CHARGER_LOAD, **unknown)
    # less, where two currents say so
    little = {**CHARGING, "charger_a": 0.11, "battery_a": 0.15}
    assert found(tie, **little).broken is False
    assert found(tie, **{**little, "charger_v": 13.6}).broken is True
    for other in ({"charger_a": 0.1}, {"battery_a": 0.11}, {"battery_a": None}, {"k2": True}):
        assert silent(tie, **{**little, **other})
    assert silent(Tie.CHARGER_LOAD, **little)
    # also without volts of its own: what is given is taken
    low = {**CHARGING, "charger_a": 0.9, "battery_a": 0.9, "charger_v": 3.0}
    assert found(tie, **low).broken is True
    assert silent(tie, **{**low, "battery_a": 0.1, "load_a": 0.8}, k1=True), "it may be gone"
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
    # what one current says alone may be an error of it, where the source has no volts
    gone = {**joined, "battery_a": 0.7, "supply_a": 3.0, "charger_v": 0.0}
    assert silent(tie, **gone)
    assert not silent(tie, **{**gone, "charger_v": 12.6})
    assert not silent(tie, **{**gone, "battery_a": 1.01, "supply_a": 3.3})
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
    # little of it is told as well, where the charger has volts
    little = {**floats, "charger_a": 0.9, "load_a": 0.5}
    assert found(tie, **little, k1=True, volts=volts).broken is False
    gone = {**little, "charger_v": 7.9 * blocks}
    assert silent(tie, **gone, k1=True, volts=volts), "it may be gone, and its current an error"
    assert silent(tie, **{**gone, "charger_v": -0.99}, k1=True, volts=volts)
    assert found(tie, **{**gone, "charger_v": -1.01}, k1=True, volts=volts).broken is True, "a lie"
    assert (
        found(tie, **{**gone, "charger_a": 1.0, "load_a": 0.9}, k1=True, volts=volts).broken is True
    )
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
    # ... and a guard that was active as K1 was energised holds it closed
    assert found(tie, **{**idle, "supply_v": 12.91}, guard=True, k1=True).broken is True
    assert silent(tie, **{**idle, "supply_v": 12.91}, guard=True, k1=True, held=False)
    # what the HAT takes is no nothing: 0.6 of 4 W at 12.5 V are 0.192 A
    lives = {**idle, "supply_v": 12.5}
    assert not silent(tie, **{**lives, "supply_a": 0.19}, guard=True)
    assert silent(tie, **{**lives, "supply_a": 0.2}, guard=True)
    # one without volts, whose reading is noisy, says nothing of a bus that is dark as well
    dark = {**idle, "load_v": 0.1, "battery_a": 0.0, "load_a": 0.0}
    assert found(tie, **{**dark, "supply_v": 7.9}, guard=True).broken is False
    assert found(tie, **{**dark, "supply_v": 8.1}, guard=True).broken is True


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
        {"k2": True}, {"settled": False}, {"charger_a": 0.31},
        {"charger_a": None}, {"charger_v": None}, {"battery_v": None},
    ):  # fmt: skip
        assert silent(tie, **{**base, **put}), put
    # so little does not surely tie the two, but it is a closed K2 all the more
    for charger_a in (0.049, 0.05, 0.1, 0.3):
        assert found(tie, **{**base, "charger_a": charger_a}, charger_v=13.6 * blocks).broken
    # what the battery takes and the charger gives does: that is asked of the tie itself
    taken = {**base, "charger_a": 0.2, "battery_a": 0.2}
    assert silent(tie, **taken)
    assert not silent(Tie.CHARGER_BATTERY, **taken)
    for gap, near in ((0.29, True), (0.31, False), (-0.29, True), (-0.31, False)):
        assert found(tie, **base, charger_v=(13.0 + gap) * blocks).near is near
    # on a joined source the battery's own current tells what comes by K2
    joined = {**base, "single": True, "charger_a": None, "charger_v": 13.6 * blocks}
    assert found(tie, **joined, battery_a=0.3).broken is True
    assert silent(tie, **joined, battery_a=0.35)
    assert silent(tie, **joined, battery_a=None)


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


# --- Flows: what the currents alone tell, supply + charger = load + battery + HAT (4 W) ----------

HAT = 0.25  # A at 16 V, a round number to work with
ON_SUPPLY = {"supply_v": 16.0, "supply_a": 2.25, "load_a": 2.0, "battery_a": 0.0, "charger_a": 0.0}
DISCHARGING = {
    "battery_v": 16.0, "supply_v": 0.0, "supply_a": 0.0, "load_a": 2.0, "battery_a": -2.25,
    "charger_a": 0.0,
}  # fmt: skip


def flows(single: bool = False, **channels: object) -> Flows:
    return measure_flows(step_context(**channels).inputs, single)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("supply", "battery", "amps"),
    [
        (16.0, 12.0, 0.25), (12.0, 16.0, 0.25), (None, 16.0, 0.25), (16.0, None, 0.25),
        (8.0, 10.0, 0.4), (0.0, 0.0, 4.0 / 9.0), (None, None, 4.0 / 9.0),
    ],
)  # fmt: skip
def test_the_hat_takes_4_w_of_the_higher_one(supply: object, battery: object, amps: float) -> None:
    inputs = step_context(supply_v=supply, battery_v=battery).inputs
    assert hat_amps(inputs) == pytest.approx(amps)


def test_the_supply_alone_feeds_the_load() -> None:
    made = flows(**ON_SUPPLY)
    # what two sensors may be off by is taken off: 0.2 A and 5 % of the load
    assert made.supply == pytest.approx(2.0 - 0.3)
    assert made.path == pytest.approx(-0.25 - 0.3)
    assert made.discharge == pytest.approx(-HAT - 0.1 - 0.02)
    assert made.charge == pytest.approx(-0.12)
    assert (made.load, made.hat, made.balanced) == (2.0, HAT, True)
    assert (made.supplies, made.carries, made.alone) == (True, False, True)
    assert (made.discharges, made.uses_battery) == (False, False)


def test_the_battery_feeds_the_load() -> None:
    made = flows(**DISCHARGING)
    assert made.path == pytest.approx(2.0 - 0.3)
    assert made.supply == pytest.approx(-0.25 - 0.3)
    assert made.discharge == pytest.approx(2.25 - HAT - 0.1 - 0.02)
    assert (made.supplies, made.carries, made.alone) == (False, True, False)
    assert (made.discharges, made.uses_battery) == (True, True)


def test_supply_and_battery_share_the_load() -> None:
    made = flows(**{**ON_SUPPLY, "supply_a": 1.25, "battery_a": -1.0})
    assert made.path == pytest.approx(0.75 - 0.3)
    assert made.supply == pytest.approx(1.0 - 0.3)
    assert (made.supplies, made.carries, made.alone) == (True, True, False)


def test_the_charger_feeds_the_load_by_way_of_the_path() -> None:
    made = flows(**{**DISCHARGING, "battery_a": 1.0, "charger_a": 3.25})
    assert made.path == pytest.approx(2.0 - 0.3)
    assert made.charge == pytest.approx(1.0 - 0.12)
    assert (made.carries, made.discharges, made.uses_battery) == (True, False, True)


@pytest.mark.parametrize("name", ["supply_a", "load_a", "battery_a", "charger_a"])
@pytest.mark.parametrize("site", [ON_SUPPLY, DISCHARGING])
def test_one_current_that_is_missing_is_worked_out_from_the_others(
    name: str, site: dict[str, object]
) -> None:
    known, made = flows(**site), flows(**{**site, name: None})
    assert made.balanced is None
    assert (made.supplies, made.carries) == (known.supplies, known.carries)
    if name != "charger_a":
        assert made.load == pytest.approx(2.0)


def test_what_is_missing_is_what_the_sum_lacks() -> None:
    """3.25 A from the supply, 2 A to the load, 2 A into the battery: the charger gives 1 A."""
    full = {**ON_SUPPLY, "supply_a": 3.25, "battery_a": 2.0, "charger_a": 1.0}
    known = flows(**full)
    for name in ("supply_a", "load_a", "battery_a", "charger_a"):
        made = flows(**{**full, name: None})
        assert made._replace(balanced=True) == pytest.approx(known), name


def test_two_that_are_missing_leave_nothing_known() -> None:
    made = flows(**{**ON_SUPPLY, "load_a": None, "battery_a": None})
    assert made == Flows(hat=HAT)
    assert not any((made.carries, made.supplies, made.discharges, made.uses_battery))


def test_a_load_or_a_charger_that_is_worked_out_is_never_negative() -> None:
    assert flows(**{**ON_SUPPLY, "supply_a": 0.0, "load_a": None}).load == 0.0
    # the charger would be negative: it gives nothing, and the path is what the supply lacks
    made = flows(**{**ON_SUPPLY, "supply_a": 3.0, "charger_a": None})
    assert made.supply == pytest.approx(2.0 - 0.3)


@pytest.mark.parametrize(
    ("rest", "balanced"),
    [(0.25 + 0.3 + 0.1, True), (0.25 + 0.3 + 0.11, False), (-0.39, True), (-0.41, False)],
)
def test_the_sum_may_be_off_by_0_3_a_and_5_percent(rest: float, balanced: bool) -> None:
    # the greatest current is 2.0 A: 0.3 + 0.1 A, and what the HAT takes
    made = flows(**{**ON_SUPPLY, "supply_a": 1.0 + rest, "charger_a": 1.0})
    assert made.balanced is balanced
    assert made.supplies is (balanced and made.supply is not None and made.supply > 0.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [("supply_a", "load_a"), ("charger_a", "battery_a"), ("supply_a", "battery_a")],
)
def test_the_greatest_current_decides_what_the_sum_may_be_off_by(first: str, second: str) -> None:
    nothing = {**ON_SUPPLY, "supply_a": 0.0, "load_a": 0.0}
    # 20 A: 0.3 + 1.0 A, and the HAT's 0.25 on the one side
    for out, balanced in ((18.75, True), (18.4, False), (21.25, True), (21.45, False)):
        assert flows(**{**nothing, first: 20.0, second: out}).balanced is balanced, out


def test_of_a_single_source_only_the_batterys_own_part_is_sure() -> None:
    charging = {"supply_v": 16.0, "supply_a": 5.25, "load_a": 2.0, "battery_a": 3.0,
                "charger_a": None}  # fmt: skip
    made = flows(True, **charging)
    assert made.balanced is True
    assert made.path == pytest.approx(-3.0 - HAT - 0.3)
    assert made.supply == pytest.approx(2.0 - 0.3)
    shared = {**charging, "supply_a": 1.25, "battery_a": -1.0}
    made = flows(True, **shared)
    assert made.path == pytest.approx(1.0 - HAT - 0.3)
    assert made.supply == pytest.approx(1.0 - 0.3)
    # of three, one may be missing
    assert flows(True, **{**charging, "battery_a": None}).balanced is None
    assert flows(True, **{**charging, "battery_a": None, "load_a": None}) == Flows(hat=HAT)
    # what the charger's own sensor says does not count
    assert flows(True, **{**charging, "charger_a": 9.0}).supply == pytest.approx(1.7)


def test_an_unbalanced_sum_feeds_nobody() -> None:
    made = Flows(path=1.0, supply=1.0, discharge=1.0, charge=1.0, balanced=False)
    assert not any((made.carries, made.supplies, made.discharges, made.alone))
    assert made.uses_battery
    nothing = Flows(path=0.0, supply=0.0, discharge=0.0, charge=0.0, balanced=True)
    assert not any((nothing.carries, nothing.supplies, nothing.discharges, nothing.uses_battery))
    assert Flows(charge=0.1).uses_battery
    assert Flows(discharge=0.1).uses_battery
    assert Flows(path=0.1).carries
    assert Flows(path=0.1, discharge=0.1).discharges
    assert not Flows(path=0.1, discharge=0.0).discharges
    assert not Flows(path=0.1).discharges
    assert not Flows(discharge=0.1).discharges


@pytest.mark.parametrize("volts", [12, 48])
def test_a_load_that_takes_nothing_is_not_carried_on_a_joined_source(volts: int) -> None:
    """UPS mode off and no supply: the load is dark, whatever the battery's current reads."""
    station = joined(volts, ups__enabled=False)
    lie(station, "battery.current", "-0.9")
    supply(station, False)
    station.run(60.0)
    assert not station.state.plausible.reasons
    assert not [key for key in station.state.alarms.keys if key.startswith(("reading.", "relay."))]


@pytest.mark.parametrize("volts", [12, 48])
def test_a_guard_line_that_lies_after_a_return_blames_no_reading_of_a_joined_supply(
    volts: int,
) -> None:
    """K1 is energised for that line's word; S1 is open, and the source feeds the load by K2."""
    station = joined(volts, load_a=5.0, rated_ah=17.0)
    supply(station, False)
    station.run(60.0)
    supply(station, True)
    station.run(23.0)
    assert not station.state.outputs.k1
    set_keys(station.plant, {"fault.guard": "low"})
    station.run(8.0)
    assert station.state.outputs.k1
    station.run(22.0)
    assert "reading.supply.voltage" not in station.state.alarms.raised
    assert not any("The supply voltage reads" in text for text in sentences(station))
    assert station.plant.dropped_s == 0.0


def test_a_charger_without_volts_gives_nothing_whatever_its_current_reads() -> None:
    little = {"charger_a": 0.2, "battery_a": 0.0, "battery_v": 13.0}
    assert found(Tie.CHARGER_SILENT, **little, charger_v=12.4).broken is True
    assert silent(Tie.CHARGER_SILENT, **little, charger_v=3.0)


@pytest.mark.parametrize("volts", [12, 48])
def test_a_charger_that_feeds_a_small_load_and_reads_below_0_v_is_named(volts: int) -> None:
    """It was taken for one that is gone."""
    station = rested(volts, load_a=0.6, rated_ah=17.0)
    station.plant.supply.on = False
    station.plant.touch()
    station.run(60.0)
    lie(station, "charger.voltage", "x-1")
    station.run(10.0)
    assert blamed(station) == ["reading.charger.voltage"]
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize(("volts", "text"), [(12, "x0.8"), (48, "-3.0")])
def test_behind_an_open_k3_a_fault_of_k1_hides_no_lie_of_a_joined_sources_supply(
    volts: int, text: str
) -> None:
    """K1 had been found dead, and is well again; with UPS mode off K3 leaves the load one way."""
    station = joined(volts, rated_ah=17.0)
    set_keys(station.plant, {"fault.relay.k1": "open"})
    station.ask(StartTest("1", source="test"))
    assert station.until(lambda s: s.state.relays.faulty == ("k1",), 120.0)
    set_keys(station.plant, {"fault.relay.k1": "off"})
    station.change(ups__enabled=False)
    station.plant.battery.set_soc(0.3)  # type: ignore[union-attr]
    assert station.until(lambda s: s.state.outputs.k3, 60.0)
    station.run(10.0)
    lie(station, "supply.voltage", text)
    station.run(10.0)
    assert "relay.k1" in station.state.alarms.keys
    assert "reading.supply.voltage" in station.state.alarms.keys
    assert station.plant.dropped_s == 0.0
