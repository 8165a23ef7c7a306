"""The Authorization page: always behind a login; the box, users, passwords and sessions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from web_forms import alert, follow, post, words
from web_station import PASSWORD, Client, Station

from btrmd.model.commands import ChangeSettings
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.passwords import MAX_LENGTH

PATH = "/authorization"
USERS = f"{PATH}/users"
NEW = {"action": "add", "user": "otto", "role": "operator"}
WORDS = {"password": "long enough", "repeat": "long enough"}


def action(client: Client, **fields: str):  # type: ignore[no-untyped-def]
    return client.form(USERS, csrf_token=client.csrf, **fields)


def test_it_always_needs_a_login(start_station: Callable[..., Station]) -> None:
    for settings in (None, Settings.defaults(Site(authorization_off=True))):
        station = start_station(settings=settings)
        client = station.client()
        reply = client.get(PATH)
        assert (reply.status, reply.headers["Location"]) == (303, f"/login?next={PATH}")
        assert client.form(PATH, enable="true").status == 303
        assert client.form(USERS, **NEW, **WORDS).status == 303
        assert station.owner.commands == []
        assert client.log_in().status == 200
        assert client.get(PATH).status == 200


def test_the_box_moves_between_writes_and_all(station: Station, user: Client) -> None:
    page = follow(user, post(user, PATH, enable="true"))
    assert "Saved." in page
    assert user.get(PATH).text.count("checked") == 1
    follow(user, post(user, PATH, enable="false"))
    commands = [c for c in station.owner.commands if isinstance(c, ChangeSettings)]
    assert [c.changes["web.authorization"] for c in commands] == ["all", "writes"]
    for wrong in ("off", "", "maybe", "<script>"):
        reply = post(user, PATH, enable=wrong)
        assert reply.status == 422
        assert "true or false" in alert(reply.text)
    assert len(station.owner.commands) == 2


def test_where_the_site_file_fixes_it_there_is_no_box(
    start_station: Callable[..., Station],
) -> None:
    client = start_station(settings=Settings.defaults(Site(authorization_off=True))).client()
    client.log_in()
    page = client.get(PATH).text
    assert 'name="enable"' not in page
    assert "the site file of this unit says so" in page


def test_a_user_can_be_added_changed_and_removed(station: Station, user: Client) -> None:
    page = follow(user, action(user, **NEW, **WORDS))
    assert "otto operator" in words(page)
    otto = station.client()
    assert otto.log_in("otto", "long enough").status == 200
    assert otto.post("/api/v1/tests", {}).status == 201

    follow(
        user, action(user, action="password", user="otto", password="other one", repeat="other one")
    )
    assert otto.post("/api/v1/tests", {}).status == 401  # logged out
    assert otto.log_in("otto", "long enough").status == 401
    assert otto.log_in("otto", "other one").status == 200
    follow(user, action(user, action="role", user="otto", role="viewer"))
    otto = station.client()
    otto.log_in("otto", "other one")
    assert otto.post("/api/v1/tests", {}).status == 403

    page = follow(user, action(user, action="remove", user="otto"))
    assert "The user has been removed." in page
    assert otto.get(PATH).status == 303
    assert station.client().log_in("otto", "other one").status == 401


def test_ones_role_stays_when_the_password_changes(station: Station, user: Client) -> None:
    follow(user, action(user, **NEW, **WORDS))
    otto = station.client()
    otto.log_in("otto", "long enough")
    reply = otto.post("/api/v1/password", {"password": "another one", "current": "long enough"})
    assert reply.status == 200
    otto.csrf = str(reply.json["csrf"])
    assert otto.ask("PATCH", "/api/v1/settings", {"lvd.enabled": True}).status == 403


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"user": ""}, "1 to 32 letters"),
        ({"user": "x" * 33}, "1 to 32 letters"),
        ({"user": "<script>"}, "1 to 32 letters"),
        ({"user": "😀"}, "1 to 32 letters"),
        ({"user": "admin"}, "There is a user admin already"),
        ({"role": "root"}, "viewer, operator or admin"),
        ({"role": ""}, "viewer, operator or admin"),
        ({"password": "short", "repeat": "short"}, "8..128 characters"),
        ({"password": "", "repeat": ""}, "8..128 characters"),
        ({"password": "x" * (MAX_LENGTH + 1), "repeat": "x" * (MAX_LENGTH + 1)}, "8..128"),
        ({"repeat": "something else"}, "differ"),
        ({"action": "promote"}, "names no action"),
    ],
)
def test_a_user_that_cannot_be_added_is_refused(
    shared: tuple[Station, Client], fields: dict[str, str], said: str
) -> None:
    station, user = shared
    before = station.store.load()
    reply = action(user, **{**NEW, **WORDS, **fields})
    assert reply.status == 422
    assert said in alert(reply.text)
    assert station.store.load() == before
    assert "<script>" not in reply.text
    if fields.get("user") == "x" * 33:
        assert f'value="{"x" * 33}"' in reply.text


def test_one_admin_always_remains(station: Station, user: Client) -> None:
    before = station.store.load()
    for fields, said in (
        ({"action": "remove", "user": "admin"}, "cannot remove yourself"),
        ({"action": "role", "user": "admin", "role": "viewer"}, "must remain an admin"),
        ({"action": "remove", "user": "ghost"}, "no such user"),
        ({"action": "role", "user": "ghost", "role": "viewer"}, "no such user"),
        ({"action": "password", "user": "ghost", **WORDS}, "no such user"),
    ):
        reply = action(user, **fields)
        assert reply.status == 422
        assert said in alert(reply.text)
    assert station.store.load() == before


def test_sessions_are_listed_and_can_be_ended(station: Station, user: Client) -> None:
    other = station.client()
    other.log_in()
    page = user.get(PATH).text
    assert page.count('name="session"') == 2
    for client in (user, other):
        assert client.cookies["btrm_session"] not in page  # a token would be the login itself
    rows = [row for row in page.split("<tr>") if 'name="session"' in row]
    theirs = next(row for row in rows if "(this one)" not in row)
    handle = theirs.split('name="session" value="')[1].split('"')[0]
    end = f"{PATH}/sessions"
    reply = user.form(end, csrf_token=user.csrf, session=handle)
    assert "The session has been ended." in follow(user, reply)
    assert other.get(PATH).status == 303
    assert user.form(end, csrf_token=user.csrf, session="nothing").status == 404
    assert user.get(PATH).status == 200


def test_a_viewer_sees_and_ends_only_his_own_sessions(station: Station, user: Client) -> None:
    follow(user, action(user, **{**NEW, "role": "viewer"}, **WORDS))
    otto = station.client()
    otto.log_in("otto", "long enough")
    page = otto.get(PATH).text
    assert page.count('name="session"') == 1
    assert "Users" not in words(page)
    handles = user.get(PATH).text.split('name="session" value="')[1:]
    for handle in (part.split('"')[0] for part in handles):
        if handle not in page:
            end = otto.form(f"{PATH}/sessions", csrf_token=otto.csrf, session=handle)
            assert end.status == 404
    assert user.get(PATH).status == 200


def test_ones_own_password_can_be_changed_here(station: Station, user: Client) -> None:
    fields = {"current": PASSWORD, "password": "much longer", "repeat": "much longer"}
    reply = post(user, PATH, "/set-password", **fields)
    assert reply.status == 303
    assert station.client().log_in(password="much longer").status == 200
