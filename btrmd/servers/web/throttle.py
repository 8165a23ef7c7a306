"""The throttle: makes whoever guesses passwords wait, without locking the owner out."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

FREE_FAILURES: Final = 5  # DESIGN section 8: 429 after 5 failures
FIRST_WAIT_S: Final = 30.0
LONGEST_WAIT_S: Final = 900.0  # 15 min
ACCOUNT_FREE_FAILURES: Final = 20  # from all addresses together
ACCOUNT_LONGEST_WAIT_S: Final = 60.0
FORGET_S: Final = 3600.0  # without a further failure
MAX_ENTRIES: Final = 1000


@dataclass(slots=True)
class _Tally:
    failures: int = 0
    until: float = 0.0  # monotonic s
    last: float = 0.0


class Throttle:
    """Counts failed logins by address and by account; thread-safe.

    An address waits 30 s after its fifth failure, twice as long after each further one, at most
    15 min. An account attacked from many addresses waits too, but at most 60 s, and not for an
    address that has logged in to it before: the attacker cannot keep the owner out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._addresses: OrderedDict[str, _Tally] = OrderedDict()
        self._accounts: OrderedDict[str, _Tally] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, user: str, address: str) -> int:
        """Whole seconds (0..900) to wait before the next attempt is looked at."""
        place = network_of(address)
        now = self._clock()
        with self._lock:
            waits = [self._left(self._addresses, place, now)]
            if (user, place) not in self._known:
                waits.append(self._left(self._accounts, user, now))
        return ceil(max(waits))

    def failed(self, user: str, address: str) -> None:
        """Count one failure."""
        place = network_of(address)
        now = self._clock()
        with self._lock:
            tally = self._count(self._addresses, place, now)
            if tally.failures >= FREE_FAILURES:
                wait = FIRST_WAIT_S * 2.0 ** min(tally.failures - FREE_FAILURES, 10)
                tally.until = now + min(LONGEST_WAIT_S, wait)
            tally = self._count(self._accounts, user, now)
            if tally.failures >= ACCOUNT_FREE_FAILURES:
                wait = 2.0 ** min(tally.failures - ACCOUNT_FREE_FAILURES, 10)
                tally.until = now + min(ACCOUNT_LONGEST_WAIT_S, wait)

    def succeeded(self, user: str, address: str) -> None:
        """Forgive this address and remember that it belongs to `user`."""
        place = network_of(address)
        with self._lock:
            self._addresses.pop(place, None)
            self._known[(user, place)] = None
            self._known.move_to_end((user, place))
            while len(self._known) > MAX_ENTRIES:
                self._known.popitem(last=False)

    def _left(self, tallies: OrderedDict[str, _Tally], key: str, now: float) -> float:
        tally = tallies.get(key)
        return max(0.0, tally.until - now) if tally is not None else 0.0

    def _count(self, tallies: OrderedDict[str, _Tally], key: str, now: float) -> _Tally:
        tally = tallies.get(key)
        if tally is None or now - tally.last > FORGET_S:
            tally = tallies[key] = _Tally()
        tally.failures += 1
        tally.last = now
        tallies.move_to_end(key)
        while len(tallies) > MAX_ENTRIES:
            tallies.popitem(last=False)
        return tally


def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 that one IPv6 host can choose from."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return str(parsed)


def is_private(address: str) -> bool:
    """True for loopback, link-local and private addresses: someone on the site's own network."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_private or parsed.is_loopback or parsed.is_link_local
