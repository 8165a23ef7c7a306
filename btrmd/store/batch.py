"""A batch: everything that waits at one moment, stored in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from ..model.discharge import CurveRow, TestRecord
from ..model.errors import BtrmError
from ..model.events import Event
from . import curves, events, tests
from .state import store_state

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
