"""Buttons and LEDs: PB1 and PB2 act after 15.0 s of holding (C20), LEDs tell how the box is."""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Led
from ..scan.context import StepContext
from ..scan.due import EVERY_SCAN, NO_TIME

HOLD_S = 15.0
FLASH_S = 3.0


class Buttons(NamedTuple):
    """`pb1_since`, `pb2_since`: held since then. `pb1_fired`, `pb2_fired`: the hold has
    taken effect, until it is released. `flash_until`: the LEDs flash."""

    pb1_since: float | None = None
    pb2_since: float | None = None
    pb1_fired: bool = False
    pb2_fired: bool = False
    flash_until: float = float("-inf")

    def next_due(self, now: float) -> float:
        """Every scan while one is held; when the LEDs have flashed."""
        if self.pb1_since is not None or self.pb2_since is not None:
            return EVERY_SCAN
        return self.flash_until if self.flash_until > now else NO_TIME


class HeldButton(NamedTuple):
    """The buttons whose hold takes effect in this step."""

    pb1: bool = False
    pb2: bool = False


NOBODY = HeldButton()


def step_buttons(buttons: Buttons, ctx: StepContext) -> tuple[Buttons, HeldButton]:
    """Fire once at 15.0 s of continuous hold; releasing earlier does nothing."""
    inputs, now = ctx.inputs, ctx.now
    if not (inputs.pb1 or inputs.pb2):
        if buttons.pb1_since is None and buttons.pb2_since is None:
            return buttons, NOBODY
        return Buttons(flash_until=buttons.flash_until), NOBODY
    pb1_since = (now if buttons.pb1_since is None else buttons.pb1_since) if inputs.pb1 else None
    pb2_since = (now if buttons.pb2_since is None else buttons.pb2_since) if inputs.pb2 else None
    pb1_long = pb1_since is not None and now - pb1_since >= HOLD_S - 1e-6
    pb2_long = pb2_since is not None and now - pb2_since >= HOLD_S - 1e-6
    held = HeldButton(pb1_long and not buttons.pb1_fired, pb2_long and not buttons.pb2_fired)
    return Buttons(pb1_since, pb2_since, pb1_long, pb2_long, buttons.flash_until), held


def flash(buttons: Buttons, now: float) -> Buttons:
    """A hold has taken effect: both PB LEDs flash for 3 s."""
    return buttons._replace(flash_until=now + FLASH_S)


def leds(buttons: Buttons, in_selftest: bool, any_alarm: bool, now: float) -> tuple[Led, Led]:
    """(PB LEDs, status LED)."""
    push = Led.BLINK_2HZ if in_selftest or now < buttons.flash_until else Led.OFF
    return push, Led.BLINK_4HZ if any_alarm else Led.BLINK_1HZ
