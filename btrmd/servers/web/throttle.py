"""The throttle: makes whoever guesses passwords wait, and never keeps the owner out.

Wrong guesses count against the address they come from, or against the browser, if it has logged in
before and says so by its cookie ("device cookies", OWASP). They never count against an account: an
attacker at other addresses costs the owner nothing but a place further down a short queue.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple, Protocol

from ...net import network_of

log = logging.getLogger(__name__)

FREE_FAILURES: Final = 5  # 429 after 5 failures
FIRST_WAIT_S: Final = 30.0
LONGEST_WAIT_S: Final = 900.0  # 15 min
FORGET_S: Final = 3600.0  # without a further failure
MAX_ENTRIES: Final = 4096
MOST_KNOWN: Final = 200
# In the queue, of what a wrong guess counts: an attempt of late, whatever became of it, and a wrong
# guess in the same network; both together less than one wrong guess.
ATTEMPT: Final = 0.02
MOST_ATTEMPTS: Final = 0.6
NEIGHBOUR: Final = 0.003
MOST_NEIGHBOURS: Final = 0.3
ATTEMPT_FORGET_S: Final = 600.0
MOST_TOKEN: Final = 200  # characters


class KnownStore(Protocol):
    """Where it is kept who has logged in from where: the daemon hands it in."""

    def load(self) -> Mapping[str, object]: ...

    def save(self, data: dict[str, object]) -> None:
        """Raises BtrmError or OSError when it cannot."""


class Device(NamedTuple):
    """A browser that has logged in as `user` before."""

    id: str
    user: str


@dataclass(slots=True)
class _Tally:
    failures: int = 0
    until: float = 0.0  # monotonic s
    last: float = 0.0


class Throttle:
    """Counts failed logins; thread-safe.

    An address (or device) waits 30 s after its fifth failure, twice as long after each further one,
    at most 15 min.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, store: KnownStore | None = None
    ) -> None:
        self._clock = clock
        self._store = store
        self._lock = threading.Lock()
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._networks: OrderedDict[str, _Tally] = OrderedDict()
        self._attempts: OrderedDict[str, _Tally] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._secret = secrets.token_bytes(32)
        self._load()

    def wait_s(self, user: str, address: str, token: str | None = None) -> int:
        """Whole seconds (0..900) to wait before the next attempt is looked at."""
        place = self._place(user, address, token)
        now = self._clock()
        with self._lock:
            tally = self._tallies.get(place)
            return ceil(max(0.0, tally.until - now)) if tally is not None else 0

    def failed(self, user: str, address: str, token: str | None = None) -> int:
        """Count one failure; the number of them, of this address or device of late."""
        place = self._place(user, address, token)
        now = self._clock()
        with self._lock:
            self._count(self._networks, _neighbours(address), now)
            tally = self._count(self._tallies, place, now)
            if tally.failures >= FREE_FAILURES:
                wait = FIRST_WAIT_S * 2.0 ** min(tally.failures - FREE_FAILURES, 10)
                tally.until = now + min(LONGEST_WAIT_S, wait)
            return tally.failures

    def succeeded(self, user: str, address: str, token: str | None = None) -> str:
        """Forgive, and remember that this address belongs to `user`; the token for his browser,
        the one it has or a new one."""
        place = network_of(address)
        device = self.device_of(token)
        with self._lock:
            self._tallies.pop(place, None)
            if device is not None:
                self._tallies.pop(device.id, None)
            is_new = (user, place) not in self._known
            self._known[(user, place)] = None
            self._known.move_to_end((user, place))
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        if is_new:
            self._save()
        if token and device is not None and device.user == user:
            return token
        return self._sign(secrets.token_urlsafe(12), user)

    def device_of(self, token: str | None) -> Device | None:
        """The device whose cookie this is; None for anything that is not signed here."""
        parts = token.split(".") if token and len(token) <= MOST_TOKEN else []
        if len(parts) != 3 or not token or not token.isascii():
            return None
        try:
            user = base64.urlsafe_b64decode(parts[1]).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        if not hmac.compare_digest(token, self._sign(parts[0], user)):
            return None
        return Device(parts[0], user)

    def rank(self, place: str) -> float:
        """How late in the queue attempts from `place` (as network_of names it) are looked at."""
        now = self._clock()
        with self._lock:
            failures = self._of(self._tallies, place, now)
            if failures < FREE_FAILURES and any(known == place for _, known in self._known):
                return -1.0
            near = self._of(self._networks, _neighbours(place.partition("/")[0]), now)
            tries = self._of(self._attempts, place, now, ATTEMPT_FORGET_S)
            return (
                failures
                + min(MOST_ATTEMPTS, ATTEMPT * tries)
                + min(MOST_NEIGHBOURS, NEIGHBOUR * near)
            )

    def attempted(self, place: str) -> None:
        """A login from `place` has come in; nobody has looked at it yet."""
        with self._lock:
            self._count(self._attempts, place, self._clock(), ATTEMPT_FORGET_S)

    # --- inside --------------------------------------------------------------------------------

    def _place(self, user: str, address: str, token: str | None) -> str:
        """Whose failures count: a device of this very user, else the address."""
        device = self.device_of(token)
        return device.id if device is not None and device.user == user else network_of(address)

    def _sign(self, id_: str, user: str) -> str:
        digest = hmac.new(self._secret, f"{id_}\0{user}".encode(), hashlib.sha256).hexdigest()
        return f"{id_}.{base64.urlsafe_b64encode(user.encode()).decode()}.{digest[:32]}"

    def _of(
        self,
        tallies: OrderedDict[str, _Tally],
        key: str,
        now: float,
        forget_s: float = FORGET_S,
    ) -> int:
        tally = tallies.get(key)
        return tally.failures if tally is not None and now - tally.last <= forget_s else 0

    def _count(
        self,
        tallies: OrderedDict[str, _Tally],
        key: str,
        now: float,
        forget_s: float = FORGET_S,
    ) -> _Tally:
        tally = tallies.get(key)
        if tally is None or now - tally.last > forget_s:
            tally = tallies[key] = _Tally()
        tally.failures += 1
        tally.last = now
        tallies.move_to_end(key)
        while len(tallies) > MAX_ENTRIES:
            tallies.popitem(last=False)
        return tally

    def _load(self) -> None:
        data = self._store.load() if self._store is not None else {}
        try:
            secret = bytes.fromhex(str(data.get("secret", "")))
        except ValueError:
            secret = b""
        if len(secret) == len(self._secret):
            self._secret = secret
        found = data.get("known")
        for pair in found if isinstance(found, list) else ():
            if isinstance(pair, list) and len(pair) == 2 and all(isinstance(p, str) for p in pair):
                self._known[(pair[0], pair[1])] = None

    def _save(self) -> None:
        if self._store is None:
            return
        with self._lock:
            known = [list(pair) for pair in self._known]
        try:
            self._store.save({"secret": self._secret.hex(), "known": known})
        except OSError as error:  # a StorageError is one too
            log.warning("who has logged in from where is not kept over a restart: %s", error)


def _neighbours(address: str) -> str:
    """The network around an address: an IPv4 /24, an IPv6 /48."""
    if ":" in address:
        return ":".join(network_of(address).split(":")[:3])
    return address.rpartition(".")[0]
