"""Rivals: what other products and plain methods make of the same discharge, to compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from btrmd.estimate.curve import refer
from btrmd.estimate.shape import shape_of
from btrmd.estimate.slope import KNEE, skip_ah
from btrmd.model.discharge import CurveRow

CUTOFF = 11.0
FULL_V, EMPTY_V = 12.8, 11.0  # voltage fraction: a resting block, full and at the cutoff
PEUKERT = 1.25
GRID = 40  # from 1.02 to 12 times the charge seen

Rival = Callable[[Sequence[CurveRow], int, float], float]


def voltage_fraction(rows: Sequence[CurveRow], blocks: int, rated_ah: float) -> float:
    """The part of the voltage range that is gone, as if it were the part of the time."""
    volts = np.mean([row.battery_v for row in rows[-5:]]) / blocks
    gone = (FULL_V - volts) / (FULL_V - EMPTY_V)
    return float(rows[-1].time_s / np.clip(gone, 0.02, 1.0))


def straight_line(rows: Sequence[CurveRow], blocks: int, rated_ah: float) -> float:
    """A line through the second half of the volts, drawn on to the cutoff."""
    half = rows[len(rows) // 2 :]
    t = np.array([row.time_s for row in half])
    v = np.array([row.battery_v / blocks for row in half])
    slope, level = np.polyfit(t - t[-1], v, 1)
    left = (level - CUTOFF) / max(-slope, 1e-7)
    return float(np.clip(t[-1] + left, t[-1], 50 * t[-1]))


def peukert(rows: Sequence[CurveRow], blocks: int, rated_ah: float) -> float:
    """Rated Ah, Peukert's exponent, coulombs counted: a usual battery monitor."""
    amps = refer(rows, blocks, rated_ah).load.amps
    return float(20.0 * 3600.0 * (rated_ah / 20.0 / amps) ** PEUKERT)


def slope_165(rows: Sequence[CurveRow], blocks: int, rated_ah: float) -> float:
    """A robust line on the current-compensated curve; what is left of it divided by 1.65."""
    curve = refer(rows, blocks, rated_ah)
    shape = shape_of(curve, skip_ah(curve))
    if shape is None or shape.slope <= 0.0:
        return float(rows[-1].time_s * 4.0)
    left = max(0.0, shape.now_v - CUTOFF) / shape.slope / KNEE
    return float(rows[-1].time_s + left / curve.load.amps * 3600.0)


def shepherd(rows: Sequence[CurveRow], blocks: int, rated_ah: float) -> float:
    """Shepherd's equation, fitted to the current-compensated curve without any prior: the best of
    GRID full charges and three decays of the first rise, its other parameters by least squares."""
    curve = refer(rows, blocks, rated_ah)
    q, y = np.array(curve.q), np.array(curve.y)
    past = q >= min(0.03 * rated_ah, 0.3 * curve.seen_ah)
    q, y = q[past], y[past]
    best, end = np.inf, 4.0 * curve.seen_ah
    for full in curve.seen_ah * np.geomspace(1.02, 12.0, GRID):
        for decay in (5.0, 15.0, 50.0):
            terms = np.column_stack(
                [np.ones_like(q), -full / (full - q), np.exp(-decay * q / rated_ah)]
            )
            found = np.linalg.lstsq(terms, y, rcond=None)[0]
            e0, k = found[:2]
            off = float(((terms @ found - y) ** 2).sum())
            if k > 0.0 and e0 > CUTOFF and off < best:
                best, end = off, full * (1.0 - k / (e0 - CUTOFF))
    left = max(0.0, end - curve.seen_ah)
    return float(rows[-1].time_s + left / curve.load.amps * 3600.0)


RIVALS: dict[str, Rival] = {
    "voltage fraction": voltage_fraction,
    "straight line": straight_line,
    "Peukert, rated Ah": peukert,
    "Shepherd, free fit": shepherd,
    "slope / 1.65": slope_165,
}
