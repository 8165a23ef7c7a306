"""Retry pauses: how long a server or a notifier waits before it tries again what failed."""

from __future__ import annotations


class RetryPauses:
    """Pauses in s, doubled each time from `first_s` up to `longest_s`."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = self._next_s = first_s
        self._longest_s = max(longest_s, first_s)

    def next(self) -> float:
        """The pause after another failure."""
        pause, self._next_s = self._next_s, min(2.0 * self._next_s, self._longest_s)
        return pause

    def reset(self) -> None:
        """It has worked: the next pause is the first one again."""
        self._next_s = self._first_s
