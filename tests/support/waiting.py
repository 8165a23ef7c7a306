"""Waiting for a condition: the one place where tests sleep until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# A look in a tenth of the time waited so far: what comes soon is seen at once, and what takes its
# time is not asked a hundred times (a look may be a request to a daemon).
PART = 0.1
SHORTEST_S, LONGEST_S = 0.001, 0.02


def wait_until(
    condition: Callable[[], T],
    seconds: float = 10.0,
    what: Callable[[], object] | str = "",
) -> T:
    """The first true value of `condition`; AssertionError with `what`, or what it says, after
    `seconds`."""
    start = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - start
        assert waited < seconds, f"not so within {seconds:g} s {what() if callable(what) else what}"
        time.sleep(min(max(PART * waited, SHORTEST_S), LONGEST_S))
