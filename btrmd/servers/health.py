"""Health: is the station well, as /healthz and the judge of an update ask."""

from __future__ import annotations

import threading
import time
from typing import Final

from ..bus import Bus


class LoopHealth:
    """Whether the owner loop ticks: snapshots keep coming, and they say so themselves."""

    FRESH_S: Final = 1.0  # a snapshot that moved so lately need not be waited for again
    PATIENCE_S: Final = 2.5

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._lock = threading.Lock()
        self._seq = -1
        self._moved_at = 0.0  # monotonic s
        self._is_good = False

    def is_ticking(self) -> bool:
        """Waits at most 2.5 s for a snapshot; one caller at a time, others get his last word."""
        if not self._lock.acquire(timeout=self.PATIENCE_S if self._seq < 0 else 0.0):
            return self._is_good
        try:
            snapshot = self._bus.snapshot
            if snapshot.seq == self._seq and time.monotonic() - self._moved_at > self.FRESH_S:
                newer = self._bus.wait_snapshot(snapshot.seq, self.PATIENCE_S)
            elif snapshot.seq == self._seq:
                return self._is_good
            elif self._seq < 0:  # the first question: seen once is not seen moving
                newer = self._bus.wait_snapshot(snapshot.seq, self.PATIENCE_S)
            else:
                newer = snapshot
            self._is_good = newer is not None and newer.is_ticking
            if newer is not None:
                self._seq, self._moved_at = newer.seq, time.monotonic()
            return self._is_good
        finally:
            self._lock.release()
