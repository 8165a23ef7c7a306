"""Training: boosted trees that give the quantiles of what the slope method is off by (LightGBM)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import lightgbm
import numpy as np

from btrmd.estimate.trees import LEAST_REACH

from .batteries import Array

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
    "num_threads": 2,
}
# What is asked, and how many trees of how many leaves answer it.
CENTRE = {"alpha": 0.50, "num_leaves": 31, "learning_rate": 0.1}, 300
LOW = {"alpha": 0.05, "num_leaves": 15, "learning_rate": 0.05}, 300
HIGH = {"alpha": 0.95, "num_leaves": 15, "learning_rate": 0.05}, 300


class Trees(NamedTuple):
    """Three forests over the same bounds: the median, and the ends of the 90 % interval."""

    centre: lightgbm.Booster
    low: lightgbm.Booster
    high: lightgbm.Booster


def train(x: Array, y: Array, counts: Array) -> Trees:
    """Trees that give median, 5 and 95 % of `y` for `x`; a case weighs `counts`."""
    # A number that is the same for all but for the last bits must not be split by them.
    x = np.round(x, DECIMALS)
    cases = lightgbm.Dataset(x, y, weight=counts, params=dict(COMMON), free_raw_data=False)
    return Trees(
        *(lightgbm.train({**COMMON, **own}, cases, rounds) for own, rounds in (CENTRE, LOW, HIGH))
    )


def run(trees: Trees, x: Array) -> Array:
    """Rows of centre, reach below, reach above."""
    centre, low, high = (np.asarray(forest.predict(x)) for forest in trees)
    return np.column_stack(
        [centre, np.maximum(centre - low, LEAST_REACH), np.maximum(high - centre, LEAST_REACH)]
    )
