"""A ridge: the linear sum of the trees' own numbers that is nearest, to see what trees add."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import NamedTuple

import numpy as np

from btrmd.estimate.view import FARTHEST
from btrmd.model.discharge import CurveRow

from .batteries import Array
from .dataset import encode, join, make
from .families import FAMILIES

SEED = 5  # discharges that neither tables nor bench know
STIFF = 10.0  # penalty on a weight squared, the numbers in standard deviations, a case counting 1


class Ridge(NamedTuple):
    """Mean and deviation of each number, the level, and the weights."""

    mean: Array
    sd: Array
    level: float
    weights: Array

    def ask(self, rows: Sequence[CurveRow], blocks: int, rated_ah: float) -> float:
        """Run time, s; four times what was seen where there is too little to say."""
        made = encode(rows, blocks, rated_ah)
        if made is None:
            return rows[-1].time_s * 4.0
        numbers, left, _ = made
        ln = self.level + float((np.array(numbers) - self.mean) / self.sd @ self.weights)
        return rows[-1].time_s + left * exp(min(max(ln, -FARTHEST), FARTHEST))


def ridges(banks: int) -> dict[str, Ridge]:
    """By family the ridge that knows all others, from tests of the planned length."""
    made = {
        family: make(SEED, family, number, banks, ("policy",))[0]
        for number, family in enumerate(FAMILIES)
    }
    found = {}
    for family in made:
        others = join([cases for name, cases in made.items() if name != family])
        x, y = others.x, others.y
        counts = others.weight / others.weight.mean()
        mean = np.average(x, axis=0, weights=counts)
        sd = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=counts)) + 1e-9
        level = float(np.average(y, weights=counts))
        z = (x - mean) / sd
        square = (z * counts[:, None]).T @ z + STIFF * np.eye(z.shape[1])
        found[family] = Ridge(
            mean, sd, level, np.linalg.solve(square, z.T @ (counts * (y - level)))
        )
    return found
