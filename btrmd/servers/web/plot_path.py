"""Plot paths: series of numbers as SVG path data, and the stretches they are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Values = Sequence[float | None]


class Frame(NamedTuple):
    """Where data (x0..x1, y0..y1) lands in a picture: left, top, width, height in its units."""

    x0: float
    x1: float
    y0: float
    y1: float
    left: float
    top: float
    width: float
    height: float

    def x(self, value: float) -> float:
        span = self.x1 - self.x0
        return self.left + (self.width * (value - self.x0) / span if span else self.width / 2)

    def y(self, value: float) -> float:
        span = self.y1 - self.y0
        share = (value - self.y0) / span if span else 0.5
        return self.top + self.height * (1 - share)


def path(xs: Sequence[float], ys: Values, frame: Frame) -> str:
    """The data of an SVG path through the points; a missing value is a gap, never a line across
    it."""
    parts: list[str] = []
    last = None
    for x, y in zip(xs, ys, strict=True):
        if y is None or not is_known(y):
            last = None
            continue
        step = f"{'L' if last else 'M'}{short(frame.x(x))} {short(frame.y(y))}"
        if step[1:] != last:
            parts.append(step)
        last = step[1:]
    return "".join(parts)


def is_known(value: float | None) -> bool:
    """False for None, NaN and infinity."""
    return value is not None and math.isfinite(value)


def short(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def spread(values: Iterable[float | None]) -> tuple[float, float] | None:
    """The lowest and highest of what is known; None when nothing is."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return (min(known), max(known)) if known else None


class Buckets:
    """Makes at most `2 * count` points of any number of samples between `start` and `end`.

    Every stretch keeps its lowest and highest value, so that a short dip is still there.
    """

    def __init__(self, start: float, end: float, count: int) -> None:
        self.start = start
        self.width = max((end - start) / max(count, 1), 1e-9)
        self.count = max(count, 1)
        self._low: list[float | None] = [None] * self.count
        self._high: list[float | None] = [None] * self.count
        self._rises = [True] * self.count

    def add(self, x: float, y: float | None) -> None:
        if y is None or not is_known(y):
            return
        i = int((x - self.start) / self.width)
        i = min(max(i, 0), self.count - 1)
        low, high = self._low[i], self._high[i]
        if low is None or high is None:
            self._low[i] = self._high[i] = y
        elif y < low:
            self._low[i], self._rises[i] = y, False
        elif y > high:
            self._high[i], self._rises[i] = y, True

    @property
    def xs(self) -> list[float]:
        """Two places a stretch."""
        return [self.start + self.width * (i / 2 + 0.25) for i in range(2 * self.count)]

    @property
    def ys(self) -> list[float | None]:
        """The two values of each stretch, the one that came last at last."""
        found: list[float | None] = []
        for low, high, rises in zip(self._low, self._high, self._rises, strict=True):
            found += (low, high) if rises else (high, low)
        return found
