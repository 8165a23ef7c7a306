"""Sessions: who is logged in, kept in memory only, so that a restart logs everybody out."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .roles import Role

IDLE_S: Final = 900.0  # 15 min without a page or a change
LONGEST_S: Final = 12 * 3600.0
MAX_SESSIONS: Final = 100


@dataclass(slots=True)
class WebSession:
    """One login. `csrf` is what its changes must carry; `credential` the hash it logged in with.

    `is_factory`: logged in with the factory password, may only set a new one. `address` is where
    it logged in from; `handle` names it on pages, where its token must not stand. `device`: what
    the browser is known by at its next login.
    """

    token: str
    user: str
    csrf: str
    credential: str
    is_factory: bool
    created: float
    used: float
    role: Role = Role.ADMIN
    address: str = ""
    handle: str = ""
    device: str = ""

    def has_csrf(self, given: object) -> bool:
        """Compare in constant time."""
        return isinstance(given, str) and hmac.compare_digest(
            given.encode("utf-8", "replace"), self.csrf.encode("ascii")
        )


class Sessions:
    """Thread-safe. The oldest session goes when there would be more than 100."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_token: OrderedDict[str, WebSession] = OrderedDict()

    def open(
        self,
        user: str,
        credential: str,
        is_factory: bool,
        role: Role = Role.ADMIN,
        address: str = "",
    ) -> WebSession:
        """A new session with a new token (never one the browser brought along)."""
        now = self._clock()
        session = WebSession(
            secrets.token_urlsafe(32),
            user,
            secrets.token_urlsafe(32),
            credential,
            is_factory,
            now,
            now,
            role,
            address,
            secrets.token_urlsafe(9),
        )
        with self._lock:
            self._drop_old(now)
            while len(self._by_token) >= MAX_SESSIONS:
                self._by_token.popitem(last=False)
            self._by_token[session.token] = session
        return session

    def find(self, token: str | None) -> WebSession | None:
        """The living session of `token`; looking does not keep it alive."""
        if not token:
            return None
        with self._lock:
            session = self._by_token.get(token)
            if session is None:
                return None
            if self._is_old(session, self._clock()):
                del self._by_token[token]
                return None
            return session

    def touch(self, session: WebSession) -> None:
        """The user did something: the idle time starts anew."""
        with self._lock:
            session.used = self._clock()
            if session.token in self._by_token:
                self._by_token.move_to_end(session.token)

    def close(self, session: WebSession) -> None:
        """Log out."""
        with self._lock:
            self._by_token.pop(session.token, None)

    def renew(self, old: str, new: str) -> None:
        """The same password is stored as another hash: those who logged in with it stay."""
        with self._lock:
            for session in self._by_token.values():
                if session.credential == old:
                    session.credential = new

    def close_all_of(self, user: str) -> None:
        """Log `user` out everywhere (the password has changed)."""
        with self._lock:
            for token in [t for t, s in self._by_token.items() if s.user == user]:
                del self._by_token[token]

    def living(self) -> list[tuple[WebSession, float, float]]:
        """Every session with its age and its idle time in s, the newest use first."""
        now = self._clock()
        with self._lock:
            self._drop_old(now)
            found = [(s, now - s.created, now - s.used) for s in self._by_token.values()]
        return sorted(found, key=lambda item: item[2])

    def __len__(self) -> int:
        with self._lock:
            self._drop_old(self._clock())
            return len(self._by_token)

    def _drop_old(self, now: float) -> None:
        for token in [t for t, s in self._by_token.items() if self._is_old(s, now)]:
            del self._by_token[token]

    @staticmethod
    def _is_old(session: WebSession, now: float) -> bool:
        return now - session.used > IDLE_S or now - session.created > LONGEST_S
