"""How fast a figure of a running process grows, and how sure a series of samples makes that.

A straight line is fitted by least squares to what is left after a third of the samples, in which a
process is still settling: caches fill, arenas are opened. The uncertainty is the larger of the
slope's standard error and half the difference between the slopes of both halves: neighbouring
samples of a process are no independent draws, and growth that dies away is no growth of a week.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

WEEK_S = 7 * 86400.0
SETTLING = 1 / 3  # of the samples, from the start
LEAST_SAMPLES = 6  # after settling: three for each half's line
SURE = 2.0  # uncertainties between a slope and a limit
SETTLED_S = 86400.0  # after a day every bounded cache has filled
SETTLING_MB = 4.0  # before that, so much growth may still be their filling


class Line(NamedTuple):
    """A slope in units a second, and the standard error of it."""

    slope: float
    error: float


class Growth(NamedTuple):
    """Units a week, more or less `uncertainty`; infinitely uncertain with too few samples.

    `seen_s`: the time the line was fitted over.
    """

    a_week: float
    uncertainty: float
    seen_s: float = 0.0

    def verdict(self, limit: float) -> str:
        """ "holds" or "broken" where the samples decide it, else "undecided".

        A rise that a process's settling would explain, too, does not decide it.
        """
        if self.a_week + SURE * self.uncertainty < limit:
            return "holds"
        rise = self.a_week * self.seen_s / WEEK_S
        settled = self.seen_s >= SETTLED_S or rise > SETTLING_MB
        if settled and self.a_week - SURE * self.uncertainty > limit:
            return "broken"
        return "undecided"


def fit(times: Sequence[float], values: Sequence[float]) -> Line:
    """Least squares of values over times in s; at least three different times."""
    count = len(times)
    mean_t, mean_v = math.fsum(times) / count, math.fsum(values) / count
    spread = math.fsum((t - mean_t) ** 2 for t in times)
    slope = (
        math.fsum((t - mean_t) * (v - mean_v) for t, v in zip(times, values, strict=True)) / spread
    )
    left = math.fsum(
        (v - mean_v - slope * (t - mean_t)) ** 2 for t, v in zip(times, values, strict=True)
    )
    return Line(slope, math.sqrt(left / (count - 2) / spread))


def settled(values: Sequence[float]) -> list[float]:
    """What is left of a series after its settling."""
    return list(values[math.ceil(len(values) * SETTLING) :])


def growth(times: Sequence[float], values: Sequence[float]) -> Growth:
    """The growth of a figure such as resident memory; times in s."""
    times, values = settled(times), settled(values)
    if len(times) < LEAST_SAMPLES:
        return Growth(0.0, math.inf)
    half = len(times) // 2
    whole = fit(times, values)
    first, second = fit(times[:half], values[:half]), fit(times[half:], values[half:])
    uncertain = max(whole.error, abs(first.slope - second.slope) / 2)
    return Growth(whole.slope * WEEK_S, uncertain * WEEK_S, times[-1] - times[0])


def count_verdict(values: Sequence[float]) -> str:
    """As `Growth.verdict` for a count that may not grow at all, such as open descriptors.

    The lowest of a stretch counts: a connection that is just ending is no leak. Broken when each
    third's lowest is above the one before, holds when the last half's is not above the first's.
    """
    kept = settled(values)
    if len(kept) < LEAST_SAMPLES:
        return "undecided"
    third, half = len(kept) // 3, len(kept) // 2
    lowest = [min(kept[:third]), min(kept[third:-third]), min(kept[-third:])]
    if lowest[0] < lowest[1] < lowest[2]:
        return "broken"
    return "holds" if min(kept[half:]) <= min(kept[:half]) else "undecided"
