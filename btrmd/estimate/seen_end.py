"""The end seen before: what an earlier discharge down to the cutoff says of the end of this one.

A battery keeps the shape of its curve as it ages. Where it has once been discharged from full to
the cutoff, the volts of now tell how far down that curve it is, and the charge removed until now
how much is left: nearer than what is learnt from other batteries.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import exp, hypot, log
from statistics import median
from typing import NamedTuple

from ..model.discharge import CurveRow, Estimate
from .combine import DIFFERS
from .curve import OHM_AH, Curve, refer
from .enough import NotEnough, demand_rows
from .fall import last_fall
from .shape import shape_of
from .slope import skip_ah
from .thin import thin
from .view import mean_temp, ramp

METHOD = "the end seen before"
LIMIT = 400  # rows looked at
FROM_PART, POINTS = 0.4, 49  # what is kept of a run: its part from here to the cutoff
USED_FROM, USED_ALONE = 0.5, 0.55  # of the run: before, the whole estimate counts
LAST = 0.0125  # of the charge seen: where the volts of now are taken
BACK = (1.0, 0.96, 0.92, 0.85)  # of the charge seen: where this curve must lie on that one
WINDOW = 0.015  # of the charge seen, on either side: rows whose median is the volts there
APART, APART_V = 0.03, 0.012  # ln, V a block: what these say of the whole charge may differ by
SIMILAR_LOAD = 1.15  # times more or less: beyond it a run says nothing of this one
SIMILAR_TEMP_C = 15.0
FULL_OHM = 1.25  # times the resistance: what follows the load more slowly is on top of it
VOLTS_SD, PART_SD, LEAST_SD = 0.03, 0.01, 0.12  # V a block, of the run, ln: how well ends repeat
Z90 = 1.645
# The nearer the end, the more what does not repeat matters: the shorter side is told.
SHORT, SHORT_FROM, SHORT_ALONE = 0.2, 0.85, 0.92


class SeenRun(NamedTuple):
    """The end of a run that was measured. `volts` V a block at `amps` (the reference current) at
    POINTS equal steps of the charge from FROM_PART of the run to the cutoff, never rising."""

    volts: tuple[float, ...]
    amps: float
    temp_c: float | None


def seen_run(
    rows: Sequence[CurveRow], blocks: int, rated_ah: float | None, end_s: float
) -> SeenRun | None:
    """The run in `rows`, from full to the cutoff at `end_s`; None where it cannot be told."""
    some = thin([row for row in rows if row.time_s <= end_s], LIMIT)
    try:
        demand_rows(some)
    except NotEnough:
        return None
    curve = refer(some, blocks, rated_ah)
    if curve.load.level <= 0.0 or not is_steady(curve):
        return None
    volts, lowest = [], max(curve.y)
    for k in range(POINTS):
        part = FROM_PART + (1.0 - FROM_PART) * k / (POINTS - 1)
        lowest = min(lowest, _volts_at(curve, part * curve.seen_ah))
        volts.append(lowest)
    return SeenRun(tuple(volts), curve.load.level, mean_temp(some))


def is_steady(curve: Curve) -> bool:
    """One load all the time: what it drops is the same on either curve."""
    load = curve.load
    return load.kind == "steady" and not load.has_bursts and load.since == load.lately == 0.0


def is_similar(run: SeenRun, amps: float, temp_c: float | None) -> bool:
    """Whether it says anything of a discharge at the reference current `amps`."""
    if not run.amps / SIMILAR_LOAD <= amps <= run.amps * SIMILAR_LOAD:
        return False
    known = run.temp_c is not None and temp_c is not None
    return not known or abs(run.temp_c - temp_c) <= SIMILAR_TEMP_C  # type: ignore[operator]


def by_seen_runs(
    made: Estimate,
    runs: Sequence[SeenRun],
    rows: Sequence[CurveRow],
    blocks: int,
    rated_ah: float | None,
) -> Estimate:
    """`made`, or over the last half of the run what the first of `runs` that is similar says.

    `rows` of a discharge that began full. With a finding in its curve `made` stays: that is not the
    battery that was seen, or not its load.
    """
    found_now = any(mark != DIFFERS for mark in made.findings)
    if not runs or found_now or made.low_s >= made.high_s or len(rows) < 2:
        return made
    curve = refer(thin(rows, LIMIT), blocks, rated_ah)
    shape = shape_of(curve, skip_ah(curve))
    temp_c = mean_temp(rows)
    run = next((one for one in runs if is_similar(one, curve.load.level, temp_c)), None)
    if shape is None or run is None or not is_steady(curve):
        return made
    rise = FULL_OHM * OHM_AH / curve.size_ah * (curve.load.level - run.amps)
    found = _part_at(run, last_fall(curve, shape, LAST, 0.0)[0] + rise)
    apart = _apart(run, curve, rise)
    if found is None or apart is None:
        return made
    part, steepness = found
    if apart > APART + APART_V / (steepness * part):
        return made
    use = ramp(part, USED_FROM, USED_ALONE)
    if use <= 0.0:
        return made
    seen_s = rows[-1].time_s
    left_ah = curve.seen_ah * (1.0 - part) / part
    sd = max(LEAST_SD, hypot(VOLTS_SD / steepness, PART_SD, part * apart) / (part * (1.0 - part)))
    left = log(max(left_ah / curve.load.ahead * 3600.0, 1.0))
    centre = left - SHORT * ramp(part, SHORT_FROM, SHORT_ALONE)
    ends = (made.ert_s, made.low_s, made.high_s)
    was = [log(max(end - seen_s, 1.0)) for end in ends]
    centre = min(centre, was[2])
    # a cell that has failed since, or another battery, is not seen at once: both must be held
    now = [centre, min(centre, left - Z90 * sd, was[1]), max(centre, left + Z90 * sd, was[0])]
    ert_s, low_s, high_s = (
        seen_s + exp((1.0 - use) * one + use * two) for one, two in zip(was, now, strict=True)
    )
    if made.own_s is None:
        made = made._replace(own_s=made.ert_s, own_low_s=made.low_s, own_high_s=made.high_s)
    return made._replace(
        ert_s=ert_s, low_s=low_s, high_s=high_s, method=f"{made.method} and {METHOD}"
    )


def _apart(run: SeenRun, curve: Curve, rise: float) -> float | None:
    """How far (ln) the whole charges differ that this curve's points make by that run; None where
    they lie on no such curve."""
    wholes = []
    for back in BACK:
        q_ah = back * curve.seen_ah
        reach = WINDOW * curve.seen_ah
        near = [y for q, y in zip(curve.q, curve.y, strict=True) if abs(q - q_ah) <= reach]
        found = _part_at(run, median(near) + rise) if near else None
        if found is None:
            return None
        middle = q_ah - (0.5 * reach if back == 1.0 else 0.0)  # there are no rows beyond the last
        wholes.append(log(middle / found[0]))
    return max(wholes) - min(wholes)


def _volts_at(curve: Curve, q_ah: float) -> float:
    right = min(len(curve.q) - 1, max(1, bisect_left(curve.q, q_ah)))
    q0, q1 = curve.q[right - 1], curve.q[right]
    y0, y1 = curve.y[right - 1], curve.y[right]
    return y0 + (y1 - y0) * (q_ah - q0) / max(q1 - q0, 1e-9)


def _part_at(run: SeenRun, volts: float) -> tuple[float, float] | None:
    """The part of the run at which it stood at `volts`, and how steeply it fell there (V a block
    over the whole run); None before FROM_PART and after its end."""
    if not run.volts[-1] < volts <= run.volts[0]:
        return None
    right = next(k for k, v in enumerate(run.volts) if v < volts)
    before, after = run.volts[right - 1], run.volts[right]
    step = (1.0 - FROM_PART) / (POINTS - 1)
    part = FROM_PART + step * (right - 1 + (before - volts) / max(before - after, 1e-9))
    back = max(0, right - 3)
    fall = (run.volts[back] - after) / (step * (right - back))
    return min(part, 1.0 - 1e-3), max(fall, 0.05)
