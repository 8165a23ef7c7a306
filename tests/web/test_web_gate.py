"""The gate: every route, walked as nobody, with the factory login, and under every setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from waiting import wait_until
from web_station import Client, Station

from btrmd.model.commands import Note
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.passwords import FACTORY_PASSWORD, FACTORY_USER, with_password
from btrmd.tokens import with_token, without_token

# Typed by hand: whoever adds a route must say here that it is meant to be open to anybody.
PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/static/style.css"),
    ("GET", "/.well-known/security.txt"),
    ("GET", "/login"),
    ("GET", "/logout"),
    ("POST", "/login"),
    ("POST", "/api/v1/login"),
}
SHOWING = {
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/points"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/tests"),
    ("GET", "/api/v1/tests.csv"),
    ("GET", "/api/v1/tests/1"),
    ("GET", "/api/v1/tests/1/curve.csv"),
    ("GET", "/api/v1/trends"),
    ("GET", "/api/v1/settings"),
    ("GET", "/api/v1/state"),
    ("GET", "/api/v1/stream"),
}
PAGES = {
    ("GET", "/"),
    ("GET", "/battery-status"),
    ("GET", "/battery-test"),
    ("GET", "/manual-test"),
    ("GET", "/port-options"),
    ("GET", "/email"),
    ("GET", "/email-test"),
    ("GET", "/network"),
    ("GET", "/dnp3-modbus"),
    ("GET", "/snmp"),
    ("GET", "/integrations"),
    ("GET", "/snmp-mib"),
    ("GET", "/snmp-mib/BTRM-MIB.mib"),
    ("GET", "/snmp-mib/BTRM-MIB.zip"),
    ("GET", "/help"),
    ("GET", "/about"),
    ("GET", "/battery-status/data"),
    ("GET", "/discharges"),
    ("GET", "/report/1"),
    ("GET", "/reports"),
    ("GET", "/search"),
    ("GET", "/summary"),
    ("GET", "/reports/csv"),
    ("GET", "/reports/json"),
    ("GET", "/discharges/data"),
    ("GET", "/discharges/csv"),
    ("GET", "/events"),
    ("GET", "/events/csv"),
    ("GET", "/events/json"),
    ("GET", "/trends"),
    ("GET", "/trends/csv"),
    ("GET", "/trends/data"),
    ("GET", "/update"),
    ("GET", "/https"),
    ("GET", "/https/btrmd.crt"),
    ("GET", "/backup"),
    ("GET", "/backup/settings.json"),
}


def routes_of(station: Station) -> Iterator[tuple[str, str]]:
    """Every method and path that is served, with something put in for what varies."""
    for rule in station.server.app.url_map.iter_rules():
        path = rule.rule.replace("<int:n>", "1").replace("<key>", "io1")
        path = path.replace("<path:name>", "style.css")
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield method, path


def walk(station: Station, client: Client, but: tuple[str, ...] = ()) -> dict[tuple[str, str], int]:
    """The status of every route but those of the paths `but`."""
    found = {}
    for method, path in routes_of(station):
        if path in but:
            continue
        reply = client.ask("HEAD" if path.endswith("/stream") else method, path)
        found[method, path] = reply.status
    return found


def test_nobody_may_look_but_change_nothing(station: Station, client: Client) -> None:
    found = walk(station, client)
    assert set(found) >= PUBLIC | SHOWING | PAGES
    for (method, path), status in found.items():
        if (method, path) in SHOWING | PAGES:
            assert status in (200, 404), path
        elif (method, path) not in PUBLIC:
            # Changes: 401 on the API, forms lead to the login page.
            assert status == (401 if path.startswith("/api/") else 303), (method, path)
    assert all(isinstance(command, Note) for command in station.owner.commands)


def test_under_all_everything_is_closed_but_health_and_the_login(
    start_station: Callable[..., Station],
) -> None:
    settings = Settings.defaults().with_changes({"web.authorization": "all"})
    station = start_station(settings=settings)
    client = station.client()
    for (method, path), status in walk(station, client).items():
        if (method, path) in PUBLIC:
            assert status < 500, path
        elif path.startswith("/api/") or path == "/metrics":
            assert status == 401, (method, path)
        else:
            assert status == 303, (method, path)
    assert client.get("/").headers["Location"] == "/login?next=/"
    assert client.get("/healthz").status == 200
    client.log_in()
    for path in ("/", "/api/v1/points", "/metrics", "/api/v1/openapi.json"):
        assert client.get(path).status == 200


def test_a_machine_reads_with_a_token_and_changes_nothing(
    start_station: Callable[..., Station],
) -> None:
    settings = Settings.defaults().with_changes({"web.authorization": "all"})
    station = start_station(settings=settings)
    station.tokens.data, text = with_token({}, "prometheus", "viewer", "2026-01-01")
    client = station.client()
    bearer = {"Authorization": f"Bearer {text}"}
    for path in ("/metrics", "/api/v1/points", "/api/v1/events", "/"):
        assert client.ask("GET", path, headers=bearer).status == 200
    foreign = {**bearer, "Host": "evil.example"}
    assert client.ask("GET", "/api/v1/points", headers=foreign).status == 200
    for path, status in (("/api/v1/tests", 403), ("/api/v1/password", 403), ("/update", 403)):
        assert client.ask("POST", path, {}, headers=bearer).status == status
    assert station.owner.commands == []
    for wrong in ("Bearer btrmd_x", "Bearer ", f"Bearer {text}x", f"bearer {'x' * 999}"):
        reply = client.ask("GET", "/metrics", headers={"Authorization": wrong})
        assert (reply.status, reply.json["error"]) == (401, "token")
        assert "WWW-Authenticate" in reply.headers
    assert client.ask("GET", "/metrics", headers={"Authorization": f"Basic {text}"}).status == 401
    wait_until(lambda: len(station.owner.logins) == 4)
    assert station.owner.logins[0].key == "web.login_refused"
    station.tokens.data = without_token(station.tokens.data, "prometheus")
    assert client.ask("GET", "/metrics", headers=bearer).status == 401


@pytest.mark.parametrize(
    ("role", "starts", "sets"),
    [("viewer", 403, 403), ("operator", 201, 403), ("admin", 201, 200)],
)
def test_a_token_may_what_its_role_may(
    start_station: Callable[..., Station], role: str, starts: int, sets: int
) -> None:
    station = start_station()
    bearer = {"Authorization": f"Bearer {station.tokens.add('fleet', role, '')}"}
    client = station.client()
    assert client.ask("POST", "/api/v1/tests", {}, headers=bearer).status == starts
    change = {"site.name": "Hill 3"}
    reply = client.ask("PATCH", "/api/v1/settings", change, headers=bearer)
    assert reply.status == sets
    if sets == 403:
        assert reply.json["reason"].endswith(f"token fleet is {role}.")
    sources = {command.source for command in station.owner.commands}
    assert sources <= {"web token fleet 127.0.0.1"}
    for path in ("/api/v1/password", "/authorization", "/authorization/tokens", "/update"):
        assert client.ask("POST", path, {}, headers=bearer).status == 403, path


def test_a_token_that_has_expired_says_so(start_station: Callable[..., Station]) -> None:
    station = start_station()
    text = station.tokens.add("old", "admin", "", "2026-01-31T23:59:59+00:00")
    reply = station.client().ask(
        "GET", "/api/v1/points", headers={"Authorization": f"Bearer {text}"}
    )
    assert (reply.status, reply.json["error"]) == (401, "expired")
    assert reply.json["reason"] == "The token old expired on 2026-01-31."
    text = station.tokens.add("odd", "admin", "", "by hand")
    reply = station.client().ask(
        "GET", "/api/v1/points", headers={"Authorization": f"Bearer {text}"}
    )
    assert reply.json["reason"] == "The token odd has an end that cannot be read."


def test_wrong_tokens_wait_like_wrong_logins_and_keep_out_no_right_one(
    start_station: Callable[..., Station],
) -> None:
    station = start_station()
    text = station.tokens.add("right", "viewer", "")
    client = station.client()
    wrong = {"Authorization": "Bearer btrmd_guess"}
    for _ in range(5):
        assert client.ask("GET", "/metrics", headers=wrong).status == 401
    reply = client.ask("GET", "/metrics", headers=wrong)
    assert reply.status == 429
    assert 0 < int(reply.headers["Retry-After"]) <= 30
    right = {"Authorization": f"Bearer {text}"}
    assert client.ask("GET", "/metrics", headers=right).status == 200
    client.log_in()  # nor a person


def test_the_page_makes_a_token_shows_it_once_and_revokes_it(
    start_station: Callable[..., Station],
) -> None:
    station = start_station()
    client = station.client()
    client.log_in()
    form = {"action": "add", "name": "grafana", "role": "viewer", "expires": "90"}
    page = client.form("/authorization/tokens", csrf_token=client.csrf, **form).text
    text = re.search(r"btrmd_[A-Za-z0-9_-]{43}", page)
    assert text is not None
    bearer = {"Authorization": f"Bearer {text[0]}"}
    assert station.client().ask("GET", "/metrics", headers=bearer).status == 200
    shown = client.get("/authorization").text
    assert text[0] not in shown
    assert "grafana" in shown
    bad = client.form(
        "/authorization/tokens", csrf_token=client.csrf, **{**form, "name": "x", "expires": "0"}
    )
    assert bad.status == 422
    assert "days (1..3650)" in bad.text
    client.form("/authorization/tokens", csrf_token=client.csrf, action="revoke", name="grafana")
    assert station.client().ask("GET", "/metrics", headers=bearer).status == 401


def test_a_password_changed_elsewhere_closes_the_pages_too(
    start_station: Callable[..., Station],
) -> None:
    settings = Settings.defaults().with_changes({"web.authorization": "all"})
    station = start_station(settings=settings)
    client = station.client()
    client.log_in()
    assert client.get("/").status == 200
    station.store.accounts = with_password(station.store.accounts, "admin", "another word")
    assert client.get("/").status == 303
    assert client.get("/api/v1/points").status == 401


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/points", "/api/v1/settings", "/metrics", "/events/csv"]
)
def test_a_name_of_somebody_elses_reads_nothing(client: Client, path: str) -> None:
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
        assert client.ask("GET", path, headers={"Host": host}).status == 403
    for host in ("localhost", "btrm", "btrm.local", "[::1]:8080", "192.168.1.5"):
        assert client.ask("GET", path, headers={"Host": host}).status == 200
    assert client.ask("GET", "/healthz", headers={"Host": "evil.example"}).status == 200
    client.log_in()
    assert client.ask("GET", path, headers={"Host": "evil.example"}).status == 200


def test_where_the_site_file_turns_authorization_off_changes_are_open(
    start_station: Callable[..., Station],
) -> None:
    station = start_station(settings=Settings.defaults(Site(authorization_off=True)))
    client = station.client()
    assert client.post("/api/v1/tests", {"type": 1}).status == 201
    assert station.owner.commands[0].source == "web nobody 127.0.0.1"
    assert client.post("/api/v1/password", {"password": "long enough"}).status == 401


def test_a_change_needs_the_right_csrf_token(station: Station, user: Client) -> None:
    good = user.csrf
    for wrong in ("", "wrong", good[:-1], "ü"):
        user.csrf = wrong
        reply = user.ask(
            "POST", "/api/v1/tests", {}, headers={"X-CSRF-Token": wrong.encode().decode("latin-1")}
        )
        assert (reply.status, reply.json["error"]) == (403, "csrf")
    assert station.owner.commands == []
    user.csrf = good
    assert user.post("/api/v1/tests", {}).status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_from_another_sites_page_is_refused(
    shared: tuple[Station, Client], headers: dict[str, str]
) -> None:
    station, user = shared
    reply = user.ask("POST", "/api/v1/tests", {}, headers=headers)
    assert (reply.status, reply.json["error"]) == (403, "origin")
    assert station.owner.commands == []


def test_a_change_from_our_own_page_is_accepted(user: Client) -> None:
    headers = {"Origin": f"http://{user.host}:{user.port}", "Sec-Fetch-Site": "same-origin"}
    assert user.ask("POST", "/api/v1/tests", {}, headers=headers).status == 201


def test_the_factory_login_can_only_set_a_password(start_station: Callable[..., Station]) -> None:
    station = start_station(accounts={})
    client = station.client()
    reply = client.log_in(FACTORY_USER, FACTORY_PASSWORD)
    assert reply.json["set_password"] is True
    leaving = ("/logout", "/api/v1/logout", "/api/v1/login")
    for (method, path), status in walk(station, client, but=leaving).items():
        if (method, path) in PUBLIC:
            continue
        if path.endswith("password"):
            assert status in (200, 403, 422), path
        elif path.startswith("/api/"):
            assert status == 403, path
        else:
            assert status == 303, path
    assert client.post("/api/v1/tests", {}).json["error"] == "set_password"
    assert client.get("/").headers["Location"] == "/set-password"
    assert station.owner.commands == []

    reply = client.post("/api/v1/password", {"password": "long enough"})
    assert reply.status == 200
    client.csrf = str(reply.json["csrf"])
    assert client.post("/api/v1/tests", {}).status == 201
    assert station.client().log_in(FACTORY_USER, FACTORY_PASSWORD).status == 401
    assert station.client().log_in(FACTORY_USER, "long enough").status == 200


def test_the_factory_login_can_log_out_by_form_and_by_api(
    start_station: Callable[..., Station],
) -> None:
    station = start_station(accounts={})
    for leave in (
        lambda client: client.post("/api/v1/logout"),
        lambda client: client.form("/logout", csrf_token=client.csrf),
    ):
        client = station.client()
        assert client.log_in(FACTORY_USER, FACTORY_PASSWORD).status == 200
        cookie = dict(client.cookies)
        assert leave(client).status in (200, 303)
        client.cookies = cookie
        assert client.post("/api/v1/password", {"password": "long enough"}).status == 401


def test_the_factory_login_works_from_private_addresses_only(
    start_station: Callable[..., Station],
) -> None:
    app = start_station(accounts={}).server.app
    document = {"username": FACTORY_USER, "password": FACTORY_PASSWORD}
    for address, status in (
        ("8.8.8.8", 403),
        ("2001:4860:4860::8888", 403),
        ("::ffff:8.8.8.8", 403),
        ("192.168.1.5", 200),
        ("fe80::1", 200),
    ):
        reply = app.test_client().post(
            "/api/v1/login", json=document, environ_base={"REMOTE_ADDR": address}
        )
        assert reply.status_code == status, address


def test_a_method_that_a_path_has_not_is_405_with_those_it_has(client: Client) -> None:
    reply = client.ask("DELETE", "/api/v1/points")
    assert reply.status == 405
    assert reply.json["error"] == "method"
    assert "GET" in str(reply.headers["Allow"])


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/nothing", "/static/../app.py", "/static/none.js", "/api/v1/%ff"]
)
def test_what_is_not_there_is_404(shared: tuple[Station, Client], path: str) -> None:
    reply = shared[1].get(path)
    assert reply.status == 404
    assert ("json" in reply.headers["Content-Type"]) == path.startswith("/api/")


def test_every_answer_carries_the_security_headers(client: Client) -> None:
    for path in ("/", "/api/v1/points", "/nothing", "/static/style.css", "/login", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
