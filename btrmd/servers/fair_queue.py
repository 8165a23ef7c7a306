"""The fair queue: what waits to be served, each place in its turn by what it has cost.

Start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996). Each place has a finish: the virtual
time up to which it has been served. What comes begins at the present virtual time or at the finish
of its place, whichever is later; the earliest is served first, and is the present. So whoever asks
little is served next, however much the places of a crowd ask together, and what a place used while
nobody else wanted anything is not held against it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")
MOST_FINISHES: Final = 1024  # places whose finish is remembered


class Taken(NamedTuple, Generic[T]):
    """An item and the place it is of."""

    place: str
    item: T


class FairQueue(Generic[T]):
    """Not thread-safe. `rank` of a place: its class, the lowest is served first; within a class the
    earliest start, between equals who has had less, then who has waited longest. `spent` tells what
    serving has cost. At most `each` items of a place wait, and `most` in all."""

    def __init__(self, rank: Callable[[str], float], most: int, each: int) -> None:
        self._rank = rank
        self._most = most
        self._each = each
        self._waiting: dict[str, deque[tuple[int, T]]] = {}  # item with its number
        self._count = 0
        self._number = 0
        self._finishes: dict[str, float] = {}  # by place, virtual s
        self._present = 0.0
        self._latest = 0.0  # of all finishes

    def __len__(self) -> int:
        return self._count

    @property
    def places(self) -> int:
        """How many places have something that waits."""
        return len(self._waiting)

    def is_full(self, place: str) -> bool:
        """True when as many of `place` wait as may."""
        return len(self._waiting.get(place, ())) >= self._each

    def push(self, place: str, item: T) -> Taken[T] | None:
        """Have `item` wait. What there is no room for comes back: the newest of the place with
        the highest rank, which may be this item."""
        if not self._waiting:
            self._present = self._latest  # nobody was waiting: nobody is ahead of anybody
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
        # nearly always there is one, and no turn to compare
        waiting = self._waiting
        best = next(iter(waiting)) if len(waiting) == 1 else min(waiting, key=self._turn)
        self._present = self._start(best)
        return self._take(best, self._waiting[best].popleft()[1])

    def spent(self, place: str, seconds: float) -> None:
        """Serving `place` has cost so much."""
        finish = self._finishes[place] = self._start(place) + seconds
        self._latest = max(self._latest, finish)
        if len(self._finishes) > MOST_FINISHES:
            ahead = {name: at for name, at in self._finishes.items() if at > self._present}
            self._finishes = dict(
                sorted(ahead.items(), key=lambda pair: pair[1])[-MOST_FINISHES // 2 :]
            )

    def trim(self, most: int) -> list[Taken[T]]:
        """Forget what is more than `most`: of the longest lines the oldest, which is given back."""
        dropped: list[Taken[T]] = []
        while self._count > most:
            longest = max(map(len, self._waiting.values()))
            for place in [place for place, line in self._waiting.items() if len(line) == longest]:
                dropped.append(self._take(place, self._waiting[place].popleft()[1]))
                if self._count <= most:
                    break
        return dropped

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

    def _turn(self, place: str) -> tuple[float, float, float, int]:
        """The lowest is served next; between equal starts, whoever has had less before."""
        finish = self._finishes.get(place, 0.0)
        return self._rank(place), self._start(place), finish, self._waiting[place][0][0]

    def _start(self, place: str) -> float:
        """When the next of `place` begins, virtual s."""
        return max(self._present, self._finishes.get(place, 0.0))

    def _weight(self, place: str) -> tuple[float, int, float, int]:
        """The heaviest gives up its newest: the highest class, the most that wait, the latest."""
        line = self._waiting[place]
        return self._rank(place), len(line), self._start(place), line[-1][0]

    def _take(self, place: str, item: T) -> Taken[T]:
        self._count -= 1
        if not self._waiting[place]:
            del self._waiting[place]
        return Taken(place, item)
