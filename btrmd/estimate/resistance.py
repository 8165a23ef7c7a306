"""Resistance of the bank: the step of its voltage as it takes the load, and how that has grown.

Ohmic values screen for a loose connection, a dry or a sulphated cell; they do not measure capacity
(IEEE 1188 has them recorded against a baseline). Load, charge and temperature move them as well, so
that only tests that compare are compared, and a number rests on three tests at both ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from ..model.discharge import CurveRow

STEP_S: Final = 10.0  # the load comes within this time
LEAST_RISE_A: Final = 0.2
LEAST_DROP_V: Final = 0.010  # a converter step and noise are some 10 % of it
ENDS: Final = 10  # the baseline is among so many first tests, what it compares with among as many
TESTS: Final = 3  # at the beginning, and of the newest: one by itself may be off
AGREE: Final = 1.25  # largest over smallest of the first three, or there is no baseline
SAME_LOAD: Final = 1.5  # times more or less current than the baseline's
SAME_TEMP_C: Final = 10.0  # K from the baseline's; a lead-acid battery has 1 % a K in the cold


class Step(NamedTuple):
    """The moment that the bank took the load: `rise_a` A more discharge, `drop_v` V less."""

    rise_a: float
    drop_v: float

    @property
    def ohm(self) -> float:
        """Ohm of the whole bank between its sense points, with all connections."""
        return self.drop_v / self.rise_a


class ResistanceTest(NamedTuple):
    """A test whose step can be compared. `n` its number, `temp_c` mean temperature, °C."""

    n: int
    step: Step
    temp_c: float


def find_step(rows: Iterable[CurveRow]) -> Step | None:
    """The largest rise of the discharge current between two rows of the first 10 s; None where
    the bank was not seen to take a load of 0.2 A with a drop of its voltage."""
    best: Step | None = None
    for before, after in pairwise(rows):
        if after.time_s > STEP_S:
            break
        rise = before.battery_a - after.battery_a
        if rise >= LEAST_RISE_A and (best is None or rise > best.rise_a):
            best = Step(rise, before.battery_v - after.battery_v)
    return None if best is None or best.drop_v <= 0.0 else best


def is_sharp(step: Step) -> bool:
    """The drop is large enough against what the converters cannot tell."""
    return step.drop_v >= LEAST_DROP_V


def growth_pct(tests: Sequence[ResistanceTest]) -> float | None:
    """How far the resistance of the newest three tests that compare is above the baseline, % (below
    0: it is less); None before the fourth. `tests` of one battery, in their order, sharp ones.

    The baseline is the median of the first three in a row that agree within a quarter of each
    other and have others to compare with, among the first ten. Later ones compare at a load within
    1.5 times and a temperature within 10 K of its; the newest three of the last ten tests count.
    """
    for start in range(min(len(tests), ENDS + 1) - TESTS):
        first = tests[start : start + TESTS]
        ohms = [test.step.ohm for test in first]
        if max(ohms) > AGREE * min(ohms):
            continue
        newest = tests[start:][-ENDS:]
        alike = [test for test in newest if _compares(test, first)][-TESTS:]
        if len(alike) == TESTS and alike[-1].n > first[-1].n:
            return 100.0 * (median(test.step.ohm for test in alike) / median(ohms) - 1.0)
    return None


def _compares(test: ResistanceTest, first: Sequence[ResistanceTest]) -> bool:
    amps = median(one.step.rise_a for one in first)
    temp_c = median(one.temp_c for one in first)
    is_same_load = amps / SAME_LOAD <= test.step.rise_a <= amps * SAME_LOAD
    return is_same_load and abs(test.temp_c - temp_c) <= SAME_TEMP_C
