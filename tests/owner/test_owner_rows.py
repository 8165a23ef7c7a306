"""Rows of docs/requirements.md that show on the board's lines: LEDs and the alarm contact."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from owner_rig import Rig

from btrmd.model.commands import CapacityCheck, ChangeSettings


def edges(rig: Rig, name: str, seconds: float) -> tuple[float, list[bool]]:
    """The level of an LED's line, tick by tick, and how long that was by the process clock."""
    seen: list[bool] = []
    begin = rig.clock.now()
    while rig.clock.now() - begin < seconds:
        rig.tick()
        seen.append(rig.world.pins.leds[name])
    return rig.clock.now() - begin, seen


def changes_of(levels: list[bool]) -> int:
    return sum(a is not b for a, b in pairwise(levels))


def test_the_leds_blink_in_the_self_test_and_the_status_led_after_it(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(1.0)
    for name in ("led_pb1", "led_pb2"):
        _, levels = edges(rig, name, 2.0)
        assert changes_of(levels) >= 3, name
    assert rig.value("system.self_test") == "running"
    rig.until(lambda: rig.value("system.self_test") == "good", 20.0)
    for name in ("led_pb1", "led_pb2"):
        _, levels = edges(rig, name, 2.0)
        assert levels == [False] * len(levels), f"{name} is dark"
    seconds, levels = edges(rig, "led_status", 6.0)
    assert changes_of(levels) == pytest.approx(2.0 * seconds, abs=2.0), "1 Hz: well"
    rig.ask(CapacityCheck(True, "test"))
    seconds, levels = edges(rig, "led_status", 3.0)
    assert changes_of(levels) == pytest.approx(8.0 * seconds, abs=4.0), "4 Hz: an alarm"


@pytest.mark.parametrize(("config", "at_rest"), [(3, True), (4, False)])
def test_the_output_is_driven_from_the_first_moment(
    make_rig: Callable[..., Rig], config: int, at_rest: bool
) -> None:
    """Normally low lets go on a fault, normally open pulls: also before the self-test is over."""
    rig = make_rig(1.0)
    assert rig.ask(ChangeSettings({"io1.config": config}, "test")).ok
    rig.tick(3)
    assert rig.value("system.self_test") == "running"
    assert rig.world.plant.pulls_low["ch1"] is at_rest
    rig.until(lambda: rig.value("system.self_test") == "good", 20.0)
    rig.ask(CapacityCheck(True, "test"))
    rig.until(lambda: rig.world.plant.pulls_low["ch1"] is not at_rest, 5.0)
