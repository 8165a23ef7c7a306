"""The serial number: the board's, else one that is made once; the same in every protocol."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from waiting import wait_until

from btrmd.daemon.unit_serial import unit_serial
from btrmd.store.provision_file import Provision, ProvisionFile


def board(folder: Path, content: bytes) -> Path:
    path = folder / "serial-number"
    path.write_bytes(content)
    return path


def test_a_raspberry_pi_has_its_own(tmp_path: Path) -> None:
    path = board(tmp_path, b"10000000ABCDEF01\0")
    assert unit_serial(tmp_path, False, path) == "10000000abcdef01"
    assert not (tmp_path / "serial").exists()


@pytest.mark.parametrize("content", [b"", b"0000000000000000\0", b"../../etc\0", b"\xff\xfe"])
def test_a_board_without_one_gets_one_once(tmp_path: Path, content: bytes) -> None:
    path = board(tmp_path, content)
    made = unit_serial(tmp_path, False, path)
    assert len(made) == 16
    assert unit_serial(tmp_path, False, path) == made
    moved = tmp_path / "moved"
    moved.mkdir()
    assert unit_serial(moved, False, path) != made
    (tmp_path / "serial").rename(moved / "serial")
    assert unit_serial(moved, False, path) == made  # the file wins


def test_a_simulated_station_never_has_the_boards(tmp_path: Path) -> None:
    assert unit_serial(tmp_path, True, board(tmp_path, b"10000000abcdef01")) != "10000000abcdef01"


def test_where_nothing_can_be_written_it_stays_the_same(tmp_path: Path) -> None:
    gone = tmp_path / "missing"
    assert unit_serial(gone, True) == unit_serial(gone, True)


def test_a_kept_one_that_is_damaged_is_made_again(tmp_path: Path) -> None:
    made = unit_serial(tmp_path, True)
    (tmp_path / "serial").write_bytes(b"\0\0\0\0")
    assert unit_serial(tmp_path, True) == made


def test_it_stays_over_a_restart(tmp_path: Path) -> None:
    unit = DaemonProcess(tmp_path)
    try:
        first = unit.start().value("system.serial")
        unit.stop()
        assert unit.start().value("system.serial") == first
        assert unit.get("/api/v1/points")["points"]["system.serial"]["value"] == first
    finally:
        unit.close()


def test_a_provision_before_the_start_is_in_the_event_log_once(tmp_path: Path) -> None:
    unit = DaemonProcess(tmp_path)
    unit.state_dir.mkdir(parents=True, exist_ok=True)
    kept = ProvisionFile(unit.state_dir)
    text = "btrm.csv was applied to the unit 17: 4 settings changed."
    kept.save(Provision(text, False, False))
    try:
        for _ in range(2):
            unit.start()
            wait_until(lambda: text in [event["text"] for event in unit.events()])
            assert [event["text"] for event in unit.events()].count(text) == 1
            unit.stop()
        refusal = "/boot/btrm.csv was not applied, nothing has been changed: it is not CSV."
        kept.save(Provision(refusal, True, False))
        unit.start()
        assert refusal in unit.ask("check")["findings"]
    finally:
        unit.close()
