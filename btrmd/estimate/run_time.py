"""The run time: how long a battery lasts at the load seen, from the part of the discharge seen."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import NamedTuple

from ..model.discharge import CurveRow, Estimate
from . import slope
from .curve import refer
from .cutoff import cutoff_time
from .enough import NotEnough, demand_charge, demand_rows
from .features import features
from .knee import has_knee
from .shape import shape_of
from .thin import thin
from .trees import RATED, TABLES, UNRATED, ask, load_table

METHOD = "curve family"
MEASURED = "measured"
LIMIT = 400  # rows looked at; keeps one estimate below 10 ms on the bench
FARTHEST = 1.5  # the trees may move the slope method's charge left by a factor of e^1.5 at most
TRUST = 0.92  # of the trees' correction; the rest stays with the slope method: it knows no family
RATED_SHARE = 0.7  # of what is said knowing the rated Ah; the rest is said without (ln)
MOST_CHARGE = 1.3  # of the rated 20 h charge: more than any battery of that rating holds
FLAT_V_AH = 1e-6  # a curve that falls less tells nothing by itself


class _Left(NamedTuple):
    """Seconds left and the ends of their 90 % interval, all as ln; whether the knee shows;
    `together` what the interval is stretched by where both tables answer; Ah removed."""

    centre: float
    low: float
    high: float
    is_knee: bool
    together: float
    seen_ah: float


def estimate(
    rows: Sequence[CurveRow],
    blocks: int,
    rated_ah: float | None,
    cutoff_v_block: float = 11.0,
    tables: Path = TABLES,
) -> Estimate:
    """Run time from test start (time 0) to the cutoff at the load seen, with its 90 % interval.

    `rows` rise in time from the test's start, whole-bank volts, negative amps = discharging;
    `blocks` 12 V blocks in series (1..4), `rated_ah` 20 h charge or None, `cutoff_v_block` V,
    `tables` folder of the trees (others than the package's are for cross-validation).
    Where the cutoff was reached the estimate is the measured time. Raises NotEnough.
    """
    reached = cutoff_time(rows, blocks, cutoff_v_block)
    if reached is not None:
        return Estimate(reached, reached, reached, MEASURED)
    demand_rows(rows)
    short = thin(rows, LIMIT)
    temps = [row.temp_c for row in short if row.temp_c is not None]
    temp_c = sum(temps) / len(temps) if temps else None
    warnings = []
    if rated_ah is None:
        found = _left(short, blocks, None, temp_c, cutoff_v_block, tables)
        warnings.append("The rated Ah is not known; the estimate rests on the curve alone.")
    else:
        found = _left(short, blocks, rated_ah, temp_c, cutoff_v_block, tables)
        plain = _alone(short, blocks, temp_c, cutoff_v_block, tables)
        is_wrong = plain is not None and (
            found.seen_ah > MOST_CHARGE * rated_ah or _contradict(found, plain)
        )
        if plain is not None and not is_wrong:
            found = _blend(found, plain)
        elif plain is not None:
            low, high = min(found.low, plain.low), max(found.high, plain.high)
            found = plain._replace(low=low, high=high)
            warnings.append(
                f"The curve does not fit a battery of {rated_ah:g} Ah; the rating is left out."
            )
    seen_s = rows[-1].time_s
    return Estimate(
        seen_s + exp(found.centre),
        seen_s + exp(found.low),
        seen_s + exp(found.high),
        METHOD,
        tuple(warnings),
        found.is_knee,
    )


def _left(
    rows: Sequence[CurveRow],
    blocks: int,
    rated_ah: float | None,
    temp_c: float | None,
    cutoff_v: float,
    tables: Path,
) -> _Left:
    """What slope and trees say; raises NotEnough where there is no curve to speak of."""
    curve = refer(rows, blocks, rated_ah)
    demand_charge(curve.seen_ah, rated_ah)
    shape = shape_of(curve, slope.skip_ah(curve))
    if shape is None:
        raise NotEnough("The rows past the first minutes are too few for a slope.")
    if rated_ah is None and shape.slope <= FLAT_V_AH:
        raise NotEnough("The voltage does not fall yet, so the run time cannot be told.")
    left = slope.left_ah(curve, shape, rated_ah, cutoff_v)
    numbers = features(curve, shape, left, temp_c, cutoff_v)
    table = load_table(tables / (UNRATED if rated_ah is None else RATED))
    answer = ask(table, numbers, curve.load.kind)
    centre = TRUST * max(-FARTHEST, min(FARTHEST, answer.centre))
    centre += log(left * 3600.0 / curve.load.amps)
    low, high = centre - answer.below, centre + answer.above
    together = table.together.get(curve.load.kind, 1.0)
    return _Left(centre, low, high, has_knee(curve), together, curve.seen_ah)


def _alone(
    rows: Sequence[CurveRow],
    blocks: int,
    temp_c: float | None,
    cutoff_v: float,
    tables: Path,
) -> _Left | None:
    """What the curve says without the rating; None where that is nothing yet."""
    try:
        return _left(rows, blocks, None, temp_c, cutoff_v, tables)
    except NotEnough:
        return None


def _blend(rated: _Left, plain: _Left) -> _Left:
    """Both together are nearer than either: their errors are not the same."""
    pairs = zip(rated[:3], plain[:3], strict=True)
    centre, low, high = (RATED_SHARE * one + (1.0 - RATED_SHARE) * two for one, two in pairs)
    low, high = (centre + rated.together * (end - centre) for end in (low, high))
    return rated._replace(centre=centre, low=low, high=high)


def _contradict(rated: _Left, plain: _Left) -> bool:
    """Whether the rating must be wrong: each estimate lies outside the other's interval."""
    if rated.centre > plain.centre:
        return rated.centre > plain.high and plain.centre < rated.low
    return rated.centre < plain.low and plain.centre > rated.high
