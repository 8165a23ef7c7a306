"""Stamps: the wall times of a record, held to what the process clock has measured meanwhile.

The wall clock of a unit without a battery for it begins anywhere and is set at any time; durations
never come from it.
"""

from __future__ import annotations

from ...model.board import Inputs
from ...model.discharge import TestRecord

JUMP_S = 60.0  # what the wall clock may drift from the process clock before it counts as set anew
MARK_NOT_SET = "clock_not_set"


def restamped(record: TestRecord, elapsed_s: float, inputs: Inputs) -> TestRecord:
    """`record`, begun `elapsed_s` s ago, by the wall clock as it goes now: where somebody has set
    it since, the newer setting is believed."""
    began = max(0.0, inputs.wall - elapsed_s)
    is_same = abs(began - record.started_at) <= JUMP_S
    return record if is_same else record._replace(started_at=began)


def ended(record: TestRecord, elapsed_s: float, inputs: Inputs) -> TestRecord:
    """`record` with its end now, `elapsed_s` s after its start; marked where no clock is set."""
    record = restamped(record, elapsed_s, inputs)._replace(ended_at=inputs.wall)
    if inputs.clock_ok or MARK_NOT_SET in record.marks:
        return record
    return record._replace(marks=(*record.marks, MARK_NOT_SET))
