"""How lead-acid banks age: what is expected of one before its own discharges say more.

From fleets in public (docs/estimate.md, "Health and replacement", names them): AGM cells on float
come down to 80 % of their rating in about six years, 12 V blocks in three to five, the better ones
in eight to ten; early loss beyond the second year is common; the end comes faster than the way.
All in ln of the charge and in years.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

YEAR_S = 365.25 * 86400.0


class Ageing(NamedTuple):
    """One way to age: `weight` among batteries, `drift` ln a year and its `sd`."""

    weight: float
    drift: float
    sd: float


WAYS = (Ageing(0.55, -0.03, 0.025), Ageing(0.33, -0.10, 0.06), Ageing(0.12, -0.18, 0.06))

# Where a bank stands at its first discharge: most are new, some are not. (weight, ln, sd)
FIRST = ((0.5, 0.0, 0.10), (0.5, -0.25, 0.25))

LEVEL_NOISE = 0.02  # ln, what a year adds to the level beside its drift
DRIFT_NOISE = 0.03  # ln a year, what a year adds to the drift
LATE_FROM = -0.13  # ln (88 %): below it a bank ages ever faster ...
LATE_RATE = 0.6  # ... by so much a year for each ln below ...
LATE_DEPTH = 0.25  # ... down to here: what is at half its charge has its worst years behind it

DROP_YEAR = 0.12  # drops a year: a cell fails, a connection breaks, a charger was wrong
DROP, DROP_SD = -0.25, 0.12  # ln; how far
DEAD_PART = 0.1  # of the drops: most of the charge is gone, a block is open or dry ...
DEAD, DEAD_SD = -1.2, 0.9  # ... by so much
RESTORED = 0.004  # a test finds the bank better: charged properly, a block replaced
RESTORED_BY, RESTORED_SD = 0.25, 0.20
FALL, FALL_SD = -1.0, 0.6  # ln a year, once a bank goes over its cliff


def fall_hazard(age: float, level: float) -> float:
    """Cliffs a year (rate) for a bank seen for `age` years that has come down to `level` (ln)."""
    by_loss = exp(min(1.5, 5.0 * max(0.0, -0.10 - level)))
    return min(0.6, (0.02 + 0.022 * age * age) * by_loss)


def late_drift(level: float) -> float:
    """What a year adds to the drift of a bank at `level` (ln), <= 0."""
    return -LATE_RATE * min(max(0.0, LATE_FROM - level), LATE_DEPTH)


def drop_hazard(age: float) -> float:
    """Drops a year to be expected of a bank seen for `age` years (detection looks harder)."""
    return min(0.06, 0.01 + 0.01 * age)
