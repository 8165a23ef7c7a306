"""Who may do what: every route of the url map by every method, as everybody, under every setting.

The rules are written down here once more, by hand and from the tables of tests/web/test_web_gate.py
and tests/web/test_web_roles.py, and put to the gate request by request, without running any view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from test_web_gate import PUBLIC, routes_of
from test_web_roles import ACCOUNTS, ADMIN, OPERATOR, OWN
from web_station import Client, Station
from werkzeug.exceptions import Forbidden

from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.passwords import FACTORY_PASSWORD, FACTORY_USER

READING = ("GET", "HEAD")
METHODS = (*READING, "POST", "PATCH")
STRANGE = ("PUT", "DELETE", "TRACE", "CONNECT", "BREW")  # that no route has
ROLES = {"vera": 1, "odd": 1, "otto": 2, "anna": 3, "old": 3}
FACTORY_ROUTES = {("POST", "/set-password"), ("POST", "/api/v1/password"), ("GET", "/set-password")}
LEAVING = {("POST", "/logout"), ("POST", "/api/v1/logout")}
PERSONAL = {  # the reading of one's own affairs and of who else may come in: a login, always
    ("GET", "/authorization"),
    ("GET", "/set-password"),
}

CLOSED = {  # a person's login, whatever web.authorization says: who may come in, keys, software
    "/authorization",
    "/authorization/users",
    "/authorization/tokens",
    "/authorization/sessions",
    "/https/certificate",
    "/https/renew",
    "/backup/export",
    "/update",
    "/api/v1/update",
}


class Who(NamedTuple):
    """Who asks: `role` 0 = nobody; `csrf` as it is sent."""

    name: str
    role: int
    headers: Mapping[str, str] = {}
    csrf: str = ""
    has_csrf: bool = False
    is_token: bool = False
    is_factory: bool = False
    is_bad: bool = False  # says who it is, and is not


def needed(method: str, path: str) -> int:
    return 2 if (method, path) in OPERATOR else 3 if (method, path) in ADMIN else 1


def may(who: Who, method: str, path: str, setting: str) -> bool:
    """What the design says (sections 7 and 8)."""
    route = ("GET" if method == "HEAD" else method, path)
    if route in PUBLIC:
        return True
    if who.is_bad:
        return False
    is_reading = method in READING
    if who.is_factory:
        return route in FACTORY_ROUTES | LEAVING and (is_reading or who.has_csrf)
    if is_reading and route not in PERSONAL:
        return who.role > 0 or setting != "all"
    if is_reading:
        return who.role > 0 and not who.is_token
    if route in OWN:
        return who.role > 0 and not who.is_token and who.has_csrf
    if path in CLOSED and who.is_token:
        return False
    if who.is_token:
        return who.role >= needed(*route)  # no browser sends its header by itself: no CSRF token
    is_open = setting == "off" and path not in CLOSED
    if who.role == 0:
        return is_open and path.startswith("/api/")  # a form must prove that it is ours
    return who.has_csrf and (who.role >= needed(*route) or is_open)


def passes(station: Station, who: Who, method: str, path: str) -> bool:
    """Does the gate let this request through? Whatever the view would say then is not asked."""
    headers = dict(who.headers)
    data = b""
    if who.csrf and path.startswith("/api/"):
        headers["X-CSRF-Token"] = who.csrf
    elif who.csrf:
        data = urlencode({"csrf_token": who.csrf}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    app = station.server.app
    with app.test_request_context(
        path, method=method, headers=headers, data=data, base_url="http://127.0.0.1",
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
    ) as context:  # fmt: skip
        if context.request.routing_exception is not None:
            return False  # 405: no view has that method
        try:
            return app.preprocess_request() is None
        except Forbidden:
            return False


def people(station: Station) -> list[Who]:
    """Everybody there is: nobody, logins with right, wrong and no CSRF token, machines."""
    found = [Who("nobody", 0), Who("nobody with a CSRF token", 0, csrf="x" * 43)]
    for name, role in ROLES.items():
        client = Client(station.address)
        assert client.log_in(name).status == 200
        cookie = {"Cookie": "; ".join(f"{k}={v}" for k, v in client.cookies.items())}
        found += [
            Who(name, role, cookie, client.csrf, True),
            Who(f"{name} without CSRF token", role, cookie),
            Who(f"{name} with a wrong one", role, cookie, client.csrf[:-1] + "~"),
        ]
    for word, role in (("viewer", 1), ("operator", 2), ("admin", 3)):
        text = station.tokens.add(f"m-{word}", word, "")
        bearer = {"Authorization": f"Bearer {text}"}
        found.append(Who(f"token of a {word}", role, bearer, is_token=True))
    old = station.tokens.add("m-old", "admin", "", "2026-01-31T23:59:59+00:00")
    gone = station.tokens.add("m-gone", "admin", "")
    station.tokens.revoke("m-gone")
    for label, word in (("expired", old), ("revoked", gone), ("guessed", "btrmd_x")):
        bearer = {"Authorization": f"Bearer {word}"}
        found.append(Who(label, 0, bearer, is_bad=True))
    found.append(Who("Basic", 0, {"Authorization": "Basic YWRtaW46YWRtaW4="}))  # as nobody
    anna = next(who for who in found if who.name == "anna")
    both = {**anna.headers, "Authorization": f"Bearer {gone}"}
    found.append(Who("anna with a revoked token", 3, both, anna.csrf, True, is_bad=True))
    return found


@pytest.mark.long
@pytest.mark.parametrize("setting", ["off", "writes", "all"])
def test_every_route_by_every_method_as_everybody(
    start_station: Callable[..., Station], setting: str
) -> None:
    site = Site(authorization_off=setting == "off")
    settings = Settings.defaults(site).with_changes({"web.authorization": setting})
    station = start_station(settings=settings, accounts=ACCOUNTS)
    routes = set(routes_of(station))
    paths = sorted({path for _, path in routes})
    wrong, asked, passed = [], 0, 0
    for who in people(station):
        for path in paths:
            for method in METHODS + STRANGE * (who.name in ("nobody", "anna")):
                is_there = ("GET" if method == "HEAD" else method, path) in routes
                expected = is_there and may(who, method, path, setting)
                found = passes(station, who, method, path)
                asked += 1
                passed += found
                if found != expected:
                    wrong.append(
                        f"{who.name}: {method} {path} was {'let in' if found else 'refused'}"
                    )
    assert wrong == [], len(wrong)
    assert asked > 5000
    assert passed > 500


def test_the_factory_login_by_every_method(start_station: Callable[..., Station]) -> None:
    station = start_station(accounts={})
    client = Client(station.address)
    assert client.log_in(FACTORY_USER, FACTORY_PASSWORD).status == 200
    cookie = {"Cookie": "; ".join(f"{k}={v}" for k, v in client.cookies.items())}
    routes = set(routes_of(station))
    for csrf in (client.csrf, ""):
        who = Who("factory", 3, cookie, csrf, bool(csrf), is_factory=True)
        for path in sorted({path for _, path in routes}):
            for method in METHODS + STRANGE:
                is_there = ("GET" if method == "HEAD" else method, path) in routes
                expected = is_there and may(who, method, path, "writes")
                assert passes(station, who, method, path) == expected, (method, path, csrf)
