"""Fixtures of the web tests: a running station, a client, a client that has logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import pytest
from web_browser import Browser
from web_station import Client, Station, make_station

from btrmd import passwords


@pytest.fixture(autouse=True, scope="session")
def derived_once() -> Iterator[None]:
    """The same password and salt again and again: a third of a second is spent once for each."""
    derive = passwords._derive
    passwords._derive = lru_cache(maxsize=1000)(derive)
    yield
    passwords._derive = derive


@pytest.fixture
def start_station() -> Iterator[Callable[..., Station]]:
    """Start a station with other settings or accounts; stopped at the end."""
    started: list[Station] = []

    def start(**fields: object) -> Station:
        station = make_station(**fields)  # type: ignore[arg-type]
        started.append(station)
        station.owner.start()
        station.server.start()
        return station

    yield start
    for station in started:
        station.server.stop()
        station.owner.stop()
        station.bus.close()


@pytest.fixture
def station(start_station: Callable[..., Station]) -> Station:
    return start_station()


@pytest.fixture
def client(station: Station) -> Client:
    return station.client()


@pytest.fixture
def user(client: Client) -> Client:
    """A client that has logged in."""
    assert client.log_in().status == 200
    return client


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Station, Client]]:
    """A station for tests that change nothing on it, and a client that has logged in."""
    station = make_station()
    station.owner.start()
    station.server.start()
    client = station.client()
    assert client.log_in().status == 200
    yield station, client
    station.server.stop()
    station.owner.stop()
    station.bus.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A Chromium of this test's own."""
    browser = Browser()
    yield browser
    browser.close()
