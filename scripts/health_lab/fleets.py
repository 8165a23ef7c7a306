"""Synthetic histories of batteries: how they age, how they are tested, how wrong the estimates are.

Independent of what btrmd/estimate expects of batteries: shapes and sizes are drawn here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from btrmd.estimate.rating import Rating

START = 1_700_000_000.0
YEAR_S = 365.25 * 86400.0

Truth = Callable[[float], float]  # years since the start -> soh 0..1


@dataclass
class Row:
    """One discharge. `years` since the start; `soh` and `true` (run time) the truth;
    times s."""

    years: float
    kind: str
    start: str
    estimate: float
    low: float
    high: float
    amps: float
    temp: float | None
    soh: float
    true: float


@dataclass
class History:
    """`fails`: years when the run time at the usual load falls below `minimum_s`, None = not
    within the horizon. `drop_at`: index of the first row after a step drop of `drop` points."""

    name: str
    error: str
    rated: float
    minimum_s: float
    rows: list[Row]
    fails: float | None
    drop_at: int | None = None
    drop: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)


def steady(rng: random.Random) -> Truth:
    first, rate = rng.uniform(0.94, 1.04), rng.uniform(0.02, 0.09)
    return lambda t: first - rate * t


def fast(rng: random.Random) -> Truth:
    first, rate = rng.uniform(0.92, 1.04), rng.uniform(0.09, 0.21)
    return lambda t: first - rate * t


def late(rng: random.Random) -> Truth:
    first, rate = rng.uniform(0.95, 1.03), rng.uniform(0.01, 0.04)
    turn, bend = rng.uniform(1.0, 4.0), rng.uniform(0.02, 0.10)
    return lambda t: first - rate * t - bend * max(0.0, t - turn) ** 2


def weibull(rng: random.Random) -> Truth:
    """exp(-(t/life)^k): slow, then ever faster."""
    first, life, k = rng.uniform(0.97, 1.03), rng.uniform(4.0, 9.0), rng.uniform(2.0, 4.0)
    return lambda t: first * math.exp(-((t / life) ** k))


def cliff(rng: random.Random) -> Truth:
    """Slow ageing, then over the edge at 1.5 to 6 years: 30 to 60 points in 3 to 12 months."""
    first, rate, edge = rng.uniform(0.95, 1.03), rng.uniform(0.01, 0.04), rng.uniform(1.5, 6.0)
    fall = rng.uniform(0.3, 0.6) / rng.uniform(0.25, 1.0)
    return lambda t: max(0.15, first - rate * t - fall * max(0.0, t - edge))


def cliff3(rng: random.Random) -> Truth:
    first, rate = rng.uniform(0.95, 1.03), rng.uniform(0.01, 0.04)
    fall = rng.uniform(0.3, 0.9)
    return lambda t: max(0.15, first - rate * t - fall * max(0.0, t - 3.0))


def sudden(rng: random.Random) -> Truth:
    """A cliff as a wall: exp fall within weeks."""
    first, rate, edge = rng.uniform(0.95, 1.03), rng.uniform(0.01, 0.04), rng.uniform(1.5, 6.0)
    depth, tau = rng.uniform(0.3, 0.6), rng.uniform(0.05, 0.4)
    return lambda t: (
        first - rate * t - (depth * (1 - math.exp(-(t - edge) / tau)) if t > edge else 0)
    )


AGEINGS: dict[str, Callable[[random.Random], Truth]] = {
    "steady": steady, "fast": fast, "late": late, "weibull": weibull, "cliff": cliff,
    "cliff3": cliff3, "sudden": sudden,
}  # fmt: skip

# error model -> (shared, fresh) sd in units of the told sd
ERRORS = {
    "exact": (0.0, 0.0),
    "small": (0.0, 0.35),
    "half": (0.0, 0.6),
    "fresh": (0.0, 1.0),
    "mixed": (0.7, 0.7),
    "shared": (0.95, 0.3),
}
Z90 = 1.645


def make(
    name: str,
    error: str,
    seed: object,
    drop: float | None = None,
    season: float | None = None,
    plain: bool = False,
    wide: float | None = None,
    horizon: float = 8.0,
    table_sd: float = 0.0,
) -> History:
    """A history by the ageing `name`; `drop` points lost at once some time after three tests;
    `season` half a swing degC; `plain`: every discharge a test from full, at one load; `table_sd`
    ln, how a new battery's charge differs from the table's mean."""
    rng = random.Random(f"{name} {error} {seed} {drop} {season}")
    truth0 = AGEINGS[name](rng)
    rated = rng.choice([17.0, 26.0, 40.0, 65.0, 100.0])
    amps = rated / rng.uniform(3.5, 12.0)
    every = rng.choice([1 / 12, 0.25, 0.25, 0.25, 0.5])
    base = rng.uniform(15.0, 27.0)
    swing = (rng.choice([0.0, 0.0, 8.0, 12.0]) if not plain else 0.0) if season is None else season
    phase = rng.uniform(0.0, 1.0)
    half = math.log(1.0 + (wide if wide is not None else rng.uniform(0.12, 0.22)))
    sd = half / Z90
    has_temp = swing > 0.0 or rng.random() < 0.8
    drop_time = None
    if drop is not None:
        drop_time = (rng.randint(3, 8) + rng.random()) * every
    truth: Truth = (
        truth0
        if drop is None or drop_time is None
        else (lambda t: truth0(t) - (drop / 100.0 if t >= drop_time else 0.0))
    )

    # what btrmd/estimate/rating.py does not know: this battery's own law of temperature and load
    warm, law = rng.uniform(0.005, 0.008), rng.gauss(0.0, 0.08)
    own = math.exp(table_sd * random.Random(f"table {name} {error} {seed} {drop}").gauss(0.0, 1.0))
    spread = 0.02 if plain or rng.random() < 0.7 else 0.1

    def temp_at(t: float) -> float:
        return base + swing * math.sin(2 * math.pi * (t + phase))

    def new_s(load: float, temp: float) -> float:
        shape = (1.0 - warm * (25.0 - temp)) / (1.0 - warm * (25.0 - base)) * (load / amps) ** law
        return Rating(rated).run_s(load, base) * shape * own

    shared_sd, fresh_sd = ERRORS[error]
    bias = rng.gauss(0.0, 1.0) * shared_sd * sd
    fail_soh = rng.uniform(0.6, 0.85)
    minimum = fail_soh * new_s(amps, base)

    def run_s(t: float) -> float:
        return max(0.02, truth(t)) * new_s(amps, temp_at(t))

    fails = None
    t = 0.0
    while t < horizon:
        if run_s(t) < minimum:
            fails = t
            break
        t += 1 / 52
    rows: list[Row] = []
    t = rng.uniform(0.0, every)
    last = min(horizon, (fails if fails is not None else horizon) + 3 * every, 45 * every)
    if drop_time is not None:
        last = min(last, drop_time + 5 * every)
        last = max(last, drop_time + 3 * every)
    drop_at = None
    while t < last:
        kind, start, part = "1", "full", 1.0
        load = amps * math.exp(rng.gauss(0.0, spread))
        soh = truth(t)
        if soh < 0.12:
            break
        temp = temp_at(t)
        if not plain:
            u = rng.random()
            if u < 0.12:
                kind = "outage"
                v = rng.random()
                if v < 0.4:
                    part = rng.uniform(0.6, 1.0)
                    start = f"{min(1.0, max(0.05, part + rng.gauss(0, 0.03))):.2f}"
                elif v < 0.6:
                    part, start = rng.uniform(0.6, 1.0), "unknown"
            elif u < 0.2:
                kind = "2"
        true = soh * new_s(load, temp) * part
        measured = kind == "2" or (kind == "outage" and rng.random() < 0.2)
        if measured:
            est = low = high = true * math.exp(rng.gauss(0.0, 0.01))
        else:
            est = true * math.exp(bias + rng.gauss(0.0, 1.0) * fresh_sd * sd)
            low, high = est * math.exp(-half), est * math.exp(half)
        if drop_time is not None and drop_at is None and t >= drop_time:
            drop_at = len(rows)
        rows.append(
            Row(t, kind, start, est, low, high, load, temp if has_temp else None, soh, true)
        )
        t += every * math.exp(rng.gauss(0.0, 0.08))
    extra = {"every": every, "swing": swing, "half": half, "fail_soh": fail_soh}
    return History(name, error, rated, minimum, rows, fails, drop_at, drop or 0.0, extra)
