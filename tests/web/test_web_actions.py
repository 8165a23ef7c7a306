"""Actions beside the settings: a live curve, a test notification, a word in the event log."""

from __future__ import annotations

import re

import pytest
from test_web_history import Place, curve, place, show_points, words  # noqa: F401 - the fixture
from waiting import wait_until
from web_station import AT, PASSWORD, Client, Station

from btrmd.model.commands import Answer, Note, SendTestTrap, SendTestWebhook
from btrmd.model.discharge import TestRecord

RUNNING = TestRecord(9, "1", "running", started_at=AT - 600, minimum_runtime_s=7200.0)


def notes(station: Station, count: int) -> list[Note]:
    """The first `count` notes that reached the owner."""

    def found() -> list[Note]:
        return [command for command in station.owner.commands if isinstance(command, Note)]

    wait_until(lambda: len(found()) >= count, 20.0)
    return found()


def test_a_running_test_shows_its_curve_up_to_now(place: Place) -> None:  # noqa: F811
    assert "so far" not in place.client.get("/manual-test").text
    place.store(RUNNING, curves={9: curve(540)})
    show_points(place, test__state="running", test__elapsed=600.0, battery__voltage=12.34)
    place.owner.show(test=RUNNING)
    page = place.client.get("/manual-test").text
    assert "Test 9 so far" in page
    assert "at last 12.34; Cutoff 11.00 V." in words(page)
    path = re.search(r'<path class="line s0" d="([^"]+)"', page)
    assert path is not None
    assert len(path[1]) > 50
    assert "Minimum" not in page[page.index("Test 9 so far") : page.index("Before a test")]
    show_points(place, battery__voltage=12.31)
    assert "at last 12.31" in place.client.get("/manual-test").text
    place.owner.show(test=None)
    assert "so far V" not in words(place.client.get("/manual-test").text)


def test_battery_status_says_that_a_test_is_running(place: Place) -> None:  # noqa: F811
    place.owner.show(test=RUNNING)
    assert "Test 9 is running" in words(place.client.get("/battery-status").text)


def test_a_start_is_not_offered_while_a_test_runs(station: Station, user: Client) -> None:
    def start() -> str:
        page = user.get("/manual-test").text
        found = re.search(r"<button[^>]*>Start the test", page)
        assert found is not None
        return found[0]

    assert "disabled" not in start()
    station.owner.show_point("test.state", "running")
    assert "disabled" in start()


@pytest.mark.parametrize("is_good", [True, False])
def test_the_button_sends_a_test_notification(
    station: Station, user: Client, is_good: bool
) -> None:
    asked: list[SendTestTrap] = []

    def do(action: SendTestTrap) -> Answer:
        asked.append(action)
        lines = ["10.0.0.1: <b>confirmed</b>.", "10.0.0.2: no answer."]
        return Answer(
            is_good, "ok" if is_good else "unconfirmed", " ".join(lines), {"lines": lines}
        )

    station.bus.offer(SendTestTrap, do)
    reply = user.form("/snmp/test-trap", csrf_token=user.csrf)
    assert reply.status == (200 if is_good else 409)
    assert "<li>10.0.0.1: &lt;b&gt;confirmed&lt;/b&gt;.</li>" in reply.text
    assert "<li>10.0.0.2: no answer.</li>" in reply.text
    assert f'role="{"status" if is_good else "alert"}"' in reply.text
    assert [action.source for action in asked] == ["web admin 127.0.0.1"]


@pytest.mark.parametrize("is_good", [True, False])
def test_the_button_posts_a_test_to_the_webhook(
    station: Station, user: Client, is_good: bool
) -> None:
    station.bus.offer(SendTestWebhook, lambda action: Answer(is_good, "x", f"<b> {action.source}"))
    reply = user.form("/integrations/test-webhook", csrf_token=user.csrf)
    assert reply.status == (200 if is_good else 409)
    assert "<p>&lt;b&gt; web admin 127.0.0.1</p>" in reply.text
    assert f'role="{"status" if is_good else "alert"}"' in reply.text


def test_where_nobody_sends_notifications_the_button_says_so(user: Client) -> None:
    reply = user.form("/snmp/test-trap", csrf_token=user.csrf)
    assert reply.status == 409
    assert "not running" in reply.text


def test_what_happens_to_logins_stands_in_the_event_log(station: Station, user: Client) -> None:
    def change(**fields: str) -> None:
        assert user.form("/authorization/users", csrf_token=user.csrf, **fields).status == 303

    change(action="add", user="otto", role="operator", password="secret-12", repeat="secret-12")
    change(action="role", user="otto", role="viewer")
    change(action="password", user="otto", password="secret-34", repeat="secret-34")
    change(action="remove", user="otto")
    reply = user.post("/api/v1/password", {"password": "secret-56", "current": PASSWORD})
    assert reply.status == 200
    reported = notes(station, 5)
    assert [note.text for note in reported] == [
        "User otto was added as operator.",
        "User otto is viewer now.",
        "The password of otto was set.",
        "User otto was removed.",
        "The password of admin was set.",
    ]
    assert {note.key for note in reported} == {"web.users"}
    assert {note.source for note in reported} == {"web admin 127.0.0.1"}
    assert not any("secret" in note.text for note in reported)
