"""The cursor: how far one consumer has come in the numbered event log, kept over restarts.

Each consumer (a trap receiver, mail, syslog) has one of its own. It reads `fetch`, tells, and says
`done` for each event in turn. What was told is durable before the next event is told, so a kill
between telling and saving repeats one event at most, and loses none. (MQTT saves in rows.)

A consumer that is off has no number kept: whatever becomes of the settings while the daemon is
stopped, what happened before it was switched on is not told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Final, Protocol

from ..bus import Bus
from ..model.errors import BtrmError
from ..model.events import Event
from ..model.history import History

log = logging.getLogger(__name__)

BATCH: Final = 200  # events of one fetch
SAVE_EVERY: Final = 500  # events that concern nobody are not worth a write each


class CursorStore(Protocol):
    """Where the numbers are kept; thread-safe; handed in by the daemon."""

    def load(self, name: str) -> int | None:
        """The number saved under `name`, None when there is none."""

    def save(self, name: str, n: int) -> None:
        """Durable when it returns. Raises BtrmError when the disk refuses."""

    def drop(self, names: Iterable[str]) -> None:
        """Nothing is saved under `names` any more. As durable as `save`, raises the same."""

    @property
    def names(self) -> tuple[str, ...]:
        """All under which a number is saved."""


class Cursor:
    """For one thread. A consumer that is new, or was off, begins behind all events there are."""

    def __init__(
        self, name: str, bus: Bus, history: History, store: CursorStore, is_on: bool = True
    ) -> None:
        self._name = name
        self._bus = bus
        self._history = history
        self._store = store
        last, kept = history.last_event(), store.load(name)
        self._n = last if kept is None else min(kept, last)
        self._saved = kept
        self._has_looked_back = False
        self._found = 0  # the last event of the look back
        self._refusal = ""
        self._is_on = True
        bus.reported[name] = self._n
        if not is_on:
            self.follow(False)
        elif kept is None:
            self._save()  # a kill before the first telling must not move the beginning

    @property
    def n(self) -> int:
        """The last event that is done."""
        return self._n

    def follow(self, is_on: bool) -> None:
        """Whether there is somebody to tell now; what passes while there is nobody is nobody's."""
        if is_on and not self._is_on:
            self._is_on = True
            self._bus.reported[self._name] = self._n
            self._save()
        elif not is_on and self._is_on:
            self.forget()
            self._n = self._found = max(self._n, self._history.last_event())
            self._has_looked_back = True
        if not is_on:
            self._n = max(self._n, self._bus.last_event)

    def wait(self, timeout: float, stop: threading.Event | None = None) -> bool:
        """True once there may be something to fetch; False after `timeout` s, at the end, or when
        `stop` is set and the bus woken."""
        return not self._has_looked_back or self._bus.wait_events(self._n, timeout, stop)

    def fetch(self, limit: int = BATCH) -> list[Event]:
        """The next events, oldest first, at most `limit`; the same ones until they are done."""
        ring = self._bus.events_after(self._n)
        if ring and ring[0].n == self._n + 1:
            return ring[:limit]
        if not ring and self._has_looked_back and self._n >= self._found:
            return []
        # From before the start, or further back than the ring reaches.
        found = {event.n: event for event in self._history.events(self._n, limit)}
        is_whole = len(found) < limit
        # what the disk has refused is in the ring alone, between what it kept before and since
        found |= {event.n: event for event in ring}
        if is_whole:
            self._has_looked_back = True
            self._found = max(found, default=self._n)
        return [found[n] for n in sorted(found)][:limit]

    def done(self, n: int, reported: bool) -> None:
        """Event `n` is dealt with. `reported` False: it concerned nobody, may be lost."""
        self._n = self._bus.reported[self._name] = max(self._n, n)
        if reported or self._saved is None or self._n - self._saved >= SAVE_EVERY:
            self._save()

    def forget(self) -> None:
        """There is nobody to tell any more."""
        self._is_on = False
        self._bus.reported.pop(self._name, None)
        drop_numbers(self._store, [self._name])
        self._saved = None

    def close(self) -> None:
        """Save what `done` did not."""
        if self._is_on and self._saved != self._n:
            self._save()

    def _save(self) -> None:
        try:
            self._store.save(self._name, self._n)
        except BtrmError as error:
            if str(error) != self._refusal:
                self._refusal = str(error)
                log.error("How far %s has come cannot be saved: %s", self._name, error)
            return
        self._saved, self._refusal = self._n, ""


def drop_numbers(store: CursorStore, names: Iterable[str]) -> None:
    """Keep no number of those who are off; a disk that refuses is in the log."""
    kept = [name for name in names if store.load(name) is not None]
    if not kept:
        return
    try:
        store.drop(kept)
    except BtrmError as error:
        log.error("That %s is off cannot be saved: %s", ", ".join(kept), error)
