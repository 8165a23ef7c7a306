"""Forms: the token that proves that a form came from one of our own pages."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from flask import Request, Response, g

FORM_FIELD: Final = "csrf_token"
FORM_COOKIE: Final = "btrm_form"  # for visitors without a login
_MAX_NONCE: Final = 64


class FormTokens:
    """Tokens for visitors: an HMAC over a random cookie. Users have the token of their session."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def token(self, asked: Request) -> str:
        """The token for a form on the page being made; sets the visitor's cookie if need be."""
        if g.session is not None:
            return str(g.session.csrf)
        return self._sign(self.nonce(asked))

    def nonce(self, asked: Request) -> str:
        """What the visitor's cookie holds, or will hold after this request."""
        nonce = known_nonce(asked)
        if not nonce:
            nonce = g.get("form_nonce") or secrets.token_urlsafe(24)
            g.form_nonce = nonce
        return nonce

    def is_good(self, asked: Request) -> bool:
        """True when the posted form carries the right token."""
        given = asked.form.get(FORM_FIELD, "").encode("utf-8", "replace")
        if g.session is not None:
            return bool(g.session.has_csrf(asked.form.get(FORM_FIELD)))
        nonce = known_nonce(asked)
        if not nonce:
            return False
        return hmac.compare_digest(given, self._sign(nonce).encode("ascii"))

    def add_cookie(self, answer: Response, is_secure: bool) -> None:
        """After a request: give the visitor the cookie his form's token belongs to."""
        nonce = g.get("form_nonce")
        if nonce:
            answer.set_cookie(
                FORM_COOKIE, nonce, httponly=True, samesite="Strict", secure=is_secure, path="/"
            )

    def _sign(self, nonce: str) -> str:
        return hmac.new(self._secret, nonce.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def known_nonce(asked: Request) -> str:
    """What the visitor's cookie holds; "" = he has none."""
    nonce = asked.cookies.get(FORM_COOKIE, "")
    return nonce if len(nonce) <= _MAX_NONCE else ""
