"""Curve points: a recorded discharge with at most so many values, short dips kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.history import History

from .plot_path import Buckets, Values

COUNT: Final = 400  # stretches: two values each, so at most 800 a curve
_KEPT: Final = 16  # finished curves in memory
FINISHED: Final = "finished"


class CurvePoints(NamedTuple):
    """`xs` s from the transfer; volts of the bank, amps (negative = discharging), °C; `blocks` the
    volts of each block from Battery-, none without taps."""

    xs: tuple[float, ...]
    volts: tuple[float | None, ...]
    amps: tuple[float | None, ...]
    celsius: tuple[float | None, ...]
    blocks: tuple[tuple[float | None, ...], ...] = ()

    @property
    def length_s(self) -> float:
        return self.xs[-1] if self.xs else 0.0


NO_POINTS: Final = CurvePoints((), (), (), ())


class Curves:
    """Thread-safe. A finished curve does not change, so its points are kept."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, CurvePoints] = OrderedDict()

    def get(self, test: TestRecord) -> CurvePoints:
        """The points of a test's curve; none when nothing was recorded."""
        with self._lock:
            if test.n in self._kept:
                self._kept.move_to_end(test.n)
                return self._kept[test.n]
        made = sample(self._history.curve(test.n), test.duration_s)
        if test.state == FINISHED and made.xs:
            with self._lock:
                self._kept[test.n] = made
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return made


def sample(rows: Iterable[CurveRow], length_s: float | None) -> CurvePoints:
    """`rows` in at most 400 stretches, or as they are when they are few."""
    kept = list(rows)
    count = max((len(row.block_v) for row in kept), default=0)
    if len(kept) <= 2 * COUNT:
        return CurvePoints(
            tuple(row.time_s for row in kept),
            tuple(row.battery_v for row in kept),
            tuple(row.battery_a for row in kept),
            tuple(row.temp_c for row in kept),
            tuple(tuple(_block(row, i) for row in kept) for i in range(count)),
        )
    first, last = kept[0].time_s, max(kept[-1].time_s, length_s or 0.0)
    columns = [Buckets(first, last, COUNT) for _ in range(3 + count)]
    for row in kept:
        values = (row.battery_v, row.battery_a, row.temp_c, *(_block(row, i) for i in range(count)))
        for column, value in zip(columns, values, strict=True):
            column.add(row.time_s, value)
    # Where a logger left more room than a stretch there is nothing, and nothing must be drawn.
    ys = [column.ys for column in columns]
    known = [i for i, volts in enumerate(ys[0]) if volts is not None]
    xs = columns[0].xs
    volts, amps, celsius, *blocks = (tuple(column[i] for i in known) for column in ys)
    return CurvePoints(tuple(xs[i] for i in known), volts, amps, celsius, tuple(blocks))


def _block(row: CurveRow, i: int) -> float | None:
    return row.block_v[i] if i < len(row.block_v) else None


def resample(points: CurvePoints, ys: Values, grid: Iterable[float]) -> list[float | None]:
    """`ys` of a curve at the places of `grid`, by straight lines; None outside of it."""
    xs, found, i = points.xs, list[float | None](), 0
    for x in grid:
        if not xs or x < xs[0] or x > xs[-1]:
            found.append(None)
            continue
        while i + 1 < len(xs) and xs[i + 1] < x:
            i += 1
        after = min(i + 1, len(xs) - 1)
        low, high = ys[i], ys[after]
        if low is None or high is None or xs[after] == xs[i]:
            found.append(high if high is not None else low)
            continue
        found.append(low + (high - low) * (x - xs[i]) / (xs[after] - xs[i]))
    return found
