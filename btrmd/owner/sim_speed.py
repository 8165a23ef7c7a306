"""Simulated speed: how many steps of the process clock each real tick makes."""

from __future__ import annotations

import time

TICK_S = 0.1  # 10 Hz, always real
BUDGET_S = 0.095  # of a tick, for steps; what is left goes to whoever waits


def step_s(speed: float) -> float:
    """Length of a step: 0.1 s up to speed 10, growing to 1 s at 100."""
    return min(1.0, max(TICK_S, speed / 100.0))


class SimSpeed:
    """Owes the simulation `speed` seconds a second. No step is skipped: late is slower."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.step_s = step_s(speed)
        self.actual = speed
        self._owed = 0.0
        self._since = time.monotonic()
        self._made = 0.0

    def begin(self, now: float) -> int:
        """A tick begins at `now` (s, monotonic); returns how many steps it owes.

        They must end BUDGET_S later; what is not made by then is owed to the next tick.
        """
        self._owed = min(self._owed + self.speed * TICK_S, 2.0 * self.speed * TICK_S)
        if now - self._since >= 5.0:
            self.actual = round(self._made / (now - self._since), 2)
            self._since, self._made = now, 0.0
        return int(self._owed / self.step_s + 1e-9)

    def made(self, steps: int) -> None:
        """So many steps were made in this tick."""
        seconds = steps * self.step_s
        self._owed -= seconds
        self._made += seconds
