"""The Authorization page (manual 10.4): always needs a login; who may do what, and who is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from flask import Response, g, request

from btrmd.model.commands import ChangeSettings

from .accounts import STATUS, LoginRefusal
from .form_submit import last_values
from .pages import Pages, see_other
from .roles import ROLES, Role
from .routes import Route, RouteAccess
from .services import USERS_KEY, source
from .sessions import IDLE_S, WebSession
from .token_form import TokenForm
from .users import NAME_TEXT, Users
from .wording import format_age

PATH: Final = "/authorization"
USERS_PATH: Final = f"{PATH}/users"
TOKENS_PATH: Final = f"{PATH}/tokens"
USER_FIELDS: Final = ("action", "user", "role")
TOKEN_FIELDS: Final = ("action", "name", "role", "expires")
TITLE: Final = "Authorization"
SETTING: Final = "web.authorization"
DONE: Final = {
    "saved": "Saved.",
    "added": "The user has been added.",
    "role": "The role has been changed; the user must log in again.",
    "password": "The password has been set; the user must log in again.",
    "removed": "The user has been removed.",
    "closed": "The session has been ended.",
    "revoked": "The token has been revoked.",
}


class SessionLine(NamedTuple):
    """One living session in words; `handle` names it, its token stays where it is."""

    handle: str
    user: str
    address: str
    age: str
    idle: str
    is_mine: bool


class AuthorizationPage:
    """Views of the page and its forms. The gate has made sure of a login, and of the role."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services
        services = pages.services
        self._users = Users(
            services.accounts, services.sessions, lambda text: services.note(USERS_KEY, text)
        )

        self.tokens = TokenForm(services, lambda alert, token: self._render(alert, token=token))

    def show(self) -> str:
        return self._render(done=DONE.get(request.args.get("done", ""), ""))

    def _typed(self, path: str) -> Mapping[str, str]:
        """What was typed into the form that is sent to `path`: just now, or before a login."""
        if request.method == "POST":
            return last_values(request.form) if request.path == path else {}
        kept = self._pages.kept(path) if g.session.role is Role.ADMIN else None
        return last_values(kept.fields) if kept is not None else {}

    def save(self) -> Response:
        """The tick box: every page needs a login, or every change does."""
        ticked = request.form.getlist("enable")
        if not ticked or ticked[-1] not in ("true", "false"):
            return self._again("Enable Authorization: allowed is true or false.", 422)
        value = "all" if ticked[-1] == "true" else "writes"
        answer = self._services.bus.submit(ChangeSettings({SETTING: value}, source()))
        if not answer.ok:
            status = 503 if answer.code in ("busy", "storage") else 422
            return self._again(answer.text, status)
        return see_other(f"{PATH}?done=saved")

    def change_user(self) -> Response:
        """One of four actions, named by the button that was pressed."""
        form = request.form
        me: WebSession = g.session
        name, password, role = (form.get(key, "") for key in ("user", "password", "role"))
        if form.get("action") in ("add", "password") and password != form.get("repeat", ""):
            return self._again("The two passwords differ.", 422)
        actions: dict[str, tuple[Callable[[], LoginRefusal | None], str]] = {
            "add": (lambda: self._users.add(me, name, password, role), "added"),
            "role": (lambda: self._users.set_role(me, name, role), "role"),
            "password": (lambda: self._users.set_password(me, name, password), "password"),
            "remove": (lambda: self._users.remove(me, name), "removed"),
        }
        action = actions.get(form.get("action", ""))
        if action is None:
            return self._again("The form names no action.", 422)
        refused = action[0]()
        if refused is not None:
            return self._again(refused.text, STATUS.get(refused.code, 422))
        return see_other(f"{PATH}?done={action[1]}")

    def end_session(self) -> Response:
        """One's own sessions; an admin everybody's."""
        me: WebSession = g.session
        handle = request.form.get("session", "")
        for session, _, _ in self._services.sessions.living():
            if session.handle == handle and (session.user == me.user or me.role is Role.ADMIN):
                self._services.sessions.close(session)
                return see_other("/" if session is me else f"{PATH}?done=closed")
        return self._again("There is no such session any more.", 404)

    def _again(self, alert: str, status: int) -> Response:
        return Response(self._render(alert=alert), status)

    def _render(self, alert: str = "", done: str = "", token: str = "") -> str:
        me: WebSession = g.session
        settings = self._services.bus.snapshot.settings
        is_admin = me.role is Role.ADMIN
        users = self._services.accounts.users()
        user, made = self._typed(USERS_PATH), self._typed(TOKENS_PATH)
        enabled = self._typed(PATH).get("enable", "")
        shows_kept = is_admin and request.method == "GET"
        paths = (PATH, USERS_PATH, TOKENS_PATH) if shows_kept else ()
        kept = (self._pages.kept(path) for path in paths)
        return self._pages.render(
            "authorization.html",
            TITLE,
            alert=alert,
            done=done,
            is_admin=is_admin,
            is_fixed=settings.site.authorization_off,
            is_all=enabled == "true" if enabled else settings[SETTING] == "all",
            kept=next((form for form in kept if form is not None), None),
            users=[(name, user.role.word, name == me.user) for name, user in sorted(users.items())],
            me=me.user,
            roles=list(ROLES),
            typed_user=user if user.get("action") == "add" else {"role": "viewer"},
            typed_token=made if made.get("action") == "add" else {},
            name_text=NAME_TEXT,
            sessions=self._sessions(me),
            idle_min=int(IDLE_S // 60),
            new_token=token,
            **self.tokens.words(),
        )

    def _sessions(self, me: WebSession) -> list[SessionLine]:
        return [
            SessionLine(
                session.handle,
                session.user,
                session.address,
                format_age(age),
                format_age(idle),
                session is me,
            )
            for session, age, idle in self._services.sessions.living()
            if session.user == me.user or me.role is Role.ADMIN
        ]


def authorization_routes(pages: Pages) -> list[Route]:
    """The page and its forms."""
    page = AuthorizationPage(pages)
    own = RouteAccess.OWN
    return [
        Route("GET", PATH, page.show, own),
        Route("POST", PATH, page.save, own, role=Role.ADMIN, keeps=("enable",)),
        Route("POST", USERS_PATH, page.change_user, own, role=Role.ADMIN, keeps=USER_FIELDS),
        Route("POST", f"{PATH}/sessions", page.end_session, own),
        Route("POST", TOKENS_PATH, page.tokens.change, own, role=Role.ADMIN, keeps=TOKEN_FIELDS),
    ]
