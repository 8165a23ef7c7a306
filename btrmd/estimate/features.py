"""What the net is told about a discharge: some twenty numbers, each about -3..3."""

from __future__ import annotations

from collections.abc import Sequence
from math import asinh, log, sqrt
from statistics import median
from typing import NamedTuple

from .curve import Curve

BINS = 12
LEAST_BINS = 3
SLOPE_V = 0.5  # V a block over the rated charge: below it a slope counts linearly, above by its log
LEAST_V = 0.02  # a curve that stands lower above the cutoff counts as if so high


class Shape(NamedTuple):
    """Points of the curve past its first minutes: `q` Ah, `y` V a block; their robust line."""

    q: list[float]
    y: list[float]
    slope: float  # V per Ah, positive when falling
    now_v: float  # V a block at the end


def shape_of(curve: Curve, skip_ah: float) -> Shape | None:
    """The curve in BINS medians from `skip_ah` on; None with too few rows for a line."""
    span = curve.q[-1] - skip_ah
    if span <= 0.0:
        return None
    inside: list[list[int]] = [[] for _ in range(BINS)]
    for k, q in enumerate(curve.q):
        if q >= skip_ah:
            inside[min(BINS - 1, int((q - skip_ah) / span * BINS))].append(k)
    qs = [median(curve.q[k] for k in bin_) for bin_ in inside if bin_]
    ys = [median(curve.y[k] for k in bin_) for bin_ in inside if bin_]
    if len(qs) < LEAST_BINS:
        return None
    slope = robust_slope(qs, ys)
    now_v = median(y - slope * (curve.q[-1] - q) for q, y in zip(qs, ys, strict=True))
    return Shape(qs, ys, slope, now_v)


def robust_slope(q: Sequence[float], y: Sequence[float]) -> float:
    """Fall in V per Ah: the median of the slopes of all pairs (Theil and Sen); 0 for one point."""
    slopes = [
        (y[k] - y[j]) / (q[j] - q[k])
        for k in range(len(q))
        for j in range(k + 1, len(q))
        if q[j] > q[k]
    ]
    return median(slopes) if slopes else 0.0


def features(
    curve: Curve, shape: Shape, left_ah: float, temp_c: float | None, cutoff_v: float
) -> list[float]:
    """The numbers; `left_ah` what the slope method says is left."""
    size, seen = curve.size_ah, curve.q[-1]
    q, y = shape.q, shape.y
    height = max(shape.now_v - cutoff_v, LEAST_V)
    third = max(2, len(q) // 3)
    half = max(2, len(q) // 2)
    early, late = robust_slope(q[:half], y[:half]), robust_slope(q[-half:], y[-half:])
    first, last = robust_slope(q[:third], y[:third]), robust_slope(q[-third:], y[-third:])
    return [
        log(left_ah / size),
        log(height),
        log(max(y[0] - cutoff_v, LEAST_V)),
        *(asinh(slope * size / SLOPE_V) for slope in (shape.slope, early, late, first, last)),
        y[len(y) // 2] - (y[0] + y[-1]) / 2.0,
        y[-1] - shape.now_v,
        log(seen / size),
        log(seen / (seen + left_ah)),
        log(curve.amps / size),
        0.0 if temp_c is None else (temp_c - 25.0) / 15.0,
        log(max(curve.level, curve.amps) / curve.amps),
        1.0 if curve.has_bursts else 0.0,
        1.0 if curve.is_constant_power else 0.0,
        curve.spread,
        curve.drift,
        log(max(curve.resistance * size, 0.02) / 0.16),
        1.0 if curve.is_measured else 0.0,
        curve.resistance * curve.level,
        log(seen / curve.amps),
        sqrt(_wander(shape)) * 10.0,
    ]


def _wander(shape: Shape) -> float:
    """Mean square distance of the points from the line, V^2, limited."""
    last = shape.q[-1]
    off = [
        y - shape.slope * (last - q) - shape.now_v
        for q, y in zip(shape.q, shape.y, strict=True)
    ]
    return min(0.09, sum(v * v for v in off) / len(off))
