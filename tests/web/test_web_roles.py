"""Roles: every route walked as viewer, operator and admin (R148), and what the pages offer them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from test_web_gate import routes_of
from web_forms import fields_of
from web_station import PASSWORD_HASH, Client, Station

from btrmd.servers.web.roles import Role, stored_role

USERS = {
    "vera": "viewer",
    "otto": "operator",
    "anna": "admin",
    "odd": "owner of all",  # no role of ours: may only look
}
ACCOUNTS: dict[str, object] = {
    "users": {
        **{
            name: {"hash": PASSWORD_HASH, "factory": False, "role": role}
            for name, role in USERS.items()
        },
        "old": {"hash": PASSWORD_HASH, "factory": False},  # from before there were roles
    }
}

# Typed by hand: what needs more than looking. Whoever adds a change must add it here.
OPERATOR = {
    ("POST", "/api/v1/tests"),
    ("POST", "/api/v1/tests/current/stop"),
    ("POST", "/api/v1/alarms/io1/ack"),
    ("POST", "/api/v1/capacity-check"),
    ("POST", "/acknowledge"),
    ("POST", "/manual-test"),
    ("POST", "/manual-test/stop"),
    ("POST", "/manual-test/capacity-check"),
    ("POST", "/email-test"),
    ("POST", "/snmp/test-trap"),
}
ADMIN = {
    ("PATCH", "/api/v1/settings"),
    ("POST", "/api/v1/reset-data"),
    ("POST", "/manual-test/reset"),
    ("POST", "/battery-test"),
    ("POST", "/port-options"),
    ("POST", "/email"),
    ("POST", "/network"),
    ("POST", "/network/apply"),
    ("POST", "/network/confirm"),
    ("POST", "/network/revert"),
    ("POST", "/update"),
    ("POST", "/api/v1/update"),
    ("POST", "/dnp3-modbus"),
    ("POST", "/snmp"),
    ("POST", "/authorization"),
    ("POST", "/authorization/users"),
    ("POST", "/https"),
    ("POST", "/https/certificate"),
    ("POST", "/https/renew"),
    ("POST", "/backup/export"),
    ("POST", "/backup/check"),
    ("POST", "/backup/apply"),
}
OWN = {  # every user: his own password, his own sessions, the way out
    ("POST", "/api/v1/password"),
    ("POST", "/api/v1/login"),
    ("POST", "/login"),
    ("POST", "/set-password"),
    ("POST", "/authorization/sessions"),
    ("POST", "/api/v1/logout"),
    ("POST", "/logout"),
}


@pytest.fixture
def staffed(start_station: Callable[..., Station]) -> Station:
    return start_station(accounts=ACCOUNTS)


def enter(station: Station, name: str) -> Client:
    client = station.client()
    assert client.log_in(name).status == 200
    return client


def change(client: Client, method: str, path: str) -> int:
    """Ask for a change with the right token and with nothing else that is right."""
    if path.startswith("/api/"):
        return client.ask(method, path).status
    return client.form(path, csrf_token=client.csrf).status


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("vera", OWN),
        ("odd", OWN),
        ("otto", OWN | OPERATOR),
        ("anna", OWN | OPERATOR | ADMIN),
        ("old", OWN | OPERATOR | ADMIN),
    ],
)
def test_every_change_asks_for_its_role(
    staffed: Station, name: str, may: set[tuple[str, str]]
) -> None:
    client = enter(staffed, name)
    changes = {route for route in routes_of(staffed) if route[0] not in ("GET", "HEAD")}
    assert changes == OWN | OPERATOR | ADMIN  # nobody has forgotten to say who may
    for method, path in sorted(changes):
        if path.endswith("logout"):
            continue
        status = change(client, method, path)
        if (method, path) in may:
            # Let through: carried out, or refused for what it (did not) say.
            carried_out = (200, 201, 303, 400, 401, 404, 409, 415, 422, 503)
            assert status in carried_out, (method, path, status)
        else:
            assert status == 403, (method, path)
    if name in ("vera", "odd"):
        assert staffed.owner.commands == []


def test_a_refusal_names_the_role_that_is_needed(staffed: Station) -> None:
    client = enter(staffed, "vera")
    reply = client.post("/api/v1/tests", {})
    assert (reply.status, reply.json["error"]) == (403, "role")
    assert "operator" in str(reply.json["reason"])
    page = client.form("/email", csrf_token=client.csrf)
    assert page.status == 403
    assert "This needs the role admin; vera is viewer." in page.text
    assert 'role="alert"' in page.text
    assert "<nav" in page.text


def test_every_user_may_look_everywhere(staffed: Station) -> None:
    for name in USERS:
        client = enter(staffed, name)
        for path in ("/battery-test", "/manual-test", "/snmp", "/authorization", "/about"):
            assert client.get(path).status == 200, (name, path)


def test_pages_offer_only_what_the_role_may_do(staffed: Station) -> None:
    viewer, operator, admin = (enter(staffed, name) for name in ("vera", "otto", "anna"))
    start, save = "<button>Start the test</button>", "<button>Save</button>"
    assert start not in viewer.get("/manual-test").text
    assert start in operator.get("/manual-test").text
    assert save not in operator.get("/battery-test").text
    assert "needs the role admin" in operator.get("/battery-test").text
    assert save in admin.get("/battery-test").text
    assert "Add a user" not in operator.get("/authorization").text
    assert "Add a user" in admin.get("/authorization").text


def test_a_page_that_refreshes_itself_does_not_keep_a_login_alive(staffed: Station) -> None:
    client = enter(staffed, "anna")
    for _ in range(4):
        staffed.clock.now += 300
        client.get("/manual-test", **{"X-Refresh": "1"})
    assert client.get("/authorization").status == 303
    client = enter(staffed, "anna")
    for _ in range(4):
        staffed.clock.now += 300
        client.get("/manual-test")
    assert client.get("/authorization").status == 200


def test_a_role_that_was_lowered_counts_at_once(staffed: Station) -> None:
    otto, anna = enter(staffed, "otto"), enter(staffed, "anna")
    fields = {"deed": "role", "user": "otto", "role": "viewer"}
    assert anna.form("/authorization/users", csrf_token=anna.csrf, **fields).status == 303
    assert otto.post("/api/v1/tests", {}).status == 401
    otto = enter(staffed, "otto")
    assert otto.post("/api/v1/tests", {}).status == 403


def test_a_stored_role_that_is_none_may_only_look() -> None:
    assert stored_role(None) is Role.ADMIN
    assert stored_role("operator") is Role.OPERATOR
    for nonsense in ("", "ADMIN", "root", 3, ["admin"], {}):
        assert stored_role(nonsense) is Role.VIEWER


def test_the_forms_token_is_the_sessions(staffed: Station) -> None:
    client = enter(staffed, "anna")
    for path in ("/email", "/snmp"):
        assert fields_of(client.get(path).text, path)["csrf_token"] == client.csrf
