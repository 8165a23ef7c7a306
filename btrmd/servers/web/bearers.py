"""Bearers: machines that come with a token instead of a login (RFC 6750)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from btrmd.model.tokens import Token, decode_tokens, find_token

from .roles import ROLES, Role
from .sessions import Session

SCHEME: Final = "bearer"
MOST: Final = 200  # characters


class TokenStore(Protocol):
    """Where tokens are kept; the daemon hands it in. Cheap to ask, as it is asked often."""

    def load(self) -> Mapping[str, object]: ...


class Bearers:
    """Thread-safe; a token that was revoked is unknown from the next request on."""

    def __init__(self, store: TokenStore | None) -> None:
        self._store = store
        self._seen: tuple[Mapping[str, object], Mapping[str, Token]] = ({}, {})

    def find(self, header: str | None) -> Session | None:
        """Who comes with this Authorization header; None when it names nobody."""
        text = text_of(header)
        if text is None or self._store is None or len(text) > MOST:
            return None
        data = self._store.load()
        if data is not self._seen[0]:
            self._seen = (data, decode_tokens(data))
        token = find_token(self._seen[1], text)
        if token is None:
            return None
        role = ROLES.get(token.role, Role.VIEWER)
        user, handle = f"token {token.name}", f"token.{token.name}"
        return Session("", user, "", token.hash, False, 0.0, 0.0, role, handle=handle)


def text_of(header: str | None) -> str | None:
    """The token in an Authorization header; None when it is of another kind."""
    scheme, _, text = (header or "").partition(" ")
    return text.strip() if scheme.lower() == SCHEME else None
