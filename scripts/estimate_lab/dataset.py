"""The data set: every case as the numbers the trees are told, and what would have been right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from btrmd.estimate import slope
from btrmd.estimate.curve import refer
from btrmd.estimate.maker import Maker, average_maker
from btrmd.estimate.shape import shape_of
from btrmd.estimate.thin import thin
from btrmd.estimate.view import prepare
from btrmd.model.discharge import CurveRow

from .batteries import Array
from .cases import CUTOFF, Discharge, discharges, test_length
from .loads import KINDS

SHARE = {"cc": 1.3, "cp": 0.9, "duty": 1.2, "steps": 1.0, "restless": 0.4, "change": 0.4}
MODES = ("policy", "hour", "part", "free")
LATE = ("deep", "late", "end")  # what an outage shows before it ends: for tables of its own
ENDING = ("last",) * 3  # its last half down to the last half percent: for one more table
LIMIT = 400
LEAST_S = 700.0
SPARSE = 0.12  # part of the cases with a row every ten minutes only

# (V50 - 11) / (V10 - 11), V75, V90: mean of measured discharges, and how far a curve may be off.
MEASURED_RATIOS = ((0.67, 0.08), (0.44, 0.08), (0.24, 0.07))
KEEP = 0.5  # part of the curves that is kept though they look like no measured one ...
COUNT = 0.3  # ... and what they count in training
TABLE_KNOWN = 0.2  # part of the cases that are told the maker's charge at this load ...
TABLE_SD = 0.04  # ... with this error (ln)
END_KNOWN = 0.35  # part of the cases that are told how sharply the battery ends ...
END_SD = 0.006  # ... with this error
FAULTY = 0.5  # what a bank with a fault counts for the median
PLANNED = 3.0  # what a test of the planned length counts, as against one cut off anywhere


class Set(NamedTuple):
    """Arrays with one row a case. `x` features, `y` ln (true charge left / slope method's), `left`
    s left after the slope method, `seen` and `true` s; `w` likeness to measured curves, `chance`
    that such a curve was kept; `load` the load's kind as the estimate sees it, `kind` as it was;
    `rate` mean A over rated Ah, `soh` the bank's health, `faulty` with a weak cell or block, a
    shorted cell, or not full at the start.
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
    rate: Array
    soh: Array
    faulty: np.ndarray

    @property
    def weight(self) -> Array:
        """What a case counts in training."""
        planned = np.where(self.mode == "policy", PLANNED, 1.0)
        # late in a run every end counts alike: the safe side is the one that comes first
        count = np.where(np.isin(self.mode, (*LATE, *ENDING)), 1.0, COUNT)
        return np.asarray((count + (1.0 - count) * self.w) / self.chance * planned)

    @property
    def sound(self) -> Array:
        """What a case counts for the median beside that: a fault is for the interval to hold."""
        return np.asarray(np.where(self.faulty, FAULTY, 1.0))

    def pick(self, where: np.ndarray) -> Set:
        return Set(*(column[where] for column in self))


def encode(
    rows: Sequence[CurveRow], blocks: int, rated_ah: float | None, maker: Maker | None = None
) -> tuple[list[float], float, str] | None:
    """Features, the slope method's s left and the load's kind; None when there is too little."""
    curve = refer(rows, blocks, rated_ah)
    if curve.load.amps <= 0.0:
        return None
    shape = shape_of(curve, slope.skip_ah(curve))
    if shape is None:
        return None
    temps = [row.temp_c for row in rows if row.temp_c is not None]
    temp_c = sum(temps) / len(temps) if temps else None
    view = prepare(curve, shape, rated_ah, temp_c, CUTOFF, maker)
    return view.numbers, float(np.exp(view.slope_ln)), curve.load.kind


def reported(rng: np.random.Generator, d: Discharge) -> Maker:
    """What somebody may have told of this battery: nothing, its table's charge, how it ends."""
    if d.sound is None:
        return average_maker(d.rated_ah)
    end = None
    if rng.random() < END_KNOWN:
        end = float(d.sound.end + rng.normal(0.0, END_SD))
    if rng.random() >= TABLE_KNOWN:
        return average_maker(d.rated_ah, end)
    plain = average_maker(d.rated_ah)
    factor = d.sound.charge * float(np.exp(rng.normal(0.0, TABLE_SD))) / plain.new_ah(d.amps)
    return Maker(lambda amps: factor * plain.new_ah(amps), True, end)


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
    seed: int, family: str, number: int, n: int, modes: Sequence[str] = (*MODES, *LATE)
) -> tuple[Set, Set]:
    """The same cases of one family, told the rated Ah and not told: about `n` a load and mode."""
    rated_too: list[tuple[object, ...]] = []
    unreported: list[tuple[object, ...]] = []
    for place, kind in enumerate(KINDS):
        own = seed * 1000 + number * 10 + place
        rng = np.random.default_rng(own)
        for d in discharges(own, family, kind, int(n * SHARE[kind])):
            weight = 1.0 if d.sound is None else likeness(d.sound.ratios)
            chance = KEEP + (1.0 - KEEP) * weight
            if rng.random() > chance:
                continue
            for mode, rows in cut(rng, d, modes):
                maker = reported(rng, d)
                found = [encode(rows, d.blocks, rated, maker) for rated in (d.rated_ah, None)]
                if found[0] is None or found[1] is None:
                    continue
                seen = rows[-1].time_s
                for made, cases in zip(found, (rated_too, unreported), strict=True):
                    assert made is not None
                    x, left, load = made
                    y = float(np.clip(np.log(max(d.true_s - seen, 1.0) / left), -2.0, 2.0))
                    cases.append(
                        (x, y, left, seen, d.true_s, weight, chance, load, family, kind, mode,
                         d.amps / d.rated_ah, *condition(d))
                    )  # fmt: skip
    return stack(rated_too), stack(unreported)


def condition(d: Discharge) -> tuple[float, bool]:
    if d.bank is None:
        return 1.0, False
    bank = d.bank
    faulty = bank.weak[0] < 1.0 or bank.shorted_v[0] > 0.0 or bank.start[0] > 0.03
    return float(bank.soh[0]), bool(faulty)


def stack(cases: Sequence[tuple[object, ...]]) -> Set:
    return Set(*(np.array(column) for column in zip(*cases, strict=True)))


def join(sets: Sequence[Set]) -> Set:
    return Set(*(np.concatenate(columns) for columns in zip(*sets, strict=True)))
