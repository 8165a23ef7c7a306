"""The run time: how long a battery lasts at the load seen, from the part of the discharge seen."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from pathlib import Path

from ..model.chemistry import LEAD_ACID
from ..model.discharge import CurveRow, Estimate
from .curve import Load, ReadRows, read_rows
from .cutoff import cutoff_time
from .ending import ending_of, is_low, spared
from .enough import NotEnough, demand_rows
from .fall import LATELY, last_fall
from .findings import SHORTED_CELL, findings
from .knee import has_knee
from .maker import Maker
from .thin import thin
from .trees import TABLES
from .view import (
    Remaining,
    View,
    between,
    mean_temp,
    odds,
    ramp,
    remaining_of,
    stretch_of,
    stretched,
    view_of_read,
)

METHOD = "curve family"
MEASURED = "measured"
LIMIT = 400  # rows looked at; keeps one estimate below 10 ms on the bench
# How much of what is said knowing the rated Ah counts; the rest is said without (ln). As long as
# little of the charge is seen, the curve by itself tells next to nothing.
RATED_FIRST, RATED_LATER = 1.0, 0.8
FIRST_PART, LATER_PART = 0.05, 0.15  # of the rated charge seen
MOST_CHARGE = 1.3  # of the rated 20 h charge: more than nearly any battery of that rating holds
JUDGED_PART = 0.15  # of the rated charge must be seen before the rating is called wrong

# The trees for the second half of a run take over between these parts of it ...
LATE_FROM, LATE_ALONE = 0.42, 0.55
# ... and those for its end between these.
ENDING_FROM, ENDING_ALONE = 0.6, 0.75

# Until so much of the rated charge is seen, float charge may be all that is seen: the interval then
# holds what batteries of that rating give, as parts of a new one's charge.
FLOAT_ALONE, FLOAT_PART = 0.03, 0.08
OLD_PART, NEW_PART = 0.5, 1.2

# Without a rating nobody knows how much of the charge is seen. While a block's volts, the load's
# drop taken off, are as high as a nearly full one's, it may be this part only: float charge.
# Measured at C/10 a block stands at 12.55 V after a tenth of the run and at 12.38 after a quarter.
FULL_REST_V, FALLEN_V = 12.65, 12.5
LEAST_PART = 0.015

SHORTED_V_AH = 1.0  # V over the rated charge: the least slope of a battery without a cell
SHORTED_REACH = 2.5  # ln: how far below its estimate the end may come


def estimate(
    rows: Sequence[CurveRow],
    blocks: int,
    rated_ah: float | None,
    cutoff_v_block: float = LEAD_ACID.cutoff_v,
    tables: Path = TABLES,
    maker: Maker | None = None,
) -> Estimate:
    """Run time from test start (time 0) to the cutoff at the load seen, with its 90 % interval.

    `rows` rise in time from the test's start, whole-bank volts, negative amps = discharging;
    `blocks` 12 V blocks in series (1..4), `rated_ah` 20 h charge or None, `cutoff_v_block` V,
    `tables` folder of the trees (others than the package's are for cross-validation), `maker` what
    is told of the battery beyond its rating. Where the cutoff was reached the estimate is the
    measured time. `findings` marks what makes a verdict doubtful. Raises NotEnough.
    """
    reached = cutoff_time(rows, blocks, cutoff_v_block)
    if reached is not None:
        return Estimate(reached, reached, reached, MEASURED)
    demand_rows(rows)
    seen_s = rows[-1].time_s
    short = thin(rows, LIMIT)
    warnings = []
    read, temp_c = read_rows(short, blocks), mean_temp(short)
    view = view_of_read(read, temp_c, rated_ah, cutoff_v_block, maker)
    if rated_ah is None:
        warnings.append("The rated Ah is not known; the estimate rests on the curve alone.")
        left = _hardly_begun(_alone(view, seen_s, tables), view, seen_s)
    else:
        plain = _plain(read, temp_c, cutoff_v_block, maker)
        is_wrong = _is_wrong(view, plain, seen_s, rated_ah, tables)
        if is_wrong:
            warnings.append(
                f"The curve does not fit a battery of {rated_ah:g} Ah; the rating is left out."
            )
        left = _with_rating(view, plain, is_wrong, seen_s, tables)
        left = _widened(left, view, seen_s)
    left = _either_load(left, view.curve.load)
    is_type_known = maker is not None and maker.is_type_known
    found = findings(view.curve, view.shape, rated_ah, odds(view, tables), is_type_known)
    marks = tuple(finding.mark for finding in found)
    if SHORTED_CELL in marks:
        left = _without_a_cell(left, view, cutoff_v_block)
    return Estimate(
        seen_s + exp(left.centre),
        seen_s + exp(left.low),
        seen_s + exp(left.high),
        METHOD,
        (*warnings, *(finding.text for finding in found)),
        has_knee(view.curve),
        marks,
    )


def _plain(
    read: ReadRows, temp_c: float | None, cutoff_v: float, maker: Maker | None
) -> View | None:
    """The curve without the rating; None where that says nothing yet."""
    try:
        return view_of_read(read, temp_c, None, cutoff_v, maker)
    except NotEnough:
        return None


def _with_rating(
    rated: View, plain: View | None, is_wrong: bool, seen_s: float, tables: Path
) -> Remaining:
    """Both views together are nearer than either: their errors are not the same. A rating that is
    wrong is left out, though the interval still holds what it says."""
    if plain is None:
        return _alone(rated, seen_s, tables)
    if is_wrong:
        left, reported = _alone(plain, seen_s, tables), _course([rated], seen_s, tables)
        return Remaining(left.centre, min(left.low, reported.low), max(left.high, reported.high))
    return _whole([rated, plain], seen_s, tables)


def _alone(view: View, seen_s: float, tables: Path) -> Remaining:
    return _whole([view], seen_s, tables)


def _whole(views: Sequence[View], seen_s: float, tables: Path) -> Remaining:
    """What one or both views say, towards the end of the run by how its curve ends."""
    left = _course(views, seen_s, tables)
    plain = views[-1]
    # a curve that does not fall yet, and so has a rated view only, has no end near
    is_early = left.part(seen_s) <= LATE_FROM and not (is_low(plain) or has_knee(plain.curve))
    if plain.is_rated or is_early:
        return left
    last = ending_of(plain, seen_s, tables)
    # by both: neither would say of itself that its time has not come, or is over
    part = between(left, last.left, 0.5).part(seen_s)
    left = between(left, last.left, ramp(part, ENDING_FROM, ENDING_ALONE))
    return spared(left, last.near, seen_s)


def _course(views: Sequence[View], seen_s: float, tables: Path) -> Remaining:
    """The same by the whole curve, from the trees for the half of the run that is seen."""
    left = _half(views, False, seen_s, tables)
    late = ramp(left.part(seen_s), LATE_FROM, LATE_ALONE)
    if late <= 0.0:
        return left
    return between(left, _half(views, True, seen_s, tables), late)


def _half(views: Sequence[View], is_late: bool, seen_s: float, tables: Path) -> Remaining:
    """By one set of trees, the interval stretched."""
    left = remaining_of(views[0], tables, is_late)
    if len(views) > 1:
        left = between(remaining_of(views[1], tables, is_late), left, rated_share(views[0]))
    stretch = stretch_of(views[0], tables, is_late, len(views) > 1)
    return stretched(left, stretch, views[0].curve.load.kind, seen_s)


def _without_a_cell(left: Remaining, view: View, cutoff_v: float) -> Remaining:
    """So near above the cutoff the end may come at any time: half of what the line says at most,
    and an interval that begins now."""
    shape, load = view.shape, view.curve.load
    height = max(shape.now_v - cutoff_v, 0.01)
    line_s = height / max(shape.slope, SHORTED_V_AH / view.curve.size_ah) * 3600.0 / load.ahead
    centre = min(left.centre, log(max(line_s / 2.0, 60.0)))
    return Remaining(centre, min(left.low, centre - SHORTED_REACH), max(left.high, centre))


def rated_share(rated: View) -> float:
    """What the view that knows the rating counts, 0..1."""
    return share_at(rated.curve.seen_ah / rated.curve.size_ah)


def share_at(seen_part: float) -> float:
    """The same by the part of the rated charge that is seen."""
    later = ramp(seen_part, FIRST_PART, LATER_PART)
    return RATED_FIRST + later * (RATED_LATER - RATED_FIRST)


def _widened(left: Remaining, view: View, seen_s: float) -> Remaining:
    """The interval holds what is usual for the rating as long as hardly anything is seen."""
    curve = view.curve
    part = 1.0 - ramp(curve.seen_ah / curve.size_ah, FLOAT_ALONE, FLOAT_PART)
    if part <= 0.0:
        return left
    ends = []
    for share in (OLD_PART, NEW_PART):
        total_s = share * view.new_ah * 3600.0 / curve.load.ahead
        ends.append(log(max(total_s - seen_s, 1.0)))
    low, high = min(left.low, ends[0]), max(left.high, ends[1])
    return Remaining(
        left.centre,
        left.low + part * (low - left.low),
        left.high + part * (high - left.high),
    )


def _either_load(left: Remaining, load: Load) -> Remaining:
    """Where the load has just changed nobody knows which one follows: the interval holds both."""
    if load.lately <= 0.0:
        return left
    other = log(load.ahead / load.lately)
    return left._replace(low=left.low + min(0.0, other), high=left.high + max(0.0, other))


def _hardly_begun(left: Remaining, view: View, seen_s: float) -> Remaining:
    """The interval without a rating: while the volts are those of a full battery it reaches as far
    as if hardly anything was seen."""
    curve = view.curve
    now_v = last_fall(curve, view.shape, LATELY[0], 0.0)[0]
    part = ramp(now_v + curve.resistance * curve.load.level, FALLEN_V, FULL_REST_V)
    if part <= 0.0:
        return left
    farthest = log(seen_s / LEAST_PART - seen_s)
    return left._replace(high=left.high + part * max(0.0, farthest - left.high))


def _is_wrong(
    rated: View, plain: View | None, seen_s: float, rated_ah: float, tables: Path
) -> bool:
    """Whether the rating must be wrong: more was removed than it holds, or, once enough is seen,
    the views with and without it contradict each other."""
    seen_ah = rated.curve.seen_ah
    if plain is None or seen_ah < JUDGED_PART * rated_ah:
        return False
    if seen_ah > MOST_CHARGE * rated_ah:
        return True
    return _contradict(*(_course([view], seen_s, tables) for view in (rated, plain)))


def _contradict(with_it: Remaining, without: Remaining) -> bool:
    """Whether each lies outside the other's interval."""
    if with_it.centre > without.centre:
        return with_it.centre > without.high and without.centre < with_it.low
    return with_it.centre < without.low and without.centre > with_it.high
