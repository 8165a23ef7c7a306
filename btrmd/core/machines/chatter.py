"""Chatter: what guard and K1 do again and again is told once, with a count, until it is steady.

Alarms and outage records keep count of themselves. These events stand for a moment, and nothing
clears them: a supply that comes and goes made a hundred of them an hour.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model.events import Kind
from ..scan.actions import Action, Tell
from ..scan.context import StepContext
from .flood import NO_FLOOD, STEADY_S, Flood, chattering

KEYS = ("guard.active", "relay.k1")


def step_chatter(floods: Mapping[str, Flood], ctx: StepContext) -> Mapping[str, Flood]:
    """Take out of this step's events those of KEYS that have come more than six times within an
    hour; the seventh says so. `floods`: how often each key has come."""
    kept: list[Action] = []
    for action in ctx.actions:
        if isinstance(action, Tell) and _is_counted(action):
            key = action.event.key
            before = floods.get(key, NO_FLOOD)
            flood = before.come(ctx.now)
            floods = {**floods, key: flood}
            if before.held and ctx.now - before.times[-1] < STEADY_S:
                continue
            if flood.held:
                text = f"{action.event.text} {chattering(flood)}"
                action = Tell(action.event._replace(text=text))
        kept.append(action)
    ctx.actions[:] = kept
    return floods


def _is_counted(tell: Tell) -> bool:
    event = tell.event
    return event.key in KEYS and event.kind is Kind.CHANGE and not event.notify
