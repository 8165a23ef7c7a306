"""Retry pauses: how long a server or a notifier waits before it tries again what failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

SETTLED_S: Final = 10.0  # what has worked this long starts with short pauses again


class RetryPauses:
    """Pauses in s, doubled each time from `first_s` up to `longest_s`."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = self._next_s = first_s
        self._longest_s = max(longest_s, first_s)

    def next(self) -> float:
        """The pause after another failure."""
        pause, self._next_s = self._next_s, min(2.0 * self._next_s, self._longest_s)
        return pause

    def reset(self) -> None:
        """It has worked: the next pause is the first one again."""
        self._next_s = self._first_s


def keep_running(
    run: Callable[[], None],
    stopping: threading.Event,
    ended: Callable[[Exception], None],
    pauses: RetryPauses,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """The edge of a server: call `run`, which returns once `stopping` is set; an error that ends it
    is handed to `ended`, and it is called again after a pause. `clock`: monotonic s."""
    while not stopping.is_set():
        began = clock()
        try:
            run()
        except Exception as error:
            ended(error)
            if clock() - began > SETTLED_S:
                pauses.reset()
            stopping.wait(pauses.next())
