"""The writer: the one thread that writes files, so that the owner never waits for a disk."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from time import monotonic, sleep
from typing import NamedTuple

from ..model.discharge import CurveRow, TestRecord
from ..model.errors import BtrmError
from ..model.events import Event, Kind
from ..model.settings import Settings
from .errors import StorageError, refusal
from .events import trimmed
from .history_db import HistoryDb
from .maintenance import Maintenance
from .settings_file import SettingsFile
from .state import encode_state
from .trends import RollUp, encode_means
from .write_budget import WriteBudget
from .write_queue import Batch, OnDone

log = logging.getLogger(__name__)

AFTER_ERROR_S = 1.0

Publish = Callable[[Sequence[Event]], None]


class Job(NamedTuple):
    """Something to do on the writer's thread, and whom to tell."""

    run: Callable[[], object]
    on_done: OnDone | None


class Writer:
    """commit, trend, save_settings and run are for the owner and return at once.

    `on_done(None)` is called on the writer's thread when it is durable, `on_done(error)` when the
    disk refused (the history is kept in memory then and tried again; a file stays as it was).
    Events are published once they are durable, or when the disk refuses or has to be spared:
    an alarm always goes out. `recover()` of the history comes before the first commit.
    """

    def __init__(
        self,
        history: HistoryDb,
        publish: Publish,
        settings_file: SettingsFile | None = None,
        last_event: int = 0,
        refusal: str = "",
    ) -> None:
        """`refusal`: why the history could not be opened; it counts until something is written."""
        self._history = history
        self._database = history.database
        self._pending = history.pending
        self._publish = publish
        self._settings_file = settings_file
        self._last_event = last_event
        self._wake = threading.Condition(self._pending.lock)
        self._jobs: deque[Job] = deque()
        self._flushes: list[threading.Event] = []
        self._finished: set[int] = set()  # tests whose last rows wait here
        self._reported: deque[tuple[int, Callable[[], None]]] = deque()  # who waits for which event
        self._roll_up = RollUp()
        self._is_loaded = False
        self._write_budget = WriteBudget(monotonic())
        self._maintenance = Maintenance(self._database, self._pending)
        self._faults = len(self._database.faults)
        self._refusal = refusal
        self._stored_state: str | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._loop, name="writer", daemon=True)

    # --- the owner's side ----------------------------------------------------------------------

    def start(self) -> None:
        """Begin writing; what was committed before waits until then."""
        self._thread.start()

    @property
    def fault(self) -> str:
        """One sentence while the disk refuses, else ""."""
        return self._refusal

    @property
    def last_event(self) -> int:
        """The highest event number given out."""
        return self._last_event

    def take_losses(self) -> tuple[int, str]:
        """How much found no room since the last call, and a sentence on it; (0, "") for nothing,
        and while the disk refuses, so that it is told once."""
        losses = self._pending.losses
        if not losses or self._refusal:  # without the lock: asked in every tick
            return 0, ""
        with self._wake:
            number = losses.number
            return number, losses.take()

    def commit(
        self,
        events: Sequence[Event] = (),
        test: TestRecord | None = None,
        curve: tuple[int, Sequence[CurveRow]] | None = None,
        state: Mapping[str, object] | None = None,
        finish: bool = False,
        clear_tests: int | None = None,
        on_done: OnDone | None = None,
        on_stored: Callable[[], None] | None = None,
    ) -> tuple[Event, ...]:
        """Store all of this in one transaction, together with whatever else waits.

        Events with n = 0 get their number here; the numbered events are returned. `test`: written
        at once, as is everything with `on_done`; `finish` True: its curve is complete. `curve`:
        (number of the test, rows), may be held up to a minute. `clear_tests`: a data reset, tests
        up to this number are no longer listed. `on_stored()` is called on the writer's thread, once
        these `events` are published: whoever is answered then finds them after a power cut, unless
        the disk refuses or has to be spared. Raises TypeError or ValueError when `state` is no
        JSON, before anything is taken over.
        """
        text = encode_state(state) if state is not None else None
        now = monotonic()
        if self._is_closing and on_done is not None:
            _tell(on_done, BtrmError("The daemon is stopping; nothing more is recorded."))
            on_done = None
        with self._wake:
            numbered = tuple(map(self._number, events))
            pending = self._pending
            if numbered:
                has_alarm = any(e.kind in (Kind.RAISE, Kind.CLEAR) for e in numbered)
                pending.add_events(numbered, has_alarm, now)
                if on_stored is not None:
                    self._reported.append((numbered[-1].n, on_stored))
            if test is not None:
                pending.add_test(test)
            if curve is not None:
                pending.add_rows(curve[0], curve[1], now)
            if text is not None and text != (pending.state or self._stored_state):
                pending.add_state(text, now)
            if clear_tests is not None:
                pending.add_clear(clear_tests)
            if finish and test is not None:
                self._finished.add(test.n)
            if on_done is not None:
                pending.waiters.append(on_done)
            self._wake.notify_all()
        return numbered

    def together(self) -> AbstractContextManager[object]:
        """`with writer.together():` several commits go to disk in one transaction."""
        return self._wake

    def trend(self, minute: int, values: Mapping[str, float | None]) -> None:
        """A minute's means by point key; `minute`: wall time of its start, s."""
        row = encode_means(values)
        with self._wake:
            self._pending.add_minute(minute, row)
            self._wake.notify_all()

    def save_settings(self, settings: Settings, on_done: OnDone | None = None) -> None:
        """Write settings.json atomically."""
        file = self._settings_file
        if file is None:
            raise ValueError("the writer was made without a settings file")
        self.run(lambda: file.save(settings), on_done)

    def run(self, job: Callable[[], object], on_done: OnDone | None = None) -> None:
        """Run `job` on the writer's thread, in the order of the calls."""
        with self._wake:
            self._jobs.append(Job(job, on_done))
            self._wake.notify_all()

    def flush(self, timeout: float = 10.0) -> bool:
        """Write everything that waits; True when all of it is durable within `timeout` s."""
        done = threading.Event()
        with self._wake:
            self._flushes.append(done)
            self._wake.notify_all()
        finished = done.wait(timeout)
        with self._wake:
            return finished and not self._pending

    def close(self, timeout: float = 10.0) -> bool:
        """Write what waits and end the thread; True when all of it is durable."""
        with self._wake:
            self._is_closing = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)
        with self._wake:
            return not self._thread.is_alive() and not self._pending

    # --- the writer's side ---------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            try:
                if self._turn():
                    return
            except Exception:
                # The edge: whatever it was, what comes after it must still be written.
                log.exception("the writer met an error of its own")
                if self._is_closing:
                    return
                sleep(AFTER_ERROR_S)

    def _turn(self) -> bool:
        """Wait until there is something to do, then do it. True once all is done for good."""
        with self._wake:
            self._wake.wait_for(self._has_work, self._idle_s())
            is_closing = self._is_closing
            flushes = tuple(self._flushes)
            is_due = self._write_budget.due(self._pending, monotonic()) <= monotonic()
        if is_due or flushes or is_closing:
            self._write(is_closing)
        self._publish_waiting()
        with self._wake:
            jobs = tuple(self._jobs)
            self._jobs.clear()
        for job in jobs:
            self._do(job)
        with self._wake:
            del self._flushes[: len(flushes)]
            is_over = is_closing and not self._jobs and not self._flushes
        for flush in flushes:
            flush.set()
        if is_closing:
            return is_over
        if not self._write_budget.is_refused:
            self._maintenance.run()
        self._repeat_state()
        return False

    def _has_work(self) -> bool:
        return bool(
            self._is_closing
            or self._jobs
            or self._flushes
            or self._pending.unpublished
            or self._write_budget.due(self._pending, monotonic()) <= monotonic()
        )

    def _idle_s(self) -> float | None:
        """How long nothing will be due; None = until somebody calls."""
        now = monotonic()
        due = self._write_budget.due(self._pending, now)
        if self._maintenance.check_at is not None:
            due = min(due, self._maintenance.check_at)
        return None if due == float("inf") else max(0.0, due - now)

    def _write(self, is_last: bool) -> None:
        """One transaction with everything that waits."""
        with self._wake:
            work = self._pending.take()
            unpublished = len(self._pending.unpublished)
        if not work and not (is_last and self._is_loaded):
            return
        error: BtrmError | None = None
        try:
            try:
                self._store(work, is_last)
            except StorageError:
                if len(self._database.faults) == self._faults:
                    raise
                self._is_loaded = False  # damage was found and put aside: once more, into a new one
                self._store(work, is_last)
        except StorageError as refused:
            error = refused
            self._write_budget.refused(monotonic())
            self._pending.is_refused = True
            if self._refusal != str(refused):
                log.error("%s What waits is kept in memory.", refused)
            self._refusal = str(refused)
            with suppress(StorageError):  # it may be our own limit that is reached
                self._maintenance.make_space()
        except Exception:
            # A programming error must not be repeated for ever, nor stop what comes after it.
            log.exception("the history could not take a record")
            error = BtrmError("The history could not take a record; see the log.")
            self._forget(work)
        else:
            self._write_budget.wrote(len(work.events), monotonic())
            self._roll_up.settle(work.minutes)
            if self._refusal:
                log.warning("%s is written again", self._database.path)
            self._refusal = ""
            self._pending.is_refused = False
            self._forget(work)
            self._publish_now(unpublished)
            for n in self._finished & {record.n for record in work.tests}:
                self._finished.discard(n)
                self._maintenance.finish(n)
        for waiter in work.waiters:
            _tell(waiter, error)

    def _store(self, work: Batch, is_last: bool) -> None:
        if work.events or work.tests:
            # Numbers are noted before they are used; a full disk takes this write in place.
            test = max((record.n for record in work.tests), default=0)
            event = max((e.n for e in work.events), default=0)
            with suppress(OSError):
                self._history.marks.reserve(event, test, self._history.marks.mark.is_ahead)
        with self._database.transaction(work.is_durable) as connection:
            if not self._is_loaded:
                self._roll_up.load(connection)
                self._is_loaded = True
            work.store(connection)
            if work.minutes or is_last:
                self._roll_up.store(connection, work.minutes, is_last)
        if work.state is not None:
            self._stored_state = work.state
        self._maintenance.stored(work)

    def _repeat_state(self) -> None:
        """A new database, begun because the old one was damaged, must know the state too."""
        if len(self._database.faults) != self._faults:
            self._faults = len(self._database.faults)
            self._is_loaded = False
            with self._wake:
                if self._stored_state is not None and self._pending.state is None:
                    self._pending.add_state(self._stored_state, monotonic())

    def _forget(self, work: Batch) -> None:
        with self._wake:
            self._pending.remove(work, monotonic())
            is_empty = not self._pending.events
        if is_empty and self._history.marks.mark.is_ahead:
            with suppress(OSError):
                self._history.marks.reserve(0, 0, ahead=False)

    def _publish_now(self, count: int) -> None:
        """Publish the oldest `count` events that nobody has heard of."""
        with self._wake:
            ready = self._pending.unpublished[:count]
            del self._pending.unpublished[:count]
        self._hand_out(ready)

    def _publish_waiting(self) -> None:
        """Events that are not stored yet go out all the same, their numbers noted first."""
        with self._wake:
            if not self._pending.unpublished:
                return
            now = monotonic()
            if (
                not self._write_budget.is_refused
                and self._write_budget.due(self._pending, now) <= now
            ):
                return  # came in a moment ago, will be stored at once
            ready = self._pending.take_unpublished()
        with suppress(OSError):
            self._history.marks.reserve(ready[-1].n, 0, ahead=True)
        self._hand_out(ready)

    def _hand_out(self, ready: Sequence[Event]) -> None:
        if ready:
            try:
                self._publish(ready)
            except Exception:
                log.exception("events could not be published")
            while self._reported and self._reported[0][0] <= ready[-1].n:
                _, on_stored = self._reported.popleft()
                try:
                    on_stored()
                except Exception:
                    log.exception("an answer of the writer could not be delivered")

    def _do(self, job: Job) -> None:
        error: BtrmError | None = None
        try:
            job.run()
        except BtrmError as refused:
            error = refused
        except OSError as refused:
            error = refusal(refused.filename or "a file", refused)
        except Exception:
            log.exception("a job of the writer failed")
            error = BtrmError("A file could not be written; see the log.")
        if error is not None:
            log.error("%s", error)
        if job.on_done is not None:
            _tell(job.on_done, error)

    def _number(self, event: Event) -> Event:
        if event.n == 0:
            event = event._replace(n=self._last_event + 1)
        self._last_event = max(self._last_event, event.n)
        return trimmed(event)


def _tell(waiter: OnDone, error: BtrmError | None) -> None:
    try:
        waiter(error)
    except Exception:
        log.exception("an answer of the writer could not be delivered")
