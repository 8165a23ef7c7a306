"""Finished tests and outages: which of them the broker has not been told of yet."""

from __future__ import annotations

import logging
import math
from typing import Final

from ...model.discharge import TestRecord
from ...model.errors import BtrmError
from ...model.history import History
from ..cursor import CursorStore

log = logging.getLogger(__name__)

NAME: Final = "mqtt.test"
FINISHED: Final = "finished"
MOST: Final = 1000


class Finished:
    """One thread's. Records are told by rising number; one that is delayed does not hold up others:
    after a restart those above it may be told again, with the same number."""

    def __init__(self, history: History, store: CursorStore) -> None:
        self._history = history
        self._store = store
        self._reported: set[int] = set()  # above `_n`
        self._waiting: list[TestRecord] = []
        self._has_news = True
        kept = store.load(NAME)
        self._n = 0 if kept is None else kept
        if kept is None:  # MQTT is new, or was off: what has ended is nobody's
            records = self._history.tests(True, MOST)
            self._n = max((one.n for one in records if one.state == FINISHED), default=0)
            self._save()

    def look(self) -> None:
        """An event has come: a test may have ended."""
        self._has_news = True

    def next(self) -> TestRecord | None:
        """The next record to be told; the same one until it is done."""
        if self._has_news:
            self._has_news = False
            records = self._history.tests(True, MOST)
            self._waiting = sorted(
                one for one in records
                if one.n > self._n and one.n not in self._reported and one.state == FINISHED
            )  # fmt: skip
        return self._waiting[0] if self._waiting else None

    def done(self, n: int) -> None:
        """Record `n` has arrived."""
        self._waiting = [one for one in self._waiting if one.n != n]
        self._reported.add(n)
        known = (one.n for one in self._history.tests(True, MOST))
        unreported = min(
            (n for n in known if n > self._n and n not in self._reported), default=math.inf
        )
        reached = max((one for one in self._reported if one < unreported), default=0)
        if reached > self._n:
            self._n = reached
            self._reported = {one for one in self._reported if one > reached}
            self._save()

    def close(self) -> None:
        """Save where it stands."""
        self._save()

    def _save(self) -> None:
        try:
            self._store.save(NAME, self._n)
        except BtrmError as error:
            log.error("How far MQTT's tests have come cannot be saved: %s", error)
