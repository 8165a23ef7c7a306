"""Buttons and LEDs, step by step: 15.0 s of holding, once; 3 s of flashing."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.buttons import Buttons, HeldButton, flash, leds, step_buttons
from btrmd.model.board import Led


def pressed(
    buttons: Buttons, now: float, pb1: bool = False, pb2: bool = False
) -> tuple[Buttons, HeldButton]:
    ctx = step_context(now)
    ctx.inputs = ctx.inputs._replace(pb1=pb1, pb2=pb2)
    return step_buttons(buttons, ctx)


@pytest.mark.parametrize("name", ["pb1", "pb2"])
def test_a_hold_takes_effect_at_15_s_once(name: str) -> None:
    since = f"{name}_since"
    buttons, held = pressed(Buttons(flash_until=7.0), 100.0, **{name: True})
    assert getattr(buttons, since) == 100.0
    assert held == HeldButton()
    buttons, held = pressed(buttons, 114.9, **{name: True})
    assert held == HeldButton()
    buttons, held = pressed(buttons, 115.0, **{name: True})
    assert held == HeldButton(**{name: True})
    assert buttons.flash_until == 7.0
    buttons, held = pressed(buttons, 116.0, **{name: True})
    assert held == HeldButton()
    assert getattr(buttons, since) == 100.0
    buttons, held = pressed(buttons, 117.0)
    assert (buttons, held) == (Buttons(flash_until=7.0), HeldButton())
    again, held = pressed(buttons, 118.0)
    assert again is buttons


def test_each_button_has_a_time_of_its_own() -> None:
    buttons, _ = pressed(Buttons(), 100.0, True)
    buttons, _ = pressed(buttons, 105.0, True, True)
    assert (buttons.pb1_since, buttons.pb2_since) == (100.0, 105.0)
    buttons, held = pressed(buttons, 115.0, True, True)
    assert held == HeldButton(True, False)
    buttons, held = pressed(buttons, 120.0, True, True)
    assert held == HeldButton(False, True)
    buttons, held = pressed(buttons, 121.0, False, True)
    assert (buttons.pb1_since, buttons.pb2_since, held) == (None, 105.0, HeldButton())


def test_the_leds() -> None:
    flashing = flash(Buttons(1.0, 2.0, True, False), 100.0)
    assert flashing == Buttons(1.0, 2.0, True, False, 103.0)
    for now, push in ((102.9, Led.BLINK_2HZ), (103.0, Led.OFF)):
        assert leds(flashing, False, False, now) == (push, Led.BLINK_1HZ)
    assert leds(Buttons(), True, False, 100.0) == (Led.BLINK_2HZ, Led.BLINK_1HZ)
    assert leds(Buttons(), False, True, 100.0) == (Led.OFF, Led.BLINK_4HZ)
