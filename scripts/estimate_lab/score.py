"""Scores: how far estimates are off, and how often their interval holds the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .batteries import Array
from .dataset import Set


class Score(NamedTuple):
    """Percent of the true run time; `cover` percent of the cases inside the interval."""

    n: int
    median: float
    p90: float
    bias: float
    cover: float
    width: float

    def text(self) -> str:
        return (
            f"{self.n:6d} {self.median:6.1f} {self.p90:6.1f} {self.bias:6.1f}"
            f" {self.cover:6.1f} {self.width:6.1f}"
        )


HEAD = "     n    med    p90   bias  cover  width"


def score(cases: Set, answers: Array) -> Score:
    """`answers` rows of ln s left and the ends of its interval."""
    ert, low, high = (cases.seen + np.exp(column) for column in answers.T)
    return of(cases.true, ert, low, high)


def of(true: Array, ert: Array, low: Array, high: Array) -> Score:
    off = 100.0 * (ert / true - 1.0)
    return Score(
        len(true),
        float(np.median(np.abs(off))),
        float(np.percentile(np.abs(off), 90)),
        float(np.median(off)),
        float(100.0 * np.mean((low <= true) & (true <= high))),
        float(100.0 * np.median((high - low) / true)),
    )
