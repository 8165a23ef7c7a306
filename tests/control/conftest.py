"""A control server over a fake station, on a real unix socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from control_station import Station

from btrmd.servers.control import ControlServer


@pytest.fixture
def station() -> Iterator[Station]:
    station = Station()
    yield station
    station.close()


@pytest.fixture
def server(station: Station, tmp_path: Path) -> Iterator[ControlServer]:
    server = station.server(tmp_path / "run" / "control.sock")
    server.start()
    yield server
    server.stop()
