"""The forecast: how likely the bank fails its minimum run time, and when it must be replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import erf, exp, sqrt
from typing import NamedTuple

from .ageing import DROP, DROP_SD, FALL, FALL_SD, YEAR_S, drop_hazard, fall_hazard
from .hypotheses import Hypothesis, ahead
from .season import Season
from .track import Track, level_of_run, years_until

MONTH = 1.0 / 12.0
MONTHS = 24  # nothing is said beyond: lead-acid batteries end with a cliff
# It must be replaced so that the risk stays under 5 %; what is told of the risk is itself not
# sure, so the date is where it passes 4 %.
MOST_RISK = 0.04
LEAST_KNOWN = 2  # discharges from a known charge; one from full that went to the cutoff is enough
LEAST_WEIGHT = 0.002
ROOT2 = sqrt(2.0)


class Forecast(NamedTuple):
    """`risks[k]` probability (0..1) that the bank fails its minimum run time within k months from
    now, k 0..24, 0 = already. `months` until it must be replaced for the risk to stay under 5 %,
    `replace_at` the same as wall time s (start of that month, not before now); None = later than
    24 months, or the time is not known. `reason` why there is no forecast, else empty."""

    risks: tuple[float, ...] = ()
    months: int | None = None
    replace_at: float | None = None
    reason: str = ""


def forecast(track: Track | None, minimum_s: float, now: float | None) -> Forecast:
    """`minimum_s` the run time it must reach (> 0) at the usual load, in every season seen; `now`
    wall time s, None where the clock is not set."""
    if minimum_s <= 0.0:
        return Forecast(reason="no minimum run time is set")
    if track is None or (track.counts.known < LEAST_KNOWN and not track.counts.measured):
        return Forecast(
            reason=f"not enough history: {LEAST_KNOWN} discharges from a known charge are needed"
        )
    season = Season(track.temps)

    def need(years: float) -> float:
        temp = season(None if now is None else now + years * YEAR_S)
        return level_of_run(track, minimum_s, track.amps, temp)

    # since the last discharge it went on ageing
    idle = 0.0 if now is None or track.at is None else years_until(track, now)
    bank = [ahead(h, idle) for h in track.bank]
    risks = failing(bank, track.age + idle, need)
    first = next((k for k, risk in enumerate(risks) if risk > MOST_RISK), None)
    if first is None:
        return Forecast(risks)
    months = max(0, first - 1)
    at = None if now is None else max(now, _month_start(now + months * MONTH * YEAR_S))
    return Forecast(risks, months, at)


def failing(
    bank: Sequence[Hypothesis], age: float, need: Callable[[float], float]
) -> tuple[float, ...]:
    """Probability that the level has been below `need` by month k, k = 0..24.

    `need(years ahead)` ln level that is just enough; `age` years the battery has been seen for.
    Three ways: by ageing as it does, by a cliff that begins any month, by a sudden drop.
    """
    needs = [need(k * MONTH) for k in range(MONTHS + 1)]
    found = [0.0] * (MONTHS + 1)
    for h in bank:
        if h.weight >= LEAST_WEIGHT:
            for k, risk in enumerate(_failing_one(h, age, needs)):
                found[k] += h.weight * risk
    total = sum(h.weight for h in bank if h.weight >= LEAST_WEIGHT)
    worst = 0.0
    risks = []
    for risk in found:
        worst = max(worst, risk / total)
        risks.append(min(1.0, worst))
    return tuple(risks)


def _failing_one(h: Hypothesis, age: float, needs: Sequence[float]) -> list[float]:
    worst = dropped = 0.0
    cliffs: list[tuple[float, float]] = []  # years ahead it begins, how likely
    found = []
    for k, need in enumerate(needs):
        years = k * MONTH
        if k:
            h = ahead(h, MONTH)
            cliffs.append((years - 0.5 * MONTH, fall_hazard(age + years, h.level) * MONTH))
            dropped += drop_hazard(age + years) * MONTH
        worst = max(worst, _below(need, h.level, sqrt(h.ll)))
        hazard = dropped * _below(need, h.level + DROP, sqrt(h.ll + DROP_SD**2))
        for begins, chance in cliffs:
            span = years - begins
            hazard += chance * _below(
                need, h.level + FALL * span, sqrt(h.ll + (FALL_SD * span) ** 2)
            )
        found.append(1.0 - (1.0 - worst) * exp(-hazard))
    return found


def _below(value: float, mean: float, sd: float) -> float:
    return 0.5 * (1.0 + erf((value - mean) / (max(sd, 1e-6) * ROOT2)))


def _month_start(at: float) -> float:
    day = datetime.fromtimestamp(at, UTC)
    return datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()
