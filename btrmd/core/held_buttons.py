"""Held buttons: what PB1 and PB2 put back to its defaults, each or both (manual 6.5)."""

from __future__ import annotations

from ..model.commands import ResetData
from ..model.events import Kind
from .machines.buttons import flash, step_buttons
from .requests import handle
from .scan.actions import RestoreSettings
from .scan.context import StepContext
from .state import State

RESTART_AFTER_S = 3.0  # the LEDs flash meanwhile


def step_held_buttons(state: State, ctx: StepContext) -> State:
    """Nothing is put back while a test runs."""
    buttons, held = step_buttons(state.buttons, ctx)
    if buttons is state.buttons:
        return state
    if held.pb1 or held.pb2:
        names = " and ".join(name for name, on in (("PB1", held.pb1), ("PB2", held.pb2)) if on)
        if state.test.is_on:
            ctx.tell("system.button", Kind.COMMAND, f"{names} refused: a test is running.",
                      source=names)  # fmt: skip
            return state._replace(buttons=buttons)
        buttons = flash(buttons, ctx.now)
        if held.pb2:
            # Manual 6.5 and C21: clear the test data and restore the battery-test settings.
            state, _ = handle(state, (ResetData(settings=True, source="PB2"),), ctx)
        if held.pb1:
            ctx.tell("system.button", Kind.COMMAND,
                      "PB1 held: default address and access restored, restarting.",
                      source="PB1")  # fmt: skip
            ctx.do(RestoreSettings("network", "PB1"))
            state = state._replace(restart_at=ctx.now + RESTART_AFTER_S, restart_source="PB1")
    return state._replace(buttons=buttons)
