"""What the trees are told about a discharge: some thirty-four numbers, each about -3..3."""

from __future__ import annotations

from collections.abc import Sequence
from math import asinh, log, sqrt
from statistics import median
from typing import NamedTuple

from .curve import Curve
from .rated import new_charge_ah, temperature_factor

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
    """The curve in BINS medians from `skip_ah` on, or from its start where that leaves too few;
    None with too few rows for a line."""
    q, y = _bins(curve, skip_ah)
    if len(q) < LEAST_BINS:
        q, y = _bins(curve, 0.0)
    if len(q) < 2:
        return None
    slope = robust_slope(q, y)
    now_v = median(level - slope * (curve.seen_ah - at) for at, level in zip(q, y, strict=True))
    return Shape(q, y, slope, now_v)


def _bins(curve: Curve, skip_ah: float) -> tuple[list[float], list[float]]:
    span = curve.seen_ah - skip_ah
    if span <= 0.0:
        return [], []
    inside: list[list[int]] = [[] for _ in range(BINS)]
    for k, q in enumerate(curve.q):
        if q >= skip_ah:
            inside[min(BINS - 1, int((q - skip_ah) / span * BINS))].append(k)
    filled = [places for places in inside if places]
    return (
        [median(curve.q[k] for k in places) for places in filled],
        [median(curve.y[k] for k in places) for places in filled],
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


def features(
    curve: Curve, shape: Shape, left: float, temp_c: float | None, cutoff_v: float
) -> list[float]:
    """The numbers; `left` Ah, what the slope method says is left."""
    size, seen, load = curve.size_ah, curve.seen_ah, curve.load
    q, y = shape.q, shape.y
    height = max(shape.now_v - cutoff_v, LEAST_V)
    third = max(2, len(q) // 3)
    half = max(2, len(q) // 2)
    early, late = robust_slope(q[:half], y[:half]), robust_slope(q[-half:], y[-half:])
    first, last = robust_slope(q[:third], y[:third]), robust_slope(q[-third:], y[-third:])
    return [
        log(left / size),
        log(height),
        log(max(y[0] - cutoff_v, LEAST_V)),
        *(asinh(slope * size / SLOPE_V) for slope in (shape.slope, early, late, first, last)),
        y[len(y) // 2] - (y[0] + y[-1]) / 2.0,
        y[-1] - shape.now_v,
        log(seen / size),
        log(seen / (seen + left)),
        log(load.amps / size),
        0.0 if temp_c is None else (temp_c - 25.0) / 15.0,
        log(max(load.level, load.amps) / load.amps),
        1.0 if load.has_bursts else 0.0,
        1.0 if load.is_constant_power else 0.0,
        1.0 if load.kind == "restless" else 0.0,
        load.spread,
        load.drift,
        log(max(curve.resistance * size, 0.02) / 0.16),
        1.0 if curve.is_measured else 0.0,
        curve.resistance * load.level,
        curve.growth,
        log(seen / load.amps),
        *_idle(curve, shape.slope),
        _sag(curve, shape),
        sqrt(_wander(shape)) * 10.0,
        log((seen + left) / (new_charge_ah(size, load.amps) * temperature_factor(temp_c))),
        log(max(load.last, 0.05)),
        log(1.0 + load.changes_h),
        asinh((first - last) * seen / SLOPE_V * 2.0),
        (y[0] - y[-1]) * size / max(q[-1] - q[0], 1e-6) / 4.0,
    ]


def _idle(curve: Curve, slope: float) -> tuple[float, float]:
    """How far the battery rises between bursts, and how much less steeply it falls there."""
    if len(curve.idle_q) < 8:
        return 0.0, 0.0
    skip = len(curve.idle_q) // 5
    q, y = curve.idle_q[skip:], curve.idle_y[skip:]
    third = max(1, len(q) // 3)
    first, last = median(y[:third]), median(y[-third:])
    run = median(q[-third:]) - median(q[:third])
    fall = (first - last) / run if run > 0.0 else slope
    rise = last - median(curve.y[-max(1, len(curve.y) // 3) :])
    return (
        max(-0.2, min(rise, 3.0)),
        asinh((slope - fall) * curve.size_ah / SLOPE_V),
    )


def _sag(curve: Curve, shape: Shape) -> float:
    """How deep below its line a tenth of the rows lies: the ends of long bursts, heavy hours."""
    off = sorted(
        y - shape.now_v - shape.slope * (curve.seen_ah - q)
        for q, y in zip(curve.q, curve.y, strict=True)
        if q >= shape.q[0]
    )
    return max(-0.5, min(off[len(off) // 10], 0.5)) * 5.0 if off else 0.0


def _wander(shape: Shape) -> float:
    """Mean square distance of the points from the line, V^2, limited."""
    last, end = shape.q[-1], shape.y[-1]
    off = [y - shape.slope * (last - q) - end for q, y in zip(shape.q, shape.y, strict=True)]
    return min(0.09, sum(v * v for v in off) / len(off))
