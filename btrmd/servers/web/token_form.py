"""The tokens of machines on the Authorization page: made, shown once, listed, revoked."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from flask import Response, request

from btrmd.model.errors import BtrmError
from btrmd.tokens import EXPIRES_TEXT, ROLES, decode_tokens, expiry, made_text

from .pages import see_other
from .services import Services

TOKENS_KEY: Final = "web.tokens"
PLACE: Final = "/authorization"


class TokenLine(NamedTuple):
    """One token in words."""

    name: str
    role: str
    made: str
    ends: str


class TokenForm:
    """`render(alert, token)` shows the page again; the gate has made sure of an admin."""

    def __init__(self, services: Services, render: Callable[[str, str], str]) -> None:
        self._services = services
        self._render = render

    def change(self) -> Response:
        """One of two: add or revoke, named by the button."""
        store, form = self._services.bearers.store, request.form
        name = form.get("name", "").strip()
        if store is None:
            return self._again("This unit keeps no tokens.", 404)
        try:
            if form.get("action") == "revoke":
                store.revoke(name)
                self._services.note(TOKENS_KEY, f"Token {name} was revoked.")
                return see_other(f"{PLACE}?done=revoked")
            role, now = form.get("role", ""), time.time()
            ends = expiry(form.get("expires", "").strip(), now)
            made_at = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
            text = store.add(name, role, made_at, ends)
        except BtrmError as error:
            return self._again(str(error), 422)
        self._services.note(TOKENS_KEY, made_text(name, role, ends))
        answer = Response(self._render("", text))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def words(self) -> dict[str, object]:
        """What the template shows."""
        store = self._services.bearers.store
        tokens = decode_tokens(store.load()) if store is not None else {}
        now = time.time()
        return {
            "has_tokens": store is not None,
            "tokens": [
                TokenLine(one.name, one.role, one.made_at[:10], _ends(one.expires_at, now))
                for one in sorted(tokens.values())
            ],
            "token_roles": ROLES,
            "expires_text": EXPIRES_TEXT,
        }

    def _again(self, alert: str, status: int) -> Response:
        return Response(self._render(alert, ""), status)


def _ends(expires_at: str, now: float) -> str:
    if not expires_at:
        return "never"
    today = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    return f"{'expired' if expires_at <= today else 'until'} {expires_at[:10]}"
