"""Recover: what a sudden end leaves behind is closed in order, so that every test has a result."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..model.board import SAFE_OUTPUTS, Inputs
from ..model.discharge import CurveRow, TestRecord, TestResult, TestState
from . import outage
from .capacity_test import sequence
from .capacity_test.progress import MEAN_S
from .capacity_test.state import IDLE
from .machines.capacity import conclude
from .machines.lvd import Lvd
from .machines.onbattery import OnBattery
from .machines.transfer import Transfer, Where
from .scan.actions import Action, Persist
from .scan.context import StepContext
from .state import State


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
        k1_on_guard=False,
        battery_use=OnBattery(),
    )
    ctx.do(Persist())
    return state, ctx.actions


def closed_after_death(
    record: TestRecord, wall: float, last_row_s: float | None, rows: Sequence[CurveRow] = ()
) -> TestRecord:
    """The record a dead daemon left open. A verdict already reached stands; else it is aborted.

    `last_row_s`: the time of the last stored row of its curve, s; `rows` the curve, from which come
    the means that nobody has worked out.
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
    record = record._replace(
        state="finished", result=result, reason=reason, ended_at=ended, duration_s=duration
    )
    return with_means(record, rows)


def with_means(record: TestRecord, rows: Sequence[CurveRow]) -> TestRecord:
    """The record with mean current, mean temperature and end voltage by its curve, where it has
    none of its own. What charged the battery is no part of a discharge."""
    spans = [
        (later.time_s - row.time_s, row)
        for row, later in pairwise(rows)
        if later.time_s > row.time_s and row.battery_a < 0.0
    ]
    seconds = sum(span for span, _ in spans)
    warm = [(span, row.temp_c) for span, row in spans if row.temp_c is not None]
    warm_s = sum(span for span, _ in warm)
    amps = sum(-row.battery_a * span for span, row in spans) / seconds if seconds > 0.0 else None
    temp = sum(temp * span for span, temp in warm) / warm_s if warm_s > 0.0 else None
    last = [row.battery_v for row in rows if row.time_s >= rows[-1].time_s - MEAN_S]
    volts = sum(last) / len(last) if last else None
    return record._replace(
        average_current=amps if record.average_current is None else record.average_current,
        average_temperature=(
            temp if record.average_temperature is None else record.average_temperature
        ),
        end_voltage=volts if record.end_voltage is None else record.end_voltage,
    )
