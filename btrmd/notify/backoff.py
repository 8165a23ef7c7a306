"""The back-off of a notifier: pauses that grow while its server takes nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable


class Backoff:
    """Used by the notifier's thread. Real time, s: a pause is doubled each time up to `longest_s`,
    and up to half of it is taken off by chance, so that a thousand units do not come back at once.
    """

    def __init__(self, first_s: float, longest_s: float, look_s: float) -> None:
        """`look_s`: how soon it is noticed that a pause has lost its reason."""
        self._first_s = self._next_s = first_s
        self._longest_s = longest_s
        self._look_s = look_s

    def reset(self) -> None:
        """It works, or it is another server now: the next pause is a short one."""
        self._next_s = self._first_s

    def wait(
        self,
        stopping: threading.Event,
        is_needed: Callable[[], bool],
        least_s: float = 0.0,
    ) -> None:
        """The next pause, `least_s` at least; `stopping` ends it, and `is_needed` saying no."""
        pause, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        pause = max(pause * random.uniform(0.5, 1.0), least_s)
        while pause > 0.0 and is_needed():
            if stopping.wait(min(pause, self._look_s)):
                return
            pause -= self._look_s
