"""Retention: what keeps history.db within its 50 MB for ever.

Events (each class by itself), tests and trends are bounded by number. Curves have what is left:
when the database grows beyond SOFT_BYTES the oldest ones are thinned to a tenth, later the oldest
are dropped. The record of a test is kept when its curve is thinned or dropped.
"""

from __future__ import annotations

import sqlite3

from ..model.events import EventClass
from . import curves, events, tests, trends

SOFT_BYTES = 40_000_000  # in use; above it room is made
HARD_BYTES = 45_000_000  # SQLite itself refuses to grow beyond it
WAL_BYTES = 2_000_000  # what the write-ahead log keeps on disk between checkpoints

_WHOLE = 10  # the newest tests, whose curves are touched last
_STEP = 2_000  # events dropped at a time


def trim(connection: sqlite3.Connection) -> dict[EventClass, int]:
    """Delete what exceeds the numbers kept; returns how many events of which class went. Within a
    transaction."""
    gone = events.trim_events(connection, events.KEEP)
    tests.trim_tests(connection, tests.KEEP)
    trends.trim_trends(connection)
    return gone


def make_space(connection: sqlite3.Connection) -> bool:
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
