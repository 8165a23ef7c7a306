"""Flood: what comes and goes too often is told once, with a count, until it has been steady."""

from __future__ import annotations

from typing import NamedTuple

from ..scan.due import NO_TIME

MOST = 6  # pairs of raise and clear an hour
HOUR_S = 3600.0
STEADY_S = 600.0  # quiet for so long, and it is over


class Flood(NamedTuple):
    """`times`: process clock of each coming within the last hour; `quiet_since` while it is held.

    `held`: it has come too often, and is not let go before it has been quiet for STEADY_S;
    `hidden`: how often it has gone and come meanwhile.
    """

    times: tuple[float, ...] = ()
    held: bool = False
    quiet_since: float | None = None
    hidden: int = 0

    def next_due(self, now: float) -> float:
        """Never: what comes is news, and its times are minutes."""
        return NO_TIME

    def come(self, now: float) -> Flood:
        """It came once more, and is told."""
        times = (*(at for at in self.times if now - at < HOUR_S), now)
        return Flood(times, len(times) > MOST)

    def step(self, is_on: bool, now: float) -> tuple[Flood, bool]:
        """(what is remembered, whether it may go now) while it is held; `is_on` in this scan."""
        if not self.held:
            return self, True
        if is_on:
            if self.quiet_since is None:
                return self, False
            return self._replace(quiet_since=None, hidden=self.hidden + 1), False
        if self.quiet_since is None:
            return self._replace(quiet_since=now), False
        return self, now - self.quiet_since >= STEADY_S

    def let_go(self) -> Flood:
        """It is over; what has come within the hour still counts."""
        return Flood(self.times) if self.held else self


NO_FLOOD = Flood()


def chattering(flood: Flood) -> str:
    """One sentence more for the event that is told in place of many."""
    return (
        f"It is chattering: {len(flood.times)} times within an hour; it is told again when it has "
        f"been steady for {STEADY_S / 60.0:.0f} min."
    )
