"""Discharging rows: the part of an outage's curve in which the battery itself carries the load."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.discharge import RELIEVED_LEAST_S, CurveRow, is_relieved


def discharging(rows: Sequence[CurveRow]) -> Sequence[CurveRow]:
    """`rows` without those in which a charger carries the load, at times as if these had not been.

    With them the mean current would be that of no load. A row stands for the time since the row
    before it. Rows of a battery that carries the load all along come back as they are.
    """
    kept: list[CurveRow] = []
    relieved_s, before_s = 0.0, 0.0
    for row in rows:
        if is_relieved(row.battery_a, row.load_a):
            relieved_s += row.time_s - before_s
        else:
            kept.append(row._replace(time_s=row.time_s - relieved_s) if relieved_s else row)
        before_s = row.time_s
    return kept if relieved_s > RELIEVED_LEAST_S else rows
