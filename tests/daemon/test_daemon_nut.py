"""Where NUT listens: at the address of the others, or where it is told."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from free_port import free_port
from waiting import wait_until


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[DaemonProcess]:
    made = DaemonProcess(tmp_path / "unit")
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[DaemonProcess]:
    made = DaemonProcess(tmp_path / "other")
    yield made
    made.close()


def place(unit: DaemonProcess) -> str | None:
    found: str | None = json.loads((unit.state_dir / "run" / "listeners.json").read_text())["nut"]
    return found


def version(address: str) -> bytes:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 20.0) as sock:
        sock.sendall(b"NETVER\n")
        return sock.recv(10)


def test_it_is_closed_until_it_is_enabled_and_then_where_the_pages_are(
    unit: DaemonProcess,
) -> None:
    unit.start()
    assert place(unit) is None
    port = free_port()
    unit.set(nut__port=port, nut__enabled=True)
    wait_until(lambda: place(unit), 20.0)
    assert place(unit) == f"127.0.0.1:{port}"
    assert version(f"127.0.0.1:{port}") == b"1.3\n"


def test_the_option_opens_it_whatever_the_settings_say(unit: DaemonProcess) -> None:
    unit.start("--nut", "127.0.0.2:0")
    address = place(unit)
    assert address is not None
    assert address.startswith("127.0.0.2:")
    assert version(address) == b"1.3\n"


def test_none_keeps_it_closed(unit: DaemonProcess, other: DaemonProcess) -> None:
    """What opens it at another unit a moment later does nothing at this one."""
    unit.start("--nut", "none")
    other.start()
    for one in (unit, other):
        one.set(nut__port=free_port(), nut__enabled=True)
    wait_until(lambda: place(other), 20.0)
    assert place(unit) is None
    assert unit.value("system.uptime") > 0.0, "it runs"


def test_the_site_file_names_its_host(unit: DaemonProcess) -> None:
    port = free_port()
    (unit.config_dir / "btrmd.toml").write_text(
        f'[site]\nlisten.nut = "127.0.0.3"\n[defaults]\nnut.enabled = true\nnut.port = {port}\n'
    )
    unit.start()
    wait_until(lambda: place(unit), 20.0)
    assert place(unit) == f"127.0.0.3:{port}"
