"""Pace: as many steps as are owed, none skipped, and the truth about a machine that is too slow."""

from __future__ import annotations

import pytest

from btrmd.owner import sim_speed as pacing
from btrmd.owner.sim_speed import SimSpeed, step_s


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
    sim_speed = SimSpeed(speed)
    steps = 0
    for _ in range(200):  # 20 s
        owed = sim_speed.begin(clock.now)
        sim_speed.made(owed)
        steps += owed
        clock.now += 0.1
    assert steps * sim_speed.step_s == pytest.approx(20.0 * speed, abs=2.0 * sim_speed.step_s)
    assert sim_speed.actual == pytest.approx(speed, rel=0.03)


def test_a_machine_that_is_too_slow_runs_slower_and_says_so(clock: Clock) -> None:
    sim_speed = SimSpeed(600.0)
    made = 0
    for _ in range(100):
        assert sim_speed.begin(clock.now) >= 20
        sim_speed.made(20)  # of the 60 that are owed
        made += 20
        clock.now += 0.1
    assert sim_speed.actual == pytest.approx(200.0, rel=0.03)
    # What could not be done is not kept for later: at most two ticks' worth is owed.
    assert sim_speed.begin(clock.now) == 120
