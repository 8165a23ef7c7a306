"""An allowance of CPU time: what a server's thread may use of one core on the long run."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """Used by one thread. `share` 0..1 of a core; up to `burst_s` s may be used at once."""

    def __init__(
        self, share: float, burst_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._burst_s = burst_s
        self._clock = clock
        self._left_s = burst_s
        self._counted = clock()

    def use(self, seconds: float) -> None:
        """So much CPU time was used."""
        self._left_s = self._refilled() - seconds

    @property
    def is_used_up(self) -> bool:
        """True while a pause is due."""
        self._left_s = self._refilled()
        return self._left_s < 0.0

    def _refilled(self) -> float:
        now = self._clock()
        gained = (now - self._counted) * self._share
        self._counted = now
        return min(self._left_s + gained, self._burst_s)
