"""The load of the plant: constant amps or a repeating profile, with under-voltage lock-out."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import inf
from pathlib import Path

from ...model.errors import DataError
from .lockout import Lockout
from .table import read_table

DEFAULT_A = 2.0
HIGHEST_A = 25.0
OFF_V, ON_V = 9.0, 10.2  # per block
INRUSH_S = 0.020  # how long it takes more at a transfer


@dataclass(frozen=True, slots=True)
class Profile:
    """Amps over time: each row holds until the next; the last row's time ends the cycle."""

    path: str
    times: tuple[float, ...]
    amps: tuple[float, ...]

    @property
    def period_s(self) -> float:
        """Length of one cycle; infinite for a single row."""
        return self.times[-1] if len(self.times) > 1 else inf

    def at(self, since_s: float) -> tuple[float, float]:
        """(amps, seconds until they may change) `since_s` after its start."""
        period = self.period_s
        if period == inf:
            return self.amps[0], inf
        phase = since_s % period
        row = bisect_right(self.times, phase) - 1
        if row >= len(self.times) - 1:  # a rounding of the modulo
            row, phase = 0, 0.0
        return self.amps[row], self.times[row + 1] - phase

    def mean_and_peak(self) -> tuple[float, float]:
        """Mean over a cycle and the highest amps in it."""
        if self.period_s == inf:
            return self.amps[0], self.amps[0]
        spans = zip(self.amps, self.times, self.times[1:], strict=False)
        charge = sum(amps * (stop - start) for amps, start, stop in spans)
        return charge / self.period_s, max(self.amps[:-1])


def read_profile(path: Path) -> Profile:
    """Read a load profile: CSV with header time_s,amps, times from 0 rising, 0..25 A.

    Raises DataError naming the file, the line and what was expected.
    """
    rows = read_table(path, ("time_s", "amps"), ())
    for line, (_, amps) in rows:
        if not 0.0 <= amps <= HIGHEST_A:
            raise DataError(f"{path}, line {line}: amps {amps:g}: expected 0..{HIGHEST_A:g} A.")
    first_line, (first, _) = rows[0]
    if first != 0.0:
        raise DataError(f"{path}, line {first_line}: time_s {first:g}: expected the first to be 0.")
    return Profile(str(path), tuple(row[0] for _, row in rows), tuple(row[1] for _, row in rows))


class SimLoad:
    """`amps` is what it takes now while its lock-out lets it.

    `inrush`: times that for 20 ms when the bus goes from one source to another.
    """

    __slots__ = ("_started", "_step_due", "_surge_until", "amps", "due", "inrush", "lockout",
                 "profile")  # fmt: skip

    def __init__(self, blocks: int) -> None:
        self.amps = DEFAULT_A
        self.profile: Profile | None = None
        self.lockout = Lockout(OFF_V * blocks, ON_V * blocks)
        self.inrush = 1.0
        self.due = inf  # plant second of the next change
        self._step_due = inf  # of the profile's
        self._surge_until = -inf
        self._started = 0.0

    def set_up(self, blocks: int) -> None:
        """A load made for 1..4 blocks."""
        self.lockout.set_up(OFF_V * blocks, ON_V * blocks)

    def hold(self, amps: float) -> None:
        """Constant `amps` from now on."""
        self.profile = None
        self.amps = amps
        self._step_due = inf
        self._plan()

    def play(self, profile: Profile, now: float) -> None:
        """Repeat `profile` from plant second `now` on."""
        self.profile = profile
        self._started = now
        self.follow(now)

    @property
    def started(self) -> float:
        """Plant second at which the profile began."""
        return self._started

    @property
    def surge(self) -> float:
        """Times `amps` that it takes now."""
        return self.inrush if self._surge_until > -inf else 1.0

    def transferred(self, now: float) -> None:
        """The bus went from one source to another."""
        if self.inrush > 1.0:
            self._surge_until = now + INRUSH_S
            self._plan()

    def _plan(self) -> None:
        self.due = self._step_due
        if -inf < self._surge_until < self.due:
            self.due = self._surge_until

    def follow(self, now: float) -> None:
        """Take the amps that belong to plant second `now`."""
        if now >= self._surge_until > -inf:
            self._surge_until = -inf
            self._plan()
        if self.profile is not None:
            # Half a microsecond on: a change that is due now must not be found just ahead.
            self.amps, left = self.profile.at(now - self._started + 5e-7)
            self._step_due = now + max(left, 1e-6)
            self._plan()
