"""Chatter: news that comes too often is told once, with a count, until it has been steady.

Alarms and outage records keep count of themselves. What the guard does and where K1 moves the load
is news of a moment: a supply that comes and goes made a hundred lines an hour of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model.events import Kind
from ..scan.actions import Action, Tell
from ..scan.context import StepContext
from .flood import HOUR_S, NO_FLOOD, STEADY_S, Flood, chattering

KEYS = ("guard.active", "relay.k1")


def step_chatter(floods: Mapping[str, Flood], ctx: StepContext) -> Mapping[str, Flood]:
    """Strike from what this step tells the news that has come more than six times within an hour;
    the seventh says so. `floods`: how often each key has come."""
    kept: list[Action] = []
    for action in ctx.actions:
        if isinstance(action, Tell) and _is_counted(action):
            key = action.event.key
            flood = floods.get(key, NO_FLOOD)
            if flood.held and ctx.now - flood.times[-1] < STEADY_S:
                times = (*(at for at in flood.times if ctx.now - at < HOUR_S), ctx.now)
                floods = {**floods, key: Flood(times, True, None, flood.hidden + 1)}
                continue
            flood = flood.come(ctx.now)
            floods = {**floods, key: flood}
            if flood.held:
                text = f"{action.event.text} {chattering(flood)}"
                action = Tell(action.event._replace(text=text))
        kept.append(action)
    ctx.actions[:] = kept
    return floods


def _is_counted(tell: Tell) -> bool:
    event = tell.event
    return event.key in KEYS and event.kind is Kind.CHANGE and not event.notify
