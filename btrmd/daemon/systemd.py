"""systemd: READY, STATUS, WATCHDOG and STOPPING, where systemd started us."""

from __future__ import annotations

import importlib
import logging
import os
import socket
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

WATCHDOG_EVERY_S = 1.0


class Supervisor:
    """Silent where no systemd listens.

    Talks through python3-systemd where it is installed. A bare system lacks it, and one datagram
    does the same (sd_notify(3)).
    """

    def __init__(self) -> None:
        self._send: Callable[[str], object] | None = None
        self._fed_at = 0.0
        self._status = ""
        if address := os.environ.get("NOTIFY_SOCKET"):
            try:
                self._send = importlib.import_module("systemd.daemon").notify
            except ImportError:
                self._send = _Datagrams(address).send

    @property
    def is_there(self) -> bool:
        """True when systemd supervises this process (and restarts it)."""
        # children of a unit inherit INVOCATION_ID; the main process alone has its own PID here
        return os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()) or self._send is not None

    def ready(self) -> None:
        self._notify("READY=1")

    def stopping(self) -> None:
        self._notify("STOPPING=1")

    def status(self, text: str) -> None:
        """The one line of `systemctl status`."""
        if text != self._status:
            self._status = text
            self._notify(f"STATUS={text}")

    def feed(self) -> None:
        """WATCHDOG=1, at most once a second. Only the owner calls it, after a whole tick."""
        if self._send is None:
            return
        now = time.monotonic()
        if now - self._fed_at >= WATCHDOG_EVERY_S:
            self._fed_at = now
            self._notify("WATCHDOG=1")

    def _notify(self, text: str) -> None:
        if self._send is not None:
            self._send(text)


class _Datagrams:
    """sd_notify's end of the notify socket at `address` ("@" = abstract)."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def send(self, text: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
                end.sendto(text.encode(), self._address)
        except OSError as error:  # the watchdog acts if it stays so; the station goes on
            log.warning("systemd does not hear us: %s.", error.strerror or error)
