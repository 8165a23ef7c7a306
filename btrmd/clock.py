"""The process clock: the one time that core, delays, schedules and trends go by."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, Protocol

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")  # random(4): new at each boot


class Clock(Protocol):
    """`now`: s, never going back. `wall`: s since 1970, may jump. `boot_id`: what has the same is
    the same clock, in another process too; "" = it ends with the process."""

    boot_id: str

    def now(self) -> float: ...

    def wall(self) -> float: ...


class RealClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        try:
            self.boot_id = BOOT_ID.read_text().strip()
        except OSError:
            self.boot_id = ""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class SimClock:
    """Equal to the wall clock at its making; from then on it goes only when it is pushed."""

    boot_id = ""

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
