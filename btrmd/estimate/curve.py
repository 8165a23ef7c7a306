"""The curve as the estimate sees it: one 12 V block at one current, over the charge removed."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from ..model.discharge import CurveRow

STEP = 0.15  # a load step: the current rises by this part of its mean ...
STEP_A = 0.1  # ... and by this many A (twenty counts of the current chip)
STEP_S = 1200.0  # between rows no further apart than this, s
STEPS = 3  # fewer tell nothing about the resistance
OHM_AH = 0.16  # block resistance by rule of thumb: 0.16 Ohm Ah / rated Ah
BURSTS = 1.3  # 98th percentile of the current over its mean, above which the load comes in bursts
GUESS_H = 12.0  # rating not known: as if the mean load were this many hours' rate


class Curve(NamedTuple):
    """Charge removed `q` (Ah, rising) and block volts `y` at the reference current, row by row.

    `spread` and `drift`: sd of the current over its mean, and how far its last quarter lies above the
    mean; `is_measured`: the resistance comes from load steps. `amps` mean discharge current A, `level` reference current A (the burst level when the load
    bursts, else the mean), `resistance` Ohm a block, `size_ah` rated charge or what stands for it,
    `mean_v` mean block volts.
    """

    q: list[float]
    y: list[float]
    amps: float
    level: float
    resistance: float
    size_ah: float
    has_bursts: bool
    is_constant_power: bool
    mean_v: float
    spread: float
    drift: float
    is_measured: bool


def refer(rows: Sequence[CurveRow], blocks: int, rated_ah: float | None) -> Curve:
    """The curve of discharging `rows` (two or more, rising in time) of `blocks` 12 V blocks.

    `rated_ah` 20 h charge or None.
    """
    times = [row.time_s for row in rows]
    amps = [-row.battery_a for row in rows]
    volts = [row.battery_v / blocks for row in rows]
    q = [0.0]
    for k in range(1, len(rows)):
        q.append(q[-1] + max(0.0, amps[k]) * (times[k] - times[k - 1]) / 3600.0)
    seconds = times[-1] - times[0]
    mean = q[-1] * 3600.0 / seconds
    size = rated_ah if rated_ah else mean * GUESS_H
    measured = _resistance(times, amps, volts, mean)
    resistance = OHM_AH / size if measured is None else measured
    burst = _percentile(times, amps, 0.98)
    has_bursts = burst > BURSTS * mean
    level = burst if has_bursts else mean
    y = [v + resistance * (a - level) for v, a in zip(volts, amps, strict=True)]
    mean_v = sum(volts) / len(volts)
    power = not has_bursts and _is_constant_power(volts, amps)
    spread, drift = _restless(times, amps, mean)
    return Curve(
        q, y, mean, level, resistance, size, has_bursts, power, mean_v, spread, drift,
        measured is not None,
    )  # fmt: skip


def _resistance(
    times: Sequence[float], amps: Sequence[float], volts: Sequence[float], mean: float
) -> float | None:
    """Ohm a block from upward load steps; None with fewer than STEPS of them."""
    least = max(STEP_A, STEP * mean)
    found = [
        (volts[k - 1] - volts[k]) / (amps[k] - amps[k - 1])
        for k in range(1, len(times))
        if amps[k] - amps[k - 1] > least and times[k] - times[k - 1] <= STEP_S
    ]
    return max(0.0, median(found)) if len(found) >= STEPS else None


def _restless(times: Sequence[float], amps: Sequence[float], mean: float) -> tuple[float, float]:
    """Spread of the current over its mean; mean of its last quarter over its mean, less 1."""
    late = times[0] + 0.75 * (times[-1] - times[0])
    square = charge = span = 0.0
    for k in range(1, len(times)):
        step = times[k] - times[k - 1]
        square += (amps[k] - mean) ** 2 * step
        if times[k] > late:
            charge += amps[k] * step
            span += step
    if mean <= 0.0 or span <= 0.0:
        return 0.0, 0.0
    spread = (square / (times[-1] - times[0])) ** 0.5 / mean
    return min(spread, 3.0), max(-1.0, min(charge / span / mean - 1.0, 2.0))


def _percentile(times: Sequence[float], amps: Sequence[float], part: float) -> float:
    """The current that is not exceeded for `part` of the time, A."""
    spans = sorted((amps[k], times[k] - times[k - 1]) for k in range(1, len(times)))
    left = part * (times[-1] - times[0])
    for current, span in spans:
        left -= span
        if left <= 0.0:
            return current
    return spans[-1][0]


def _is_constant_power(volts: Sequence[float], amps: Sequence[float]) -> bool:
    """Whether the current rises as the voltage falls: slope of ln I over ln V nearer -1 than 0.

    From the medians of the first and last quarter; the voltage must have moved by 1 % for the
    currents to tell (a current chip's count is 5 mA).
    """
    quarter = len(volts) // 4
    if quarter < 3:
        return False
    early_v, late_v = median(volts[:quarter]), median(volts[-quarter:])
    early_a, late_a = median(amps[:quarter]), median(amps[-quarter:])
    fall = 1.0 - late_v / early_v
    return early_a > 0.0 and fall > 0.01 and 0.5 < (late_a / early_a - 1.0) / fall < 1.6
