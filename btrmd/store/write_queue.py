"""The write queue: filled by the owner, emptied batch by batch by the writer, read by everyone."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from ..model.discharge import CurveRow, TestRecord
from ..model.errors import BtrmError
from ..model.events import Event, EventClass
from . import curves, events, tests
from .state import store_state

SOURCES = 4  # told by name; the others together
OTHERS = "other sources"
WORDS = {
    EventClass.ALARMS: "alarms and results",
    EventClass.PEOPLE: "what people did",
    EventClass.ACCESS: "refused logins",
    EventClass.PROTOCOLS: "protocols",
}
MAX_EVENTS = {
    EventClass.ALARMS: 2_000,
    EventClass.PEOPLE: 1_500,
    EventClass.ACCESS: 500,
    EventClass.PROTOCOLS: 1_000,
}  # of each class by itself: no flood pushes out what others did
MAX_ROWS = 60_000  # of all curves: a 16 h test at a row a second
MAX_MINUTES = 2_880
MAX_TESTS = 200

_T = TypeVar("_T")

OnDone = Callable[[BtrmError | None], None]


class Batch(NamedTuple):
    """`state`: the core's state as JSON; `cleared_to`: tests up to it are cleared, 0 = none."""

    events: tuple[Event, ...]
    tests: tuple[TestRecord, ...]
    curves: dict[int, tuple[CurveRow, ...]]
    minutes: dict[int, tuple[int | None, ...]]
    state: str | None
    cleared_to: int
    waiters: tuple[OnDone, ...]

    @property
    def is_durable(self) -> bool:
        """True when the disk must have it before anybody hears of it."""
        return bool(self.events or self.tests or self.state or self.cleared_to or self.curves)

    def __bool__(self) -> bool:
        return self.is_durable or bool(self.minutes or self.waiters)

    def store(self, connection: sqlite3.Connection) -> None:
        """All but the minutes (the roll-up stores those), within a transaction."""
        if self.events:
            events.insert_events(connection, self.events)
        for record in self.tests:
            tests.upsert_test(connection, record)
        for n, rows in self.curves.items():
            curves.append_rows(connection, n, rows)
        if self.state is not None:
            store_state(connection, self.state)
        if self.cleared_to:
            tests.clear_tests(connection, self.cleared_to)


