"""The syslog sender: a thread that hands every event of the log to the syslog server."""

from __future__ import annotations

from typing import Final

from ...bus import Bus
from ...model.history import History
from ..backoff import Backoff
from ..cursor import Cursor, CursorStore
from ..notifier import Notifier
from .link import PATIENCE_S, Link, SyslogLinkError, SyslogTarget
from .message import syslog_message

LISTENER: Final = "syslog"  # under this name a fault is shown
LOOK_S: Final = 60.0  # between two looks while nothing happens: an event ends it
FIRST_PAUSE_S: Final = 1.0  # after a failure
LONGEST_PAUSE_S: Final = 60.0
FOLLOW_S: Final = 0.5  # while it fails: how soon other settings are tried
INTERVAL_S: Final = 0.002  # between two datagrams, so that no server is flooded


class SyslogSender(Notifier, name="syslog", title="syslog sender"):
    """The queue is the event log itself, of which the cursor says how far it is told. What happens
    while syslog is off is not told later.
    """

    grace_s = 0.0  # an arrival is nothing to wait for

    def __init__(
        self, bus: Bus, history: History, store: CursorStore, patience_s: float = PATIENCE_S
    ) -> None:
        super().__init__(bus)
        is_on = SyslogTarget.of(bus.snapshot.settings) is not None
        self._cursor = Cursor("syslog", bus, history, store, is_on)
        self._patience_s = patience_s
        self._link: Link | None = None
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, FOLLOW_S)
        self._sent = self._failed = 0

    def _cancel(self) -> None:
        link = self._link
        if link is not None:
            link.cancel()

    def _close(self) -> None:
        self._cursor.close()
        self._use(None)

    def _counts(self) -> dict[str, int]:
        return {"sent": self._sent, "failed": self._failed}

    # --- the thread ----------------------------------------------------------------------------

    def _look(self) -> None:
        self._tell_all()
        self._cursor.wait(LOOK_S, self._stopping)

    def _tell_all(self) -> None:
        """Tell what there is. Returns when all is told or the sender is to stop."""
        while not self._stopping.is_set():
            target = self._follow()
            self._cursor.follow(target is not None)
            events = self._cursor.fetch() if target is not None else []
            if not events:
                return
            for event in events:
                if self._stopping.is_set() or self._follow() != target:
                    break
                snapshot = self._bus.snapshot
                serial = str(snapshot.points["system.serial"].value or "")
                if not self._tell(syslog_message(event, snapshot.settings, serial)):
                    break
                self._cursor.done(event.n, True)

    def _tell(self, message: bytes) -> bool:
        link = self._link
        assert link is not None
        try:
            link.send(message)
        except SyslogLinkError as error:
            if not self._stopping.is_set():
                self._failed += 1
                self._show(f"Events cannot be sent to the syslog server: {error}")
                self._wait()
            return False
        self._sent += 1
        self._backoff.reset()
        self._show("")
        if link.target.transport == "udp":
            self._stopping.wait(INTERVAL_S)
        return True

    def _wait(self) -> None:
        """The pause after a failure; other settings or the end cut it short."""
        bus = self._bus
        target = SyslogTarget.of(bus.snapshot.settings)
        self._backoff.wait(self._stopping, lambda: SyslogTarget.of(bus.snapshot.settings) == target)

    def _follow(self) -> SyslogTarget | None:
        """Where to now; a server that is no longer wanted is left."""
        target = SyslogTarget.of(self._bus.snapshot.settings)
        current = self._link.target if self._link is not None else None
        if target != current:
            self._use(target)
        return target

    def _use(self, target: SyslogTarget | None) -> None:
        if self._link is not None:
            self._link.close()
        self._link = Link(target, self._patience_s) if target is not None else None
        self._backoff.reset()
        if not self._stopping.is_set():
            self._show("")
