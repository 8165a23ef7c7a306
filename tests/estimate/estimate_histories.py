"""Histories of discharges made for the tests: what a battery says of itself, test by test."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from btrmd.estimate.ageing import YEAR_S
from btrmd.estimate.evidence import Evidence, reading_of
from btrmd.estimate.health import BatteryHealth, health_of
from btrmd.estimate.rating import Rating
from btrmd.estimate.track import Track, after

START = 1_790_000_000.0
AH, AMPS = 40.0, 4.0
RATING = Rating(AH)
QUARTER = 0.25


def one(n: int, soh: float, **more: object) -> Evidence:
    """Discharge `n`, quarterly, of a battery of which it says `soh` (0..1), +-16 %."""
    run_s = soh * RATING.run_s(AMPS, 25.0)
    middle, sd = reading_of(run_s, run_s / 1.16, run_s * 1.16)
    base = Evidence(
        n, START + n * QUARTER * YEAR_S, False, math.exp(middle) * AMPS / 3600.0, AMPS, 25.0, sd
    )
    return base._replace(**more)  # type: ignore[arg-type]


def measured(n: int, soh: float) -> Evidence:
    """A discharge from full down to the cutoff."""
    charge = soh * RATING.charge_ah(AMPS, 25.0)
    return one(n, soh, charge_ah=charge, sd=0.02, is_measured=True)


def track_of(evidence: Sequence[Evidence], rating: Rating | None = RATING) -> Track:
    track: Track | None = None
    for some in evidence:
        track = after(track, some, rating)
    assert track is not None
    return track


def quarterly(*sohs: float) -> list[Evidence]:
    """Tests from full, each quarter."""
    return [one(n, soh) for n, soh in enumerate(sohs)]


def healths(evidence: Sequence[Evidence]) -> list[BatteryHealth]:
    """The health after each of them."""
    return [health_of(track_of(evidence[: k + 1])) for k in range(len(evidence))]


def holds(health: BatteryHealth, soh: float) -> bool:
    """Whether the told interval holds `soh` (0..1)."""
    assert health.low_pct is not None
    assert health.high_pct is not None
    return health.low_pct <= 100.0 * soh <= health.high_pct


def noisy(seed: object, sohs: Sequence[float], sd: float, bias: float = 0.0) -> list[Evidence]:
    """Tests whose estimates are off by `sd` (ln) each and by `bias` (ln) all of them."""
    rng = random.Random(str(seed))
    return [
        one(n, soh * math.exp(bias + rng.gauss(0.0, sd)), at=START + n * QUARTER * YEAR_S)
        for n, soh in enumerate(sohs)
    ]
