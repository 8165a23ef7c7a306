"""What the trees are told about a discharge: some sixty numbers, most about -3..3."""

from __future__ import annotations

from bisect import bisect_left
from math import asinh, log, sqrt
from statistics import median

from .curve import Curve
from .fall import fall
from .maker import Maker
from .rating import temperature_factor
from .shape import Shape, robust_slope

SLOPE_V = 0.5  # V a block over the rated charge: below it a slope counts linearly, above by its log
LEAST_V = 0.02  # a curve that stands lower above the cutoff counts as if so high


def features(
    curve: Curve,
    shape: Shape,
    left: float,
    temp_c: float | None,
    cutoff_v: float,
    maker: Maker,
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
        log((seen + left) / (maker.new_ah(load.ahead) * temperature_factor(temp_c))),
        log(max(load.last, 0.05)),
        log(1.0 + load.changes_h),
        asinh((first - last) * seen / SLOPE_V * 2.0),
        (y[0] - y[-1]) * size / max(q[-1] - q[0], 1e-6) / 4.0,
        *fall(curve, shape, left, height, cutoff_v),
        log(curve.resistance * load.level / height + 1e-3),
        float(curve.blocks),
        log(max(load.ahead, 1e-6) / load.amps),
        load.since,
        max(-1.0, min(curve.start_v - y[0], 2.5)),
        1.0 if maker.is_reported else 0.0,
        0.0 if maker.end is None else 1.0,
        maker.sharpness,
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
    drop = (first - last) / run if run > 0.0 else slope
    rise = last - median(curve.y[-max(1, len(curve.y) // 3) :])
    return (
        max(-0.2, min(rise, 3.0)),
        asinh((slope - drop) * curve.size_ah / SLOPE_V),
    )


def _sag(curve: Curve, shape: Shape) -> float:
    """How deep below its line a tenth of the rows lies: the ends of long bursts, heavy hours."""
    first = bisect_left(curve.q, shape.q[0])
    off = sorted([
        y - shape.now_v - shape.slope * (curve.seen_ah - q)
        for q, y in zip(curve.q[first:], curve.y[first:], strict=True)
    ])  # fmt: skip
    return max(-0.5, min(off[len(off) // 10], 0.5)) * 5.0 if off else 0.0


def _wander(shape: Shape) -> float:
    """Mean square distance of the points from the line, V^2, limited."""
    last, end = shape.q[-1], shape.y[-1]
    off = [y - shape.slope * (last - q) - end for q, y in zip(shape.q, shape.y, strict=True)]
    return min(0.09, sum(v * v for v in off) / len(off))
