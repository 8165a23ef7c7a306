"""The knee is seen when it comes, and not before; uneven loads are told apart from the charge."""

from __future__ import annotations

import math
import random

import pytest
from estimate_discharges import shape, steady

from btrmd.estimate.curve import refer
from btrmd.estimate.knee import has_knee
from btrmd.estimate.run_time import estimate
from btrmd.estimate.uneven import follow, solve, uneven
from btrmd.model.discharge import CurveRow

RUN_S = 18_000.0


def weak_cell(until: float) -> list[CurveRow]:
    """A 24 V bank one cell of which is empty at half of the run."""
    return [
        row._replace(battery_v=row.battery_v - min(2.0, 6.0 * max(0.0, row.time_s / RUN_S - 0.5)))
        for row in steady(RUN_S, 3.0, until, blocks=2)
    ]


@pytest.mark.parametrize("until", [0.2, 0.4, 0.5, 0.7])
def test_a_battery_that_falls_evenly_shows_no_knee(until: float) -> None:
    assert not has_knee(refer(steady(RUN_S, 3.0, until), 1, 20.0))


def test_a_cell_that_gives_out_is_seen() -> None:
    assert not has_knee(refer(weak_cell(0.5), 2, 20.0))
    assert has_knee(refer(weak_cell(0.58), 2, 20.0))
    assert estimate(weak_cell(0.58), 2, 20.0).is_knee
    assert not estimate(weak_cell(0.5), 2, 20.0).is_knee


def test_a_heavier_load_is_no_knee() -> None:
    rows = [
        row._replace(battery_a=-4.5, battery_v=row.battery_v - 0.06)
        if row.time_s > 0.35 * RUN_S
        else row
        for row in steady(RUN_S, 3.0, 0.4)
    ]
    assert not has_knee(refer(rows, 1, 20.0))


def test_the_slow_current_follows_the_load() -> None:
    times = [60.0 * k for k in range(101)]
    amps = [1.0] * 51 + [3.0] * 50
    felt = follow(times, amps, 1500.0)
    assert felt[50] == pytest.approx(1.0)
    assert felt[75] == pytest.approx(3.0 - 2.0 * math.exp(-1.0), rel=0.01)


def test_resistances_are_found_under_a_restless_load() -> None:
    noise = random.Random(5)
    times = [60.0 * k for k in range(240)]
    amps = [noise.choice([1.5, 2.5, 4.0]) for _ in range(60) for _ in range(4)]
    slow = follow(times, amps, 1500.0)
    q = [0.0]
    for k in range(1, len(times)):
        q.append(q[-1] + amps[k] / 60.0)
    mean = sum(amps) / len(amps)
    volts = [
        12.6 - 0.08 * charge - 0.03 * (a - mean) - 0.02 * (b - mean) + noise.gauss(0.0, 0.003)
        for charge, a, b in zip(q, amps, slow, strict=True)
    ]
    fast, lag = uneven(q, volts, amps, slow, mean, 0.02, is_measured=False)
    assert fast == pytest.approx(0.03, rel=0.1)
    assert lag == pytest.approx(0.02, rel=0.4)


def test_a_restless_load_hardly_moves_the_curve() -> None:
    """The same battery, loaded in hours of more and less, keeps its slope."""
    even = refer(steady(RUN_S, 3.0, 0.4), 1, 20.0)
    rows = []
    for k in range(241):
        amps = (2.4, 3.6)[k // 60 % 2]
        at = 30.0 * k
        rows.append(CurveRow(at, shape(at / RUN_S) - 0.04 * (amps - 3.0), -amps, 22.0, None))
    restless = refer(rows, 1, 20.0)
    assert restless.load.kind == "restless"
    assert restless.y[-1] == pytest.approx(even.y[-1], abs=0.04)


def test_a_small_system_is_solved() -> None:
    assert solve([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0]) == pytest.approx([1.0 / 11.0, 7.0 / 11.0])
