"""The Event Log by severity and time: the page, its links and its exports; digits are ASCII."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from test_web_history import Place, numbers, place, words  # noqa: F401 - the fixture

from btrmd.model.events import Event, Kind, event_severity


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def event(n: int, key: str, kind: Kind, when: str) -> Event:
    return Event(n, at(when), 1.0, key, kind, True, None, "core", f"{key} {kind.value}.")


@pytest.fixture
def log(place: Place) -> Place:  # noqa: F811
    place.log(
        event(1, "system.start", Kind.CHANGE, "2026-05-01T00:00"),
        event(2, "io1", Kind.RAISE, "2026-05-02T23:59"),
        event(3, "relay.k1", Kind.CHANGE, "2026-05-03T00:00"),
        event(4, "relay.k1", Kind.RAISE, "2026-05-03T12:00"),
        event(5, "battery.low_voltage", Kind.RAISE, "2026-05-04T08:30"),
        event(6, "lvd.open", Kind.CHANGE, "2026-05-04T08:31"),
        event(7, "web.login", Kind.COMMAND, "2026-05-05T00:00"),
    )
    return place


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("severity=critical", [6, 5]),
        ("severity=major", [6, 5, 4]),
        ("severity=warning", [6, 5, 4, 2]),
        ("from=2026-05-03", [7, 6, 5, 4, 3]),
        ("to=2026-05-02", [2, 1]),
        ("from=2026-05-04T08:30&to=2026-05-04T08:30", [5]),
        ("from=2026-05-03&to=2026-05-03", [4, 3]),
        ("severity=major&to=2026-05-03&key=relay", [4]),
        ("from=2027-01-01", []),
    ],
)
def test_events_by_severity_and_time(log: Place, query: str, expected: list[int]) -> None:
    assert numbers(log.client.get(f"/events?{query}").text) == expected
    exported = log.client.get(f"/events/json?{query}").json
    assert [found["n"] for found in exported["events"]] == expected[::-1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("from", "yesterday", "YYYY-MM-DD"),
        ("from", "2026-02-30", "YYYY-MM-DD"),
        ("from", "\u0662\u0660\u0662\u0666-05-03", "YYYY-MM-DD"),  # Arabic digits are no date here
        ("to", "2026-05-03T24:00", "YYYY-MM-DD"),
        ("to", "1969-12-30", "YYYY-MM-DD"),
        ("severity", "grave", "info, warning, minor, major, critical"),
        ("before", "٣", "0..9223372036854775807"),
        ("before", "-1", "0..9223372036854775807"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    log: Place, name: str, value: str, allowed: str
) -> None:
    reply = log.client.get(f"/events?key=io1&{name}={quote(value)}")
    assert reply.status == 422
    assert allowed in words(reply.text)
    assert 'value="io1"' in reply.text  # what was typed stays
    refused = log.client.get(f"/events/csv?{name}={quote(value)}")
    assert refused.status == 422
    assert allowed in refused.text


def test_a_range_that_ends_before_it_begins_is_refused(log: Place) -> None:
    reply = log.client.get("/events?from=2026-05-04&to=2026-05-03")
    assert reply.status == 422
    assert "To: 2026-05-03 lies before From, 2026-05-04" in words(reply.text)


def test_the_links_of_the_page_keep_the_filter(log: Place) -> None:
    page = log.client.get("/events?severity=major&from=2026-05-03").text
    assert 'href="/events/csv?severity=major&amp;from=2026-05-03"' in page
    assert '<option value="major" selected>' in page
    assert "Raised critical, over" in words(page)


def test_only_what_raises_or_clears_an_alarm_has_a_severity() -> None:
    assert event_severity(event(1, "relay.k1", Kind.CHANGE, "2026-05-03")) is None
    assert event_severity(event(1, "web.login", Kind.RAISE, "2026-05-03")) is None
    assert event_severity(event(1, "lvd.open", Kind.CHANGE, "2026-05-03")) == "critical"
    assert event_severity(event(1, "sensor.0x40", Kind.CLEAR, "2026-05-03")) == "minor"
    assert event_severity(event(1, "ups.on_battery", Kind.RAISE, "2026-05-03")) == "major"
    assert event_severity(event(1, "ups.on_battery", Kind.CHANGE, "2026-05-03")) is None
