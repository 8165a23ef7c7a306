"""Waiting: what keeps a scheduled test that is due from beginning."""

from __future__ import annotations

from functools import lru_cache

from ..model.board import Inputs
from ..model.discharge import TestState
from ..model.schedule import HOUR_S, StartWait, Window
from .machines.schedule import RETRIES, WAIT_FOR_REST_S
from .state import State

LOOK_AHEAD_H = 14 * 24


def waiting_of(state: State, inputs: Inputs, now: float) -> StartWait | None:
    """None while nothing is due. `inputs` the newest scan, `now` the process clock."""
    plan, wall = state.schedule, inputs.wall
    if plan.due is None or state.test.is_on:
        return None
    if now < plan.due:
        if not plan.retries or not plan.refused:
            return None
        return StartWait(
            wall - (now - plan.refused_at), refused=plan.refused, next_at=wall + plan.due - now,
            retry=plan.retries, retries=RETRIES,
        )  # fmt: skip
    float_time, window = state.float_time, state.setpoints.window
    is_shut = inputs.clock_ok and not window.is_open(wall)
    busy = ""
    if state.outage.record is not None:
        busy = "the outage"
    elif state.test.state is not TestState.IDLE:
        busy = "a test that was asked for with a delay"
    return StartWait(
        wall - (now - plan.due),
        is_unrested=not float_time.is_rested,
        float_s=float_time.float_s,
        discharged_s=float_time.undischarged_s,
        latest_at=wall + plan.due + WAIT_FOR_REST_S - now,
        is_extra=plan.is_extra,
        is_shut=is_shut,
        window_at=opens_at(window, int(wall // HOUR_S)) if is_shut else None,
        busy=busy,
    )


@lru_cache(maxsize=2)
def opens_at(window: Window, hour: int) -> float | None:
    """The beginning (wall s) of the first whole hour after `hour` (h since 1970) in which `window`
    is open; None: not within two weeks."""
    for ahead in range(1, LOOK_AHEAD_H + 1):
        at = (hour + ahead) * HOUR_S
        if window.is_open(at):
            return at
    return None
