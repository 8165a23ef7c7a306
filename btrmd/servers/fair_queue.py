"""The fair queue: what waits to be served, the least demanding place first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Taken(NamedTuple, Generic[T]):
    """An item and the place it is of."""

    place: str
    item: T


class FairQueue(Generic[T]):
    """Not thread-safe. `rank` of a place: the lowest is served first, between equals who has
    waited longest. At most `each` items of a place wait, and `most` in all."""

    def __init__(self, rank: Callable[[str], float], most: int, each: int) -> None:
        self._rank = rank
        self._most = most
        self._each = each
        self._waiting: dict[str, deque[tuple[int, T]]] = {}  # item with its number
        self._count = 0
        self._number = 0

    def __len__(self) -> int:
        return self._count

    def is_full(self, place: str) -> bool:
        """True when as many of `place` wait as may."""
        return len(self._waiting.get(place, ())) >= self._each

    def push(self, place: str, item: T) -> Taken[T] | None:
        """Have `item` wait. What there is no room for comes back: the newest of the place with
        the highest rank, which may be this item."""
        line = self._waiting.get(place)
        if line is not None and len(line) >= self._each:
            return Taken(place, item)
        if line is None:
            line = self._waiting[place] = deque()
        self._number += 1
        line.append((self._number, item))
        self._count += 1
        if self._count <= self._most:
            return None
        worst = max(self._waiting, key=self._weight)
        return self._take(worst, self._waiting[worst].pop()[1])

    def pop(self) -> Taken[T] | None:
        """The next to be served; None when nothing waits."""
        if not self._waiting:
            return None
        best = min(self._waiting, key=lambda name: (self._rank(name), self._waiting[name][0][0]))
        return self._take(best, self._waiting[best].popleft()[1])

    def best(self) -> float | None:
        """The lowest rank that waits."""
        return min(map(self._rank, self._waiting), default=None)

    def remove(self, item: T) -> bool:
        """Forget `item`; False when it does not wait."""
        for place, line in self._waiting.items():
            for entry in line:
                if entry[1] is item:
                    line.remove(entry)
                    self._take(place, item)
                    return True
        return False

    def _weight(self, place: str) -> tuple[float, int, int]:
        """The heaviest gives up its newest: the highest rank, the most that wait, the latest."""
        line = self._waiting[place]
        return self._rank(place), len(line), line[-1][0]

    def _take(self, place: str, item: T) -> Taken[T]:
        self._count -= 1
        if not self._waiting[place]:
            del self._waiting[place]
        return Taken(place, item)
