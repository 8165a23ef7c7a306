"""The back-off of a notifier: pauses that grow while its server takes nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from ..retry import RetryPauses


class Backoff:
    """Used by the notifier's thread. Real time, s: RetryPauses of which up to half is taken off by
    chance, so that a thousand units do not come back at once.
    """

    def __init__(self, first_s: float, longest_s: float, look_s: float) -> None:
        """`look_s`: how soon it is noticed that a pause has lost its reason."""
        self._pauses = RetryPauses(first_s, longest_s)
        self._look_s = look_s

    def reset(self) -> None:
        """It works, or it is another server now: the next pause is a short one."""
        self._pauses.reset()

    def wait(
        self,
        stopping: threading.Event,
        is_needed: Callable[[], bool],
        least_s: float = 0.0,
    ) -> None:
        """The next pause, `least_s` at least; `stopping` ends it, and `is_needed` saying no."""
        pause = max(self._pauses.next() * random.uniform(0.5, 1.0), least_s)
        while pause > 0.0 and is_needed():
            if stopping.wait(min(pause, self._look_s)):
                return
            pause -= self._look_s
