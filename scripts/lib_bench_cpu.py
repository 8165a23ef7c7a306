"""CPU time of a process by the scheduler's own count, which has no ticks, and the least of runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def cpu_s(pid: int) -> float:
    """CPU seconds used so far by all threads that live, to the nanosecond (proc(5), schedstat)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            continue
    return total / 1e9


def least(measure: Callable[[], T], key: Callable[[T], Any], times: int = 4) -> T:
    """The best of a few runs: what else the machine does can only add to a figure."""
    return min((measure() for _ in range(times)), key=key)
