"""The pages: their layout, and the forms that log in, log out and set a password."""

from __future__ import annotations

import re
from typing import Final

from flask import Response, g, render_template, request

from btrmd.model.settings import SETTINGS, Settings

from .accounts import STATUS, LoginRefusal
from .cookies import DEVICE_COOKIE, drop_session, keep_session
from .forms import known_nonce
from .kept_form import FORGET, KeptForm
from .menu import ADDED, PAGES, Menu
from .routes import Route, RouteAccess
from .services import USERS_KEY, Services
from .sessions import IDLE_S
from .verdict import Verdict, make_verdict
from .wording import site_zone

_REPORT: Final = re.compile(r"/report/[0-9]{1,9}")
_TARGETS: Final = frozenset(path for _, path in (*PAGES, *ADDED))


ENDED: Final = (
    "Nothing was changed: you are not logged in (any more). Log in, then send the form once again."
)
KEPT: Final = (
    "Nothing was changed: you are not logged in (any more). Log in: what you typed stands in the "
    "form again for 15 min, but no password and no file."
)


class Pages:
    """Views that answer with HTML. `menu` is filled in when all routes are known."""

    menu: Menu = Menu((), ())

    def __init__(self, services: Services) -> None:
        self.services = self._services = services

    def login(self) -> str:
        notice = {"1": ENDED, "kept": KEPT}.get(request.args.get("ended", ""), "")
        return self.render(
            "login.html", "Log in", error="", notice=notice, username="", next=_target()
        )

    def log_in(self) -> Response:
        username = request.form.get("username", "")
        if not self._services.tokens.is_good(request):
            return self._again("login.html", "Log in", 403, "The form has expired: try again.")
        opened = self._services.accounts.log_in(
            username,
            request.form.get("password", ""),
            request.remote_addr or "",
            request.cookies.get(DEVICE_COOKIE),
        )
        if isinstance(opened, LoginRefusal):
            status = STATUS[opened.code]
            return self._again("login.html", "Log in", status, opened.text, opened.retry_after_s)
        if g.session is not None:
            self._services.sessions.close(g.session)
        target = _target()
        way = "" if target == "/" else f"?next={target}"
        place = f"/set-password{way}" if opened.is_factory else target
        return keep_session(see_other(place), opened)

    def logout(self) -> str | Response:
        if g.session is None:
            return see_other("/")
        return self.render("logout.html", "Log out")

    def log_out(self) -> Response:
        self._services.sessions.close(g.session)
        self._services.kept.drop(known_nonce(request))
        return drop_session(see_other("/"))

    def new_password(self) -> str:
        return self.render("set_password.html", "Set password", error="", next=_target())

    def set_password(self) -> Response:
        title = "Set password"
        form = request.form
        password = form.get("password", "")
        if password != form.get("repeat", ""):
            text = "The two new passwords differ."
            return self._again("set_password.html", title, 422, text)
        changed = self._services.accounts.set_password(
            g.session, password, form.get("current"), request.remote_addr or ""
        )
        if isinstance(changed, LoginRefusal):
            status = STATUS[changed.code]
            wait = changed.retry_after_s
            return self._again("set_password.html", title, status, changed.text, wait)
        g.session = changed
        self._services.note(USERS_KEY, f"The password of {changed.user} was set.")
        return keep_session(see_other(_target()), changed)

    def kept(self, path: str) -> KeptForm | None:
        """What this browser sent to `path` after its login had ended: to be shown in the form that
        this request asks for, and only to who may send it."""
        nonce = known_nonce(request)
        if request.args.get(FORGET) == "1":
            self._services.kept.drop(nonce, path)
        return self._services.kept.find(nonce, path)

    def error(self, status: int, text: str) -> Response:
        """An error in words, in the layout of all pages; plain text for programs."""
        back = page_of(request.path) if request.method == "POST" else ""
        body = self.render("error.html", f"Error {status}", text=text, back=back)
        return Response(body, status)

    def _again(
        self, template: str, title: str, status: int, error: str, retry_after_s: int = 0
    ) -> Response:
        """The form once more, with what was wrong; a refused login says how long to wait."""
        body = self.render(
            template,
            title,
            error=error,
            username=request.form.get("username", "")[:64],
            next=_target(),
        )
        answer = Response(body, status)
        if status in (401, 429, 503):
            answer.headers["Retry-After"] = str(retry_after_s)
        return answer

    def render(self, template: str, title: str, **context: object) -> str:
        """A page in the layout of all pages."""
        snapshot = self._services.bus.snapshot
        settings = snapshot.settings
        # a stranger who must log in first gets to know nothing
        is_open = g.session is not None or settings["web.authorization"] != "all"
        verdict = make_verdict(snapshot) if is_open else None
        site = site_label(settings)
        return render_template(
            template,
            title=title,
            head_title=_head_title(verdict, site, title) if is_open else title,
            verdict=verdict,
            is_lost=verdict is not None and not snapshot.is_ticking,
            site=site,
            zone=site_zone() if is_open else "",
            model=f"BTRM{settings.site.model}",
            location=settings["site.location"] if is_open else "",
            menu=self.menu,
            here=request.path,
            session=g.session,
            idle_s=int(IDLE_S),
            token=lambda: self._services.tokens.token(request),
            **context,
        )


def site_label(settings: Settings) -> str:
    """What tells this unit from forty others: its name, else where it is."""
    name, place = settings.text("site.name"), settings.text("site.location")
    is_named = name != SETTINGS["site.name"].default
    return name if is_named or place == SETTINGS["site.location"].default else place


def _head_title(verdict: Verdict | None, site: str, title: str) -> str:
    """ "(2) 730 Northern: System Status": two alarms."""
    count = f"({verdict.alarm_count}) " if verdict is not None and verdict.alarm_count else ""
    return f"{count}{site}: {title}"


def _target() -> str:
    """Where a login leads: one of our own pages, whatever the form says."""
    place = request.values.get("next", "/")
    return place if place in _TARGETS or _REPORT.fullmatch(place) else "/"


def page_of(path: str) -> str:
    """The page on which the form stands that is sent to `path`; "" = none of the menu."""
    page = f"/{path.split('/')[1]}"
    return page if page in _TARGETS else ""


def see_other(place: str) -> Response:
    """After a form: the browser gets the page that shows what it did."""
    return Response(status=303, headers={"Location": place})


def page_routes(pages: Pages) -> list[Route]:
    """The pages of this version; the menu shows the others as not available."""
    public = RouteAccess.PUBLIC
    return [
        Route("GET", "/login", pages.login, public),
        Route("POST", "/login", pages.log_in, public),
        Route("GET", "/logout", pages.logout, public),
        Route("POST", "/logout", pages.log_out, RouteAccess.LEAVE),
        Route("GET", "/set-password", pages.new_password, RouteAccess.PASSWORD),
        Route("POST", "/set-password", pages.set_password, RouteAccess.PASSWORD),
    ]
