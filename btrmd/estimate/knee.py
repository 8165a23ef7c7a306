"""The knee: the end of a battery, or of its weakest cell, shown by a curve that turns downwards."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from statistics import median

from .curve import Curve
from .shape import robust_slope

LATE = 0.12  # of the charge seen: where the fall is looked at ...
BEFORE = (0.3, 0.8)  # ... and where the slope before is taken
TURN = 2.0  # so much steeper than before
LEAST_V = 0.06  # and so far below the line, V a block
LEAST_ROWS = 6
MOST_POINTS = 12


def has_knee(curve: Curve) -> bool:
    """Whether the last part of the curve falls away from what came before."""
    seen = curve.seen_ah
    late = _points(curve, 1.0 - LATE, 1.0)
    before = _points(curve, *BEFORE)
    if late is None or before is None or curve.load.kind == "restless":
        return False
    usual = max(robust_slope(*before), 0.2 / curve.size_ah)
    middle_q, middle_y = median(before[0]), median(before[1])
    off = [middle_y - usual * (q - middle_q) - y for q, y in zip(*late, strict=True)]
    third = max(1, len(off) // 3)
    below = median(off[-third:])
    return seen > 0.0 and below >= LEAST_V and robust_slope(*late) >= TURN * usual


def _points(curve: Curve, low: float, high: float) -> tuple[list[float], list[float]] | None:
    """Medians of the curve between two parts of the charge seen; None with too few rows."""
    ends = low * curve.seen_ah, high * curve.seen_ah
    first, stop = bisect_left(curve.q, ends[0]), bisect_right(curve.q, ends[1])
    if stop - first < LEAST_ROWS:
        return None
    size = max(1, -(-(stop - first) // MOST_POINTS))
    groups = [slice(k, min(k + size, stop)) for k in range(first, stop, size)]
    return (
        [median(curve.q[group]) for group in groups],
        [median(curve.y[group]) for group in groups],
    )
