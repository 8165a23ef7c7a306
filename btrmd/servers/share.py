"""The share: which connections a listener keeps when more come than it can serve.

One rule for all of them. A new connection is taken as long as there is a place. When there is none,
the address that holds the most gives one up to an address that holds fewer; within an address, and
between equals, the connection that never asked anything goes first, then the longest silent. So a
crowd from some addresses never keeps another address out, whatever the crowd does. Whoever is
known by more than an address (a login, a master of the settings) does not make room for strangers.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from ..model.service import Limit
from ..net import network_of

BURST_S: Final = 2.0  # of new connections at the full rate may come at once
OWN_BURST: Final = 16.0  # new connections of one address that are taken in a crowd,
OWN_RATE: Final = 5.0  # and how many more each second
HALF_LIFE_S: Final = 10.0  # of what an address has cost
NEW_COST_S: Final = 0.0005  # CPU time a new connection costs
SHARE_COUNTS: Final = ("connections", "refused", "displaced", "idle_closed", "stalled_closed")
MOST_PLACES: Final = 1024  # addresses remembered


class Member:
    """One connection. `is_kept`: does not make room for those who are not. Times monotonic s."""

    __slots__ = ("close", "has_asked", "heard_at", "is_kept", "place", "since")

    def __init__(self, address: str, close: Callable[[], None], is_kept: bool = False) -> None:
        """`close` ends it; it is called on the thread of whoever needs the place."""
        self.place = network_of(address)
        self.close = close
        self.is_kept = is_kept
        self.since = self.heard_at = 0.0
        self.has_asked = False


class _AddressShare:
    """What an address has, and has had."""

    __slots__ = ("cost", "cost_at", "members", "taken_at", "tokens")

    def __init__(self, now: float) -> None:
        self.members: dict[Member, None] = {}  # in the order they came
        self.cost = 0.0  # CPU s, decaying
        self.cost_at = now
        self.tokens = OWN_BURST
        self.taken_at = now


class Share:
    """The places of one listener; thread-safe. A connection is asked for twice: `admits` before
    anything is made of it, `enter` when it stands."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._places: OrderedDict[str, _AddressShare] = OrderedDict()
        self._count = 0
        self._tokens = BURST_S * limit.new_s
        self._taken_at = clock()
        self.refused = 0
        self.displaced = 0
        self.idle_closed = 0
        self.stalled_closed = 0

    @property
    def count(self) -> int:
        """Connections that stand."""
        return self._count

    @property
    def counts(self) -> dict[str, int]:
        """For the metrics: since the start, but `connections`."""
        return {
            "connections": self._count,
            "refused": self.refused,
            "displaced": self.displaced,
            "idle_closed": self.idle_closed,
            "stalled_closed": self.stalled_closed,
        }

    def admits(self, address: str) -> bool:
        """May this new connection be made something of? False when new ones come faster than the
        listener can take them and this address has had its part of them."""
        now = self._clock()
        limit = self.limit
        with self._lock:
            gained = (now - self._taken_at) * limit.new_s
            self._tokens = min(BURST_S * limit.new_s, self._tokens + gained)
            self._taken_at = now
            place = self._place(network_of(address), now)
            place.tokens = min(OWN_BURST, place.tokens + (now - place.taken_at) * OWN_RATE)
            place.taken_at = now
            if self._tokens < 1.0 and place.tokens < 1.0:
                self.refused += 1
                return False
            self._tokens = max(0.0, self._tokens - 1.0)
            place.tokens = max(0.0, place.tokens - 1.0)
            _charge(place, NEW_COST_S, now)
            return True

    def enter(self, member: Member) -> bool:
        """Give `member` a place; closes who has to make room. False: there is none for it."""
        now = self._clock()
        member.since = member.heard_at = now
        with self._lock:
            place = self._place(member.place, now)
            victim: Member | None = None
            if len(place.members) >= self.limit.each:
                able = [m for m in place.members if member.is_kept or not m.is_kept]
                victim = self._to_go(able, now, False)
            elif self._count >= self.limit.most:
                victim = self._of_the_heaviest(place, member.is_kept, now)
            is_full = len(place.members) >= self.limit.each or self._count >= self.limit.most
            if is_full and victim is None:
                self.refused += 1
                member.close = _nothing
                return False
            if victim is not None:
                self.displaced += 1
                self._remove(victim)
            place.members[member] = None
            self._count += 1
        if victim is not None:
            victim.close()
        return True

    def leave(self, member: Member) -> None:
        """`member` has ended; may be told more than once. Its `close` does nothing from then on: a
        connection that knows its member, and the member it, would both stay until the collector
        of cycles comes, hundreds of them while a crowd is there."""
        with self._lock:
            self._remove(member)
        member.close = _nothing

    def heard(self, member: Member, cost_s: float = 0.0) -> None:
        """`member` has asked something whole, which costs about so much CPU time."""
        now = self._clock()
        member.heard_at = now
        member.has_asked = True
        if cost_s:
            with self._lock:
                _charge(self._place(member.place, now), cost_s, now)

    def spent(self, place: str, seconds: float) -> None:
        """Serving `place` (a member's, or any other name) has cost CPU time."""
        now = self._clock()
        with self._lock:
            _charge(self._place(place, now), seconds, now)

    def cost(self, place: str) -> float:
        """What `place` has cost of late, CPU s; half of it is forgotten every 10 s."""
        with self._lock:
            found = self._places.get(place)
            return _decayed(found, self._clock()) if found is not None else 0.0

    def idle(self) -> list[Member]:
        """Those who have been silent for too long; they are counted as closed."""
        if not self.limit.idle_s:
            return []
        latest = self._clock() - self.limit.idle_s
        with self._lock:
            found = [m for p in self._places.values() for m in p.members if m.heard_at < latest]
            self.idle_closed += len(found)
        return found

    def turned_away(self) -> None:
        """A connection that was admitted has had to go before anything was made of it."""
        self.refused += 1

    def stalled(self) -> None:
        """A connection was closed because it did not take its answer."""
        self.stalled_closed += 1

    # --- inside: the lock is held ----------------------------------------------------------------

    def _place(self, name: str, now: float) -> _AddressShare:
        found = self._places.get(name)
        if found is None:
            found = self._places[name] = _AddressShare(now)
            self._forget()
        self._places.move_to_end(name)
        return found

    def _forget(self) -> None:
        """The addresses that have been away longest, and hold nothing."""
        excess = len(self._places) - MOST_PLACES
        if excess > 0:
            for name in [n for n, p in self._places.items() if not p.members][:excess]:
                del self._places[name]

    def _remove(self, member: Member) -> None:
        place = self._places.get(member.place)
        if place is not None and member in place.members:
            del place.members[member]
            self._count -= 1

    def _of_the_heaviest(self, own: _AddressShare, is_kept: bool, now: float) -> Member | None:
        """Who makes room for a newcomer of `own`; None when nobody has to."""
        heaviest: list[Member] = []
        weight = (0, 0.0, 0.0)
        for place in self._places.values():
            if len(place.members) < max(1, weight[0]):
                continue  # of a crowd nearly all
            able = [m for m in place.members if not m.is_kept]
            if not able:
                continue
            # The most connections, then the most demanding, then the longest silent.
            silent = now - min(m.heard_at for m in able)
            found = (len(able), round(_decayed(place, now), 1), silent)
            if found > weight:
                heaviest, weight = able, found
        if heaviest:
            # Who holds fewer than the heaviest gets one of his at once; an equal has to wait, also
            # for who has just come and had no time to ask: else a crowd that comes again and again
            # has ended him before he is heard.
            is_owed = is_kept or weight[0] > len(own.members)
            latest = now - self.limit.yield_s
            if not is_owed:
                heaviest = [m for m in heaviest if m.since <= latest]
            return self._to_go(heaviest, now, is_owed)
        if is_kept:
            return self._to_go([m for p in self._places.values() for m in p.members], now, False)
        return None

    def _to_go(self, members: Sequence[Member], now: float, is_owed: bool) -> Member | None:
        """Which of these makes room; None when all are at work and none is owed a place."""
        latest = now - self.limit.yield_s

        def is_at_work(member: Member) -> bool:
            return member.has_asked and member.heard_at > latest

        if not members:
            return None
        first = min(members, key=lambda m: (is_at_work(m), m.has_asked, m.heard_at))
        return first if is_owed or not is_at_work(first) else None


def _charge(place: _AddressShare, seconds: float, now: float) -> None:
    place.cost = _decayed(place, now) + seconds
    place.cost_at = now


def _decayed(place: _AddressShare, now: float) -> float:
    return place.cost * float(0.5 ** ((now - place.cost_at) / HALF_LIFE_S))


def _nothing() -> None:
    """What is left to close of a connection that has ended."""
