"""A receiver: one row of the trap table, told of every event in turn."""

from __future__ import annotations

from typing import Final, NamedTuple

from ...bus import Bus
from ...model.snapshot import Snapshot
from ...retry import RetryPauses
from ...snmp.engine import SnmpEngine
from ..cursor import Cursor
from .line import CannotSendError, Notice, TrapLine
from .message import telling
from .target import TrapTarget

FIRST_PAUSE_S: Final = 2.0  # before an inform is repeated, or a trap that could not leave
LONGEST_PAUSE_S: Final = 30.0
GIVE_UP_S: Final = 300.0  # for one event; the next one has its own
AT_ONCE: Final = 20  # events of one look, so that the other receiver gets its turn


class WaitingTrap(NamedTuple):
    """An event that did not get through yet. Times are monotonic s."""

    notice: Notice
    since: float
    due: float
    pauses: RetryPauses


def new_pauses() -> RetryPauses:
    return RetryPauses(FIRST_PAUSE_S, LONGEST_PAUSE_S)


class Receiver:
    """Used by one thread. `step` waits for a name once at most, and never raises for what the
    network does."""

    def __init__(self, row: int, bus: Bus, cursor: Cursor, engine: SnmpEngine) -> None:
        self.row = row
        self.cursor = cursor
        self.line = TrapLine(engine)
        self.fault = ""
        self.sent = 0
        self.lost = 0
        self._bus = bus
        self._waiting: WaitingTrap | None = None

    def close(self) -> None:
        self.cursor.close()
        self.line.close()

    @property
    def is_waiting(self) -> bool:
        """An event did not get through, or is not confirmed yet."""
        return self._waiting is not None

    def step(self, now: float) -> None:
        """Send what is new, repeat what is due, take confirmations."""
        snapshot = self._bus.snapshot
        target = TrapTarget.of(self.row, snapshot.settings)
        self._listen(snapshot)
        if self._waiting is not None:
            self._again(self._waiting, target, snapshot, now)
        if self._waiting is not None:
            return
        self.cursor.follow(target is not None)
        if target is None:
            return
        for event in self.cursor.fetch(AT_ONCE):
            reported = telling(event)
            if reported is None:
                self.cursor.done(event.n, False)
                continue
            notice = Notice.about(reported, target)
            self._send(WaitingTrap(notice, now, now, new_pauses()), snapshot, now)
            if self._waiting is not None:
                return

    def _send(
        self, item: WaitingTrap, snapshot: Snapshot, now: float, is_repeat: bool = False
    ) -> None:
        try:
            self.line.send(item.notice, snapshot, is_repeat)
        except CannotSendError as error:
            self._complain(str(error))
        else:
            if not item.notice.target.confirms:
                self._finish(item)
                return
        self._waiting = item._replace(due=now + item.pauses.next())

    def _again(
        self, item: WaitingTrap, target: TrapTarget | None, snapshot: Snapshot, now: float
    ) -> None:
        if target is None:  # switched off meanwhile
            self._waiting, self.fault = None, ""
        elif target != item.notice.target:
            notice = item.notice._replace(target=target)
            self._send(WaitingTrap(notice, now, now, new_pauses()), snapshot, now, True)
        elif now - item.since >= GIVE_UP_S:
            self.lost += 1
            self._waiting = None
            self.cursor.done(item.notice.reported.event.n, True)
        elif now >= item.due:
            if target.confirms:
                why = self.line.trouble or "does not confirm informs"
                self._complain(f"at {target.where} {why}.")
            self._send(item, snapshot, now, True)

    def _listen(self, snapshot: Snapshot) -> None:
        item = self._waiting
        try:
            is_confirmed = self.line.listen(None if item is None else item.notice, snapshot)
        except CannotSendError as error:
            self._complain(str(error))
            return
        if item is not None and is_confirmed:
            self._finish(item)

    def _complain(self, text: str) -> None:
        self.fault = f"SNMP receiver {self.row} {text}"

    def _finish(self, item: WaitingTrap) -> None:
        self._waiting, self.fault = None, ""
        self.sent += 1
        self.cursor.done(item.notice.reported.event.n, True)
