"""A reading: a value with its quality and the time it was taken."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Quality(Enum):
    """How far a value can be trusted (DESIGN: a decision is taken on GOOD readings only)."""

    GOOD = "good"
    STALE = "stale"  # 2 s without a fresh one
    BAD = "bad"  # 3 failed reads, or 10 s without a fresh one
    MISSING = "missing"  # this board or configuration has no such value


Value = float | int | bool | str | tuple[str, ...] | None

GOOD = Quality.GOOD
STALE = Quality.STALE
BAD = Quality.BAD
MISSING = Quality.MISSING


class Reading(NamedTuple):
    """One value in base units (V, A, s, degC, bool, text).

    `value` is None whenever `quality` is BAD or MISSING: a dead sensor is never 0.0 V.
    A STALE reading keeps its last value. `at` is wall time in seconds since 1970.
    """

    value: Value
    quality: Quality
    at: float

    @property
    def is_good(self) -> bool:
        return self.quality is GOOD


class Measurement(NamedTuple):
    """One analogue channel as the board saw it: a float for the core's arithmetic.

    `good` False means: decide nothing on `value` (which is then the last good value, or 0.0 if
    there never was one). `at` is the process clock (monotonic seconds) of the last good sample.
    """

    value: float
    quality: Quality
    at: float

    @property
    def good(self) -> bool:
        return self.quality is GOOD


NO_MEASUREMENT = Measurement(0.0, MISSING, 0.0)
