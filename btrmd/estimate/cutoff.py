"""The cutoff: when a discharge reached its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ..model.chemistry import LEAD_ACID
from ..model.discharge import CurveRow

EARLY_S = 600.0  # so long a dip is coup de fouet, unless it goes ...
EARLY_V = LEAD_ACID.cutoff_v - LEAD_ACID.early_cutoff_v  # ... this far below the cutoff
ROUNDING_V = 1e-6  # more than a running sum of a hundred thousand rows is off by
MEAN_S = 5.0  # the cutoff is judged on the mean of so many s


def cutoff_time(rows: Sequence[CurveRow], blocks: int, cutoff_v_block: float) -> float | None:
    """When the 5 s mean of the volts fell below the cutoff, s; None where it did not.

    In the first 10 min only 0.5 V below the cutoff counts.
    """
    if not rows or min([row.battery_v for row in rows]) > cutoff_v_block * blocks + ROUNDING_V:
        return None  # no mean is below it where no row is
    window: deque[CurveRow] = deque()
    total = 0.0
    limit = cutoff_v_block * blocks
    early = (cutoff_v_block - EARLY_V) * blocks
    last: CurveRow | None = None
    for row in rows:
        window.append(row)
        total += row.battery_v
        while row.time_s - window[0].time_s >= MEAN_S and len(window) > 1:
            total -= window.popleft().battery_v
        bound = early if row.time_s < EARLY_S else limit
        if total / len(window) < bound:
            if last is None or last.battery_v <= row.battery_v or row.time_s < EARLY_S:
                return row.time_s
            part = (last.battery_v - bound) / (last.battery_v - row.battery_v)
            return last.time_s + min(1.0, max(0.0, part)) * (row.time_s - last.time_s)
        last = row
    return None
