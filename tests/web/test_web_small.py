"""Small things people meet: the summary for a wall, names of events, the way back after a login."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

import pytest
from web_forms import words
from web_station import AT, Client, Station

from btrmd.docgen.event_text import name_of
from btrmd.model.events import Event, Kind
from btrmd.model.settings import Settings
from btrmd.model.snapshot import AlarmView


def test_the_summary_is_small_has_no_script_and_renews_itself(
    station: Station, client: Client
) -> None:
    alarms = tuple(AlarmView(f"io{n}", f"CH{n}.", AT, True, False, False) for n in range(20))
    station.owner.show(alarms=alarms)
    reply = client.get("/summary")
    page = reply.text
    assert "Load safe, on supply" in page
    assert "20 alarms: 20 warning" in page
    assert "and 12 more" in page
    assert "<script" not in page
    assert reply.headers["Refresh"] == "15"
    assert "This page renews itself every 15 s." in page
    assert len(gzip.compress(page.encode(), 9)) <= 3 * 1024


@pytest.mark.parametrize(
    ("asked", "header", "told"),
    [
        ("0", None, "This page does not renew itself."),
        ("5", "5", "This page renews itself every 5 s."),
        ("3600", "3600", "This page renews itself every 3600 s."),
    ],
)
def test_how_often_the_summary_renews_itself_is_the_readers_to_say(
    client: Client, asked: str, header: str | None, told: str
) -> None:
    """WCAG 2.2, 2.2.1: a time limit can be turned off and widened by ten and more."""
    reply = client.get(f"/summary?renew={asked}")
    assert reply.headers["Refresh"] == header
    assert told in reply.text
    assert f'href="/summary?renew={asked}"' not in reply.text


@pytest.mark.parametrize("asked", ["1", "4", "3601", "-1", "x", "", "15.5", "1e1"])
def test_the_summary_refuses_other_times(client: Client, asked: str) -> None:
    reply = client.get(f"/summary?renew={asked}")
    assert reply.status == 422
    assert "renew" in reply.text
    assert "3600" in reply.text


def test_the_summary_of_a_closed_unit_says_nothing(start_station: Callable[..., Station]) -> None:
    settings = Settings.defaults().with_changes({"web.authorization": "all"})
    reply = start_station(settings=settings).client().get("/summary")
    assert reply.status in (302, 303, 401)
    assert "Load" not in reply.text


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("battery.low_voltage", "Battery: low voltage"),
        ("test.refused", "Test: refused"),
        ("io1", "IO1"),
        ("lvd.open", "LVD: open"),
        ("ups.on_battery", "UPS: on battery"),
        ("battery.soh", "Battery: state of health"),
        ("calibration.current.battery", "Calibration: current battery"),
    ],
)
def test_events_have_names(key: str, name: str) -> None:
    assert name_of(key) == name


def test_the_log_shows_the_name_beside_the_key(station: Station, client: Client) -> None:
    station.history.event_list = [
        Event(1, AT, 1.0, "test.refused", Kind.CHANGE, None, None, "core", "No.")
    ]
    assert "Test: refused test.refused" in words(client.get("/events").text)


def test_the_way_back_outlives_the_password_page(start_station: Callable[..., Station]) -> None:
    hashed = start_station().store.accounts["users"]["admin"]["hash"]
    station = start_station(accounts={"users": {"admin": {"hash": hashed, "factory": True}}})
    client = station.client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token is not None
    page = client.form("/login", csrf_token=token[1], username="admin", password="demo-btrm",
                       next="/port-options")  # fmt: skip
    assert page.status == 303
    assert page.headers["Location"] == "/set-password?next=/port-options"
    assert 'name="next" value="/port-options"' in client.get(page.headers["Location"]).text


@pytest.mark.parametrize("place", ["//evil.example", "/report/7x", "https://evil.example", "x"])
def test_a_login_leads_to_our_own_pages_only(client: Client, place: str) -> None:
    assert 'name="next" value="/"' in client.get(f"/login?next={place}").text


def test_a_login_leads_back_to_a_report(client: Client) -> None:
    assert 'name="next" value="/report/7"' in client.get("/login?next=/report/7").text


@pytest.mark.parametrize(
    "changes",
    [
        {"email.server": "mail.plant.example"},
        {"email.to": "ops@plant.example"},
        {"email.server": "SMTP.xxx.com", "email.to": "ops@plant.example"},
        {"email.server": "mail.plant.example", "email.to": "Email@XXX.com"},
        {"email.server": "mail.plant.example", "email.to": "ops@plant.example, email@xxx.com"},
    ],
)
def test_a_placeholder_switches_no_mail_on(changes: dict[str, object]) -> None:
    assert Settings.defaults().with_changes(changes)["email.enabled"] is False


def test_real_mail_switches_mail_on() -> None:
    settings = Settings.defaults()
    some = settings.with_changes({"email.server": "mail.plant.example"})
    assert some["email.enabled"] is False
    both = some.with_changes({"email.to": "ops@plant.example"})
    assert both["email.enabled"] is True
    off = some.with_changes({"email.to": "ops@plant.example", "email.enabled": False})
    assert off["email.enabled"] is False
    # whoever has switched it off and changes something else is not overruled
    assert off.with_changes({"email.port": 587})["email.enabled"] is False


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        (
            "/trends?range=2w",
            200,
            "There is no range '2w', only 1h, 6h, 1d, 7d, 30d, 1y, 5y; shown is 1 day.",
        ),
        ("/report/999", 404, "There is no discharge 999."),
        ("/report/x", 404, "There is nothing at this address."),
    ],
)
def test_what_there_is_none_of_is_named(client: Client, path: str, status: int, told: str) -> None:
    reply = client.get(path)
    assert (reply.status, told in words(reply.text)) == (status, True)
    assert "no range" not in client.get("/trends?range=7d").text
