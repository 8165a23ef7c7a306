"""The memory watch: what a crowd has used and left goes back to the system while it is still there.

Connections leave cycles that Python looks for only after a quarter more of everything that lives,
and the C library keeps what lies free between what is used: 6 MB after some ten thousand strangers.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..model.service import Service
from .memory_trim import give_back

log = logging.getLogger(__name__)

LOOK_S: Final = 10.0  # between two looks: one that frees holds all threads for some milliseconds
CHANGE: Final = 2 * 1024 * 1024  # octets of it that are worth some milliseconds
STOP_S: Final = 5.0


def resident() -> int:
    """Octets of this process in memory; 0 where the system does not tell (proc(5): statm)."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def free() -> None:
    """Collect cycles (what was there after the start is not looked at) and give free pages back."""
    gc.collect()
    give_back()


class MemoryWatch(Service, name="memory"):
    """`resident` tells octets, `free` gives back what is not used."""

    def __init__(
        self, resident: Callable[[], int] = resident, free: Callable[[], object] = free
    ) -> None:
        self._resident = resident
        self._free = free
        self._then: int | None = None  # octets after the last time
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def look(self) -> None:
        """Give back what is free once the process has grown; and once it has shrunk: who used
        much has gone, and has left more that is free."""
        now = self._resident()
        if self._then is None:
            self._then = now
        elif abs(now - self._then) >= CHANGE:
            self._free()
            self._then = self._resident()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.look()
            except Exception:
                # The edge: memory that is not given back once must not stay for good.
                log.exception("memory could not be given back")
