"""An under-voltage lock-out: off below one limit, on again above another after a pause."""

from __future__ import annotations

from math import inf

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 600.0
QUIET_S = 60.0  # on for this long: the next pause is the first again


class Lockout:
    """Used for the load and for the HAT's own converter.

    The pause doubles while it trips again soon after: an exhausted battery that recovers without
    load must not make it chatter.
    """

    __slots__ = ("_on_since", "_pause_s", "due", "high", "is_on", "low")

    def __init__(self, low: float, high: float) -> None:
        """Off below `low` V, on again above `high` V."""
        self.low = low
        self.high = high
        self.is_on = True
        self.due = inf  # plant second at which a pause ends
        self._pause_s = FIRST_PAUSE_S
        self._on_since = -inf

    def set_up(self, low: float, high: float) -> None:
        """Other limits, V."""
        self.low = low
        self.high = high

    def follow(self, volts: float, now: float) -> bool:
        """See `volts` at plant second `now`; whether it has just switched."""
        if self.is_on:
            if volts >= self.low:
                return False
            self.is_on = False
            if now - self._on_since > QUIET_S:
                self._pause_s = FIRST_PAUSE_S
            else:
                self._pause_s = min(2.0 * self._pause_s, LONGEST_PAUSE_S)
            self.due = now + self._pause_s
            return True
        if now < self.due < inf:
            return False
        self.due = inf  # the pause is over: from here on every look counts
        if volts <= self.high:
            return False
        self.is_on = True
        self._on_since = now
        return True
