"""The trap sender: a thread that tells every receiver of what happened."""

from __future__ import annotations

import logging
import select
import time
from typing import Final

from ...bus import Bus
from ...model.commands import SendTestTrap
from ...model.history import History
from ...model.setting_snmp import TRAP_ROWS
from ...snmp.engine import SnmpEngine
from ..cursor import Cursor, CursorStore
from ..notifier import Notifier
from .receiver import Receiver
from .target import TrapTarget
from .tester import perform

log = logging.getLogger(__name__)

LOOK_S: Final = 30.0  # between two looks while nothing happens: an event ends it
WAIT_S: Final = 0.1  # between two looks while a receiver has not confirmed
LISTENER: Final = "snmp-traps"  # under this name a fault is shown


class TrapSender(Notifier, name="traps", title="trap sender", listener=LISTENER):
    """One thread for all receivers."""

    grace_s = 5.0

    def __init__(self, bus: Bus, history: History, store: CursorStore, engine: SnmpEngine) -> None:
        super().__init__(bus)
        self._engine = engine
        settings = bus.snapshot.settings
        self._receivers = tuple(
            Receiver(
                row, bus,
                Cursor(f"trap{row}", bus, history, store, TrapTarget.of(row, settings) is not None),
                engine,
            )
            for row in TRAP_ROWS
        )  # fmt: skip

    def start(self) -> None:
        self._bus.offer(
            SendTestTrap, lambda host_command: perform(host_command, self._bus, self._engine)
        )
        super().start()

    def _close(self) -> None:
        for receiver in self._receivers:
            receiver.close()

    def _counts(self) -> dict[str, int]:
        return {
            "sent": sum(receiver.sent for receiver in self._receivers),
            "failed": sum(receiver.lost for receiver in self._receivers),
        }

    # --- the thread ----------------------------------------------------------------------------

    def _look(self) -> None:
        now = time.monotonic()
        for receiver in self._receivers:
            try:
                receiver.step(now)
            except Exception:
                # The edge: one event that cannot be told must not silence all that follow.
                log.exception("SNMP receiver %d: an event could not be told", receiver.row)
                self._pass_over(receiver)
        self._show(" ".join(receiver.fault for receiver in self._receivers if receiver.fault))
        first = self._receivers[0].cursor
        level = all(receiver.cursor.n == first.n for receiver in self._receivers)
        if level and not any(receiver.is_waiting for receiver in self._receivers):
            first.wait(LOOK_S, self._stopping)
        else:  # one of them waits for a confirmation
            select.select([receiver.line for receiver in self._receivers], [], [], WAIT_S)

    def _pass_over(self, receiver: Receiver) -> None:
        events = receiver.cursor.fetch(1)
        if events:
            receiver.cursor.done(events[0].n, True)
