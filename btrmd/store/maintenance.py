"""Maintenance: what the writer does to the history when nothing else is due."""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic

from . import curves, retention
from .batch import Batch
from .database import Database
from .errors import StorageError
from .write_queue import WORDS, WriteQueue

log = logging.getLogger(__name__)

TRIM_EVENTS = 1_000  # events between two looks at what exceeds the numbers kept
TRIM_MINUTES = 1_440
CHECK_AFTER_S = 20.0  # the whole file is looked through once, after the start has settled


class Maintenance:
    """Packs finished curves, deletes what is beyond the numbers kept, makes room, checks."""

    def __init__(self, database: Database, pending: WriteQueue) -> None:
        """`pending` hears of the events that had to go."""
        self._database = database
        self._pending = pending
        self._finished: deque[int] = deque()
        self._events = 0
        self._minutes = 0
        self.check_at: float | None = monotonic() + CHECK_AFTER_S

    def finish(self, n: int) -> None:
        """The curve of test `n` is complete."""
        self._finished.append(n)

    def stored(self, work: Batch) -> None:
        """Count what has come."""
        self._events += len(work.events)
        self._minutes += len(work.minutes)

    def run(self) -> None:
        """Do what is due. A disk that refuses puts the rest off; never raises."""
        try:
            self._check()
            while self._finished:
                with self._database.transaction(durable=False) as connection:
                    curves.repack(connection, self._finished[0])
                self._finished.popleft()
            if self._events >= TRIM_EVENTS or self._minutes >= TRIM_MINUTES:
                self._events = self._minutes = 0
                with self._database.transaction(durable=False) as connection:
                    gone = retention.trim(connection)
                with self._pending.lock:
                    for kind, number in gone.items():
                        what = f"of the oldest lines of the event log ({WORDS[kind]})"
                        self._pending.losses.add(what, number)
            self.make_space()
        except StorageError as error:
            log.error("%s", error)
        except Exception:
            log.exception("the history could not be tidied")
            self._finished.clear()

    def make_space(self) -> None:
        """Bring the database below its soft limit. Raises StorageError."""
        while retention.used_bytes(self._database.open()) > retention.SOFT_BYTES:
            with self._database.transaction(durable=False) as connection:
                if not retention.make_space(connection):
                    return

    def _check(self) -> None:
        is_due = self.check_at is not None and monotonic() >= self.check_at
        if is_due or self._database.is_suspect:
            self.check_at = None
            self._database.check()
