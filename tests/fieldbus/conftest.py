"""Fixtures of the fieldbus tests: stations with a service on free ports, a serial cable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fieldbus_station import SerialPair, Station, Wire, has


@pytest.fixture
def start_station() -> Iterator[Callable[..., Station]]:
    """Start a station with options and settings; stopped at the end."""
    started: list[Station] = []

    def start(*args: object, **settings: object) -> Station:
        station = Station(*args, **settings)  # type: ignore[arg-type]
        started.append(station)
        return station.start()

    yield start
    for station in started:
        station.stop()


@pytest.fixture
def station(start_station: Callable[..., Station]) -> Station:
    return start_station()


@pytest.fixture
def wire(station: Station) -> Iterator[Wire]:
    with station.connect() as wire:
        yield wire


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[SerialPair]:
    if not has("socat"):
        pytest.skip("needs the program socat")
    pair = SerialPair(tmp_path)
    yield pair
    pair.pull()
