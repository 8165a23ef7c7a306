"""Due: when a machine wants to be looked at next, on the process clock in s.

Each machine's state answers `next_due(now)`; the earliest of all is the state's (`State.next_due`),
and until then the shell may leave scans out that tell nothing new. A time that what is measured can
cut short (a debounce, a delay, an average) asks for every scan; one that only passes, for its end.
"""

from __future__ import annotations

from typing import Final, Protocol

EVERY_SCAN: Final = float("-inf")
LONGEST_SCAN_S: Final = 1.0  # a scan after a pause shows one moment of it
NO_TIME: Final = float("inf")  # nothing is under way: the next news will do


class Machine(Protocol):
    """What the core remembers of one machine between two scans."""

    def next_due(self, now: float) -> float: ...


def due_if(is_timing: bool) -> float:
    """Every scan while something is timed that what is measured can cut short."""
    return EVERY_SCAN if is_timing else NO_TIME
