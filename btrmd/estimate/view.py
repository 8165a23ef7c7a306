"""A view of a discharge: what it says of the time left, knowing the rated Ah or not knowing it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import NamedTuple

from ..model.discharge import CurveRow
from . import slope
from .curve import Curve, ReadRows, read_rows, refer_read
from .enough import NotEnough, demand_charge
from .features import features
from .maker import Maker, average_maker
from .rating import temperature_factor
from .shape import Shape, shape_of
from .trees import (
    LATE_RATED,
    LATE_UNRATED,
    RATED,
    UNRATED,
    Stretch,
    TreeAnswer,
    ask,
    ask_strange,
    load_table,
    rank,
)

FARTHEST = 1.5  # the trees may move the slope method's charge left by a factor of e^1.5 at most
TRUST = 0.92  # of the trees' correction; the rest stays with the slope method: it knows no family
FLAT_V_AH = 1e-6  # a curve that falls less tells nothing by itself


class View(NamedTuple):
    """`slope_ln` ln of the s left by the slope method; `numbers` what the trees are asked with;
    `new_ah` what a new battery gives at the load ahead and this temperature; `cutoff_v` V a block.
    """

    curve: Curve
    shape: Shape
    slope_ln: float
    numbers: list[float]
    new_ah: float
    is_rated: bool
    cutoff_v: float


class Remaining(NamedTuple):
    """ln of the s left and of the ends of their 90 % interval."""

    centre: float
    low: float
    high: float

    def part(self, seen_s: float) -> float:
        """Part of the run that is over after `seen_s`, 0..1."""
        return seen_s / (seen_s + exp(self.centre))


def view_of(
    rows: Sequence[CurveRow],
    blocks: int,
    rated_ah: float | None,
    cutoff_v: float,
    maker: Maker | None = None,
) -> View:
    """Arguments as in run_time.estimate. Raises NotEnough where there is no curve to speak of."""
    return view_of_read(read_rows(rows, blocks), mean_temp(rows), rated_ah, cutoff_v, maker)


def view_of_read(
    read: ReadRows,
    temp_c: float | None,
    rated_ah: float | None,
    cutoff_v: float,
    maker: Maker | None = None,
) -> View:
    """The same of rows that were read before, at a mean of `temp_c` degC."""
    curve = refer_read(read, rated_ah)
    if curve.load.ahead <= 0.0:
        raise NotEnough("The battery is not discharged any more, so the run time cannot be told.")
    demand_charge(curve.seen_ah, rated_ah)
    shape = shape_of(curve, slope.skip_ah(curve))
    if shape is None:
        raise NotEnough("The rows past the first minutes are too few for a slope.")
    if rated_ah is None and shape.slope <= FLAT_V_AH:
        raise NotEnough("The voltage does not fall yet, so the run time cannot be told.")
    return prepare(curve, shape, rated_ah, temp_c, cutoff_v, maker)


def prepare(
    curve: Curve,
    shape: Shape,
    rated_ah: float | None,
    temp_c: float | None,
    cutoff_v: float,
    maker: Maker | None,
) -> View:
    """The view of a curve; without a rating the maker's charge is worth nothing, its end is."""
    if maker is None or rated_ah is None:
        maker = average_maker(curve.size_ah, None if maker is None else maker.end)
    left_ah = slope.left_ah(curve, shape, None if rated_ah is None else maker, cutoff_v)
    numbers = features(curve, shape, left_ah, temp_c, cutoff_v, maker)
    slope_ln = log(left_ah * 3600.0 / curve.load.ahead)
    new_ah = maker.new_ah(curve.load.ahead) * temperature_factor(temp_c)
    return View(curve, shape, slope_ln, numbers, new_ah, rated_ah is not None, cutoff_v)


def remaining_of(view: View, tables: Path, is_late: bool) -> Remaining:
    """What slope and trees say; the interval is not stretched yet. `is_late`: by the trees for the
    second half of a run."""
    table = load_table(tables / _name(view, is_late))
    answer = ask(table, rank(table, view.numbers))
    return placed(answer, view.slope_ln)


def placed(
    answer: TreeAnswer, slope_ln: float, trust: float = TRUST, farthest: float = FARTHEST
) -> Remaining:
    """The trees' correction, within bounds, at its place."""
    centre = trust * max(-farthest, min(farthest, answer.centre)) + slope_ln
    return Remaining(centre, centre - answer.below, centre + answer.above)


def stretch_of(view: View, tables: Path, is_late: bool, is_together: bool) -> Stretch:
    """What intervals are stretched by; `is_together`: both views answer."""
    table = load_table(tables / _name(view, is_late))
    return table.together if is_together else table.alone


def stretched(left: Remaining, stretch: Stretch, load_kind: str, seen_s: float) -> Remaining:
    """The interval as wide as it must be; its centre stays."""
    reach = stretch.at(load_kind, left.part(seen_s))
    return Remaining(
        left.centre,
        left.centre - reach.below * (left.centre - left.low),
        left.centre + reach.above * (left.high - left.centre),
    )


def between(one: Remaining, two: Remaining, part: float) -> Remaining:
    """`part` 0: one, 1: two; in ln."""
    pairs = zip(one, two, strict=True)
    return Remaining(*((1.0 - part) * first + part * second for first, second in pairs))


def ramp(value: float, begin: float, end: float) -> float:
    """0 up to `begin`, 1 from `end` on, a line between."""
    return max(0.0, min((value - begin) / (end - begin), 1.0))


def odds(view: View, tables: Path) -> float:
    """ln odds that this is no lead-acid battery."""
    table = load_table(tables / _name(view, False))
    return ask_strange(table, rank(table, view.numbers))


def _name(view: View, is_late: bool) -> str:
    if is_late:
        return LATE_RATED if view.is_rated else LATE_UNRATED
    return RATED if view.is_rated else UNRATED


def mean_temp(rows: Sequence[CurveRow]) -> float | None:
    """degC, None where it is not known."""
    temps = [row.temp_c for row in rows if row.temp_c is not None]
    return sum(temps) / len(temps) if temps else None
