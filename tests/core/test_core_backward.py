"""Currents against a diode: -0.206 A for 1.5 s is not believed, until 5 s forward."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from core_scenes import step_context

from btrmd.core.machines.backward import step_backward
from btrmd.core.machines.plausible_state import Backward

ALL = ("load_a", "charger_a", "supply_a")


def looked(memory: Mapping[str, Backward], name: str, amps: object, dt: float = 0.5) -> Backward:
    """What is remembered of one current; Backward(-1.0): nothing."""
    inputs = step_context(**{name: amps}).inputs  # type: ignore[arg-type]
    return step_backward(memory, inputs, dt).get(name, Backward(-1.0))


@pytest.mark.parametrize("name", ALL)
def test_a_current_against_its_diode_is_not_believed_after_1_5_s(name: str) -> None:
    memory: dict[str, Backward] = {}
    for seconds in (0.5, 1.0):
        one = looked(memory, name, -0.3)
        assert one == Backward(seconds)
        memory = {name: one}
    one = looked(memory, name, -0.3)
    word = name.removesuffix("_a")
    assert one == Backward(
        5.0,
        f"The {word} current reads -0.30 A, backward through a diode: the reading is not believed.",
    )
    assert looked({name: one}, name, -0.4) == one


def test_the_tolerance_of_a_sensor_is_no_current() -> None:
    assert looked({}, "load_a", -0.206) == Backward(-1.0)
    assert looked({}, "load_a", -0.207) == Backward(0.5)


def test_the_battery_may_go_both_ways() -> None:
    assert step_backward({}, step_context(battery_a=-5.0).inputs, 1.0) == {}


def test_it_is_believed_again_after_5_s_forward() -> None:
    one = Backward(5.0, "why")
    for left in (3.0, 1.0):
        one = looked({"load_a": one}, "load_a", 1.0, 2.0)
        assert one == Backward(left, "why")
    assert looked({"load_a": one}, "load_a", 1.0, 2.0) == Backward(-1.0)
    assert looked({"load_a": Backward(2.0, "why")}, "load_a", 1.0, 2.0) == Backward(-1.0)
    # and once more backward, it begins anew
    assert looked({"load_a": Backward(0.5, "why")}, "load_a", -1.0) == Backward(5.0, "why")


def test_a_reading_that_is_bad_is_forgotten_and_the_others_are_not() -> None:
    memory = {"load_a": Backward(3.0, "a"), "charger_a": Backward(3.0, "b")}
    inputs = step_context(load_a=None, charger_a=-1.0).inputs
    assert step_backward(memory, inputs, 0.5) == {"charger_a": Backward(5.0, "b")}


def test_a_scan_without_news_changes_nothing() -> None:
    memory: dict[str, Backward] = {}
    assert step_backward(memory, step_context().inputs, 0.5) is memory
