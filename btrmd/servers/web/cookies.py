"""The cookies of a login: its session, dropped at logout, and the browser, which stays known."""

from __future__ import annotations

from typing import Final

from flask import Response, request

from .sessions import WebSession

SESSION_COOKIE: Final = "btrm_session"
DEVICE_COOKIE: Final = "btrm_device"  # a browser that has logged in before (throttle.py)
DEVICE_S: Final = 400 * 86400  # as long as browsers keep a cookie at most


def keep_session(answer: Response, session: WebSession) -> Response:
    """Give the browser the session's token, which lives until the browser or the session ends, and
    what it is known by at the next login."""
    answer.set_cookie(
        SESSION_COOKIE,
        session.token,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/",
    )
    if session.device:
        answer.set_cookie(
            DEVICE_COOKIE,
            session.device,
            max_age=DEVICE_S,
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
