"""The shape of a curve: its points past the first minutes, and the robust line through them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from .curve import Curve

BINS = 12
LEAST_BINS = 3


class Shape(NamedTuple):
    """Points of the curve past its first minutes: `q` Ah, `y` V a block; their robust line."""

    q: list[float]
    y: list[float]
    slope: float  # V per Ah, positive when falling
    now_v: float  # V a block at the end


def shape_of(curve: Curve, skip_ah: float) -> Shape | None:
    """The curve in BINS medians from `skip_ah` on, or from its start where that leaves too few;
    None with too few rows for a line."""
    q, y = _bins(curve, skip_ah)
    if len(q) < LEAST_BINS:
        q, y = _bins(curve, 0.0)
    if len(q) < 2:
        return None
    slope = robust_slope(q, y)
    now_v = median([level - slope * (curve.seen_ah - at) for at, level in zip(q, y, strict=True)])
    return Shape(q, y, slope, now_v)


def _bins(curve: Curve, skip_ah: float) -> tuple[list[float], list[float]]:
    span = curve.seen_ah - skip_ah
    if span <= 0.0:
        return [], []
    first = bisect_left(curve.q, skip_ah)
    bins = [int((q - skip_ah) / span * BINS) for q in curve.q[first:]]  # rising, as `q` is
    ends = [first + bisect_left(bins, number) for number in range(BINS)]
    filled = [slice(at, end) for at, end in pairwise([*ends, len(curve.q)]) if end > at]
    return (
        [median(curve.q[places]) for places in filled],
        [median(curve.y[places]) for places in filled],
    )


def robust_slope(q: Sequence[float], y: Sequence[float]) -> float:
    """Fall in V per Ah: the median of the slopes of all pairs (Theil and Sen); 0 for one point."""
    slopes = [
        (y[k] - y[j]) / (q[j] - q[k])
        for k in range(len(q))
        for j in range(k + 1, len(q))
        if q[j] > q[k]
    ]
    return median(slopes) if slopes else 0.0
