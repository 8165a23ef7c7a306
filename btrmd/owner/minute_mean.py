"""Minute means: one trend row a wall minute out of the published snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..model.readings import GOOD, Reading
from ..store.trends import TREND_KEYS

_SPACING_S = 0.95  # one sample a second is enough for a mean, at a tenth of the work


class MinuteRow(NamedTuple):
    """`minute`: wall time of its start, s; `values`: means of good readings, or None."""

    minute: int
    values: dict[str, float | None]


class MinuteMean:
    """Feed it each snapshot's points; it answers with a row when the wall minute has changed."""

    def __init__(self) -> None:
        self._minute: int | None = None
        self._sampled_at = 0.0
        self._sums = [0.0] * len(TREND_KEYS)
        self._counts = [0] * len(TREND_KEYS)

    def add(self, points: Mapping[str, Reading], at: float) -> MinuteRow | None:
        """Take a snapshot's `points` of wall time `at` (s); the row of the minute just left.

        A clock that jumps closes the minute in hand and begins another.
        """
        if 0.0 <= at - self._sampled_at < _SPACING_S:
            return None
        self._sampled_at = at
        minute = int(at // 60) * 60
        row = None
        if minute != self._minute:
            row = self.close()
            self._minute = minute
        sums, counts = self._sums, self._counts
        for i, key in enumerate(TREND_KEYS):
            reading = points.get(key)
            if reading is not None and reading.quality is GOOD:
                value = reading.value
                if isinstance(value, int | float):  # a bool counts as 0 or 1
                    sums[i] += value
                    counts[i] += 1
        return row

    def close(self) -> MinuteRow | None:
        """The row of the minute in hand so far, None when there is none; begins afresh."""
        if self._minute is None:
            return None
        values = {
            key: total / count if count else None
            for key, total, count in zip(TREND_KEYS, self._sums, self._counts, strict=True)
        }
        row = MinuteRow(self._minute, values)
        self._minute = None
        self._sums = [0.0] * len(TREND_KEYS)
        self._counts = [0] * len(TREND_KEYS)
        return row
