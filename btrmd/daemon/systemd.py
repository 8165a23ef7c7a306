"""systemd: READY, STATUS, WATCHDOG and STOPPING, where systemd started us."""

from __future__ import annotations

import importlib
import logging
import os
import time
from typing import Any

log = logging.getLogger(__name__)

WATCHDOG_EVERY_S = 1.0


class Supervisor:
    """Talks through systemd-python; without systemd, or without that package, it is silent."""

    def __init__(self) -> None:
        self._daemon: Any = None
        self._fed_at = 0.0
        self._status = ""
        if "NOTIFY_SOCKET" in os.environ:
            try:
                self._daemon = importlib.import_module("systemd.daemon")
            except ImportError:
                log.error("systemd started us but python3-systemd is missing: install it.")

    @property
    def is_there(self) -> bool:
        """True when systemd supervises this process (and restarts it)."""
        # children of a unit inherit INVOCATION_ID; the main process alone has its own PID here
        return os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()) or self._daemon is not None

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
        if self._daemon is None:
            return
        now = time.monotonic()
        if now - self._fed_at >= WATCHDOG_EVERY_S:
            self._fed_at = now
            self._notify("WATCHDOG=1")

    def _notify(self, text: str) -> None:
        if self._daemon is not None:
            self._daemon.notify(text)
