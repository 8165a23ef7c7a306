"""Evidence of a relay that does not follow its coil, in one scan: what says yes, no and nothing."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.evidence import k1_odd, k2_odd, k3_odd
from btrmd.core.machines.recharge import Recharge
from btrmd.core.scan.relations import CHARGER, SUPPLY

ON_BATTERY = {"battery_v": 12.5, "battery_a": -2.0, "load_v": 12.4, "supply_v": 13.6,
              "supply_a": 0.29, "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip


NOTHING_OWED = Recharge()
PARTED = Recharge(parted=True)


def k1(
    energised: bool, k2: bool = False, k2_is_odd: bool = False, *, single: bool = False,
    volts: int = 12, guard: bool | None = False, **put: object,
) -> bool | None:  # fmt: skip
    ctx = step_context(volts=volts, guard=guard, changes={"system.single_source": single}, **put)  # type: ignore[arg-type]
    return k1_odd(energised, k2, k2_is_odd, ctx)


def test_k1_follows_its_coil() -> None:
    assert k1(False) is False
    assert k1(True, **ON_BATTERY) is False
    assert k1(True) is True
    assert k1(False, **ON_BATTERY) is True


@pytest.mark.parametrize(
    "put",
    [
        {"load_a": None, "battery_a": None}, {"supply_v": None}, {"supply_v": 11.49},
        {"guard": None}, {"load_a": 0.2},
    ],
)  # fmt: skip
def test_where_too_little_is_known_k1_is_not_blamed(put: dict[str, object]) -> None:
    assert k1(True, **put) is None  # type: ignore[arg-type]
    assert k1(False, **{**ON_BATTERY, **put}) is None  # type: ignore[arg-type]
    assert k1(True, guard=True) is None


def test_a_load_of_0_3_a_is_enough_to_tell() -> None:
    assert k1(True, load_a=0.3, supply_a=0.6) is True
    assert k1(True, load_a=0.29, supply_a=0.59) is None


def test_k1_on_and_the_supply_feeds_the_load_all_the_same() -> None:
    # more than 0.8 of the load
    share = {"battery_a": 0.0, "charger_a": 0.0}
    assert k1(True, **share, load_a=2.0, supply_a=1.61, battery_v=12.5) is True
    assert k1(True, **share, load_a=2.0, supply_a=1.6) is False
    # and more than the HAT itself may take: 4 W at 13.6 V and 0.1 A
    assert k1(True, **share, load_a=0.35, supply_a=0.40) is True
    assert k1(True, **share, load_a=0.35, supply_a=0.39) is False
    # by 0.2 of the load and 0.1 A more than battery and charger give
    assert k1(True, load_a=2.0, supply_a=2.0, battery_a=-1.49, charger_a=0.0) is True
    assert k1(True, load_a=2.0, supply_a=2.0, battery_a=-1.51, charger_a=0.0) is False
    assert k1(True, load_a=2.0, supply_a=2.0, battery_a=0.0, charger_a=1.51) is False


def test_k1_off_and_the_battery_feeds_the_load_all_the_same() -> None:
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.2, "supply_a": 0.6}) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.19, "supply_a": 0.6}) is False
    # the supply gives no more than 0.4 of it, and the HAT's own
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.9, "supply_a": 1.09}) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.9, "supply_a": 1.1}) is False
    # by 0.2 of the load and 0.1 A more than the supply does
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.2, "supply_a": 0.69}) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.2, "supply_a": 0.71}) is False
    # the charger's part of it counts
    both = {**ON_BATTERY, "battery_a": -1.0, "charger_a": 1.0}
    assert k1(False, **both) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": 0.5, "charger_a": 2.5}) is True


def test_a_charger_of_15_a_beside_a_load_of_0_3_a_says_nothing_of_k1() -> None:
    """A healthy site whose HAT lives on the charger (0.29 A): charger, battery and supply sensor
    are each off by what DESIGN section 2 allows, 1 % and 30 mA."""
    site = {"load_a": 0.3, "charger_v": 13.7, "battery_v": 13.6}
    worst = {"charger_a": 15.0 * 1.01 + 0.03, "battery_a": 14.7 * 0.99 - 0.03, "supply_a": 0.267}
    assert k1(False, **site, **worst) is False
    # What no sensor explains does: by 2 % of what goes past the load more than without a charger.
    past = {"charger_a": 15.0, "battery_a": 14.4, "supply_a": 0.0}
    assert k1(False, **site, **past) is True
    doubt = 0.2 * 0.3 + 0.1 + 0.02 * 14.4
    assert k1(False, **site, **{**past, "supply_a": 0.6 - doubt - 0.001}) is True
    assert k1(False, **site, **{**past, "supply_a": 0.6 - doubt + 0.001}) is False


def test_on_a_single_source_k1_is_told_only_with_k2_open_for_sure() -> None:
    on_supply = {"charger_a": None, "single": True}
    assert k1(True, k2=True, **on_supply) is True  # type: ignore[arg-type]
    assert k1(True, **on_supply) is None  # type: ignore[arg-type]
    assert k1(True, k2=True, k2_is_odd=True, **on_supply) is None  # type: ignore[arg-type]


def test_with_the_guard_up_it_is_told_by_a_supply_that_is_above_the_bus_and_gives_nothing() -> None:
    put = {**ON_BATTERY, "guard": True, "load_v": 12.9}
    assert k1(False, **put) is True  # type: ignore[arg-type]
    for other in (
        {"supply_v": 13.39}, {"supply_a": 0.17}, {"supply_a": 0.4}, {"load_v": None},
        {"supply_a": None}, {"single": True, "charger_a": None},
        {"battery_a": 0.0, "load_a": 0.35, "charger_a": 0.0},
    ):  # fmt: skip
        assert k1(False, **{**put, **other}) is None, other  # type: ignore[arg-type]
    assert k1(False, **{**put, "supply_v": 13.41}) is True  # type: ignore[arg-type]
    assert k1(False, **{**put, "supply_a": 0.18}) is True  # type: ignore[arg-type]
    assert k1(False, **{**put, "supply_a": 0.39}) is True  # type: ignore[arg-type]


def test_with_the_guard_up_a_supply_whose_reading_has_jumped_tells_nothing_of_k1() -> None:
    ctx = step_context(**{**ON_BATTERY, "load_v": 12.9}, guard=True)  # type: ignore[arg-type]
    assert k1_odd(False, False, False, ctx) is True
    ctx.jumped = tuple(place == SUPPLY for place in range(4))
    assert k1_odd(False, False, False, ctx) is None


def test_what_a_reading_has_crept_up_is_no_gap_that_k2_makes() -> None:
    ctx = step_context(charger_v=13.45, charger_a=0.0, battery_v=13.0, battery_a=0.0)
    assert k2_odd(False, PARTED, ctx) is True
    for crept_v, is_odd in ((0.03, True), (0.07, True), (0.09, False)):
        ctx.charger_crept_v = crept_v
        assert k2_odd(False, PARTED, ctx) is is_odd, crept_v


def test_with_one_current_missing_the_volts_must_agree() -> None:
    put = {**ON_BATTERY, "supply_a": None}
    assert k1(False, **put) is True
    assert k1(True, **{**put, "battery_a": 0.0}) is None
    # the supply half a volt above the load, the battery beside it
    assert k1(False, **{**put, "supply_v": 12.91}) is True
    assert k1(False, **{**put, "supply_v": 12.89}) is None
    assert k1(False, **{**put, "load_v": 12.25}) is True
    assert k1(False, **{**put, "load_v": 12.24}) is None
    assert k1(False, **{**put, "battery_v": None}) is None
    assert k1(False, **{**put, "load_v": None}) is None
    assert k1(False, **{**put, "battery_v": None, "load_v": None}) is None
    # the charger gives half of what the load takes, at least
    fed = {**put, "load_v": None, "battery_a": -1.0, "charger_a": 1.0}
    assert k1(False, **fed) is None
    given = {**fed, "supply_a": 0.3, "battery_a": None}
    assert k1(False, **given) is True
    assert k1(False, **{**given, "charger_a": 0.99}) is None


def k2(
    energised: bool, recharge: Recharge = NOTHING_OWED, *, single: bool = False, volts: int = 12,
    **put: object,
) -> bool | None:  # fmt: skip
    ctx = step_context(volts=volts, changes={"system.single_source": single}, **put)  # type: ignore[arg-type]
    return k2_odd(energised, recharge, ctx)


def test_k2_follows_its_coil() -> None:
    charging = {"battery_a": 2.0, "charger_a": 2.0, "charger_v": 13.2, "battery_v": 13.1}
    still = {"battery_a": 0.0, "charger_a": 0.0}
    assert k2(False, **charging) is False
    assert k2(True, **charging) is True
    assert k2(True, **still) is False
    # so far apart it is open, whatever the current reads
    apart = {"battery_a": -5.0, "charger_a": 0.5, "supply_a": 0.3, "load_a": 5.0}
    assert k2(True, **apart, charger_v=13.1, battery_v=12.5) is False
    assert k2(True, **apart, charger_v=12.9, battery_v=12.5) is True
    assert k2(True, **apart, charger_v=None, battery_v=12.5) is True
    assert k2(False, PARTED, **still, charger_v=14.5, battery_v=13.0) is True
    # seen closed since it moved: a reading that has drifted away looks the same
    assert k2(False, **still, charger_v=14.5, battery_v=13.0) is False
    assert k2(False, Recharge(taken_as=20.0), **still, charger_v=14.5, battery_v=13.0) is False
    doubted = step_context(changes={}, **still, charger_v=14.5, battery_v=13.0)
    doubted.is_doubtful, doubted.doubts = True, {"charger.voltage": "why"}
    assert k2_odd(False, PARTED, doubted) is None
    taken = Recharge(taken_as=20.0, came_back=True)
    assert k2(False, taken, **still, charger_v=14.5, battery_v=13.0) is True


def test_a_charger_that_is_well_above_the_battery_and_gives_nothing_has_k2_open() -> None:
    still = {"battery_a": 0.0, "charger_a": 0.0}
    overdue = Recharge(waited_s=60.0)
    assert k2(False, **still, charger_v=13.1, battery_v=13.0) is False
    assert k2(False, overdue, **still, charger_v=13.1, battery_v=13.0) is True
    assert k2(False, overdue, battery_a=0.05, charger_a=0.05) is False
    assert k2(False, overdue, battery_a=0.0, charger_a=0.049) is True
    assert k2(False, overdue, **still, charger_v=12.6) is True
    assert k2(False, overdue, **still, charger_v=12.59) is None
    assert k2(False, overdue, **still, charger_v=None) is None
    assert k2(False, overdue, **still, battery_v=None) is None
    assert k2(True, battery_a=0.0, charger_a=None) is None
    assert k2(False, overdue, battery_a=0.0, charger_a=None) is None
    # currents that contradict each other say nothing
    assert k2(True, battery_a=0.0, charger_a=2.0) is None


def test_a_charger_whose_reading_has_jumped_blames_no_k2_that_was_not_told_to_move() -> None:
    back = Recharge(taken_as=100.0, came_back=True)
    ctx = step_context(charger_v=14.7, charger_a=0.0, battery_v=13.5, battery_a=-0.5, load_v=13.4,
                       supply_a=1.8)  # fmt: skip
    assert k2_odd(False, back, ctx) is True
    ctx.jumped = tuple(place == CHARGER for place in range(4))
    assert k2_odd(False, back, ctx) is None
    assert k2_odd(False, back._replace(parted=True), ctx) is True


@pytest.mark.parametrize("supply_v", [0.0, 11.49, None])
def test_beside_a_dead_supply_k2_is_blamed_by_a_charger_that_lives_only(
    supply_v: float | None,
) -> None:
    """It may have gone with the supply, and what is read of it hang."""
    parted = Recharge(taken_as=100.0, parted=True)
    ctx = step_context(charger_v=13.8, charger_a=0.0, battery_v=12.2, battery_a=-2.0,
                       load_v=12.1, supply_v=supply_v, supply_a=0.0)  # fmt: skip
    ctx.charger_still_s = 1.0
    assert k2_odd(False, parted, ctx) is True
    ctx.charger_still_s = 1.1
    assert k2_odd(False, parted, ctx) is None
    ctx.inputs = ctx.inputs._replace(supply_v=step_context(supply_v=11.5).inputs.supply_v)
    assert k2_odd(False, parted, ctx) is True


@pytest.mark.parametrize("volts", [12, 48])
def test_0_15_a_and_0_4_v_a_block_are_the_limits(volts: int) -> None:
    blocks = volts // 12
    assert k2(True, battery_a=0.15, charger_a=0.15) is False
    assert k2(True, battery_a=0.16, charger_a=0.16) is True
    rest = {"battery_a": 0.0, "charger_a": 0.0, "battery_v": 13.0 * blocks, "volts": volts}
    assert k2(False, PARTED, **rest, charger_v=13.39 * blocks) is False
    assert k2(False, PARTED, **rest, charger_v=13.41 * blocks) is True


def test_on_a_single_source_the_batterys_own_current_tells() -> None:
    charging = {"battery_a": 2.0, "supply_a": 4.3, "charger_a": None}
    assert k2(True, single=True, **charging) is True
    assert k2(False, single=True, **charging) is False
    assert k2(True, single=True, **{**charging, "battery_a": 0.0, "supply_a": 2.3}) is False
    assert k2(True, single=True, **{**charging, "battery_a": None}) is None


@pytest.mark.parametrize("volts", [12, 48])
def test_on_a_single_source_what_the_supply_does_not_show_is_kept_from_nobody(volts: int) -> None:
    """Supply and charger are one source: a charger reading above it lies, and K2 is not blamed."""
    blocks = volts // 12
    back = Recharge(taken_as=100.0, came_back=True)
    rest = {"battery_a": 0.0, "supply_a": 2.3, "battery_v": 12.8 * blocks, "volts": volts,
            "charger_v": 13.4 * blocks, "charger_a": None, "single": True}  # fmt: skip
    assert k2(False, back, **rest, supply_v=12.91 * blocks) is True
    assert k2(False, back, **rest, supply_v=12.89 * blocks) is None
    assert k2(False, back, **rest, supply_v=None) is True
    two = {**rest, "single": False, "charger_a": 0.0}
    assert k2(False, back, **two, supply_v=12.89 * blocks) is True


def k3(energised: bool, path: bool | None, volts: int = 12, **put: object) -> bool | None:
    return k3_odd(energised, step_context(volts=volts, batt_path=path, **put))  # type: ignore[arg-type]


@pytest.mark.parametrize("volts", [12, 48])
def test_k3_is_told_by_the_volts_behind_it_and_by_what_flows(volts: int) -> None:
    assert k3(True, False, volts) is False
    assert k3(True, True, volts) is True
    assert k3(True, None, volts) is None
    assert k3(False, True, volts) is False
    assert k3(False, False, volts) is True
    assert k3(False, None, volts) is None
    # a battery without volts shows none behind it
    low = 9.0 * volts / 12
    assert k3(False, False, volts, battery_v=low) is True
    assert k3(False, False, volts, battery_v=low - 0.01) is None
    assert k3(False, False, volts, battery_v=None) is None


def test_what_flows_through_k3_says_that_it_is_closed() -> None:
    feeds = {**ON_BATTERY, "supply_v": 0.0, "supply_a": 0.0, "battery_a": -2.3}
    assert k3(True, False, **feeds) is True
    assert k3(False, False, **feeds) is False
