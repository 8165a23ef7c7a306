"""The waker: a thread that sleeps on the bus and tells the fieldbus loop of new events."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

from ...bus import Bus

PATIENCE_S: Final = 60.0
STOP_S: Final = 5.0


class Waker:
    """Calls `wake` on the loop when the event log has grown. It has no tick of its own."""

    def __init__(self, bus: Bus, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        self._bus = bus
        self._loop = loop
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fieldbus-waker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """It wakes nobody any more; waits for the thread."""
        self._stop.set()
        self._bus.wake()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        seen = 0
        while not self._stop.is_set():
            asked = time.monotonic()
            if self._bus.wait_events(seen, PATIENCE_S, self._stop):
                seen = self._bus.last_event
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self._wake)
            elif time.monotonic() - asked < PATIENCE_S / 2.0:
                return  # stopped, or the bus is closed and does not wait any more
