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

# Typed by hand: what needs more than looking, and what a request that says nothing else is
# answered with once it is let through: done (2xx, 303), or refused for what it does not say. The
# station here has no certificate store (/https/...), no doer for the host's network (409) and none
# for updates (503). Whoever adds a change must add it here.
OPERATOR = {
    ("POST", "/api/v1/tests"): 201,
    ("POST", "/api/v1/tests/current/stop"): 200,
    ("POST", "/api/v1/alarms/io1/ack"): 200,
    ("POST", "/api/v1/capacity-check"): 422,
    ("POST", "/acknowledge"): 303,
    ("POST", "/manual-test"): 303,
    ("POST", "/manual-test/stop"): 303,
    ("POST", "/manual-test/capacity-check"): 422,
    ("POST", "/email-test"): 409,
    ("POST", "/snmp/test-trap"): 409,
    ("POST", "/integrations/test-webhook"): 409,
}
ADMIN = {
    ("PATCH", "/api/v1/settings"): 422,
    ("POST", "/api/v1/reset-data"): 200,
    ("POST", "/api/v1/battery/replaced"): 200,
    ("POST", "/battery-status/replaced"): 422,
    ("POST", "/manual-test/reset"): 422,
    ("POST", "/battery-test"): 303,
    ("POST", "/port-options"): 303,
    ("POST", "/email"): 303,
    ("POST", "/network"): 303,
    ("POST", "/network/apply"): 409,
    ("POST", "/network/confirm"): 409,
    ("POST", "/network/revert"): 409,
    ("POST", "/update"): 503,
    ("POST", "/api/v1/update"): 415,
    ("POST", "/dnp3-modbus"): 303,
    ("POST", "/snmp"): 303,
    ("POST", "/authorization"): 422,
    ("POST", "/authorization/users"): 422,
    ("POST", "/authorization/tokens"): 422,
    ("POST", "/integrations"): 303,
    ("POST", "/https"): 303,
    ("POST", "/https/certificate"): 409,
    ("POST", "/https/renew"): 409,
    ("POST", "/backup/export"): 422,
    ("POST", "/backup/check"): 422,
    ("POST", "/backup/apply"): 409,
}
OWN = {  # every user: his own password, his own sessions, the way out
    ("POST", "/api/v1/password"): 422,
    ("POST", "/api/v1/login"): 401,
    ("POST", "/login"): 401,
    ("POST", "/set-password"): 422,
    ("POST", "/authorization/sessions"): 404,
    ("POST", "/api/v1/logout"): 200,
    ("POST", "/logout"): 303,
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
    reply = client.form(path, csrf_token=client.csrf)
    assert not reply.headers.get("Location", "").startswith("/login"), path
    return reply.status


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
    staffed: Station, name: str, may: dict[tuple[str, str], int]
) -> None:
    client = enter(staffed, name)
    changes = {route for route in routes_of(staffed) if route[0] not in ("GET", "HEAD")}
    assert changes == set(OWN | OPERATOR | ADMIN)  # nobody has forgotten to say who may
    for method, path in sorted(changes):
        if path.endswith("logout"):
            continue
        status = change(client, method, path)
        assert status == may.get((method, path), 403), (method, path)
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
    fields = {"action": "role", "user": "otto", "role": "viewer"}
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
