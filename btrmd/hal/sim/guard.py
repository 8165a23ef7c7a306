"""The bus guard: hardware that closes S1 and S2 when the load bus sags, whatever K1 says."""

from __future__ import annotations

from math import inf

TRIP_V = 10.5  # LOAD+, per block
RELEASE_V = 11.5  # SUPPLY+, per block
TRIP_S = 0.00015  # within 1 ms; 25 A take 0.4 V from the 10 mF in this time
RELEASE_S = 10.0


class SimGuard:
    """Needs no Pi. Events are due at plant second `due`."""

    __slots__ = ("_release_v", "active", "due", "is_fitted", "moves", "trip_v")

    def __init__(self, blocks: int) -> None:
        self.active = False
        self.moves = 0  # how often it has closed or let go
        self.is_fitted = True  # a HAT without a guard drops the load until software acts
        self.due = inf
        self.set_up(blocks)

    def set_up(self, blocks: int) -> None:
        """Limits for 1..4 blocks."""
        self.trip_v = TRIP_V * blocks
        self._release_v = RELEASE_V * blocks

    def look(self, load_v: float, supply_v: float, k1_is_on: bool, now: float) -> None:
        """See the bus, SUPPLY+ and K1's coil at plant second `now`."""
        if not self.active:
            if load_v < self.trip_v and self.due == inf and self.is_fitted:
                self.due = now + TRIP_S
        elif k1_is_on or supply_v <= self._release_v:
            self.due = inf
        elif self.due == inf:
            self.due = now + RELEASE_S

    def fire(self, now: float) -> bool:
        """Trip or let go when it is due; whether it did."""
        if now < self.due:
            return False
        self.active = not self.active
        self.moves += 1
        self.due = inf
        return True
