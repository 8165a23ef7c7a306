"""The process clock: the one time that core, delays, schedules and trends go by."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """`now`: s, never going back. `wall`: s since 1970, may jump."""

    def now(self) -> float: ...

    def wall(self) -> float: ...


class RealClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class SimClock:
    """Equal to the wall clock at its making; from then on it goes only when it is pushed."""

    def __init__(self) -> None:
        self._start = time.time()
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._start + self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` (> 0) pass."""
        self._now += seconds
