"""What the tests of the simulator share: letting plant time pass as a live daemon does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from btrmd.hal.sim.plant import Plant

Run = Callable[..., None]


def pass_time(plant: Plant, seconds: float, dt: float = 0.1, beat: bool = True) -> None:
    """`seconds` of plant time in steps of `dt`, with a heartbeat before each one."""
    for _ in range(round(seconds / dt)):
        if beat:
            plant.heartbeat()
        plant.step(dt)


@pytest.fixture
def run() -> Run:
    return pass_time


@pytest.fixture
def plant() -> Plant:
    quiet = Plant()
    quiet.noise = False
    return quiet
