"""Pace: as many steps as are owed, none skipped, and the truth about a machine that is too slow."""

from __future__ import annotations

import pytest

from btrmd.owner import pace as pacing
from btrmd.owner.pace import Pace, step_s


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("speed", "expected"),
    [(1, 0.1), (2.5, 0.1), (10, 0.1), (30, 0.3), (100, 1.0), (600, 1.0), (3600, 1.0)],
)
def test_steps_grow_from_a_tenth_to_a_whole_second(speed: float, expected: float) -> None:
    assert step_s(speed) == pytest.approx(expected)


@pytest.mark.parametrize("speed", [1.0, 1.5, 3.0, 10.0, 33.0, 600.0, 3600.0])
def test_a_machine_that_keeps_up_makes_every_step(clock: Clock, speed: float) -> None:
    pace = Pace(speed)
    steps = 0
    for _ in range(200):  # 20 s
        owed = pace.begin(clock.now)
        pace.made(owed)
        steps += owed
        clock.now += 0.1
    assert steps * pace.step_s == pytest.approx(20.0 * speed, abs=2.0 * pace.step_s)
    assert pace.actual == pytest.approx(speed, rel=0.03)


def test_a_machine_that_is_too_slow_runs_slower_and_says_so(clock: Clock) -> None:
    pace = Pace(600.0)
    made = 0
    for _ in range(100):
        assert pace.begin(clock.now) >= 20
        pace.made(20)  # of the 60 that are owed
        made += 20
        clock.now += 0.1
    assert pace.actual == pytest.approx(200.0, rel=0.03)
    # What could not be done is not kept for later: at most two ticks' worth is owed.
    assert pace.begin(clock.now) == 120
