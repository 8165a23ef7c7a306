"""The control socket: files, permissions, and clients that behave badly."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from control_station import Station
from waiting import wait_until

from btrmd.model.errors import BtrmError
from btrmd.servers.control import MAX_LINE, ControlExtras, ControlServer
from btrmd.servers.socket_name import socket_name


class Peer:
    """A client without any manners of its own."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(5.0)
        with socket_name(path) as name:
            self.socket.connect(name)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> dict[str, object]:
        answer = json.loads(self.file.readline())
        assert isinstance(answer, dict)
        return answer

    def is_closed(self) -> bool:
        return self.file.readline() == b""


ALARMS = b'{"verb": "alarms"}\n'


def test_the_socket_is_for_owner_and_group_only(server: ControlServer) -> None:
    mode = server.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert os.listdir(server.path.parent) == ["control.sock"]


def test_a_stale_socket_file_is_replaced_and_ours_is_removed(
    station: Station, tmp_path: Path
) -> None:
    path = tmp_path / "control.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    server = station.server(path)
    server.start()
    with Peer(path) as peer:
        peer.send(ALARMS)
        assert peer.line()["ok"] is True
    server.stop()
    assert not path.exists()


def test_a_successors_socket_is_not_removed(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    first, second = station.server(path), station.server(path)
    first.start()
    second.start()
    first.stop()
    with Peer(path) as peer:
        peer.send(ALARMS)
        assert peer.line()["ok"] is True
    second.stop()


def test_a_very_long_path_works(station: Station, tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 30) / "run" / "control.sock"
    server = station.server(path)
    server.start()
    with Peer(path) as peer:
        peer.send(ALARMS)
        assert peer.line()["ok"] is True
    server.stop()
    assert not path.exists()


def test_a_path_that_cannot_be_bound_is_one_sentence(station: Station, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    server = station.server(blocker / "control.sock")
    with pytest.raises(BtrmError, match=r"The control socket .*control\.sock cannot be made: .+\."):
        server.start()
    server.stop()


@pytest.mark.parametrize(
    "line",
    [b"garbage", b"\xff\xfe\x00", b"[1, 2]", b'"get"', b'{"verb": 7}', b"{}", b"[" * 200_000],
)
def test_garbage_is_refused_and_the_connection_lives_on(server: ControlServer, line: bytes) -> None:
    with Peer(server.path) as peer:
        peer.send(line + b"\n" + ALARMS)
        refused = peer.line()
        assert (refused["ok"], refused["code"]) == (False, "syntax")
        assert peer.line()["ok"] is True


def test_a_name_that_is_given_twice_is_refused_not_the_last_one_taken(
    server: ControlServer, station: Station
) -> None:
    with Peer(server.path) as peer:
        peer.send(b'{"verb": "sim", "changes": {"supply.ohms": 1, "supply.ohms": 2}}\n')
        answer = {"ok": False, "code": "syntax", "text": "A request names 'supply.ohms' twice."}
        assert peer.line() == answer
        assert station.sim_changes == []
        peer.send(ALARMS)
        assert peer.line()["ok"] is True


def test_an_unknown_verb_is_refused(server: ControlServer) -> None:
    with Peer(server.path) as peer:
        peer.send(b'{"verb": "format_disk"}\n')
        assert peer.line() == {
            "ok": False,
            "code": "verb",
            "text": "'format_disk' is no verb of the control socket.",
        }


def test_lines_may_come_in_pieces_or_together(server: ControlServer) -> None:
    with Peer(server.path) as peer:
        for i in range(len(ALARMS)):
            peer.send(ALARMS[i : i + 1])
        assert peer.line()["ok"] is True
        peer.send(ALARMS * 20 + b"\n\r\n" + ALARMS)
        assert [peer.line()["ok"] for _ in range(21)] == [True] * 21


def test_too_much_is_refused_and_cut(server: ControlServer) -> None:
    with Peer(server.path) as peer:
        # All of it is taken before the listener closes, so that the answer is not lost to a reset.
        peer.send(b"x" * (MAX_LINE + 1))
        assert peer.line()["code"] == "too_long"
        assert peer.is_closed()
    with Peer(server.path) as peer:
        peer.send(ALARMS)
        assert peer.line()["ok"] is True


def test_a_silent_client_is_let_go(station: Station, tmp_path: Path) -> None:
    server = station.server(tmp_path / "c.sock", idle_s=0.2)
    server.start()
    with Peer(server.path) as silent, Peer(server.path) as drip:
        begun = time.monotonic()
        drip.send(b'{"verb"')  # half a request is no sign of life
        assert silent.is_closed()
        assert drip.is_closed()
        assert time.monotonic() - begun < 3.0
    server.stop()


def test_clients_beyond_the_limit_are_told_so(station: Station, tmp_path: Path) -> None:
    server = station.server(tmp_path / "c.sock", max_clients=2)
    server.start()
    with Peer(server.path) as first, Peer(server.path) as second:
        for peer in (first, second):
            peer.send(ALARMS)
            peer.line()
        with Peer(server.path) as third:
            assert third.line()["code"] == "busy"
            assert third.is_closed()
        second.send(ALARMS)
        assert second.line()["ok"] is True

    wait_until(lambda: server.clients == 0)
    with Peer(server.path) as peer:
        peer.send(ALARMS)
        assert peer.line()["ok"] is True


def test_a_client_that_leaves_in_mid_request_hurts_nobody(server: ControlServer) -> None:
    for _ in range(40):
        with Peer(server.path) as peer:
            peer.send(ALARMS + b'{"verb": "al')
    with Peer(server.path) as peer:
        peer.send(ALARMS)
        assert peer.line()["ok"] is True


def test_stop_closes_clients_at_once_and_leaves_no_thread(station: Station, tmp_path: Path) -> None:
    server = station.server(tmp_path / "c.sock")
    server.start()
    with Peer(server.path) as peer:
        peer.send(ALARMS)
        peer.line()
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 3.0
        assert peer.is_closed()
    assert server.clients == 0
    assert "control" not in {thread.name for thread in threading.enumerate()}


def test_a_command_carries_the_name_of_the_user(station: Station, server: ControlServer) -> None:
    with Peer(server.path) as peer:
        peer.send(b'{"verb": "test_start", "source": "web admin"}\n')
        assert peer.line()["n"] == 7
    assert station.commands[0].source == f"cli {pwd.getpwuid(os.getuid()).pw_name}"


def test_a_failing_verb_is_answered_and_logged(
    station: Station, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> list[str]:
        raise ZeroDivisionError

    server = station.server(tmp_path / "c.sock", extras=ControlExtras(check=broken))
    server.start()
    with Peer(server.path) as peer:
        peer.send(b'{"verb": "check"}\n' + ALARMS)
        assert peer.line()["code"] == "internal"
        assert peer.line()["ok"] is True
    server.stop()
    assert "ZeroDivisionError" in caplog.text


def test_an_owner_that_does_not_answer_is_busy_not_a_hang(
    station: Station, server: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = station.bus.submit
    monkeypatch.setattr(station.bus, "submit", lambda command: submit(command, 0.1))
    station.is_deaf = True
    with Peer(server.path) as peer, Peer(server.path) as other:
        peer.send(b'{"verb": "test_stop"}\n')
        other.send(ALARMS)
        assert other.line()["ok"] is True
        assert peer.line()["code"] == "busy"
