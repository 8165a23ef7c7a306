"""Training: boosted trees that give the quantiles of what the slope method is off by (LightGBM)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import lightgbm
import numpy as np

from btrmd.estimate.trees import LEAST_REACH

from .batteries import Array

# Which part of a run its trees are for: "first" and "second" half; "ending", the last percents.
Stage = Literal["first", "second", "ending"]

BINS = 63  # bounds a number; finer ones bring nothing
DECIMALS = 4  # of the numbers, which are about -3..3
COMMON: Mapping[str, Any] = {
    "objective": "quantile",
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": BINS,
    "verbosity": -1,
    "seed": 1,
    "deterministic": True,  # with the next two the same cases give the same trees
    "force_row_wise": True,
    "num_threads": 1,  # families are trained side by side
}
# What is asked, and how many trees of how many leaves answer it.
SIZES: Mapping[Stage, Sequence[tuple[Mapping[str, Any], int]]] = {
    "first": (
        ({"alpha": 0.50, "num_leaves": 31, "learning_rate": 0.1}, 300),
        ({"alpha": 0.05, "num_leaves": 15, "learning_rate": 0.05}, 300),
        ({"alpha": 0.95, "num_leaves": 15, "learning_rate": 0.05}, 300),
    ),
    "second": (  # less is left to be told
        ({"alpha": 0.50, "num_leaves": 15, "learning_rate": 0.1}, 160),
        ({"alpha": 0.05, "num_leaves": 9, "learning_rate": 0.08}, 120),
        ({"alpha": 0.95, "num_leaves": 9, "learning_rate": 0.08}, 120),
    ),
    "ending": (  # the fall of the last percents tells more than all before
        ({"alpha": 0.50, "num_leaves": 15, "learning_rate": 0.1}, 200),
        ({"alpha": 0.05, "num_leaves": 9, "learning_rate": 0.08}, 160),
        ({"alpha": 0.95, "num_leaves": 9, "learning_rate": 0.08}, 100),
    ),
}
STRANGE = {"objective": "binary", "min_data_in_leaf": 40, "num_leaves": 15, "learning_rate": 0.12}
STRANGE_ROUNDS = 120


class Trees(NamedTuple):
    """Three forests over the same bounds: the median, and the ends of the interval."""

    centre: lightgbm.Booster
    low: lightgbm.Booster
    high: lightgbm.Booster


def train(x: Array, y: Array, counts: Array, sound: Array, stage: Stage) -> Trees:
    """Trees that give the median and the ends (SIZES) of `y` for `x`; a case weighs `counts`, for
    the median `counts` times `sound`."""
    # A number that is the same for all but for the last bits must not be split by them.
    x = np.round(x, DECIMALS)
    made = []
    for (own, rounds), weight in zip(SIZES[stage], (counts * sound, counts, counts), strict=True):
        cases = lightgbm.Dataset(x, y, weight=weight, params=dict(COMMON), free_raw_data=False)
        made.append(lightgbm.train({**COMMON, **own}, cases, rounds))
    return Trees(*made)


def train_strange(x: Array, is_other: np.ndarray, counts: Array) -> lightgbm.Booster:
    """A forest that gives the ln odds of `is_other` for `x`."""
    cases = lightgbm.Dataset(np.round(x, DECIMALS), is_other.astype(float), weight=counts,
                             params={**COMMON, **STRANGE})  # fmt: skip
    return lightgbm.train({**COMMON, **STRANGE}, cases, STRANGE_ROUNDS)


def run(trees: Trees, x: Array) -> Array:
    """Rows of centre, reach below, reach above."""
    centre, low, high = (np.asarray(forest.predict(x)) for forest in trees)
    return np.column_stack(
        [centre, np.maximum(centre - low, LEAST_REACH), np.maximum(high - centre, LEAST_REACH)]
    )
