"""Who feeds the load, at the borders of what the currents and the contacts tell."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.scan.load_source import load_source
from btrmd.model.board import Outputs


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
