"""What the station tells systemd: datagrams to a real socket, with and without python3-systemd."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from btrmd.daemon.journal import JournalHandler, encode_fields, leads_to_journal, priority
from btrmd.daemon.ready import status_line
from btrmd.daemon.systemd import Supervisor


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "socket"))
        server.settimeout(20.0)
        yield server


def test_a_system_without_python3_systemd_is_told_all_the_same(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", receiver.getsockname())
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)  # an import of it fails
    supervisor = Supervisor()
    assert supervisor.is_there
    supervisor.ready()
    supervisor.feed()
    supervisor.feed()  # at most once a second
    supervisor.status("Running.")
    supervisor.status("Running.")  # only what is new
    supervisor.stopping()
    reported = [receiver.recv(200) for _ in range(4)]
    assert reported == [b"READY=1", b"WATCHDOG=1", b"STATUS=Running.", b"STOPPING=1"]
    receiver.setblocking(False)
    with pytest.raises(BlockingIOError):
        receiver.recv(200)


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"btrmd-test-{tmp_path.name}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + name)
        server.settimeout(20.0)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        monkeypatch.setitem(sys.modules, "systemd.daemon", None)
        Supervisor().ready()
        assert server.recv(200) == b"READY=1"


def test_a_systemd_that_went_away_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    Supervisor().ready()
    assert "does not hear us" in caplog.text


def test_the_status_line_names_the_first_fault_in_full() -> None:
    assert status_line(()) == "Running."
    assert status_line(("A is wrong.",)) == "Running, but: A is wrong."
    assert status_line(("A is wrong.", "B.", "C.")) == (
        "Running, but: A is wrong. (and 2 more: btrmd check)"
    )


def test_records_reach_the_journal_with_their_fields(receiver: socket.socket) -> None:
    handler = JournalHandler(receiver.getsockname())
    log = logging.getLogger("btrmd.deb_test")
    log.addHandler(handler)
    try:
        log.warning("two\nlines", extra={"journal": {"BTRM_KEY": "supply.lost"}})
    finally:
        log.removeHandler(handler)
        handler.close()
    data = receiver.recv(4096)
    assert b"MESSAGE\n" + (9).to_bytes(8, "little") + b"two\nlines\n" in data
    for field in (b"PRIORITY=4", b"SYSLOG_IDENTIFIER=btrmd", b"BTRM_KEY=supply.lost"):
        assert field + b"\n" in data
    assert b"LOGGER=btrmd.deb_test\n" in data


def test_levels_are_syslogs() -> None:
    levels = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
    assert [priority(level) for level in levels] == [2, 3, 4, 6, 7]
    assert encode_fields({"A": "1", "B": ""}) == b"A=1\nB=\n"


def test_a_terminal_is_no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert not leads_to_journal()
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not leads_to_journal()
