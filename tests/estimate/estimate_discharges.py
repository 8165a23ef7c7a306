"""Discharges made for the tests: the measured shape of a VRLA block, drawn over a given time."""

from __future__ import annotations

import math
import random
from bisect import bisect_right

from btrmd.model.discharge import CurveRow

# Part of the run and block volts at about C/10, from measured discharges (mean of several makes).
SHAPE = (
    (0.0, 12.78),
    (0.10, 12.55),
    (0.25, 12.38),
    (0.50, 12.05),
    (0.75, 11.69),
    (0.90, 11.38),
    (0.95, 11.23),
    (1.0, 11.0),
    (1.1, 10.5),
)


def shape(part: float) -> float:
    """Block volts when `part` of the run is over."""
    right = min(len(SHAPE) - 1, max(1, bisect_right(SHAPE, (part, 99.0))))
    (x0, y0), (x1, y1) = SHAPE[right - 1], SHAPE[right]
    return y0 + (y1 - y0) * (part - x0) / (x1 - x0)


def steady(
    run_s: float,
    amps: float,
    until: float,
    blocks: int = 1,
    every_s: float = 30.0,
    dip_v: float = 0.15,
) -> list[CurveRow]:
    """Constant current to `until` (part of the run), with coup de fouet, noise and 5 mA counts."""
    noise = random.Random(7)
    rows = []
    count = int(until * run_s / every_s)
    for k in range(count + 1):
        t = k * every_s
        volts = shape(t / run_s) - dip_v * math.exp(-t / 300.0) + noise.gauss(0.0, 0.003)
        amps_now = round((amps + noise.gauss(0.0, 0.005)) / 0.005) * 0.005
        rows.append(CurveRow(t, blocks * round(volts, 3), -amps_now, 22.0, amps_now))
    return rows


def bursts(run_s: float, idle_a: float, burst_a: float, until: float, ohm: float) -> list[CurveRow]:
    """A radio: one minute in five at `burst_a`; the cutoff is reached in a burst."""
    rows = []
    for k in range(int(until * run_s / 10.0) + 1):
        t = 10.0 * k
        amps = burst_a if k % 30 >= 24 else idle_a
        rows.append(CurveRow(t, shape(t / run_s) + ohm * (burst_a - amps), -amps, 22.0, amps))
    return rows
