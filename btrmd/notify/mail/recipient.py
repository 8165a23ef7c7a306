"""A recipient: one address, how far it has been told, and when it may be tried again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...model.events import Event
from ...retry import RetryPauses
from ..cursor import Cursor
from ..selection import is_notified
from .limiter import Limiter

FIRST_PAUSE_S: Final = 10.0  # after a failure, doubled each time
LONGEST_PAUSE_S: Final = 600.0  # for a recipient whom the server refuses
SERVER_PAUSE_S: Final = 60.0  # for a server: so soon after it is well again a mail is on its way
SETTLE_S: Final = 1.0  # what one cause raises together goes as one mail
MOST_EVENTS: Final = 2000  # of one mail


class Pause:
    """Growing pauses between tries; times are monotonic s."""

    def __init__(self, longest_s: float = LONGEST_PAUSE_S) -> None:
        self.until = 0.0
        self._pauses = RetryPauses(FIRST_PAUSE_S, longest_s)

    def failed(self, now: float) -> None:
        self.until = now + self._pauses.next()

    def over(self) -> None:
        """It works, or it is another server now."""
        self.until = 0.0
        self._pauses.reset()


class Recipient:
    """Used by the mail thread. `fault`: why the server does not take its mail, "" = it does."""

    def __init__(self, address: str, cursor: Cursor) -> None:
        self.address = address
        self.cursor = cursor
        self.fault = ""
        self.pause = Pause()
        self._limiter = Limiter()
        self._noticed: float | None = None

    def waiting(self) -> list[Event]:
        """The events to be mailed next; what concerns nobody is passed over."""
        events = self.cursor.fetch(MOST_EVENTS)
        wanted = [event for event in events if is_notified(event)]
        if events and not wanted:
            self.cursor.done(events[-1].n, False)
        if not wanted:
            self._noticed = None
        return wanted

    def due(self, events: Sequence[Event], now: float) -> float:
        """When a mail about `events` may go."""
        if self._noticed is None:
            self._noticed = now
        keys = {event.key for event in events}
        return max(self._noticed + SETTLE_S, self._limiter.due(keys), self.pause.until)

    def reported(self, events: Sequence[Event], now: float) -> None:
        """The server has accepted a mail about `events`: durable before anything else."""
        self.cursor.done(events[-1].n, True)
        self._limiter.sent({event.key for event in events}, now)
        self._noticed = None
        self.fault = ""
        self.pause.over()

    def refused(self, why: str, now: float) -> None:
        """The server does not take this recipient; the others are not kept waiting."""
        self.fault = why
        self.pause.failed(now)
