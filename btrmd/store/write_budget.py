"""The budget of writing: at once while that is rare, seldom when it is not, later after a refusal.

A memory card lives on few writes: at most 10 MB a day (DESIGN section 9). What decides about
anybody's safety or answer (a result, a test's start, a command that waits) is never put off.
"""

from __future__ import annotations

import math

from ..retry import RetryPauses
from .write_queue import WriteQueue

BURST_BYTES = 2_000_000
REFILL_BYTES_S = 4_000_000 / 86_400  # trends and curves share the rest of the 10 MB a day
COMMIT_BYTES = 24_000  # log and file together, measured; plus
EVENT_BYTES = 300

ALARM_HOLD_S = 60.0  # longest wait of a raised or cleared alarm when the allowance is used up
EVENT_HOLD_S = 600.0  # of a change or command
ROWS = 60  # curve rows that make a chunk worth writing
ROWS_HOLD_S = 60.0
MINUTES = 10  # minute rows written together
MINUTES_SPACING_S = 10.0  # when a simulation makes minutes fly

RETRY_FIRST_S = 1.0
RETRY_LAST_S = 60.0


class WriteBudget:
    """Pure arithmetic on monotonic seconds; the writer asks when the next write is due."""

    def __init__(self, now: float) -> None:
        self._allowance = float(BURST_BYTES)
        self._counted_at = now
        self._written_at = now
        self._is_refused = False
        self._pauses = RetryPauses(RETRY_FIRST_S, RETRY_LAST_S)
        self._retry_at = -math.inf

    @property
    def is_refused(self) -> bool:
        """True while the last attempt failed."""
        return self._is_refused

    def due(self, pending: WriteQueue, now: float) -> float:
        """When to write; math.inf when nothing waits."""
        if not pending:
            return math.inf
        due = math.inf
        if pending.is_urgent or pending.waiters:
            due = now
        elif pending.events_since is not None:
            hold = ALARM_HOLD_S if pending.has_alarm else EVENT_HOLD_S
            due = pending.events_since + (0.0 if self._has_allowance(now) else hold)
        if pending.curves_since is not None:
            is_full = pending.row_count >= ROWS
            spaced = self._written_at + 1.0  # a fast simulation fills chunks in no time
            due = min(due, spaced if is_full else pending.curves_since + ROWS_HOLD_S)
        if len(pending.minutes) >= MINUTES:
            due = min(due, self._written_at + MINUTES_SPACING_S)
        if self._is_refused:
            # Somebody who waits is worth an attempt of its own, but no storm of them.
            due = self._retry_at
            if pending.waiters or pending.is_urgent:
                due = min(due, self._written_at + RETRY_FIRST_S)
        return due

    def wrote(self, events: int, now: float) -> None:
        """A transaction is done."""
        self._refill(now)
        self._allowance -= COMMIT_BYTES + EVENT_BYTES * events
        self._written_at = now
        self._is_refused = False
        self._pauses.reset()

    def refused(self, now: float) -> None:
        """A transaction failed: wait 1, 2, 4 ... 60 s."""
        self._is_refused = True
        self._written_at = now
        self._retry_at = now + self._pauses.next()

    def _has_allowance(self, now: float) -> bool:
        self._refill(now)
        return self._allowance > 0.0

    def _refill(self, now: float) -> None:
        gained = (now - self._counted_at) * REFILL_BYTES_S
        # Below zero no further than a day's refill, so that one bad day is forgiven the next.
        self._allowance = max(-4_000_000.0, min(BURST_BYTES, self._allowance + gained))
        self._counted_at = now
