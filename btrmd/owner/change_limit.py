"""How often settings may change that protocols change: memory cards live on few writes."""

from __future__ import annotations

from typing import Final

BURST: Final = 10.0  # changes that are stored as they come,
RATE: Final = 1.0  # and how many each second after that,
DAY_BURST: Final = 2000.0  # until so many have come,
DAY_RATE: Final = 0.1  # and then


class ChangeLimit:
    """Two allowances; a change takes one of each. Times are monotonic s."""

    def __init__(self, now: float) -> None:
        self._now = BURST
        self._day = DAY_BURST
        self._at = now

    def is_due(self, now: float) -> bool:
        """May the changes that wait be stored now, all in one?"""
        self._refill(now)
        return self._now >= 1.0 and self._day >= 1.0

    def stored(self, now: float) -> None:
        """Settings were stored because a protocol asked."""
        self._refill(now)
        self._now -= 1.0
        self._day -= 1.0

    def _refill(self, now: float) -> None:
        passed = max(0.0, now - self._at)
        self._at = now
        self._now = min(BURST, self._now + passed * RATE)
        self._day = min(DAY_BURST, self._day + passed * DAY_RATE)
