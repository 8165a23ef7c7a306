"""Unfed: how long the load bus was too low, and whether something could have fed it meanwhile.

The daemon may keep the battery off the load by its LVD; that is no excuse where the battery's true
voltage does not justify it.
"""

from __future__ import annotations

from math import inf

DROPPED_V = 10.0  # LOAD+ per block; below it the load counts as not fed
LVD_OPEN_V = 10.5  # per block
LVD_CLOSE_V = {1: 12.5, 2: 24.5, 3: 36.75, 4: 49.0}  # bank, by blocks
LVD_S = 60.0
STEPS = 2
GRACE_S = 3.0  # the daemon's scan, its own 60 s, and the relay


class Unfed:
    """Cumulative seconds. `lvd_is_open` and `is_permitted` are the daemon's word."""

    __slots__ = (
        "_allowed_steps", "_closed_steps", "_good_since", "_was_low", "dead_s", "dropped_s",
        "is_permitted", "lvd_is_open", "slack_v",
    )  # fmt: skip

    def __init__(self) -> None:
        self.dropped_s = 0.0
        self.dead_s = 0.0
        self.is_permitted = (
            True  # UPS mode is on, or a test or what follows from it has the battery
        )
        self.lvd_is_open = False
        self.slack_v = 0.0  # per block: what the battery's sensor may be off by
        self._was_low = False  # below the opening level, and not well for LVD_S since
        self._good_since = inf
        self._allowed_steps = self._closed_steps = STEPS

    def hear(self, is_permitted: bool, lvd_is_open: bool) -> None:
        """The daemon's word after each of its steps.

        K3 needs its 5 ms: what is allowed from now on can be asked for some steps later.
        """
        self._allowed_steps = self._allowed_steps + 1 if is_permitted else 0
        self._closed_steps = 0 if lvd_is_open else self._closed_steps + 1
        self.is_permitted = self._allowed_steps > STEPS
        self.lvd_is_open = self._closed_steps <= STEPS

    def justify(self, lvd_is_open: bool) -> None:
        """It was low when it was saved; `lvd_is_open`: the last word then, and K3 as it says."""
        self._was_low = True
        self.lvd_is_open = lvd_is_open

    @property
    def is_lvd_justified(self) -> bool:
        """Whether the battery's true voltage gives the LVD reason to be open."""
        return self._was_low

    def look(self, battery_v: float, blocks: int, now: float) -> None:
        """See the battery's true terminal voltage at plant second `now`."""
        slack = self.slack_v * blocks
        if battery_v < LVD_OPEN_V * blocks + slack:
            self._was_low = True
            self._good_since = inf
        elif self._was_low:
            if battery_v <= LVD_CLOSE_V[blocks] + slack:
                self._good_since = inf
            elif self._good_since == inf:
                self._good_since = now
            elif now - self._good_since >= LVD_S + GRACE_S:
                self._was_low = False

    @property
    def may_use_battery(self) -> bool:
        return self.is_permitted and not (self.lvd_is_open and self._was_low)

    def count(self, seconds: float, could: bool) -> None:
        """The bus was too low for `seconds`; `could`: something could have fed it."""
        if could:
            self.dropped_s += seconds
        else:
            self.dead_s += seconds
