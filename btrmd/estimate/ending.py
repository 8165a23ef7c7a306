"""The end of a discharge: what the last percents of a curve say of the little that is left.

Near the cutoff the volts that are left and how fast they fall tell more than what the battery was
like for hours. The measured fall is drawn on to the cutoff; trees of their own, taught by
discharges cut off with 45 down to 0.4 % of the run left, say how far that is off.
"""

from __future__ import annotations

from math import exp, log
from pathlib import Path
from typing import NamedTuple

from .fall import last_fall
from .trees import ENDING, ask, load_table, rank
from .view import Remaining, View, placed, ramp, stretched

LAST = (0.0125, 0.025, 0.05)  # of the charge seen: how far back the lines look
DRAWN = 2  # the one of them that is drawn on
NEAR_V = 0.6  # V a block above the cutoff: from here the end may be near whatever the run was like
LEAST_S = 5.0  # the mean that the cutoff is judged by: nearer than this no end is told
FARTHEST = 2.5  # ln: the trees may move it by so much ...
TRUST = 1.0  # ... and are believed, for the fall knows no knee
LN_RANGE = (-3.0, 3.0)  # what a line may say otherwise than the one drawn on

# The shorter side is told when the end is near, by how sure that is: a time LIKELY of the way (ln)
# to what 95 of 100 banks still had goes from FROM to ALONE of the run. The shorter side is SHORT of
# that way, and LONG times that. Where the way is short, next to nothing changes.
LIKELY = 0.3
FROM, ALONE = 0.89, 0.91
SHORT, LONG = 1.3, 1.1


def ending_numbers(view: View) -> tuple[list[float], float]:
    """What the trees are asked with, and ln of the s left by the fall drawn on."""
    curve = view.curve
    lines = [last_fall(curve, view.shape, part, view.cutoff_v) for part in LAST]
    drawn_ah = lines[DRAWN][0] / lines[DRAWN][1]
    extra = [log(drawn_ah / curve.seen_ah)]
    for height, slope in lines:
        extra += [log(height), _limited(log(height / slope / drawn_ah))]
    left_s = drawn_ah * 3600.0 / curve.load.ahead
    return [*view.numbers, *extra], log(max(left_s, LEAST_S))


def is_low(view: View) -> bool:
    """The last volts lie so near above the cutoff that the curve's end must be asked."""
    return last_fall(view.curve, view.shape, LAST[0], view.cutoff_v)[0] <= NEAR_V


class NearEnd(NamedTuple):
    """ln of the s left: `soon`, by which the end is judged near; `safe`, told when it is."""

    soon: float
    safe: float


class Ending(NamedTuple):
    """What is left, with its interval, and what is told of it when the end is near."""

    left: Remaining
    near: NearEnd


def ending_of(view: View, seen_s: float, tables: Path) -> Ending:
    """What is left by the end of the curve after `seen_s`. `view`: one that does not know the
    rating."""
    numbers, drawn_ln = ending_numbers(view)
    table = load_table(tables / ENDING)
    left = placed(ask(table, rank(table, numbers)), drawn_ln, TRUST, FARTHEST)
    whole = stretched(left, table.alone, view.curve.load.kind, seen_s)
    return Ending(whole, near_end(left))


def near_end(left: Remaining) -> NearEnd:
    """`left` before its interval is stretched: a sharp end is not what all others must be told."""
    way = left.centre - left.low
    return NearEnd(left.centre - LIKELY * way, left.centre - SHORT * way + log(LONG))


def spared(left: Remaining, near: NearEnd, seen_s: float) -> Remaining:
    """What is told towards the end: the shorter side, and an interval that holds it."""
    short = ramp(seen_s / (seen_s + exp(near.soon)), FROM, ALONE)
    centre = left.centre + short * (min(left.centre, near.safe) - left.centre)
    return left._replace(centre=centre, low=min(left.low, centre))


def _limited(ln: float) -> float:
    return max(LN_RANGE[0], min(ln, LN_RANGE[1]))
