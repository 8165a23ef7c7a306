"""Logging in and out, passwords, sessions and the throttle, over the wire."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from web_station import PASSWORD, Client, Station

from btrmd.model.errors import BtrmError
from btrmd.passwords import with_password
from btrmd.servers.web.sessions import IDLE_S, LONGEST_S, MAX_SESSIONS, Sessions

NEW = "correct horse"


def token_in(page: str) -> str:
    """The csrf_token of the first form."""
    match = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert match is not None
    return match.group(1)


def test_a_login_gives_a_cookie_that_scripts_and_other_sites_do_not_get(client: Client) -> None:
    reply = client.log_in()
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("btrm_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie  # the browser would not send it back over plain HTTP
    assert set(reply.json) == {"csrf"}


def test_over_tls_the_cookie_is_secure(station: Station) -> None:
    reply = station.server.app.test_client().post(
        "/api/v1/login",
        json={"username": "admin", "password": PASSWORD},
        base_url="https://btrm",
    )
    assert "Secure" in reply.headers["Set-Cookie"]


def test_the_token_changes_at_login_and_logout_ends_it(client: Client) -> None:
    client.cookies["btrm_session"] = "chosen-by-somebody-else"
    client.log_in()
    first = client.cookies["btrm_session"]
    client.log_in()
    assert client.cookies["btrm_session"] not in (first, "chosen-by-somebody-else")
    old = Client(f"{client.host}:{client.port}")
    old.cookies["btrm_session"] = first
    assert old.post("/api/v1/tests", {}).status == 401
    assert client.post("/api/v1/logout").status == 200
    assert client.post("/api/v1/tests", {}).status == 401


@pytest.mark.parametrize(
    "document",
    [
        {"username": "admin", "password": "wrong"},
        {"username": "Admin", "password": PASSWORD},
        {"username": "nobody", "password": PASSWORD},
        {"username": "admin", "password": PASSWORD.upper()},
        {"username": "admin"},
        {"username": "admin", "password": None},
        {"username": 1, "password": 2},
        {"username": "admin", "password": "\ud800"},
        {"username": "x" * 10_000, "password": "y" * 10_000},
        {},
    ],
)
def test_a_wrong_login_is_401_with_the_same_words(client: Client, document: object) -> None:
    reply = client.post("/api/v1/login", document)
    assert (reply.status, reply.json["error"]) == (401, "credentials")
    assert reply.json["reason"] == "User name or password is wrong: you may try again now."
    assert "Set-Cookie" not in reply.headers


def test_after_five_failures_an_address_waits_and_then_twice_as_long(
    station: Station, client: Client
) -> None:
    for _ in range(5):
        assert client.log_in(password="wrong").status == 401
    reply = client.log_in()
    assert (reply.status, reply.json["error"]) == (429, "wait")
    wait = int(reply.headers["Retry-After"])
    assert 0 < wait <= 900
    station.clock.now += wait
    assert client.log_in(password="wrong").status == 401
    longer = int(client.log_in().headers["Retry-After"])
    assert longer == 2 * wait
    station.clock.now += longer
    assert client.log_in().status == 200


def test_no_wait_is_longer_than_15_minutes_and_other_addresses_are_let_in(
    station: Station, client: Client
) -> None:
    for _ in range(12):
        client.log_in(password="wrong")
        station.clock.now += int(client.log_in(password="wrong").headers.get("Retry-After", 0))
    client.log_in(password="wrong")
    assert int(client.log_in().headers["Retry-After"]) == 900
    reply = station.server.app.test_client().post(
        "/api/v1/login",
        json={"username": "admin", "password": PASSWORD},
        environ_base={"REMOTE_ADDR": "192.168.1.77"},
    )
    assert reply.status_code == 200


def test_a_session_ends_when_idle_and_live_data_does_not_keep_it(
    station: Station, user: Client
) -> None:
    station.clock.now += IDLE_S - 1
    assert user.post("/api/v1/tests", {}).status == 201
    station.clock.now += IDLE_S - 1
    assert user.get("/api/v1/points").status == 200
    station.clock.now += 2
    assert user.post("/api/v1/tests", {}).status == 401


def test_no_session_lasts_longer_than_half_a_day(station: Station, user: Client) -> None:
    for _ in range(int(LONGEST_S / (IDLE_S - 1))):
        station.clock.now += IDLE_S - 1
        user.get("/")
    station.clock.now += IDLE_S - 1
    assert user.post("/api/v1/tests", {}).status == 401


def test_the_oldest_session_goes_when_there_are_too_many(station: Station) -> None:
    sessions = Sessions(station.clock)
    first = sessions.open("admin", "", False)
    second = sessions.open("admin", "", False)
    sessions.touch(first)
    for _ in range(MAX_SESSIONS - 1):
        sessions.open("admin", "", False)
    assert len(sessions) == MAX_SESSIONS
    assert sessions.find(first.token) is first
    assert sessions.find(second.token) is None


def test_a_new_password_ends_every_other_session(station: Station, user: Client) -> None:
    other = station.client()
    other.log_in()
    reply = user.post("/api/v1/password", {"password": NEW, "current": PASSWORD})
    assert reply.status == 200
    user.csrf = str(reply.json["csrf"])
    assert user.post("/api/v1/tests", {}).status == 201
    assert other.post("/api/v1/tests", {}).status == 401
    assert station.client().log_in().status == 401
    assert station.client().log_in(password=NEW).status == 200


@pytest.mark.parametrize(
    ("new", "current"),
    [
        ("short77", PASSWORD),
        ("x" * 129, PASSWORD),
        (12345678, PASSWORD),
        (None, PASSWORD),
        ("with\ncontrol", PASSWORD),
        (NEW, "not this"),
        (NEW, ""),
        (NEW, None),
    ],
)
def test_a_password_is_refused_and_the_old_one_stays(
    station: Station, user: Client, new: object, current: object
) -> None:
    reply = user.post("/api/v1/password", {"password": new, "current": current})
    assert reply.status == 422
    assert reply.json["reason"]
    assert station.client().log_in().status == 200


def test_a_password_changed_on_the_command_line_ends_the_session(
    station: Station, user: Client
) -> None:
    station.store.accounts = with_password(station.store.accounts, "admin", NEW)
    assert user.post("/api/v1/tests", {}).status == 401
    assert station.client().log_in(password=NEW).status == 200


def test_a_password_that_cannot_be_stored_is_refused(station: Station, user: Client) -> None:
    class DiskFullError(BtrmError, OSError):
        pass

    def refuse(_: object) -> None:
        raise DiskFullError("no space is left")

    station.store.save = refuse  # type: ignore[method-assign]
    reply = user.post("/api/v1/password", {"password": NEW, "current": PASSWORD})
    assert (reply.status, reply.json["error"]) == (503, "storage")
    assert station.client().log_in().status == 200


# --- forms ------------------------------------------------------------------------------------


def test_the_login_form_logs_in_and_leads_back(station: Station, client: Client) -> None:
    page = client.get("/login?next=/")
    reply = client.form(
        "/login", username="admin", password=PASSWORD, csrf_token=token_in(page.text), next="/"
    )
    assert (reply.status, reply.headers["Location"]) == (303, "/")
    page = client.get("/")
    assert "Log out" in page.text
    reply = client.form("/logout", csrf_token=token_in(page.text))
    assert reply.status == 303
    assert "Log out" not in client.get("/").text


def test_a_refused_form_login_says_so_and_how_long_to_wait(client: Client) -> None:
    token = token_in(client.get("/login").text)
    fields = {"username": "<b>admin", "csrf_token": token}
    for _ in range(5):
        reply = client.form("/login", password="wrong", **fields)
        assert reply.status == 401
        assert int(reply.headers["Retry-After"]) >= 0
        assert 'role="alert"' in reply.text
        assert 'value="&lt;b&gt;admin"' in reply.text
    reply = client.form("/login", password=PASSWORD, **fields)
    assert reply.status == 429
    assert 0 < int(reply.headers["Retry-After"]) <= 900
    assert f"wait {reply.headers['Retry-After']} s" in reply.text


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_without_its_token_does_nothing(client: Client, token: str) -> None:
    client.get("/login")
    reply = client.form("/login", username="admin", password=PASSWORD, csrf_token=token)
    assert reply.status == 403
    assert "btrm_session" not in reply.cookies


def test_a_logout_form_without_its_token_does_nothing(client: Client) -> None:
    client.log_in()
    assert client.form("/logout", csrf_token="wrong").status == 403
    assert "Log out" in client.get("/").text


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "/\\evil", "/nothing"])
def test_a_login_leads_to_our_own_pages_only(client: Client, place: str) -> None:
    token = token_in(client.get("/login").text)
    reply = client.form("/login", username="admin", password=PASSWORD, csrf_token=token, next=place)
    assert reply.headers["Location"] == "/"


def test_the_password_form_leads_a_new_unit_to_its_own_password(
    start_station: Callable[..., Station],
) -> None:
    client = start_station(accounts={}).client()
    token = token_in(client.get("/login").text)
    reply = client.form("/login", username="admin", password="btrm", csrf_token=token)
    assert reply.headers["Location"] == "/set-password"
    token = token_in(client.get("/set-password").text)
    reply = client.form("/set-password", password="short", repeat="short", csrf_token=token)
    assert reply.status == 422
    assert 'role="alert"' in reply.text
    assert "8..128 characters" in reply.text
    reply = client.form("/set-password", password=NEW, repeat=f"{NEW}!", csrf_token=token)
    assert reply.status == 422
    reply = client.form("/set-password", password=NEW, repeat=NEW, csrf_token=token)
    assert (reply.status, reply.headers["Location"]) == (303, "/")
    assert client.get("/").status == 200


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/battery-test", "/battery-test"),
        ("/battery-status/replaced", "/battery-status"),
        ("/network/apply", "/network"),
        ("/acknowledge", "/"),
    ],
)
def test_a_form_whose_login_has_ended_is_told_that_nothing_was_changed(
    station: Station, user: Client, path: str, page: str
) -> None:
    fields = {"csrf_token": user.csrf, "battery.rated_ah": "21"}
    user.cookies = {}
    reply = user.form(path, **fields)
    assert reply.status == 303
    login = user.get(reply.headers["Location"]).text
    assert "Nothing was changed: you are not logged in (any more)." in login
    assert f'name="next" value="{page}"' in login
    assert "Nothing was changed" not in user.get("/login?next=/battery-test").text
    assert station.owner.commands == []
