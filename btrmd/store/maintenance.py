"""Maintenance: what the writer does to the history when nothing else is due.

It keeps history.db within its 50 MB for ever. Events (each class by itself), tests and trends are
bounded by number. Curves have what is left: when the database grows beyond SOFT_BYTES the oldest
ones are thinned to a tenth, later the oldest are dropped. The record of a test is kept when its
curve is thinned or dropped.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from time import monotonic

from ..model.events import EventClass
from . import curves, events, tests, trends
from .database import Database
from .errors import StorageError
from .write_queue import WORDS, Batch, WriteQueue

log = logging.getLogger(__name__)

TRIM_EVENTS = 1_000  # events between two looks at what exceeds the numbers kept
TRIM_MINUTES = 1_440
SOFT_BYTES = 40_000_000  # in use; above it room is made (HARD_BYTES: the database's own limit)
CHECK_AFTER_S = 20.0  # the whole file is looked through once, after the start has settled

_WHOLE = 10  # the newest tests, whose curves are touched last
_STEP = 2_000  # events dropped at a time


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
                    gone = trim(connection)
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
        while used_bytes(self._database.open()) > SOFT_BYTES:
            with self._database.transaction(durable=False) as connection:
                if not drop_least(connection):
                    return

    def _check(self) -> None:
        is_due = self.check_at is not None and monotonic() >= self.check_at
        if is_due or self._database.is_suspect:
            self.check_at = None
            self._database.check()


def trim(connection: sqlite3.Connection) -> dict[EventClass, int]:
    """Delete what exceeds the numbers kept; returns how many events of which class went. Within a
    transaction."""
    gone = events.trim_events(connection, events.KEEP)
    tests.trim_tests(connection, tests.KEEP)
    trends.trim_trends(connection)
    return gone


def drop_least(connection: sqlite3.Connection) -> bool:
    """One step: the least valuable thing goes. False when nothing is left that may go."""
    newest = tests.last_test(connection)
    old = newest - _WHOLE + 1
    everything = newest + 1
    if _thin(connection, old) or _drop_events(connection) or _drop_curve(connection, old):
        return True
    return (
        _thin(connection, newest)
        or _drop_curve(connection, newest)
        or _drop_curve(connection, everything)
    )


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the database that hold something; freed pages are used again before it grows."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _thin(connection: sqlite3.Connection, before: int) -> bool:
    n = curves.oldest_curve(connection, 0, before)
    if n is None:
        return False
    curves.repack(connection, n, thin=True)
    return True


def _drop_curve(connection: sqlite3.Connection, before: int) -> bool:
    n = curves.oldest_curve(connection, None, before)
    if n is None:
        return False
    curves.delete_curve(connection, n)
    return True


def _drop_events(connection: sqlite3.Connection) -> bool:
    count = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    keep = max(events.FLOOR, count - _STEP)
    return count > keep and bool(events.trim_events(connection, keep))
