"""The curve as the estimate sees it: one 12 V block at one current, over the charge removed."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import median
from typing import NamedTuple

from ..model.discharge import CurveRow
from .uneven import follow, uneven

STEP = 0.15  # a load step: the current rises by this part of its mean ...
STEP_A = 0.1  # ... and by this many A (twenty counts of the current chip)
STEP_S = 1200.0  # between rows no further apart than this, s
STEPS = 3  # fewer tell nothing about the resistance
GROWTH_STEPS = 8  # fewer tell nothing about how it grows
OHM_AH = 0.16  # block resistance by rule of thumb: 0.16 Ohm Ah / rated Ah
BURSTS = 1.3  # 98th percentile of the current over its mean, above which the load comes in bursts
NEAR_BURST = 0.8  # of the burst level: such rows show the curve in the bursts without a correction
LEAST_BURST_ROWS = 16
STEADY = 0.06  # spread of the current over its mean, up to which the load is steady
NEAR_LEVEL = 0.15  # rows this near the median of the bursts, or of what is between them ...
REGULAR = 0.85  # ... are so large a part when the bursts are a radio's: all alike
UNEVEN = 0.03  # spread of the current over its mean, from which the load is not constant
SLOW_S = 1500.0  # the battery's slow polarisation follows the load with about this time constant
LASTING_S = 900.0  # a new level of the load is taken to last once it has lasted for so long ...
LASTING_PART = 0.1  # ... and for this part of what was seen
CHANGED = 0.12  # it differs from the level before by this part
LEVEL = 0.06  # rows this near their median, of it, are at one level
LEVEL_SHARE = 0.85  # so many of the rows before the change were at one level
LATELY_S = 120.0  # a change that has lasted for so long only may or may not last
SEEN_ROWS = 2  # a level that so many earlier rows had is none that is new
GUESS_H = 12.0  # rating not known: as if the mean load were this many hours' rate


class Load(NamedTuple):
    """What the current did. `amps` its mean A, `level` the reference A (the burst level when the
    load bursts, else the mean), `spread` its sd over its mean, `drift` how far its last quarter
    lies above the mean (0.1 = 10 %), `last` its last tenth over the mean; `changes_h` steps an
    hour. `ahead` A that is expected from now on: the new level after one lasting change
    (`since` then is the part of the time it has lasted, else 0), otherwise the mean; `lately` A of
    a new level that has not lasted for long enough to be expected, else 0."""

    amps: float
    level: float
    spread: float
    drift: float
    has_bursts: bool
    is_constant_power: bool
    is_regular: bool
    last: float
    changes_h: float
    ahead: float
    since: float
    lately: float = 0.0

    @property
    def kind(self) -> str:
        """How well the load to come is known: "steady", "bursts" (all alike) or "restless"."""
        if self.has_bursts and self.is_regular:
            return "bursts"
        return "steady" if self.spread <= STEADY else "restless"


class Curve(NamedTuple):
    """Charge removed `q` (Ah, rising) and block volts `y` at the reference current, row by row.
    `blocks` 12 V blocks in series, `start_v` block volts of the first row, as measured.

    A load in bursts gives the rows of its bursts only, where they are enough. `idle_q`, `idle_y`:
    the rows between bursts, as measured (empty for a load without). `seen_ah` all the charge
    removed, `resistance` Ohm a block, `is_measured`: from load steps; `growth` ln of the late over
    the early resistance; `size_ah` rated charge or what stands for it, `mean_v` mean block volts.
    """

    q: list[float]
    y: list[float]
    idle_q: list[float]
    idle_y: list[float]
    load: Load
    seen_ah: float
    resistance: float
    is_measured: bool
    growth: float
    size_ah: float
    mean_v: float
    blocks: int
    start_v: float


class ReadRows(NamedTuple):
    """What rows say whatever the rating is: seconds, discharging A, V a block and Ah removed row by
    row; their load; Ohm of its upward steps."""

    times: list[float]
    amps: list[float]
    volts: list[float]
    q: list[float]
    load: Load
    steps: list[float]
    blocks: int


def read_rows(rows: Sequence[CurveRow], blocks: int) -> ReadRows:
    """Discharging `rows` (two or more, rising in time) of `blocks` 12 V blocks."""
    times = [row.time_s for row in rows]
    amps = [-row.battery_a for row in rows]
    volts = [row.battery_v / blocks for row in rows]
    removed = 0.0
    q = [removed]
    for k in range(1, len(rows)):
        removed += max(0.0, amps[k]) * (times[k] - times[k - 1]) / 3600.0
        q.append(removed)
    load = _load(times, amps, volts, q[-1] * 3600.0 / (times[-1] - times[0]))
    return ReadRows(times, amps, volts, q, load, _steps(times, amps, volts, load.amps), blocks)


def refer(rows: Sequence[CurveRow], blocks: int, rated_ah: float | None) -> Curve:
    """The curve of discharging `rows` (two or more, rising in time) of `blocks` 12 V blocks.

    `rated_ah` 20 h charge or None.
    """
    return refer_read(read_rows(rows, blocks), rated_ah)


def refer_read(read: ReadRows, rated_ah: float | None) -> Curve:
    """The same of rows that were read before."""
    times, amps, volts, q, load, steps, blocks = read
    size = rated_ah if rated_ah else max(load.amps, 1e-6) * GUESS_H
    is_measured = len(steps) >= STEPS
    resistance = max(0.0, median(steps)) if is_measured else OHM_AH / size
    growth = 0.0
    if len(steps) >= GROWTH_STEPS:
        half = len(steps) // 2
        early, late = (max(median(part), 1e-5) for part in (steps[:half], steps[-half:]))
        growth = max(-1.0, min(log(late / early), 1.0))
    if load.has_bursts or load.spread < UNEVEN:
        y = [v + resistance * (a - load.level) for v, a in zip(volts, amps, strict=True)]
    else:
        slow = follow(times, amps, SLOW_S)
        fast, lag = uneven(q, volts, amps, slow, load.amps, resistance, is_measured)
        y = [
            v + fast * (a - load.ahead) + lag * (b - load.ahead)
            for v, a, b in zip(volts, amps, slow, strict=True)
        ]
        resistance = fast
    heavy, light = _bursts_apart(amps, q, load)
    return Curve(
        q=[q[k] for k in heavy],
        y=[y[k] for k in heavy],
        idle_q=[q[k] for k in light],
        idle_y=[volts[k] for k in light],
        load=load,
        seen_ah=q[-1],
        resistance=resistance,
        is_measured=is_measured,
        growth=growth,
        size_ah=size,
        mean_v=sum(volts) / len(volts),
        blocks=blocks,
        start_v=volts[0],
    )


def _bursts_apart(
    amps: Sequence[float], q: Sequence[float], load: Load
) -> tuple[Sequence[int], Sequence[int]]:
    """Which rows show the curve, and which the battery between bursts."""
    every = range(len(amps))
    if not load.has_bursts:
        return every, ()
    heavy = [k for k in every if amps[k] >= NEAR_BURST * load.level]
    light = [k for k in every if amps[k] < load.amps]
    if len(heavy) < LEAST_BURST_ROWS or q[heavy[-1]] - q[heavy[0]] < 0.6 * q[-1]:
        return every, light
    return heavy, light


def _load(
    times: Sequence[float], amps: Sequence[float], volts: Sequence[float], mean: float
) -> Load:
    burst = _percentile(times, amps, 0.98)
    # one lasting change of a steady load is no burst, however far it went
    ahead, since, lately = _lasting(times, amps, mean)
    has_bursts = since == 0.0 and burst > BURSTS * mean
    spread, drift = _restless(times, amps, mean)
    power = not has_bursts and _is_constant_power(volts, amps)
    level = burst if has_bursts else mean
    regular = _is_regular(amps, level, mean)
    last, changes = _ending(times, amps, mean)
    return Load(
        mean, level, spread, drift, has_bursts, power, regular, last, changes, ahead, since, lately
    )


def _lasting(
    times: Sequence[float], amps: Sequence[float], mean: float
) -> tuple[float, float, float]:
    """The load to expect and the part of the time it has been so: the level after one lasting
    change of a load that was steady before; else the mean, and 0. Last that level, A, where it is
    new and has not lasted for long, else 0."""
    reach = max(LEVEL * abs(amps[-1]), STEP_A / 2.0)
    first = len(amps) - 1
    while first > 0 and abs(amps[first - 1] - amps[-1]) <= reach:
        first -= 1
    span = times[-1] - times[first]
    if first < 3 or span < LATELY_S:
        return mean, 0.0, 0.0
    level = sum(
        amps[k] * (times[k] - times[k - 1]) for k in range(first + 1, len(amps))
    ) / max(span, 1.0)  # fmt: skip
    before = median(amps[:first])
    near = sum(abs(a - before) <= max(LEVEL * abs(before), STEP_A / 2.0) for a in amps[:first])
    if near < LEVEL_SHARE * first or abs(level - before) < max(CHANGED * abs(before), STEP_A):
        return mean, 0.0, 0.0
    if span >= max(LASTING_S, LASTING_PART * (times[-1] - times[0])):
        return level, span / (times[-1] - times[0]), 0.0
    was_seen = sum(abs(a - level) <= reach for a in amps[:first]) >= SEEN_ROWS
    return mean, 0.0, 0.0 if was_seen or level <= 0.0 else level


def _ending(times: Sequence[float], amps: Sequence[float], mean: float) -> tuple[float, float]:
    """Mean of the last tenth of the time over the mean; how often an hour the load changed."""
    span = times[-1] - times[0]
    late = times[-1] - 0.1 * span
    charge = seconds = 0.0
    changes = 0
    least = max(STEP_A, 0.05 * mean)
    for k in range(1, len(times)):
        if times[k] > late:
            charge += amps[k] * (times[k] - times[k - 1])
            seconds += times[k] - times[k - 1]
        changes += abs(amps[k] - amps[k - 1]) > least
    if mean <= 0.0 or seconds <= 0.0:
        return 1.0, 0.0
    return charge / seconds / mean, changes / max(span, 1.0) * 3600.0


def _is_regular(amps: Sequence[float], level: float, mean: float) -> bool:
    """Whether the current knows two levels only."""
    heavy = [a for a in amps if a >= NEAR_BURST * level]
    light = [a for a in amps if a < mean]
    near = 0
    for some in (heavy, light):
        if some:
            middle = median(some)
            reach = max(NEAR_LEVEL * middle, STEP_A)
            near += sum(abs(a - middle) <= reach for a in some)
    return near >= REGULAR * len(amps)


def _steps(
    times: Sequence[float], amps: Sequence[float], volts: Sequence[float], mean: float
) -> list[float]:
    """Ohm a block of each upward load step, in the order of time."""
    least = max(STEP_A, STEP * mean)
    return [
        (volts[k - 1] - volts[k]) / (amps[k] - amps[k - 1])
        for k in range(1, len(times))
        if amps[k] - amps[k - 1] > least and times[k] - times[k - 1] <= STEP_S
    ]


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
    return float(min(spread, 3.0)), max(-1.0, min(charge / span / mean - 1.0, 2.0))


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
