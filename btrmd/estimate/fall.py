"""How a curve falls: lines through its last part, a parabola through all of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import asinh, inf, log, sqrt
from typing import NamedTuple

from .curve import Curve
from .shape import Shape
from .uneven import solve

LATELY = (0.05, 0.1, 0.2, 0.4)  # of the charge seen: how far back a line looks
LEAST_ROWS = 4
DOUBT = 0.5  # of the whole slope: a late slope with this standard error counts half
MOST_DOUBT = 1e3  # of the slope itself
LEAST_HEIGHT_V = 0.01  # a line that ends lower above the cutoff counts as if so high
LEAST_SLOPE_V = 0.02  # V a block over the rated charge: a curve that falls less counts as if so
LEAST_SD_V = 1e-4  # no curve is known better
LN_RANGE = (-2.5, 3.0)  # what a ratio may say
EASE = (1e-9, 1e-6, 1e-3)  # keeps the parabola of a short curve near a line


class FittedLine(NamedTuple):
    """Least squares: `slope` V per Ah, positive when falling, and its standard error; `end_v` V a
    block where the line ends."""

    slope: float
    slope_sd: float
    end_v: float


def fit_line(q: Sequence[float], y: Sequence[float]) -> FittedLine:
    """The line through points of rising `q` (Ah; `y` V a block), by least squares; flat, and wholly
    in doubt, where they tell nothing. The slope's standard error is s / sqrt(sum (q - mean)^2)."""
    n = len(q)
    middle_q, middle_y = sum(q) / n, sum(y) / n
    spread = sum([(at - middle_q) ** 2 for at in q])
    if n < 3 or q[-1] <= q[0]:
        return FittedLine(0.0, inf, y[-1])
    pairs = [(at - middle_q, v - middle_y) for at, v in zip(q, y, strict=True)]
    rise = sum([along * up for along, up in pairs]) / spread
    off = sum([(up - rise * along) ** 2 for along, up in pairs])
    return FittedLine(-rise, sqrt(off / (n - 2) / spread), middle_y + rise * (q[-1] - middle_q))


def fall(curve: Curve, shape: Shape, left: float, height: float, cutoff_v: float) -> list[float]:
    """Seventeen numbers: what noise leaves of a curve may reach -9, the others lie about -3..3.

    `left` Ah, what the slope method says is left; `height` V a block above the cutoff at the end.
    """
    line = fit_line(shape.q, shape.y)
    doubt = min(line.slope_sd / max(abs(line.slope), 1e-6), MOST_DOUBT)
    numbers = [log(doubt + 1e-3)]
    for part in LATELY:
        numbers += _lately(curve, shape, part, left, cutoff_v)
    return [*numbers, *_parabola(curve, shape, left, height)]


def _lately(
    curve: Curve, shape: Shape, part: float, left: float, cutoff_v: float
) -> tuple[float, float, float]:
    """Of a line through the last `part` of the charge: how high it ends, how much steeper than the
    whole it falls, and by what factor it sees the charge left otherwise than the slope method."""
    height, slope = last_fall(curve, shape, part, cutoff_v)
    least = LEAST_SLOPE_V / curve.size_ah
    return (
        log(height),
        _limited(log(slope / max(shape.slope, least))),
        _limited(log(height / slope / left)),
    )


def last_fall(curve: Curve, shape: Shape, part: float, cutoff_v: float) -> tuple[float, float]:
    """A line through the last `part` (0..1) of the charge: V a block above the cutoff where it
    ends, and its fall in V per Ah, drawn towards that of the whole as far as noise hides it."""
    count = len(curve.q) - bisect_left(curve.q, curve.seen_ah * (1.0 - part))
    count = max(count, LEAST_ROWS)
    line = fit_line(curve.q[-count:], curve.y[-count:])
    known = 1.0 / (1.0 + (line.slope_sd / max(DOUBT * shape.slope, 1e-6)) ** 2)
    least = LEAST_SLOPE_V / curve.size_ah
    slope = max(known * line.slope + (1.0 - known) * shape.slope, least)
    return max(line.end_v - cutoff_v, LEAST_HEIGHT_V), slope


def _parabola(
    curve: Curve, shape: Shape, left: float, height: float
) -> tuple[float, float, float, float]:
    """How surely the curve bends, how far, how near the parabola it is, and by what factor that
    sees the charge left otherwise than the slope method."""
    x = [q / curve.seen_ah for q in shape.q]
    rows = [(1.0, -at, -at * at) for at in x]
    matrix = [
        [sum([row[i] * row[j] for row in rows]) + (EASE[i] if i == j else 0.0) for j in range(3)]
        for i in range(3)
    ]
    right = [sum([row[i] * v for row, v in zip(rows, shape.y, strict=True)]) for i in range(3)]
    level, fall_v, bend_v = solve([list(line) for line in matrix], right)
    variance = solve(matrix, [0.0, 0.0, 1.0])[2]
    off = sum(
        (v - level + fall_v * at + bend_v * at * at) ** 2 for at, v in zip(x, shape.y, strict=True)
    )
    sd = max(sqrt(off / max(1, len(x) - 3)), LEAST_SD_V)
    bend = max(bend_v, 0.0)
    now = fall_v + 2.0 * bend  # V over the charge seen, at its end
    if bend > 1e-6:
        to_go = (sqrt(now * now + 4.0 * bend * height) - now) / (2.0 * bend)
    else:
        to_go = height / max(now, 1e-3)
    return (
        asinh(bend_v / (sd * sqrt(variance)) / 3.0) if len(x) > 3 else 0.0,
        asinh(bend_v / height * 3.0),
        log(sd / height),
        _limited(log(max(to_go, 0.01) * curve.seen_ah / left)),
    )


def _limited(ln: float) -> float:
    return max(LN_RANGE[0], min(ln, LN_RANGE[1]))
