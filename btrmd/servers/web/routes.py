"""Routes: what a path is, who may use it, and what the API's description says of it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from btrmd.model.settings import Settings

from .roles import Role
from .sessions import WebSession

View = Callable[..., Any]


class RouteAccess(Enum):
    """Who may use a route. The gate (gate.py) is the only place that acts on it.

    A change needs a login and its CSRF token; under the factory login only PASSWORD and LEAVE are
    allowed (R147).
    """

    PUBLIC = "public"  # anybody, always: assets, health, logging in
    PAGE = "page"  # a page that shows: anybody, unless web.authorization is "all"
    DATA = "data"  # the API that shows: as PAGE, but answers are for programs
    CHANGE = "change"  # who has logged in; anybody where web.authorization is "off"
    OWN = "own"  # who has logged in, whatever web.authorization says
    PASSWORD = "password"  # as OWN, and the factory login
    LEAVE = "leave"  # as OWN, and the factory login: what logs out


class Route(NamedTuple):
    """One path and method. `summary` and `answers` (status -> sentence) go into openapi.json.

    `body` names the schema of the request's body and `result` that of the answer (openapi.py);
    `query` the names of its query parameters. `role`: the least that a login must have, where
    one is needed. `keeps`: the fields of a form that are kept when its login has ended
    (kept_form.py); never a secret.
    """

    method: str
    path: str
    view: View
    access: RouteAccess
    summary: str = ""
    result: str = ""
    body: str = ""
    query: tuple[str, ...] = ()
    answers: tuple[tuple[int, str], ...] = ()
    role: Role = Role.VIEWER
    keeps: tuple[str, ...] = ()

    @property
    def endpoint(self) -> str:
        """The name Flask knows the route by."""
        return f"{self.method} {self.path}".replace(".", "_")

    @property
    def is_api(self) -> bool:
        """True where answers are for programs: errors are JSON there."""
        return is_api_path(self.path)


def may_change(session: WebSession | None, role: Role, settings: Settings) -> bool:
    """True where the gate would let a CHANGE of `role` pass: pages offer only what it lets pass."""
    if settings["web.authorization"] == "off":
        return session is None or not session.is_factory
    return session is not None and not session.is_factory and session.role >= role


def is_api_path(path: str) -> bool:
    """True where answers are for programs: errors are JSON there."""
    return path.startswith("/api/") or path in ("/healthz", "/metrics")
