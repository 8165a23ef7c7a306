"""The trap sender: a thread that tells every receiver of what happened."""

from __future__ import annotations

import logging
import random
import select
import socket
import threading
import time
from typing import Final

from ...bus import Bus
from ...model.events import Event, Kind
from ...model.history import History
from ...model.snmp_tree import TRAP_ROWS
from ..cursor import Cursor, CursorStore
from .message import confirmed_id, telling
from .receiver import Receiver, Target, send, udp_socket

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5  # between two looks while nothing happens
TEST_S: Final = 5.0  # for the confirmation of a test inform
LISTENER: Final = "snmp-traps"  # under this name a fault is shown
TEST_TEXT: Final = "Test notification."


class TrapSender:
    """Built on any thread, `start` and `stop` once each."""

    def __init__(self, bus: Bus, history: History, store: CursorStore) -> None:
        self._bus = bus
        self._receivers = tuple(
            Receiver(row, bus, Cursor(f"trap{row}", bus, history, store)) for row in TRAP_ROWS
        )
        self._stopping = threading.Event()
        self._shown = ""
        self._thread = threading.Thread(target=self._run, name="traps", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not told yet is told after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        for receiver in self._receivers:
            receiver.close()

    def test(self, source: str) -> list[str]:
        """Send a test notification to every receiver that is on, from the caller's thread.

        One sentence for each; an inform is waited for, at most 5 s.
        """
        snapshot = self._bus.snapshot
        text = f"{TEST_TEXT} Asked for by {source}." if source else TEST_TEXT
        event = Event(0, snapshot.at, snapshot.mono, "snmp.test", Kind.RAISE, True, None, source,
                      text)  # fmt: skip
        told = telling(event)
        assert told is not None
        said: list[str] = []
        for row in TRAP_ROWS:
            target = Target.of(row, snapshot.settings)
            if target is None:
                continue
            request_id = random.getrandbits(31)
            with udp_socket() as sock:
                try:
                    send(sock, told, target, snapshot, request_id)
                except OSError as error:
                    said.append(f"{target.where} cannot be reached: {error.strerror or error}.")
                    continue
                if target.kind != "inform_v2c":
                    said.append(f"A trap was sent to {target.where}; traps are not confirmed.")
                elif _is_confirmed(sock, request_id):
                    said.append(f"{target.where} has confirmed the inform.")
                else:
                    said.append(f"{target.where} did not confirm the inform within {TEST_S:g} s.")
        return said or ["No trap receiver is enabled."]

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        first = self._receivers[0].cursor
        while not self._stopping.is_set():
            now = time.monotonic()
            for receiver in self._receivers:
                try:
                    receiver.step(now)
                except Exception:
                    # The edge: one event that cannot be told must not silence all that follow.
                    log.exception("SNMP receiver %d: an event could not be told", receiver.row)
                    self._pass_over(receiver)
            self._show()
            level = all(receiver.cursor.n == first.n for receiver in self._receivers)
            if level and not any(receiver.is_waiting for receiver in self._receivers):
                first.wait(LOOK_S)
            else:  # one of them waits for a confirmation
                self._stopping.wait(0.1)

    def _pass_over(self, receiver: Receiver) -> None:
        events = receiver.cursor.fetch(1)
        if events:
            receiver.cursor.done(events[0].n, True)

    def _show(self) -> None:
        """A receiver that cannot be reached is a visible fault."""
        text = " ".join(receiver.fault for receiver in self._receivers if receiver.fault)
        if text != self._shown:
            self._shown = text
            if text:
                log.warning("%s", text)
            self._bus.report_listener(LISTENER, "", text)


def _is_confirmed(sock: socket.socket, request_id: int) -> bool:
    end = time.monotonic() + TEST_S
    while (left := end - time.monotonic()) > 0:
        if not select.select([sock], [], [], left)[0]:
            return False
        try:
            raw = sock.recv(8192)
        except OSError:
            continue
        if confirmed_id(raw) == request_id:
            return True
    return False
