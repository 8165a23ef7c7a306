"""The end of a discharge: what is left is told by how the last of the curve falls, rather short."""

from __future__ import annotations

from bisect import bisect_right
from math import exp, log
from statistics import median

import pytest
from estimate_discharges import SHAPE

from btrmd.estimate.ending import (
    LAST,
    LIKELY,
    LONG,
    SHORT,
    NearEnd,
    ending_numbers,
    near_end,
    spared,
)
from btrmd.estimate.run_time import estimate
from btrmd.estimate.view import Remaining, view_of
from btrmd.model.discharge import CurveRow

SEEN_S = 9_000.0

# Block volts over the run of a battery that ends sharply, as makers' tables have AGM: 11.1 V a
# block at 0.98 of the run.
SHARP = ((0.0, 12.75), (0.1, 12.55), (0.25, 12.38), (0.5, 12.1), (0.75, 11.78), (0.9, 11.5),
         (0.95, 11.33), (0.98, 11.1), (1.0, 10.85), (1.1, 9.5))  # fmt: skip


def volts(shape: tuple[tuple[float, float], ...], part: float) -> float:
    right = min(len(shape) - 1, max(1, bisect_right(shape, (part, 99.0))))
    (x0, y0), (x1, y1) = shape[right - 1], shape[right]
    return y0 + (y1 - y0) * (part - x0) / (x1 - x0)


def run(
    shape: tuple[tuple[float, float], ...], run_s: float, amps: float
) -> tuple[list[CurveRow], float]:
    """A whole discharge, a row each half minute, and when it reaches 11.0 V."""
    rows = []
    t = 0.0
    while (v := volts(shape, t / run_s)) >= 11.0:
        noise = 0.002 * ((t / 30.0 * 7.0) % 3.0 - 1.0)
        rows.append(CurveRow(t, round(v + noise, 3), -amps, 22.0, None))
        t += 30.0
    return rows, t


def left(centre_s: float, low_s: float, high_s: float) -> Remaining:
    return Remaining(log(centre_s), log(low_s), log(high_s))


def near(soon_s: float, safe_s: float) -> NearEnd:
    return NearEnd(log(soon_s), log(safe_s))


def test_before_the_end_what_is_told_is_the_median() -> None:
    told = left(3_000.0, 1_000.0, 5_000.0)  # three quarters of the run are over
    assert spared(told, near(2_000.0, 500.0), SEEN_S) == told


def test_at_the_end_the_safe_time_is_told() -> None:
    told = spared(left(500.0, 300.0, 700.0), near(400.0, 400.0), SEEN_S)
    assert exp(told.centre) == pytest.approx(400.0)
    assert exp(told.low) == pytest.approx(300.0)
    assert exp(told.high) == pytest.approx(700.0)
    short = spared(left(500.0, 300.0, 700.0), near(400.0, 200.0), SEEN_S)
    assert exp(short.centre) == pytest.approx(200.0)
    assert exp(short.low) == pytest.approx(200.0)  # the interval holds what is told
    sure = left(500.0, 490.0, 510.0)
    assert spared(sure, near(495.0, 550.0), SEEN_S) == sure  # never longer than the median


def test_an_end_that_may_be_near_is_told_short_too() -> None:
    """At 0.88 of the run: the wider the interval, the earlier the end may come."""
    sure, unsure = left(1_200.0, 1_100.0, 1_300.0), left(1_200.0, 300.0, 2_000.0)
    assert spared(sure, near_end(sure), SEEN_S) == sure
    assert exp(spared(unsure, near_end(unsure), SEEN_S).centre) < 400.0


def test_the_safe_time_lies_below_the_low_end_of_banks_learnt_from() -> None:
    soon, safe = near_end(left(500.0, 250.0, 700.0))
    assert exp(soon) == pytest.approx(500.0 * 0.5**LIKELY)
    assert exp(safe) == pytest.approx(500.0 * 0.5**SHORT * LONG)
    assert 200.0 < exp(safe) < 250.0


def test_between_it_moves_from_the_one_to_the_other() -> None:
    parts = []
    for soon_s in (1_600.0, 1_050.0, 950.0, 850.0):
        told = spared(left(2_000.0, 400.0, 4_000.0), near(soon_s, 1_000.0), SEEN_S)
        parts.append(exp(told.centre) / 2_000.0)
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == pytest.approx(1.0)
    assert 0.5 < parts[2] < parts[1] < 1.0
    assert parts[-1] == pytest.approx(0.5)


@pytest.mark.parametrize("until", [0.9, 0.97])
def test_a_straight_fall_is_drawn_on(until: float) -> None:
    rows = [
        CurveRow(30.0 * k, 12.6 - 1.6 * k / 600.0, -3.0, 22.0, None)
        for k in range(int(600 * until) + 1)
    ]
    view = view_of(rows, 1, None, 11.0)
    numbers, drawn_ln = ending_numbers(view)
    assert len(numbers) == len(view.numbers) + 1 + 2 * len(LAST)
    assert exp(drawn_ln) == pytest.approx(18_000.0 - rows[-1].time_s, rel=0.02)


@pytest.mark.parametrize("rated_ah", [20.0, None])
@pytest.mark.parametrize(("run_s", "amps"), [(18_000.0, 3.0), (36_000.0, 1.6)])
@pytest.mark.parametrize(
    ("shape", "middle", "safe_from"),
    [(SHAPE, 0.15, 0.9), (SHARP, 0.25, 0.94)],
    ids=["soft", "sharp"],
)
def test_the_time_that_remains_over_the_last_half_of_an_outage(
    shape: tuple[tuple[float, float], ...], middle: float, safe_from: float, run_s: float,
    amps: float, rated_ah: float | None,
) -> None:  # fmt: skip
    """It came out a third too long, and in the last percents without any relation to the end. A
    sharp end shows later that it is near."""
    rows, end_s = run(shape, run_s, amps)
    even = [0.5 + 0.05 * k for k in range(10)]  # every minute of the last half counts alike
    off, inside = [], 0
    parts = sorted({*even, 0.88, 0.92, 0.94, 0.96, 0.98, 0.99})
    for part in parts:
        seen = [row for row in rows if row.time_s <= part * end_s]
        found = estimate(seen, 1, rated_ah)
        seen_s = seen[-1].time_s
        ratio = (found.ert_s - seen_s) / (end_s - seen_s)
        if part in even:
            off.append(abs(ratio - 1.0))
        assert found.low_s <= found.ert_s <= found.high_s
        inside += found.low_s <= end_s <= found.high_s
        if part >= safe_from:
            assert 0.3 <= ratio <= 1.1
    assert median(off) <= middle
    assert inside >= 0.85 * len(parts)