class Losses:
    """Counts; whoever uses it holds a lock of its own."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[EventClass, str]] = Counter()
        self._others: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._lines or self._others)

    @property
    def number(self) -> int:
        """Of everything that was lost since it was told last."""
        return self._lines.total() + self._others.total()

    def add_event(self, event: Event) -> None:
        key = (event.event_class, event.source)
        if key not in self._lines and len(self._lines) >= SOURCES:
            key = (event.event_class, OTHERS)
        self._lines[key] += 1

    def add(self, what: str, number: int) -> None:
        """`what`: "minutes of trends" and the like."""
        self._others[what] += number

    def take(self) -> str:
        """One sentence on all of it, which begins anew; "" when nothing was lost."""
        classes: dict[str, list[str]] = {}
        for (kind, source), number in self._lines.most_common():
            classes.setdefault(WORDS[kind], []).append(f"{number} of {source}")
        parts = [f"{number} {what}" for what, number in self._others.most_common()]
        if classes:
            whose = "; ".join(f"{word}: {', '.join(numbers)}" for word, numbers in classes.items())
            parts.insert(0, f"{self._lines.total()} lines of the event log ({whose})")
        self._lines.clear()
        self._others.clear()
        return f"There was no room for {', '.join(parts)}." if parts else ""


class WriteQueue:
    """Bounded: when the disk refuses for long, the oldest goes and is counted in `losses`.

    Every access holds `lock`. Times are monotonic seconds; None = nothing of the kind waits.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.events: dict[int, Event] = {}
        self._counts: Counter[EventClass] = Counter()
        self.unpublished: list[Event] = []
        self.tests: dict[int, TestRecord] = {}
        self.curves: dict[int, list[CurveRow]] = {}
        self.minutes: dict[int, tuple[int | None, ...]] = {}
        self.state: str | None = None
        self.cleared_to = 0
        self.waiters: list[OnDone] = []
        self.is_urgent = False
        self.events_since: float | None = None  # or state or clearing
        self.has_alarm = False
        self.is_refused = False  # the disk said no: what waits is all there is
        self.curves_since: float | None = None
        self.losses = Losses()

    def add_events(self, events: Sequence[Event], has_alarm: bool, now: float) -> None:
        for event in events:
            self.events[event.n] = event
            kind = event.event_class
            self._counts[kind] += 1
            if self._counts[kind] > MAX_EVENTS[kind]:
                self._lose_oldest(kind)
        self.unpublished.extend(events)
        self.has_alarm = self.has_alarm or has_alarm
        self._noted(now)

    def add_state(self, text: str, now: float) -> None:
        self.state = text
        self._noted(now)

    def add_test(self, record: TestRecord) -> None:
        self.tests[record.n] = record
        self.is_urgent = True
        self._bound(self.tests, MAX_TESTS, "records of tests")

    def add_clear(self, up_to: int) -> None:
        self.cleared_to = max(self.cleared_to, up_to)
        self.is_urgent = True

    def add_rows(self, n: int, rows: Sequence[CurveRow], now: float) -> None:
        if not rows:
            return
        self.curves.setdefault(n, []).extend(rows)
        if self.curves_since is None:
            self.curves_since = now
        excess = self.row_count - MAX_ROWS
        if excess > 0:
            oldest = min(self.curves)
            del self.curves[oldest][:excess]
            self.losses.add("rows of discharge curves", excess)

    def add_minute(self, minute: int, values: tuple[int | None, ...]) -> None:
        self.minutes[minute] = values
        self._bound(self.minutes, MAX_MINUTES, "minutes of trends")

    @property
    def row_count(self) -> int:
        return sum(map(len, self.curves.values()))

    def __bool__(self) -> bool:
        return bool(
            self.events
            or self.tests
            or self.curves
            or self.minutes
            or self.state is not None
            or self.cleared_to
            or self.waiters
        )

    def take(self) -> Batch:
        """Copy what waits; it stays readable here until `remove`. Waiters are handed over."""
        waiters, self.waiters = tuple(self.waiters), []
        self.is_urgent = False
        return Batch(
            tuple(self.events.values()),
            tuple(self.tests.values()),
            {n: tuple(rows) for n, rows in self.curves.items() if rows},
            dict(self.minutes),
            self.state,
            self.cleared_to,
            waiters,
        )

    def remove(self, work: Batch, now: float) -> None:
        """Forget what `work` held, but nothing that came or changed since."""
        for event in work.events:
            if self.events.get(event.n) is event:
                del self.events[event.n]
                self._counts[event.event_class] -= 1
        for record in work.tests:
            if self.tests.get(record.n) is record:
                del self.tests[record.n]
        for n, stored in work.curves.items():
            rows = self.curves.get(n, [])
            del rows[: len(stored)]
            if not rows:
                self.curves.pop(n, None)
        for minute, values in work.minutes.items():
            if self.minutes.get(minute) is values:
                del self.minutes[minute]
        if self.state is work.state:
            self.state = None
        if self.cleared_to == work.cleared_to:
            self.cleared_to = 0
        is_left = bool(self.events) or self.state is not None
        self.events_since = now if is_left else None
        self.has_alarm = self.has_alarm and is_left
        self.curves_since = now if self.curves else None

    def reported_events(self) -> list[Event]:
        """The events that wait and may be seen: those that a crash cannot take back unnoticed."""
        first = self.unpublished[0].n if self.unpublished else None
        return [event for event in self.events.values() if first is None or event.n < first]

    def reported_tests(self) -> dict[int, TestRecord]:
        """The records that may be seen before they are stored: while the disk refuses, all."""
        return dict(self.tests) if self.is_refused else {}

    def take_unpublished(self) -> list[Event]:
        events, self.unpublished = self.unpublished, []
        return events

    def _noted(self, now: float) -> None:
        if self.events_since is None:
            self.events_since = now

    def _lose_oldest(self, kind: EventClass) -> None:
        oldest = next(event for event in self.events.values() if event.event_class is kind)
        del self.events[oldest.n]
        self._counts[kind] -= 1
        self.losses.add_event(oldest)

    def _bound(self, waiting: dict[int, _T], most: int, what: str) -> None:
        while len(waiting) > most:
            del waiting[next(iter(waiting))]
            self.losses.add(what, 1)
