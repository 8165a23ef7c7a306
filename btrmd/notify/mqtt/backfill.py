"""The backfill: minute means of the time in which nothing could be published.

One number is kept: up to which wall time the broker has been told how things stood. While the link
is up it moves with it; after a break the minutes from there on are sent, an hour a message, with
the times they belong to. A minute that was told as points too may be told again: its time says so.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from ...model.errors import BtrmError
from ...model.history import History, TrendRows
from ..cursor import CursorStore

log = logging.getLogger(__name__)

NAME: Final = "mqtt.trend"
MINUTE_S: Final = 60
CHUNK_S: Final = 3600
READY_S: Final = 65  # after its end a minute's mean is there
SAVE_S: Final = 900.0  # of wall time: what a power cut may have told twice
MOST_ROWS: Final = 2000
LOOKED_MOST: Final = 48  # empty hours that are passed over in one go


class Chunk(NamedTuple):
    """Rows to be sent, and where the number stands once they have arrived."""

    rows: TrendRows
    end: int


class Backfill:
    """One thread's. `wall`: now; where MQTT is new, or was off, it begins there."""

    def __init__(self, history: History, store: CursorStore, wall: float) -> None:
        self._history = history
        self._store = store
        self._saved = store.load(NAME)
        self._n = _minute(wall) if self._saved is None else self._saved  # wall s, a whole minute
        self._until: int | None = None  # what is owed ends here; None = nothing is
        self._refusal = ""
        if self._saved is None:
            self._save()

    def connected(self, wall: float) -> None:
        """The link is there (again) at `wall`."""
        now = _minute(wall)
        if self._n > now:  # the clock went back
            self._n = now
            self._save()
        self._until = now + MINUTE_S if self._n < now else None

    def covered(self, wall: float) -> None:
        """The link is up and all is told at `wall`."""
        if self._until is None:
            self._n = _minute(wall)
            if self._saved is None or abs(self._n - self._saved) >= SAVE_S:
                self._save()

    def next(self, wall: float) -> Chunk | None:
        """The next message, None while nothing is owed or the last minute is not over yet."""
        for _ in range(LOOKED_MOST):
            if self._until is None:
                return None
            if self._n >= self._until:
                self._until = None
                self._save()
                return None
            end = min(self._n + CHUNK_S, self._until)
            if wall < end - MINUTE_S + READY_S:
                return None
            rows = self._history.trends(self._n, end - 1, None, MOST_ROWS)
            if rows.rows:
                return Chunk(rows, end)
            self._n = end  # the unit was off, or the history does not reach back so far
        return None

    def done(self, chunk: Chunk) -> None:
        """`chunk` has arrived."""
        self._n = chunk.end
        self._save()

    def close(self) -> None:
        """Save where it stands."""
        if self._n != self._saved:
            self._save()

    def _save(self) -> None:
        try:
            self._store.save(NAME, self._n)
        except BtrmError as error:
            if str(error) != self._refusal:
                self._refusal = str(error)
                log.error("How far MQTT's trends have come cannot be saved: %s", error)
            return
        self._saved, self._refusal = self._n, ""


def _minute(wall: float) -> int:
    return int(wall // MINUTE_S) * MINUTE_S
