"""The forecast: when the battery will no longer carry the load for the minimum run time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import log, sqrt
from statistics import median
from typing import NamedTuple

from .health import DRIFT_SD_YEAR, DRIFT_YEAR, YEAR_S, Z90, Health, Past

LEAST_TESTS = 3
LEAST_SPAN_S = 90 * 86400.0
FARTHEST_S = YEAR_S  # VRLA ends with a cliff: nothing is promised beyond


class Forecast(NamedTuple):
    """`median_at` and `earliest_at` (lower 90 % bound) wall time s, None = not within a year;
    `reason` why there is no forecast, else empty."""

    median_at: float | None
    earliest_at: float | None
    reason: str = ""


def forecast(
    pasts: Sequence[Past], health: Health | None, minimum_s: float, usual_s: float, now: float
) -> Forecast:
    """From the discharges of this battery (oldest first), `usual_s` a new one's run time at the
    usual load and temperature, `minimum_s` the run time it must reach (> 0)."""
    if minimum_s <= 0.0:
        return Forecast(None, None, "no minimum run time is set")
    own = pasts[health.since :] if health is not None else ()
    if health is None or len(own) < LEAST_TESTS or own[-1].at - own[0].at < LEAST_SPAN_S:
        return Forecast(
            None, None,
            f"not enough history: {LEAST_TESTS} tests over"
            f" {LEAST_SPAN_S / 86400:.0f} days are needed",
        )  # fmt: skip
    slope, slope_sd = _slope(own)
    need = log(minimum_s / usual_s)
    start = now - health.at
    level = health.value + slope * start / YEAR_S
    middle = _cross(level, slope, need)
    worst = _cross(level - Z90 * health.sd, slope - Z90 * slope_sd, need)
    return Forecast(
        None if middle is None else now + middle, None if worst is None else now + worst
    )


def _slope(pasts: Sequence[Past]) -> tuple[float, float]:
    """ln health a year and its sd: the median of all pairs' slopes, held by what batteries do."""
    years = [(past.at - pasts[0].at) / YEAR_S for past in pasts]
    seen = median(
        (b[1] - a[1]) / (b[0] - a[0])
        for a, b in combinations(
            [(year, past.value) for year, past in zip(years, pasts, strict=True)], 2
        )
        if b[0] > a[0]
    )
    mean = sum(years) / len(years)
    spread = sqrt(sum((year - mean) ** 2 for year in years))
    noise = sqrt(sum(past.sd**2 for past in pasts) / len(pasts))
    seen_var = (1.25 * noise / spread) ** 2  # the median is less sharp than the mean
    usual_var = DRIFT_SD_YEAR**2
    weight = usual_var / (usual_var + seen_var)
    return DRIFT_YEAR + weight * (seen - DRIFT_YEAR), sqrt(usual_var * (1.0 - weight))


def _cross(level: float, slope: float, need: float) -> float | None:
    """Seconds from now until `level` falls to `need`; None beyond a year."""
    if level <= need:
        return 0.0
    if slope >= 0.0:
        return None
    ahead = (need - level) / slope * YEAR_S
    return ahead if ahead <= FARTHEST_S else None
