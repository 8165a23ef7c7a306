"""The wall clock jumps a year ahead and back under load: no listener notices (real sockets)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from attacked_station import AttackedStation
from daemon_process import ROOT
from dnp3_wire import LINK_STATUS, frame
from hostile import HOST, address, connect
from waiting import wait_until

pytestmark = pytest.mark.long  # begun first

RUNNER = ROOT / "tests" / "support" / "jumping_clock.py"
YEAR_S = 365.0 * 86400.0
GET = bytes.fromhex(
    "3026020101040670 75626c6963a01902010102010002 0100300e300c06082b06010201010300 0500"
)
READ = bytes.fromhex("000100000006010400000001")
HALF = b"GET / HTTP/1.1\r\nHost: bt"
HELD = 60  # connections of each listener that say half of something, and nothing more


class Jumping:
    """A station with every listener open, whose wall clock a test sets."""

    def __init__(self, folder: Path) -> None:
        self.station = AttackedStation(folder)
        self._offset = folder / "offset"
        self._offset.write_text("0")
        self.station.unit.runner = (str(RUNNER), str(self._offset))
        self.held: list[socket.socket] = []
        self.station.start(until_tested=False)  # its listeners are looked at

    def jump(self, seconds: float) -> None:
        """The wall clock is so far off from now on."""
        self._offset.write_text(str(seconds))
        os.kill(self.station.unit.pid, signal.SIGUSR1)
        wait_until(lambda: abs(self.shown_at() - time.time() - seconds) < 60.0, 10.0)

    def shown_at(self) -> float:
        """The wall time s of the newest snapshot, by the API."""
        return datetime.fromisoformat(self.station.unit.get("/api/v1/points")["at"]).timestamp()

    def port(self, name: str) -> int:
        return self.station.ports[name]

    def say(self, name: str, data: bytes, most: int = 4096) -> bytes:
        with connect(self.port(name), address(900), 10.0) as sock:
            sock.sendall(data)
            return sock.recv(most)

    def visit(self) -> None:
        """A visitor whom nobody knows, at every listener."""
        assert self.say("http", b"GET / HTTP/1.1\r\nHost: btrm\r\n\r\n").startswith(b"HTTP/1.1 200")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            connect(self.port("https"), address(900), 10.0) as plain,
            context.wrap_socket(plain) as tls,
        ):
            tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: btrm\r\n\r\n")
            assert tls.recv(100).startswith(b"HTTP/1.1 200")
        assert self.say("modbus", READ)[7:8] == b"\x04"
        assert self.say("dnp3", frame(LINK_STATUS, 10, 1)).startswith(b"\x05\x64")
        assert self.say("nut", b"VER\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10.0)
            sock.sendto(GET, (HOST, self.port("snmp")))
            assert sock.recv(1500)[:1] == b"\x30"


@pytest.fixture
def jumping(tmp_path: Path) -> Iterator[Jumping]:
    made = Jumping(tmp_path / "unit")
    yield made
    made.station.close()
    for sock in made.held:
        sock.close()


def hold(jumping: Jumping) -> None:
    """Half-open requests and silent connections at each TCP listener, from many addresses."""
    held = jumping.held
    for name, first in (
        ("http", HALF),
        ("https", b""),
        ("modbus", b""),
        ("dnp3", b""),
        ("nut", b""),
    ):
        for n in range(HELD):
            with contextlib.suppress(OSError):
                sock = connect(jumping.port(name), address(n))
                held.append(sock)
                if first:
                    sock.sendall(first)


def is_ended(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def all_ended(held: list[socket.socket]) -> Callable[[], bool]:
    def look() -> bool:
        for sock in [sock for sock in held if is_ended(sock)]:
            sock.close()
            held.remove(sock)
        return not held

    return look


@pytest.mark.parametrize("years", [-1.0, 1.0], ids=["back", "ahead"])
def test_time_outs_run_out_and_everybody_is_served(jumping: Jumping, years: float) -> None:
    unit = jumping.station.unit
    for offset in (years * YEAR_S, 0.0):  # there, and back again
        before, began = unit.value("system.uptime"), time.monotonic()
        hold(jumping)
        jumping.jump(offset)
        jumping.visit()
        wait_until(all_ended(jumping.held), 20.0, lambda: f"{len(jumping.held)} stay")
        jumping.visit()
        uptime, passed = unit.value("system.uptime") - before, time.monotonic() - began
        assert uptime == pytest.approx(passed, abs=5.0)
        assert (
            unit.request("PATCH", "/api/v1/settings", {"site.name": f"At {offset}"}).status == 200
        )
    assert "Traceback" not in unit.log
