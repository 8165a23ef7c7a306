"""The recorder: the curve of the discharge that is going on, as means over short intervals."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.board import Inputs
from ..model.discharge import CurveRow
from ..model.readings import Measurement

FINE_S, FINE_SPACING_S = 60.0, 1.0
TEST_S, TEST_SPACING_S = 4 * 3600.0, 10.0
LONG_SPACING_S = 60.0


def spacing_s(time_s: float) -> float:
    """Every second in the first minute, every 10 s for 4 h, then every minute."""
    if time_s < FINE_S:
        return FINE_SPACING_S
    return TEST_SPACING_S if time_s < TEST_S else LONG_SPACING_S


class Recorder:
    """One discharge at a time. Times are s of the process clock."""

    def __init__(self) -> None:
        self.n: int | None = None
        self._of: int | None = None
        self._t0 = 0.0
        self._rows: list[CurveRow] = []
        self._stored = 0
        self._last = 0.0
        self._seen = 0.0
        self._sums = [0.0] * 4
        self._counts = [0] * 4
        self._block_sums: list[float] = []
        self._block_counts: list[int] = []

    def start(self, n: int, now: float) -> None:
        """Begin the curve of discharge `n`; its time 0 is `now`."""
        self.n = self._of = n
        self._t0 = now
        self._rows = []
        self._stored = 0
        self._last = 0.0
        self._clear()

    def stop(self) -> None:
        """The discharge is over; its rows stay readable until the next start."""
        if self.n is not None and self._seen > self._last:
            self._close(self._seen)
        self.n = None

    def rows(self) -> Sequence[CurveRow]:
        """All rows so far."""
        return self._rows

    def rows_of(self, n: int) -> Sequence[CurveRow]:
        """All rows so far of discharge `n`; none of one that was recorded before."""
        return self._rows if self._of == n else ()

    @property
    def has_handed_out(self) -> bool:
        """True once `fresh` has given rows of this curve."""
        return self._stored > 0

    def fresh(self) -> list[CurveRow]:
        """The rows since the last call."""
        new = self._rows[self._stored :]
        self._stored = len(self._rows)
        return new

    def add(self, inputs: Inputs, now: float, block_v: Sequence[float | None] = ()) -> None:
        """Take one scan; `block_v` the volts of its blocks, empty without taps."""
        if self.n is None:
            return
        time_s = self._seen = now - self._t0
        self._sum(0, inputs.battery_v)
        self._sum(1, inputs.battery_a)
        self._sum(2, inputs.temperature)
        self._sum(3, inputs.load_a)
        if block_v:
            self._sum_blocks(block_v)
        # the first row stands at the first scan, so that the step at the transfer is seen
        if not self._rows or time_s - self._last >= spacing_s(time_s) - 1e-6:
            self._close(time_s)

    def _sum(self, place: int, measured: Measurement) -> None:
        if measured.good:
            self._sums[place] += measured.value
            self._counts[place] += 1

    def _sum_blocks(self, block_v: Sequence[float | None]) -> None:
        if len(self._block_sums) != len(block_v):
            self._block_sums, self._block_counts = [0.0] * len(block_v), [0] * len(block_v)
        for i, volts in enumerate(block_v):
            if volts is not None:
                self._block_sums[i] += volts
                self._block_counts[i] += 1

    def _close(self, time_s: float) -> None:
        """Make a row of what was summed; nothing without volts and amps."""
        volts, amps, temp, load = (
            total / count if count else None
            for total, count in zip(self._sums, self._counts, strict=True)
        )
        blocks = tuple(
            total / count if count else None
            for total, count in zip(self._block_sums, self._block_counts, strict=True)
        )
        self._last = time_s
        self._clear()
        if volts is not None and amps is not None:
            self._rows.append(CurveRow(round(time_s, 3), volts, amps, temp, load, blocks))

    def _clear(self) -> None:
        self._sums = [0.0] * 4
        self._counts = [0] * 4
        self._block_sums, self._block_counts = [], []
