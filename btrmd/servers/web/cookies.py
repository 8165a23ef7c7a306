"""The session cookie: set at login, dropped at logout."""

from __future__ import annotations

from typing import Final

from flask import Response, request

from .sessions import Session

SESSION_COOKIE: Final = "btrm_session"  # DESIGN section 8


def keep_session(answer: Response, session: Session) -> Response:
    """Give the browser the session's token; it lives until the browser or the session ends."""
    answer.set_cookie(
        SESSION_COOKIE,
        session.token,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/",
    )
    return answer


def drop_session(answer: Response) -> Response:
    """Take the token away from the browser."""
    answer.delete_cookie(
        SESSION_COOKIE, httponly=True, samesite="Strict", secure=request.is_secure, path="/"
    )
    return answer
