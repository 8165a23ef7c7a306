"""The data set: every case as the numbers the trees are told, and what would have been right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from btrmd.estimate import slope
from btrmd.estimate.curve import refer
from btrmd.estimate.features import features
from btrmd.estimate.shape import shape_of
from btrmd.estimate.thin import thin
from btrmd.model.discharge import CurveRow

from .batteries import Array
from .cases import CUTOFF, Discharge, discharges, test_length
from .loads import KINDS

SHARE = {"cc": 1.3, "cp": 0.9, "duty": 1.2, "steps": 1.0, "restless": 0.4}
MODES = ("policy", "hour", "part", "free")
LATE = ("late",)  # what an outage shows before it ends; kept apart, as tests do not go so far
LIMIT = 400
LEAST_S = 1200.0
SPARSE = 0.12  # part of the cases with a row every ten minutes only

# (V50 - 11) / (V10 - 11), V75, V90: mean of measured discharges, and how far a curve may be off.
MEASURED_RATIOS = ((0.67, 0.08), (0.44, 0.08), (0.24, 0.07))
KEEP = 0.3  # part of the curves that is kept though they look like no measured one ...
COUNT = 0.1  # ... and what they count in training
PLANNED = 3.0  # what a test of the planned length counts, as against one cut off anywhere


class Set(NamedTuple):
    """Arrays with one row a case. `x` features, `y` ln (true charge left / slope method's), `left`
    s left after the slope method, `seen` and `true` s; `w` likeness to measured curves, `chance`
    that such a curve was kept; `load` the load's kind as the estimate sees it, `kind` as it was.
    """

    x: Array
    y: Array
    left: Array
    seen: Array
    true: Array
    w: Array
    chance: Array
    load: np.ndarray
    family: np.ndarray
    kind: np.ndarray
    mode: np.ndarray

    @property
    def weight(self) -> Array:
        """What a case counts in training."""
        planned = np.where(self.mode == "policy", PLANNED, 1.0)
        return np.asarray((COUNT + (1.0 - COUNT) * self.w) / self.chance * planned)

    def pick(self, where: np.ndarray) -> Set:
        return Set(*(column[where] for column in self))


def encode(
    rows: Sequence[CurveRow], blocks: int, rated_ah: float | None
) -> tuple[list[float], float, str] | None:
    """Features, the slope method's s left and the load's kind; None when there is too little."""
    curve = refer(rows, blocks, rated_ah)
    if curve.load.amps <= 0.0:
        return None
    shape = shape_of(curve, slope.skip_ah(curve))
    if shape is None:
        return None
    left = slope.left_ah(curve, shape, rated_ah, CUTOFF)
    temps = [row.temp_c for row in rows if row.temp_c is not None]
    temp_c = sum(temps) / len(temps) if temps else None
    numbers = features(curve, shape, left, temp_c, CUTOFF)
    return numbers, left * 3600.0 / curve.load.amps, curve.load.kind


def likeness(ratios: tuple[float, float, float]) -> float:
    """1 for a curve shaped as measured ones are, 0 for one that is not."""
    far = sum(
        ((ratio - mean) / sd) ** 2
        for ratio, (mean, sd) in zip(ratios, MEASURED_RATIOS, strict=True)
    )
    return float(np.exp(-far / 2.0))


def cut(
    rng: np.random.Generator, d: Discharge, modes: Sequence[str]
) -> Iterator[tuple[str, list[CurveRow]]]:
    """The discharge as tests of several lengths would see it."""
    for mode in modes:
        length = test_length(rng, d, mode)
        if length < LEAST_S:
            continue
        seen = d.rows[d.rows[:, 0] <= length]
        if d.kind != "duty" and rng.random() < SPARSE and length > 9000.0:
            every = max(1, int(600.0 / (seen[1, 0] - seen[0, 0])))
            seen = np.vstack([seen[::every], seen[-1:]])
        if len(seen) < 10:
            continue
        blind = rng.random() < 0.05
        rows = [
            CurveRow(float(t), float(v), float(a), None if blind else float(c), None)
            for t, v, a, c in seen
        ]
        yield mode, [_single(row) for row in thin(rows, LIMIT)]


def _single(row: CurveRow) -> CurveRow:
    """As four bytes a number would keep it."""
    temp_c = None if row.temp_c is None else float(np.float32(row.temp_c))
    time_s, volts, amps = (float(np.float32(value)) for value in row[:3])
    return CurveRow(time_s, volts, amps, temp_c, None)


def make(
    seed: int, family: str, number: int, n: int, modes: Sequence[str] = MODES
) -> tuple[Set, Set]:
    """The same cases of one family, told the rated Ah and not told: about `n` a load and mode."""
    told: list[tuple[object, ...]] = []
    untold: list[tuple[object, ...]] = []
    for place, kind in enumerate(KINDS):
        own = seed * 1000 + number * 10 + place
        rng = np.random.default_rng(own)
        for d in discharges(own, family, kind, int(n * SHARE[kind])):
            assert d.ratios is not None
            weight = likeness(d.ratios)
            chance = KEEP + (1.0 - KEEP) * weight
            if rng.random() > chance:
                continue
            for mode, rows in cut(rng, d, modes):
                found = [encode(rows, d.blocks, rated) for rated in (d.rated_ah, None)]
                for made, cases in zip(found, (told, untold), strict=True):
                    if made is None or None in found:
                        continue
                    x, left, load = made
                    seen = rows[-1].time_s
                    y = float(np.clip(np.log((d.true_s - seen) / left), -2.0, 2.0))
                    cases.append(
                        (x, y, left, seen, d.true_s, weight, chance, load, family, kind, mode)
                    )
    return _stack(told), _stack(untold)


def _stack(cases: Sequence[tuple[object, ...]]) -> Set:
    return Set(*(np.array(column) for column in zip(*cases, strict=True)))


def join(sets: Sequence[Set]) -> Set:
    return Set(*(np.concatenate(columns) for columns in zip(*sets, strict=True)))
