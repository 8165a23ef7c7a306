"""Lateness: how far behind its time each tick began, for the metrics and the bench."""

from __future__ import annotations

from collections import deque

KEPT = 6000  # ten minutes of ticks


class Lateness:
    """The last ten minutes of ticks, in s."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=KEPT)

    def add(self, seconds: float) -> None:
        self._late.append(max(seconds, 0.0))

    def gauges(self) -> dict[str, float]:
        """99.9th percentile and maximum in s."""
        late = sorted(self._late)
        if not late:
            return {}
        return {
            "tick_lateness_p999_seconds": late[min(len(late) - 1, int(0.999 * len(late)))],
            "tick_lateness_max_seconds": late[-1],
        }
