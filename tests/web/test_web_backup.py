"""Backup: the settings as a file, and back: shown first, all or none, no secrets unless asked."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from test_web_https import upload
from waiting import wait_until
from web_station import PASSWORD_HASH, Client, Station

from btrmd.model.commands import Answer, ChangeSettings, Note
from btrmd.model.settings import Settings
from btrmd.servers.web import backup_page

SECRET = "hush-hush-42"


@pytest.fixture
def place(start_station: Callable[..., Station]) -> tuple[Station, Client]:
    settings = Settings.defaults().with_changes(
        {"email.password": SECRET, "site.location": "Roof 7"}
    )
    users = {
        name: {"hash": PASSWORD_HASH, "factory": False, "role": role}
        for name, role in (("admin", "admin"), ("otto", "operator"))
    }
    station = start_station(settings=settings, accounts={"users": users})
    client = station.client()
    client.log_in()
    return station, client


def a_file(**changes: object) -> bytes:
    keys = {name.replace("__", "."): value for name, value in changes.items()}
    return json.dumps({"btrmd": "1", "schema": 1, "settings": keys}).encode()


def word_of(text: str) -> str:
    """What the second step says to find the file of the first."""
    return text.split('name="upload" value="')[1].split('"')[0]


def test_the_file_holds_every_setting_and_no_secret(place: tuple[Station, Client]) -> None:
    station, _ = place
    reply = station.client().get("/backup/settings.json")
    assert reply.status == 200
    assert 'filename="btrmd-Roof-7-' in str(reply.headers["Content-Disposition"])
    document = reply.json
    assert document["schema"] == 1
    assert document["settings"] == station.bus.snapshot.settings.public()
    assert SECRET not in reply.text


def test_secrets_are_for_an_admin_who_asks_for_them_and_are_noted(
    place: tuple[Station, Client],
) -> None:
    station, client = place
    refused = client.form("/backup/export", csrf_token=client.csrf)
    assert refused.status == 422
    assert SECRET not in refused.text
    reply = client.form("/backup/export", csrf_token=client.csrf, sure="true")
    assert reply.status == 200
    settings = reply.json["settings"]
    assert isinstance(settings, dict)
    assert settings["email.password"] == SECRET
    wait_until(lambda: any(isinstance(c, Note) for c in station.owner.commands), 20.0)
    other = station.client()
    other.log_in("otto")
    assert other.form("/backup/export", csrf_token=other.csrf, sure="true").status == 403


def test_without_authorization_secrets_still_need_a_login(
    start_station: Callable[..., Station],
) -> None:
    from btrmd.model.site import Site

    station = start_station(settings=Settings.defaults(Site(authorization_off=True)))
    client = station.client()
    assert client.form("/backup/export", sure="true").status == 303  # to the login


def test_a_file_is_shown_first_and_applied_as_a_whole(place: tuple[Station, Client]) -> None:
    station, client = place
    sent = a_file(test__interval_h=48, site__name="<b>new</b>", email__password="another-1")
    status, text = upload(client, "/backup/check", {}, file=sent)
    assert status == 200
    assert "3 settings would change" in text
    assert "&lt;b&gt;new&lt;/b&gt;" in text
    assert "another-1" not in text  # pages hold no secrets
    assert not [c for c in station.owner.commands if isinstance(c, ChangeSettings)]
    reply = client.form("/backup/apply", csrf_token=client.csrf, upload=word_of(text))
    assert reply.status == 303
    assert reply.headers["Location"] == "/backup?restored=3"
    settings = station.bus.snapshot.settings
    assert settings["test.interval_h"] == 48
    assert settings["email.password"] == "another-1"
    again = client.form("/backup/apply", csrf_token=client.csrf, upload=word_of(text))
    assert again.status == 409


def test_what_the_unit_wrote_itself_changes_nothing(place: tuple[Station, Client]) -> None:
    _, client = place
    for sent in (
        client.get("/backup/settings.json").body,
        client.form("/backup/export", csrf_token=client.csrf, sure="true").body,
    ):
        status, text = upload(client, "/backup/check", {}, file=sent)
        assert status == 200
        assert "nothing differs" in text


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[]", "no object"),
        (b'{"settings": {}}', "schema = None is refused"),
        (b'{"schema": true, "settings": {}}', "is refused"),
        (b'{"schema": 9, "settings": {}}', "schema = 9 is refused"),
        (b'{"schema": 1, "settings": {}, "x": 1}', "is not known"),
        (a_file(test__interval_h=9999), "0..500 h"),
        (a_file(test__interval_h=None), "test.interval_h"),
        (a_file(test__interval_h={"a": 1}), "test.interval_h"),
        (a_file(no__such=1), "is not a setting"),
        (a_file(test__interval_h=1, email__password="x" * 500), "email.password is refused"),
        (a_file(**{"<script>alert(1)</script>": 1}), "&lt;script&gt;"),
    ],
)
def test_a_file_that_is_no_good_is_refused_whole(
    place: tuple[Station, Client], sent: bytes, sentence: str
) -> None:
    station, client = place
    before = station.bus.snapshot.settings
    status, text = upload(client, "/backup/check", {}, file=sent)
    assert status == 422
    assert 'role="alert"' in text
    assert sentence in text
    assert "<script>alert" not in text
    assert "xxxx" not in text
    assert station.bus.snapshot.settings == before


def test_a_file_that_is_too_large_is_refused(place: tuple[Station, Client]) -> None:
    _, client = place
    status, text = upload(client, "/backup/check", {}, file=b" " * 70_000)
    assert status == 413
    assert "larger than" in text


def test_what_the_owner_refuses_changes_nothing(place: tuple[Station, Client]) -> None:
    station, client = place
    _, text = upload(client, "/backup/check", {}, file=a_file(system__voltage=24))
    station.owner.answer = lambda command: (
        Answer(False, "running", "system.voltage = 24 is refused in a test.")
        if isinstance(command, ChangeSettings)
        else None
    )
    reply = client.form("/backup/apply", csrf_token=client.csrf, upload=word_of(text))
    assert reply.status == 409
    assert "refused in a test. Nothing has been changed." in reply.text


def test_a_file_belongs_to_who_sent_it_and_does_not_wait_for_ever(
    place: tuple[Station, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    station, client = place
    _, text = upload(client, "/backup/check", {}, file=a_file(test__interval_h=48))
    word = word_of(text)
    other = station.client()
    other.log_in()
    assert other.form("/backup/apply", csrf_token=other.csrf, upload=word).status == 409
    monkeypatch.setattr(backup_page, "KEPT_S", 0.0)
    assert client.form("/backup/apply", csrf_token=client.csrf, upload=word).status == 409
    assert station.bus.snapshot.settings["test.interval_h"] != 48
