"""The Manual Test page: the list before a test, start, stop, Capacity IO Check, reset."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from web_forms import alert, fields_of, follow, post, words
from web_station import Client, Station

from btrmd.model.commands import Answer, CapacityCheck, ResetData, StartTest, StopTest
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.model.snapshot import Precheck

PATH = "/manual-test"
SOURCE = "web admin 127.0.0.1"


def test_the_list_before_a_test(station: Station, client: Client) -> None:
    assert "Not known yet." in words(client.get(PATH).text)
    good = Precheck("Load current", True, "1.04 A; needs at least 0.2 A")
    bad = Precheck("Charger", False, "The charger is <not> present.")
    station.owner.show(prechecks=(good,))
    assert "Nothing speaks against a test now." in words(client.get(PATH).text)
    station.owner.show(prechecks=(good, bad))
    text = words(client.get(PATH).text)
    assert "A test would be refused now." in text
    assert "Charger not good: The charger is <not> present." in text


@pytest.mark.parametrize(("volts", "least"), [(12, "12.40"), (24, "24.80"), (48, "49.60")])
def test_it_names_the_voltage_a_start_needs(
    start_station: Callable[..., Station], volts: int, least: str
) -> None:
    settings = Settings.defaults(Site(model="400")).with_changes({"system.voltage": volts})
    page = start_station(settings=settings).client().get(PATH).text
    assert f"Battery Voltage must be greater than {least} V" in words(page)


@pytest.mark.parametrize(
    ("delay", "command"),
    [
        ("0", StartTest("1", 0.0, SOURCE)),
        ("", StartTest("1", 0.0, SOURCE)),
        ("12", StartTest("1", 12.0, SOURCE)),
        ("0.5", StartTest("1", 0.5, SOURCE)),
        ("500", StartTest("1", 500.0, SOURCE)),
    ],
)
def test_a_start_with_and_without_delay(
    station: Station, user: Client, delay: str, command: StartTest
) -> None:
    follow(user, post(user, PATH, delay_h=delay))
    assert station.owner.commands == [command]


def test_the_type_can_be_chosen_for_this_test(station: Station, user: Client) -> None:
    follow(user, post(user, PATH, type="2"))
    assert station.owner.commands == [StartTest("2", 0.0, SOURCE)]


@pytest.mark.parametrize(
    "fields",
    [
        {"delay_h": "501"},
        {"delay_h": "-1"},
        {"delay_h": "nan"},
        {"delay_h": "1e9"},
        {"delay_h": "9" * 400},
        {"delay_h": "soon"},
        {"delay_h": "<script>alert(1)</script>"},
        {"delay_h": "😀"},
        {"type": "3"},
        {"type": "<script>"},
    ],
)
def test_a_start_that_makes_no_sense_is_refused_at_its_field(
    shared: tuple[Station, Client], fields: dict[str, str]
) -> None:
    station, user = shared
    reply = post(user, PATH, **fields)
    assert reply.status == 422
    assert "Allowed is" in alert(reply.text)
    assert station.owner.commands == []
    assert "<script>alert" not in reply.text
    if "delay_h" in fields:
        assert fields_of(reply.text, PATH)["delay_h"] == fields["delay_h"][:60]


def test_a_refused_start_gives_the_owners_sentence(station: Station, user: Client) -> None:
    text = "The battery is at 12.01 V; a test starts only above 12.40 V."
    station.owner.answer = lambda _: Answer(False, "battery", text)
    reply = post(user, PATH, delay_h="0")
    assert reply.status == 409
    assert text in alert(reply.text)


def test_a_running_test_offers_to_stop_and_refuses_a_second(station: Station, user: Client) -> None:
    assert "Stop the test" not in user.get(PATH).text
    for state, offer in (("running", "Stop the test"), ("delayed", "Cancel the delayed start")):
        station.owner.show_point("test.state", state)
        page = user.get(PATH).text
        assert offer in page
        assert "a second start is refused" in page
        assert '<noscript><meta http-equiv="refresh"' in page
    follow(user, user.form(f"{PATH}/stop", csrf_token=user.csrf))
    assert station.owner.commands == [StopTest(SOURCE)]
    station.owner.answer = lambda _: Answer(False, "running", "A test is already running.")
    assert "already running" in alert(post(user, PATH).text)


def test_capacity_io_check(station: Station, user: Client) -> None:
    action = f"{PATH}/capacity-check"
    page = follow(user, user.form(action, csrf_token=user.csrf, low="true"))
    assert "forced low" in page
    follow(user, user.form(action, csrf_token=user.csrf, low="false"))
    assert station.owner.commands == [CapacityCheck(True, SOURCE), CapacityCheck(False, SOURCE)]
    for low in ("", "maybe", "<script>"):
        assert user.form(action, csrf_token=user.csrf, low=low).status == 422
    assert len(station.owner.commands) == 2


def test_a_reset_wants_to_be_meant(station: Station, user: Client) -> None:
    action = f"{PATH}/reset"
    reply = user.form(action, csrf_token=user.csrf)
    assert reply.status == 422
    assert "nothing was reset" in alert(reply.text)
    page = follow(user, user.form(action, csrf_token=user.csrf, sure="true"))
    assert "back to their defaults" in page
    assert station.owner.commands == [ResetData(True, SOURCE)]


def test_what_was_done_is_said_in_our_own_words_only(client: Client) -> None:
    page = client.get(f"{PATH}?done=%3Cscript%3E").text
    assert "<script>" not in page
    assert 'role="status"' not in page
