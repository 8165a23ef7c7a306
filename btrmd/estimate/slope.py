"""Run time from the slope of the voltage: drawn on to the cutoff, then shortened for the knee."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ..model.discharge import CurveRow, Estimate
from ..model.errors import BtrmError
from .curve import Curve, refer
from .interval import widen
from .rated import new_charge_ah
from .thin import thin

METHOD = "slope"
MEASURED = "measured"
LIMIT = 400  # rows looked at; keeps one estimate below 5 ms on the bench
LEAST_ROWS = 8
LEAST_S = 600.0
LEAST_SHARE = 0.01  # of the rated charge
EARLY_S = 600.0  # so long a dip is coup de fouet, unless it goes ...
EARLY_V = 0.5  # ... this far below the cutoff, V a block (DESIGN section 3: 10.5 V)
MEAN_S = 5.0  # the cutoff is judged on the mean of so many s
SKIP = 0.05  # of the rated charge: coup de fouet and the float charge's last trace
SKIP_MOST = 0.3  # never more than this part of what was seen
BINS = 18

# A straight line knows no knee: measured on recorded discharges, the charge that is left is the
# line's divided by 1.65 early in the run, and by more the later it is.
KNEE = 1.65
KNEE_LATE = 0.5  # added, times the square of the part of the charge that is gone
BURSTY = 0.88  # of it, when the load bursts: the cutoff comes in a burst, after the battery's rest

# What a battery of known rating may be expected to do, as long as little has been seen of it.
EXPECTED_V = 1.25  # V a block lost over the whole charge, early in the run, as a straight line
EXPECTED_HEALTH = 0.9  # of a new battery's charge
EXPECTED_SD = 0.4  # of the expected slope: ages 40..100 %, makers, temperatures
SEEN_SD_V = 0.04  # V: how far the early curve wanders from its line


class NotEnough(BtrmError):  # noqa: N818  (the estimate did not go wrong)
    """The discharge says too little for an estimate; the text says why."""


def estimate(
    rows: Sequence[CurveRow],
    blocks: int,
    rated_ah: float | None,
    cutoff_v_block: float = 11.0,
) -> Estimate:
    """Run time from test start (time 0) to the cutoff at the load seen, with its 90 % interval.

    `rows` rise in time from the test's start, whole-bank volts, negative amps = discharging;
    `blocks` 12 V blocks in series (1..4), `rated_ah` 20 h charge or None, `cutoff_v_block` V.
    Where the cutoff was reached the estimate is the measured time. Raises NotEnough.
    """
    reached = cutoff_time(rows, blocks, cutoff_v_block)
    if reached is not None:
        return Estimate(reached, reached, reached, MEASURED)
    _demand(rows, rated_ah)
    curve = refer(thin(rows, LIMIT), blocks, rated_ah)
    if curve.amps <= 0.0:
        raise NotEnough("The battery was not discharged, so there is no run time to estimate.")
    if curve.q[-1] < LEAST_SHARE * (rated_ah or 0.0):
        raise NotEnough(
            f"Only {curve.q[-1]:.2f} Ah were removed; an estimate needs"
            f" {LEAST_SHARE * (rated_ah or 0.0):.2f} Ah (1 % of the rated charge)."
        )
    slope, now_v = _line(curve)
    warnings = []
    if rated_ah is None:
        warnings.append("The rated Ah is not known; the estimate rests on the curve alone.")
    else:
        slope = _temper(slope, curve, rated_ah)
    if slope <= 1e-6:
        raise NotEnough("The voltage does not fall yet, so the run time cannot be told.")
    left_s = _left(curve, slope, now_v, cutoff_v_block)
    seen_s = rows[-1].time_s
    low, high = widen(seen_s, left_s, curve.has_bursts, rated_ah is not None)
    return Estimate(seen_s + left_s, seen_s + low, seen_s + high, METHOD, tuple(warnings))


def cutoff_time(rows: Sequence[CurveRow], blocks: int, cutoff_v_block: float) -> float | None:
    """When the 5 s mean of the volts fell below the cutoff, s; None where it did not.

    In the first 10 min only 0.5 V below the cutoff counts.
    """
    window: list[CurveRow] = []
    limit = cutoff_v_block * blocks
    early = (cutoff_v_block - EARLY_V) * blocks
    for last, row in zip([None, *rows], rows, strict=False):
        window.append(row)
        while row.time_s - window[0].time_s >= MEAN_S and len(window) > 1:
            window.pop(0)
        mean = sum(r.battery_v for r in window) / len(window)
        bound = early if row.time_s < EARLY_S else limit
        if mean < bound:
            if last is None or last.battery_v <= row.battery_v or row.time_s < EARLY_S:
                return row.time_s
            part = (last.battery_v - bound) / (last.battery_v - row.battery_v)
            return last.time_s + min(1.0, max(0.0, part)) * (row.time_s - last.time_s)
    return None


def _demand(rows: Sequence[CurveRow], rated_ah: float | None) -> None:
    if len(rows) < LEAST_ROWS:
        raise NotEnough(
            f"{len(rows)} rows of discharge were recorded; an estimate needs {LEAST_ROWS}."
        )
    span = rows[-1].time_s - rows[0].time_s
    if span < LEAST_S:
        raise NotEnough(
            f"The discharge lasted {span / 60:.1f} min; an estimate needs {LEAST_S / 60:.0f} min."
        )
    if any(after.time_s < before.time_s for before, after in pairwise(rows)):
        raise NotEnough("The rows do not rise in time.")
    if not any(row.battery_a < 0.0 for row in rows[1:]):
        raise NotEnough("The battery was not discharged, so there is no run time to estimate.")


def _line(curve: Curve) -> tuple[float, float]:
    """Robust line through the curve past coup de fouet: fall in V per Ah, and V at its end."""
    skip = min(SKIP * curve.size_ah, SKIP_MOST * curve.q[-1])
    span = curve.q[-1] - skip
    bins: list[list[tuple[float, float]]] = [[] for _ in range(BINS)]
    for q, y in zip(curve.q, curve.y, strict=True):
        if q >= skip:
            bins[min(BINS - 1, int((q - skip) / span * BINS))].append((q, y))
    points = [
        (median(q for q, _ in inside), median(y for _, y in inside)) for inside in bins if inside
    ]
    slopes = [
        (y2 - y1) / (q2 - q1)
        for k, (q1, y1) in enumerate(points)
        for q2, y2 in points[k + 1 :]
        if q2 > q1
    ]
    if not slopes:
        raise NotEnough("The rows past the first minutes are too few for a slope.")
    slope = median(slopes)  # Theil and Sen
    now_v = median(y + slope * (curve.q[-1] - q) for q, y in points)
    return -slope, now_v


def _temper(slope: float, curve: Curve, rated_ah: float) -> float:
    """The slope between what was seen and what such a battery does, by what each is worth."""
    expected = EXPECTED_V / (EXPECTED_HEALTH * new_charge_ah(rated_ah, curve.amps))
    seen_weight = (curve.q[-1] / SEEN_SD_V) ** 2
    expected_weight = 1.0 / (EXPECTED_SD * expected) ** 2
    return (slope * seen_weight + expected * expected_weight) / (seen_weight + expected_weight)


def _left(curve: Curve, slope: float, now_v: float, cutoff_v: float) -> float:
    """Seconds from the last row to the cutoff at the mean load seen."""
    straight = max(0.0, (now_v - cutoff_v) / slope)
    gone = curve.q[-1]
    left = straight / KNEE
    for _ in range(3):
        part = gone / (gone + left)
        left = straight / (KNEE + KNEE_LATE * part * part)
    if curve.has_bursts:
        left *= BURSTY
    amps = curve.amps
    if curve.is_constant_power:
        amps *= curve.mean_v / ((now_v + cutoff_v) / 2.0)
    return left * 3600.0 / amps
