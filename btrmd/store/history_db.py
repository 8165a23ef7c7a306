"""The history: events, tests, curves and trends as every thread may read them."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from ..model.discharge import CurveRow, TestRecord
from ..model.errors import DataError
from ..model.events import EVERY_EVENT, Event, EventFilter, Kind
from . import curves, events, state, tests
from .database import Database, is_damage
from .errors import StorageError
from .sequence_numbers import SequenceFile, number_from_time
from .trends import FINEST_S, TREND_KEYS, Trends, select_ranges, select_trends
from .write_queue import WriteQueue

log = logging.getLogger(__name__)

NAME = "history.db"
MARKS = "numbers"

_MOST_EVENTS = 10_000
LARGEST = 2**63  # SQLite's integers end here
_T = TypeVar("_T")


class Recovered(NamedTuple):
    """What a former run left. `unfinished`: the discharge it did not end, with its `curve`.

    `waiting`: what else it left open, newest first (a delayed test). `last_event`, `last_test`:
    the highest numbers ever given out. `faults`: sentences. `refusal`: why the disk gave no
    database; "" = it did. `lost`: what has become of a history that there was, a few words; "" = it
    is there, or there was none.
    """

    unfinished: TestRecord | None = None
    curve: tuple[CurveRow, ...] = ()
    state: dict[str, object] | None = None
    last_event: int = 0
    last_test: int = 0
    faults: tuple[str, ...] = ()
    waiting: tuple[TestRecord, ...] = ()
    refusal: str = ""
    lost: str = ""


class HistoryDb:
    """model.history.History over STATE_DIR/history.db and what the writer has not written yet.

    Reading never waits for the owner or the writer and never raises for a disk that fails: what
    cannot be read is missing, and the fault is shown elsewhere.
    """

    def __init__(self, state_dir: Path) -> None:
        self.database = Database(Path(state_dir) / NAME)
        self.marks = SequenceFile(Path(state_dir) / MARKS)
        self.pending = WriteQueue()

    def recover(self) -> Recovered:
        """Open (or make) the database and tell what was left. Once, before anything is written."""
        path = self.database.path
        had_file = path.exists()
        is_blank = not had_file or (path.is_file() and not path.stat().st_size)
        mark = self.marks.load()
        for _ in range(2):
            try:
                found = self._look()
                break
            except StorageError as error:
                fault = str(error)
            except sqlite3.Error as error:
                fault = f"{self.database.path} cannot be read: {error}."
                if is_damage(error):
                    with suppress(StorageError):
                        self.database.put_aside(str(error))
        else:
            # No database now, perhaps one later: only the marks tell which numbers are free.
            log.error(fault)
            found = Recovered(refusal=fault)
        is_lost = bool(self.database.faults or found.refusal)
        is_empty = found.last_event == found.last_test == 0
        if mark is not None and (is_lost or is_empty or mark.is_ahead):
            found = found._replace(
                last_event=max(found.last_event, mark.events),
                last_test=max(found.last_test, mark.tests),
            )
        elif is_lost and had_file:
            found = found._replace(last_event=number_from_time())
        lost = self.database.lost
        if not lost and is_blank and is_empty and mark is not None and not found.refusal:
            lost = f"{NAME} was {'empty' if had_file else 'missing'}"
        return found._replace(faults=self.database.faults, lost=lost)

    def _look(self) -> Recovered:
        """What the database holds. Raises StorageError or sqlite3.Error."""
        connection = self.database.open()
        left = tests.select_unfinished(connection)
        unfinished = next((r for r in left if r.state != "delayed"), left[0] if left else None)
        curve: tuple[CurveRow, ...] = ()
        if unfinished is not None:
            curve = tuple(self._unpack(curves.select_chunks(connection, unfinished.n)))
        return Recovered(
            unfinished,
            curve,
            state.select_state(connection),
            events.last_event(connection),
            tests.last_test(connection),
            waiting=tuple(record for record in left if record is not unfinished),
        )

    def close(self) -> None:
        """Close all connections; readers may open new ones, nobody should."""
        self.database.close()

    # --- History -------------------------------------------------------------------------------

    def events(self, after: int = 0, limit: int = 1000, key: str | None = None) -> list[Event]:
        """Events with n > `after`, by rising n, at most `limit` (1..10000)."""
        limit = max(1, min(limit, _MOST_EVENTS))
        with self.pending.lock:  # first: what is written meanwhile is found below
            waiting = [
                event
                for event in self.pending.reported_events()
                if event.n > after and key in (None, event.key)
            ]
        found: list[Event] = self._read(lambda c: events.select_events(c, after, limit, key), [])
        if waiting:
            merged = {event.n: event for event in found}
            merged.update((event.n, event) for event in waiting)
            found = [merged[n] for n in sorted(merged)]
        return found[:limit]

    def find_events(
        self,
        before: int = 0,
        limit: int = 100,
        key: str = "",
        kind: Kind | None = None,
        chosen: EventFilter = EVERY_EVENT,
    ) -> list[Event]:
        """Newest first: events with n < `before` (0 = from the newest), at most `limit`.

        `key`: that key, and those below it ("io1" finds "io1.voltage" too); empty = every key.
        `chosen`: by severity and time.
        """
        limit = max(1, min(limit, _MOST_EVENTS))
        with self.pending.lock:
            waiting = [
                event
                for event in self.pending.reported_events()
                if (not before or event.n < before)
                and (not key or event.key == key or event.key.startswith(f"{key}."))
                and kind in (None, event.kind)
                and chosen.fits(event)
            ]
        word = "" if kind is None else kind.value
        found: list[Event] = self._read(
            lambda c: events.find_events(c, before, limit, key, word, chosen), []
        )
        merged = {event.n: event for event in (*found, *waiting)}
        return [merged[n] for n in sorted(merged, reverse=True)][:limit]

    def last_event(self) -> int:
        """The highest event number, 0 when there is none."""
        with self.pending.lock:
            waiting = max((event.n for event in self.pending.reported_events()), default=0)
        return max(waiting, self._read(events.last_event, 0))

    def tests(self, include_cleared: bool = False, limit: int = 1000) -> list[TestRecord]:
        """Newest first; tests cleared by a data reset only with `include_cleared`."""
        limit = max(1, min(limit, tests.KEEP))
        with self.pending.lock:
            waiting = self.pending.reported_tests()
            cleared_to = self.pending.cleared_to
        found: list[TestRecord] = self._read(
            lambda c: tests.select_tests(c, include_cleared, limit), []
        )
        merged = {record.n: record for record in found}
        merged.update(waiting)
        if not include_cleared:
            merged = {
                n: record
                for n, record in merged.items()
                if n > cleared_to or record.state != tests.FINISHED
            }
        return [merged[n] for n in sorted(merged, reverse=True)][:limit]

    def test(self, n: int) -> TestRecord | None:
        """The record of test `n`, cleared or not."""
        if not 0 <= n < LARGEST:
            return None
        with self.pending.lock:
            waiting = self.pending.reported_tests().get(n)
        return waiting or self._read(lambda c: tests.select_test(c, n), None)

    def curve(self, n: int) -> Iterator[CurveRow]:
        """The rows of test `n` by rising time; empty when there is none."""
        if not 0 <= n < LARGEST:
            return iter(())
        with self.pending.lock:
            waiting = tuple(self.pending.curves.get(n, ()))
        chunks: list[tuple[bytes, int]] = self._read(lambda c: curves.select_chunks(c, n), [])
        return _joined(self._unpack(chunks), waiting)

    def trends(
        self, start: float, end: float, keys: Sequence[str] | None = None, limit: int = 2000
    ) -> Trends:
        """Rows between the wall times from the finest tier that fits `limit` rows (1..2000).

        Raises DataError for a key that is not recorded.
        """
        chosen = _recorded(TREND_KEYS if keys is None else keys)
        limit = max(1, min(limit, 2000))
        with self.pending.lock:
            waiting = dict(self.pending.minutes)
        return self._read(
            lambda c: select_trends(c, start, end, chosen, limit, waiting), Trends(chosen, FINEST_S)
        )

    def trend_ranges(
        self, start: float, end: float, keys: Sequence[str], buckets: int = 500
    ) -> Trends:
        """At most `buckets` (1..2000) rows: start of a stretch, its lowest and highest mean a key.

        Raises DataError for a key that is not recorded.
        """
        chosen = _recorded(keys)
        most = max(1, min(buckets, 2000))
        with self.pending.lock:
            waiting = dict(self.pending.minutes)
        return self._read(
            lambda c: select_ranges(c, start, end, chosen, most, waiting), Trends((), FINEST_S)
        )

    # --- inside --------------------------------------------------------------------------------

    def _read(self, query: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """One query on this thread's connection; `otherwise` when the database fails."""
        try:
            return query(self.database.reader())
        except sqlite3.Error as error:
            if is_damage(error):
                self.database.is_suspect = True
            log.debug("history cannot be read: %s", error)
            return otherwise

    def _unpack(self, chunks: Sequence[tuple[bytes, int]]) -> Iterator[CurveRow]:
        """The rows up to the first damaged chunk."""
        try:
            yield from curves.unpack(chunks)
        except ValueError as error:
            self.database.is_suspect = True
            log.warning("history: %s", error)


def _recorded(keys: Sequence[str]) -> tuple[str, ...]:
    """Raises DataError for a key that is not recorded."""
    for key in keys:
        if key not in TREND_KEYS:
            raise DataError(f"points = {key!r} is refused: recorded are {', '.join(TREND_KEYS)}.")
    return tuple(keys)


def _joined(stored: Iterator[CurveRow], waiting: Sequence[CurveRow]) -> Iterator[CurveRow]:
    """Stored rows, then those that waited when asked and were not stored meanwhile."""
    last = float("-inf")
    for row in stored:
        last = row.time_s
        yield row
    for row in waiting:
        # Stored times are whole milliseconds, so compare with half of one to spare.
        if row.time_s > last + 0.0005:
            yield row
