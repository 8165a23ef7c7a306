"""The gate: the one place that decides who may use which route."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, urlsplit

from flask import Request, Response, g, redirect, request
from werkzeug.exceptions import Forbidden

from btrmd.bus import Bus

from .accounts import Accounts
from .answers import refuse
from .cookies import SESSION_COOKIE
from .forms import FORM_FIELD, FormTokens
from .hosts import is_own_host
from .routes import Access, Route
from .sessions import Session, Sessions

CSRF_HEADER: Final = "X-CSRF-Token"
REFRESH_HEADER: Final = "X-Refresh"  # a page asks for its parts by itself: nobody is at work
_CHANGING: Final = frozenset({Access.CHANGE, Access.OWN, Access.PASSWORD, Access.LEAVE})
_FACTORY: Final = frozenset({Access.PASSWORD, Access.LEAVE})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Runs before every request. A route that is not in its table is refused."""

    def __init__(
        self,
        bus: Bus,
        routes: Iterable[Route],
        sessions: Sessions,
        accounts: Accounts,
        tokens: FormTokens,
    ) -> None:
        self._bus = bus
        self._routes = {route.endpoint: route for route in routes}
        self._sessions = sessions
        self._accounts = accounts
        self._tokens = tokens

    def check(self) -> Response | None:
        """None lets the request pass; `g.session` is who asks, or None."""
        session = g.session = self._sessions.find(request.cookies.get(SESSION_COOKIE))
        if request.endpoint is None:
            return None  # no such path or method: the error handlers answer
        route = self._routes.get(request.endpoint)
        if route is None:
            return refuse(403, "forbidden", "This path is open to nobody.")
        access = route.access
        if request.method not in _SAFE and not _is_same_origin(request):
            return refuse(403, "origin", "The request comes from another site's page.")
        if access is Access.PUBLIC:
            return None
        if session is not None and session.is_factory:
            refused = self._factory(access)
            if refused is not None:
                return refused
        if access in _CHANGING:
            return self._change(route, session)
        if access is Access.PAGE:
            if session is not None:
                if REFRESH_HEADER not in request.headers:
                    self._sessions.touch(session)
            elif self._bus.snapshot.settings["web.authorization"] == "all":
                return _to_login()
        return None

    def _factory(self, access: Access) -> Response | None:
        """The factory login leads to a new password and nowhere else (R147)."""
        if access in _FACTORY:
            return self._foreign_host()
        if not request.path.startswith("/api/"):
            return _redirect("/set-password")
        return refuse(403, "set_password", "The factory login may only set a new password.")

    def _change(self, route: Route, session: Session | None) -> Response | None:
        is_form = not request.path.startswith("/api/")
        is_open = (
            route.access is Access.CHANGE
            and self._bus.snapshot.settings["web.authorization"] == "off"
        )
        if session is None:
            if is_open:
                return self._open_change(is_form)
            if is_form:
                return _to_login()
            return refuse(401, "login", "This change needs a login: POST /api/v1/login.")
        if not self._accounts.is_current(session):
            g.session = None
            if is_form:
                return _to_login()
            return refuse(401, "login", "The password has been changed: log in again.")
        if request.method not in _SAFE:
            given = request.form.get(FORM_FIELD) if is_form else request.headers.get(CSRF_HEADER)
            if not session.has_csrf(given):
                name = FORM_FIELD if is_form else f"header {CSRF_HEADER}"
                return refuse(403, "csrf", f"The change is refused: {name} is missing or wrong.")
        if session.role < route.role and not is_open:
            text = f"This needs the role {route.role.word}; {session.user} is {session.role.word}."
            if is_form:
                raise Forbidden(text)  # a page that says so
            return refuse(403, "role", text)
        if REFRESH_HEADER not in request.headers:
            self._sessions.touch(session)
        return None

    def _open_change(self, is_form: bool) -> Response | None:
        """web.authorization is off: a form still proves that it is ours."""
        foreign = self._foreign_host()
        if foreign is not None:
            return foreign
        if is_form and request.method not in _SAFE and not self._tokens.is_good(request):
            return refuse(403, "csrf", f"The change is refused: {FORM_FIELD} is missing or wrong.")
        return None

    def _foreign_host(self) -> Response | None:
        """Who needs no password of their own must come by a name that can only be ours."""
        if request.method in _SAFE:
            return None
        if is_own_host(request.host, self._bus.snapshot.settings.site.web_names):
            return None
        return refuse(
            403,
            "host",
            f"The station does not know itself as {request.host}: use its address, "
            "or name it under web.names in the site file.",
        )


def _is_same_origin(asked: Request) -> bool:
    """What browsers tell about the page a request comes from; other clients tell nothing."""
    if asked.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    origin = asked.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == asked.host.lower()


def _to_login() -> Response:
    if request.method == "GET":
        return _redirect(f"/login?next={quote(request.path)}")
    return _redirect(f"/login?next={quote(request.path)}")


def _redirect(place: str) -> Response:
    answer = redirect(place, 303)
    assert isinstance(answer, Response)
    return answer
