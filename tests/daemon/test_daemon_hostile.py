"""A crowd that does its worst at every listener at once: nobody else notices (scripts/attack)."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacked_station import AttackedStation, descriptors, memory_mb
from daemon_process import ROOT
from hostile import address, connect
from waiting import wait_until

pytestmark = pytest.mark.long  # begun first

CROWD = ROOT / "tests" / "support" / "hostile_crowd.py"
READ = bytes.fromhex("000100000006010400000001")
PEAK_MB = 95.0  # docs/operations.md


@pytest.fixture
def station(tmp_path: Path) -> Iterator[AttackedStation]:
    made = AttackedStation(tmp_path / "unit", speed=10.0).start()
    yield made
    made.close()


def page(station: AttackedStation, source: str) -> bytes:
    port = station.ports["http"]
    connection = http.client.HTTPConnection("127.0.0.1", port, 10.0, (source, 0))
    connection.request("GET", "/")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200
    return body


def test_four_hundred_hostile_connections_keep_nobody_out_and_wash_nothing_away(
    station: AttackedStation,
) -> None:
    wanted = {"ports": station.ports, "count": 400, "addresses": 40, "seconds": 4, "kinds": [],
              "until_told": True}  # fmt: skip
    held = descriptors(station.unit.pid)
    with subprocess.Popen(
        [sys.executable, str(CROWD), json.dumps(wanted)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as crowd:  # fmt: skip
        assert crowd.stdout is not None
        assert crowd.stdin is not None
        assert crowd.stdout.readline() == "ready\n"
        names = [f"Change {n}" for n in range(6)]
        for n, name in enumerate(names):
            # A browser and a master that nobody knows, each from an address of its own.
            assert b"</html>" in page(station, address(300 + n))
            with connect(station.ports["modbus"], address(320 + n), 10.0) as master:
                master.sendall(READ)
                assert master.recv(300)[7:8] == b"\x04"
            reply = station.unit.request("PATCH", "/api/v1/settings", {"site.name": name})
            assert reply.status == 200
        crowd.stdin.close()
        said = json.loads(crowd.stdout.readline())
    assert sum(n for kind, n in said.items() if kind.endswith(" connected")) > 200
    texts = "\n".join(event["text"] for event in station.unit.events())
    assert [name for name in names if name not in texts] == []
    assert "Traceback" not in station.unit.log
    assert memory_mb(station.unit.pid)[1] < PEAK_MB
    wait_until(lambda: descriptors(station.unit.pid) < held + 20, 30.0)
