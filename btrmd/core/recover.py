"""Recover: what a sudden end leaves behind is closed in order, so that every test has a result."""

from __future__ import annotations

from ..model.board import SAFE_OUTPUTS, Inputs
from ..model.discharge import TestRecord, TestResult, TestState
from . import outage
from .actions import Action, Persist
from .capacity import conclude
from .context import StepContext
from .lvd import Lvd
from .onbattery import OnBattery
from .state import State
from .test import sequence
from .test.state import IDLE
from .transfer import Transfer, Where


def let_go(state: State, snapshot: Inputs, reason: str, now: float) -> tuple[State, list[Action]]:
    """End whatever is on, for `reason` (a sentence), with all outputs released.

    For the daemon's stop, and after a step that failed: a running test is aborted with its
    curve, an outage's record is closed; the battery goes on being the load's source by the guard.
    """
    ctx = StepContext(now, 0.0, state.boot, snapshot, state.setpoints)
    carried = state.transfer.carried or state.test.k1 or state.transfer.where is Where.BATTERY
    if state.test.is_on:
        record = sequence.abort(state.test, reason, ctx)
        state = state._replace(
            health=conclude(state.health, record, ctx), last_reason=record.reason
        )
    kept = state.test if state.test.state is TestState.DELAYED else IDLE
    # whatever LVD had K3 do, the hardware has undone it
    lvd = Lvd(True, remembered=True) if state.lvd.is_open else state.lvd
    state = state._replace(
        test=kept,
        lvd=lvd,
        outage=outage.close(state.outage, reason, ctx),
        transfer=Transfer(since=now, carried=carried),
        outputs=SAFE_OUTPUTS,
        battery_use=OnBattery(),
    )
    ctx.do(Persist())
    return state, ctx.actions


def closed_after_death(record: TestRecord, wall: float, last_row_s: float | None) -> TestRecord:
    """The record a dead daemon left open. A verdict already reached stands; else it is aborted.

    `last_row_s`: the time of the last stored row of its curve, s.
    """
    if record.type == "outage":
        result, reason = record.result, "The daemon stopped in the outage."
    elif record.result != TestResult.NONE.value or record.reason:
        result, reason = record.result, record.reason
    else:
        result, reason = TestResult.ABORTED.value, "The daemon stopped in the test."
    duration = record.duration_s if record.duration_s is not None else last_row_s
    # a clock that went back (or a fast simulation restarted) must not end it before it began
    ended = max(wall, record.started_at + (duration or 0.0))
    return record._replace(
        state="finished", result=result, reason=reason, ended_at=ended, duration_s=duration
    )
