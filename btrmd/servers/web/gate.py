"""The gate: the one place that decides who may use which route."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final
from urllib.parse import quote, urlsplit

from flask import Request, Response, g, redirect, request
from werkzeug.exceptions import Forbidden

from btrmd.bus import Bus

from .accounts import REFUSED_KEY, Accounts
from .answers import refuse
from .bearers import Bearers, text_of
from .cookies import SESSION_COOKIE
from .forms import FORM_FIELD, FormTokens, known_nonce
from .hosts import is_own_host
from .kept_form import KeptForms
from .routes import Route, RouteAccess
from .sessions import Sessions, WebSession

CSRF_HEADER: Final = "X-CSRF-Token"
REFRESH_HEADER: Final = "X-Refresh"  # a page asks for its parts by itself: nobody is at work
_CHANGING: Final = frozenset(
    {RouteAccess.CHANGE, RouteAccess.OWN, RouteAccess.PASSWORD, RouteAccess.LEAVE}
)
_FACTORY: Final = frozenset({RouteAccess.PASSWORD, RouteAccess.LEAVE})
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
        bearers: Bearers,
        kept: KeptForms,
        tell: Callable[[str, str, str], None],
    ) -> None:
        """`tell` gets key, sentence and source of what belongs into the event log."""
        self._bus = bus
        self._routes = {route.endpoint: route for route in routes}
        self._sessions = sessions
        self._accounts = accounts
        self._tokens = tokens
        self._bearers = bearers
        self._kept = kept
        self._tell = tell

    def check(self) -> Response | None:
        """None lets the request pass; `g.session` is who asks, or None."""
        cookie, header = request.cookies.get(SESSION_COOKIE), request.headers.get("Authorization")
        session = g.session = self._sessions.find(cookie)
        g.may_go_on = partial(self._may_go_on, cookie, header)
        if request.endpoint is None:
            return None  # no such path or method: the error handlers answer
        route = self._routes.get(request.endpoint)
        if route is None:
            return refuse(403, "forbidden", "This path is open to nobody.")
        access = route.access
        if request.method not in _SAFE and not _is_same_origin(request):
            return refuse(403, "origin", "The request comes from another site's page.")
        if access is RouteAccess.PUBLIC:
            return None
        if session is not None and not self._accounts.is_current(session):
            # The password has been changed since, by a page or on the command line.
            session = g.session = None
        if text_of(header) is not None:
            return self._bearer(route)
        if session is not None and session.is_factory:
            refused = self._factory(access)
            if refused is not None:
                return refused
        if access in _CHANGING:
            return self._change(route, session)
        return self._read(session, access)

    def _read(self, session: WebSession | None, access: RouteAccess) -> Response | None:
        if session is not None:
            if access is RouteAccess.PAGE and REFRESH_HEADER not in request.headers:
                self._sessions.touch(session)
            return None
        if self._bus.snapshot.settings["web.authorization"] != "all":
            return self._foreign_host()
        if access is RouteAccess.DATA:
            text = "This needs a login (POST /api/v1/login) or a token (Authorization: Bearer)."
            return refuse(401, "login", text)
        return _to_login()

    def _may_go_on(self, cookie: str | None, header: str | None) -> bool:
        """May an answer without end go on to whoever sent these? From any thread."""
        if text_of(header) is not None:
            return self._bearers.find(header) is not None
        if self._bus.snapshot.settings["web.authorization"] != "all":
            return True
        session = self._sessions.find(cookie)
        return session is not None and self._accounts.is_current(session)

    def _bearer(self, route: Route) -> Response | None:
        """A machine with a token: it needs neither cookie nor CSRF token, as no browser sends
        that header by itself."""
        session = self._bearers.find(request.headers.get("Authorization"))
        if session is None:
            return self._unknown_bearer()
        g.session = session
        if route.access not in (RouteAccess.PAGE, RouteAccess.DATA, RouteAccess.CHANGE):
            return refuse(403, "login", "This needs a person's login; a token is not enough.")
        if route.access is RouteAccess.CHANGE and session.role < route.role:
            text = f"This needs the role {route.role.word}; {session.user} is {session.role.word}."
            return refuse(403, "role", text)
        return None

    def _unknown_bearer(self) -> Response:
        address = request.remote_addr or ""
        refused = self._bearers.refuse(request.headers.get("Authorization"), address)
        if refused.wait_s:
            return refuse(429, refused.code, refused.text, refused.wait_s)
        self._tell(REFUSED_KEY, f"A token was refused: {refused.text}", f"web {address}")
        answer = refuse(401, refused.code, refused.text)
        answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return answer

    def _factory(self, access: RouteAccess) -> Response | None:
        """The factory login leads to a new password and nowhere else (R147)."""
        if access in _FACTORY:
            return self._foreign_host()
        if not request.path.startswith("/api/"):
            return _redirect("/set-password")
        return refuse(403, "set_password", "The factory login may only set a new password.")

    def _change(self, route: Route, session: WebSession | None) -> Response | None:
        is_form = not request.path.startswith("/api/")
        is_open = (
            route.access is RouteAccess.CHANGE
            and self._bus.snapshot.settings["web.authorization"] == "off"
        )
        if session is None:
            if is_open:
                return self._open_change(route, is_form)
            if is_form:
                if request.method in _SAFE:
                    return _to_login()
                return _to_login_again(self._keep(route))
            return refuse(401, "login", "This change needs a login: POST /api/v1/login.")
        if request.method not in _SAFE:
            given = request.form.get(FORM_FIELD) if is_form else request.headers.get(CSRF_HEADER)
            if not session.has_csrf(given):
                if is_form:
                    raise self._outdated(route)
                name = f"header {CSRF_HEADER}"
                return refuse(403, "csrf", f"The change is refused: {name} is missing or wrong.")
        if session.role < route.role and not is_open:
            text = f"This needs the role {route.role.word}; {session.user} is {session.role.word}."
            if is_form:
                raise Forbidden(text)  # a page that says so
            return refuse(403, "role", text)
        if REFRESH_HEADER not in request.headers:
            self._sessions.touch(session)
        self._forget(route)
        return None

    def _open_change(self, route: Route, is_form: bool) -> Response | None:
        """web.authorization is off: a form still proves that it is ours."""
        foreign = self._foreign_host()
        if foreign is not None:
            return foreign
        if is_form and request.method not in _SAFE and not self._tokens.is_good(request):
            raise self._outdated(route)
        self._forget(route)
        return None

    def _outdated(self, route: Route) -> Forbidden:
        """A form that was made for another login, or before the unit was started anew."""
        kept = " What was typed is kept there." if self._keep(route) else ""
        return Forbidden(
            f"Nothing was changed: this form is of an earlier login or none ({FORM_FIELD} is "
            f"missing or wrong). Go back to the page and send it from there.{kept}"
        )

    def _keep(self, route: Route) -> bool:
        """What was typed is to be shown again, after the login: nothing of it is done."""
        if not route.keeps:
            return False
        nonce, address = self._tokens.nonce(request), request.remote_addr or ""
        has_files = any(file.filename for file in request.files.values())
        return self._kept.keep(nonce, request.path, request.form, route.keeps, address, has_files)

    def _forget(self, route: Route) -> None:
        """The form was sent again."""
        if route.keeps and request.method not in _SAFE:
            self._kept.drop(known_nonce(request), request.path)

    def _foreign_host(self) -> Response | None:
        """Who needs no password of their own must come by a name that can only be ours: also to
        read, or any page on the internet could, by giving its own name our address."""
        if "Host" not in request.headers:
            return None  # HTTP/1.0, which no browser speaks
        if is_own_host(request.host, self._bus.snapshot.settings.site.web_names):
            return None
        return refuse(
            403,
            "host",
            f"The station does not know itself as {request.host}: use its address, "
            "log in, or name it under web.names in the site file.",
        )


def _is_same_origin(asked: Request) -> bool:
    """What browsers tell about the page a request comes from; other clients tell nothing."""
    if asked.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    origin = asked.headers.get("Origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == asked.host.lower()
    except ValueError:  # "http://[::1": no origin a browser would send
        return False


def _to_login() -> Response:
    return _redirect(f"/login?next={quote(request.path)}")


def _redirect(place: str) -> Response:
    answer = redirect(place, 303)
    assert isinstance(answer, Response)
    return answer


def _to_login_again(is_kept: bool) -> Response:
    """A form came without a login, or with one that has ended meanwhile: the page says that nothing
    was done, and leads back to the page that the form stands on."""
    page = request.path.split("/")[1]
    return _redirect(f"/login?next=/{quote(page)}&ended={'kept' if is_kept else 1}")
