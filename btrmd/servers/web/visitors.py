"""Visitors: what the head of a request tells of who sends it, before anything is done for him."""

from __future__ import annotations

from typing import Final, NamedTuple

from ...net import network_of
from .bearers import Bearers
from .bodies import MAX_BODY
from .cookies import DEVICE_COOKIE, SESSION_COOKIE
from .http_head import RequestHead
from .sessions import Sessions
from .throttle import Throttle

# Where a password is hashed: these wait in a queue of their own.
HASHING: Final = frozenset(
    {"/login", "/api/v1/login", "/set-password", "/api/v1/password", "/authorization/users"}
)
BODY: Final = MAX_BODY + 8 * 1024  # the largest that a view takes, and a form around it
USER_BODY: Final = 1024 * 1024
USER: Final = "user:"
DEVICE: Final = "device:"


class Visitor(NamedTuple):
    """`place`: on whose account the request is: a login, a device that has logged in before, or an
    address. `most_body` octets."""

    place: str
    is_user: bool
    most_body: int


class Visitors:
    """Thread-safe, and cheap: no hashing, no disk."""

    def __init__(self, sessions: Sessions, throttle: Throttle, bearers: Bearers) -> None:
        self._sessions = sessions
        self._throttle = throttle
        self._bearers = bearers

    def identify(self, head: RequestHead, address: str) -> Visitor:
        """Who sends a request with this head from `address`."""
        cookies = head.fields.get("COOKIE", "")
        session = self._bearers.find(head.fields.get("AUTHORIZATION")) or self._sessions.find(
            cookie_in(cookies, SESSION_COOKIE)
        )
        if session is not None:
            return Visitor(f"{USER}{session.handle}", True, USER_BODY)
        if not is_hashing(head.method, head.path):
            return Visitor(network_of(address), False, BODY)
        device = self._throttle.device_of(cookie_in(cookies, DEVICE_COOKIE))
        if device is not None:
            return Visitor(f"{DEVICE}{device.id}", False, BODY)
        place = network_of(address)
        self._throttle.attempted(place)
        return Visitor(place, False, BODY)

    def login_rank(self, place: str) -> float:
        """The lowest is checked first: who is logged in, who has logged in before, who has not
        guessed wrong yet, then the fewest wrong guesses."""
        if place.startswith(USER):
            return -3.0
        if place.startswith(DEVICE):
            return -2.0
        return self._throttle.rank(place)


def is_hashing(method: str, path: str) -> bool:
    """True where serving the request takes a password's hash."""
    return method == "POST" and path.rstrip("/") in HASHING


def cookie_in(text: str, name: str) -> str | None:
    """One cookie of a Cookie field (RFC 6265 4.2.1), None when it is not there."""
    for part in text.split(";"):
        key, equals, value = part.strip().partition("=")
        if equals and key == name:
            return value.strip('"')
    return None
