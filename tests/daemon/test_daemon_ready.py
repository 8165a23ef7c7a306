"""Readiness: the ready line needs no disk, and a disk that is full is told of once."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from btrmd.bus import Bus
from btrmd.daemon import ready
from btrmd.daemon.ready import Readiness
from btrmd.daemon.systemd import Supervisor
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot

LOGGER = "btrmd.daemon.ready"


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    monkeypatch.setattr(ready, "AGAIN_S", 0.0)  # the next look is the next try
    monkeypatch.setattr(ready, "give_back", lambda: None)
    return Bus(Snapshot(1, 0.0, 0.0, {}, (), Settings.defaults(), None, None))


def looked(readiness: Readiness, times: int) -> None:
    for _ in range(times):
        readiness.look()


def test_without_a_place_for_the_file_the_ready_line_comes_and_the_fault_is_told_once(
    bus: Bus, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    folder.write_text("in the way of the folder")
    readiness = Readiness(bus, folder, Supervisor())
    readiness.expect(("http",))
    with caplog.at_level(logging.INFO, LOGGER):
        looked(readiness, 20)
        assert capsys.readouterr().out == "", "the listener is not there yet"
        bus.report_listener("http", "127.0.0.1:8080")
        looked(readiness, 500)
        assert capsys.readouterr().out == "ready http://127.0.0.1:8080\n"
        (told,) = caplog.records
        assert told.levelno == logging.ERROR
        assert told.getMessage() == (
            f"{folder / 'listeners.json'} cannot be written: Not a directory; tried again."
        )
        folder.unlink()  # another trouble is told again, and so is the end of it
        looked(readiness, 50)
        folder.mkdir()
        looked(readiness, 50)
    assert [record.levelno for record in caplog.records] == [40, 40, 20]
    assert json.loads((folder / "listeners.json").read_text())["http"] == "127.0.0.1:8080"
    assert capsys.readouterr().out == "", "once"


def test_who_waits_for_the_ready_line_finds_the_file(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str | None] = []

    class Reader:
        def write(self, text: str) -> int:
            found.append(json.loads((tmp_path / "listeners.json").read_text())["http"])
            return len(text)

        def flush(self) -> None:
            pass

    monkeypatch.setattr(ready.sys, "stdout", Reader())  # type: ignore[attr-defined]
    bus.report_listener("http", "127.0.0.1:8080")
    readiness = Readiness(bus, tmp_path, Supervisor())
    readiness.expect(("http",))
    looked(readiness, 20)
    assert found == ["127.0.0.1:8080"]


def test_nobody_who_reads_the_ready_line_is_told_once_and_ends_nothing(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(ready.sys, "stdout", Broken())  # type: ignore[attr-defined]
    bus.report_listener("http", "127.0.0.1:8080")
    readiness = Readiness(bus, tmp_path, Supervisor())
    readiness.expect(("http",))
    looked(readiness, 50)
    assert [record.getMessage() for record in caplog.records] == [
        "The ready line cannot be written: [Errno 32] Broken pipe"
    ]
    assert (tmp_path / "listeners.json").exists()
