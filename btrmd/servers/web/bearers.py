"""Bearers: machines that come with a token instead of a login (RFC 6750)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from btrmd.net import network_of
from btrmd.tokens import Token, decode_tokens, find_token

from .roles import ROLES, Role
from .sessions import WebSession
from .throttle import Throttle

SCHEME: Final = "bearer"
MOST: Final = 200  # characters


class TokenStore(Protocol):
    """Where tokens are kept; the daemon hands it in. Cheap to ask, as it is asked often."""

    def load(self) -> Mapping[str, object]: ...

    def add(self, name: str, role: str, at: str, expires_at: str = "") -> str: ...

    def revoke(self, name: str) -> None: ...


class Refused(NamedTuple):
    """Why a token opens nothing: code, one sentence; `wait_s` before the next one is looked at."""

    code: str
    text: str
    wait_s: int = 0


class Bearers:
    """Thread-safe; a token that was revoked is unknown from the next request on."""

    def __init__(self, store: TokenStore | None, throttle: Throttle | None = None) -> None:
        """`throttle`: its own, so that no person waits for a machine's wrong token."""
        self.store = store
        self._throttle = throttle or Throttle()
        self._seen: tuple[Mapping[str, object], Mapping[str, Token]] = ({}, {})

    def find(self, header: str | None) -> WebSession | None:
        """Who comes with this Authorization header; None when it names nobody."""
        text = text_of(header)
        if text is None or self.store is None or len(text) > MOST:
            return None
        data = self.store.load()
        if data is not self._seen[0]:
            self._seen = (data, decode_tokens(data))
        token = find_token(self._seen[1], text)
        if token is None or token.is_expired(time.time()):
            return None
        role = ROLES.get(token.role, Role.VIEWER)
        user, handle = f"token {token.name}", f"token.{token.name}"
        return WebSession("", user, "", token.hash, False, 0.0, 0.0, role, handle=handle)

    def refuse(self, header: str | None, address: str) -> Refused:
        """Why `find` found nobody. Wrong tokens make their address wait like wrong logins; a right
        one is never kept out, as nobody guesses 256 bits."""
        token = find_token(self._seen[1], text_of(header) or "")
        if token is not None:
            when = (
                "has an end that cannot be read" if token.ends_at is None
                else f"expired on {token.expires_at[:10]}"
            )  # fmt: skip
            return Refused("expired", f"The token {token.name} {when}.")
        place = network_of(address)
        wait = self._throttle.wait_s("", place)
        if wait:
            return Refused("wait", f"Too many wrong tokens: wait {wait} s.", wait)
        self._throttle.failed("", place)
        return Refused("token", "The token is not known, or has been revoked.")


def text_of(header: str | None) -> str | None:
    """The token in an Authorization header; None when it is of another kind."""
    scheme, _, text = (header or "").partition(" ")
    return text.strip() if scheme.lower() == SCHEME else None
