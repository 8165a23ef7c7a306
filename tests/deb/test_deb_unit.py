"""The units and maintainer scripts: exposure, supervision, and names that agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd" / "btrmd.service"
MOST_EXPOSED = 3.0  # issue 7; decision 0013


def settings(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_station_is_little_exposed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    found = re.search(r"Overall exposure level for btrmd\.service: ([\d.]+)", done.stdout)
    if found is None and "nknown" in done.stderr:
        pytest.skip(f"this systemd cannot score offline: {done.stderr.strip()}")
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_the_station_has_one_capability_and_the_boards_devices_only() -> None:
    unit = settings(UNIT)
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]
    assert unit["DevicePolicy"] == ["closed"]
    assert {value.split()[0] for value in unit["DeviceAllow"]} == {
        "char-i2c", "char-gpiochip", "char-ttyAMA", "char-ttyS", "char-ttyUSB", "char-ttyACM",
    }  # fmt: skip


def test_drivers_of_late_devices_are_there_before_the_station() -> None:
    """systemd resolves DeviceAllow= when it starts the unit: seen on the device machine."""
    early = {name.replace("-", "_") for name in modules()}
    unit = settings(UNIT)
    for name in ("Wants", "After"):
        named = set(re.findall(r"modprobe@(\w+)\.service", " ".join(unit[name])))
        assert named == early == {"i2c_dev", "usbserial", "cdc_acm"}


def modules() -> list[str]:
    lines = (ROOT / "deb/modules-load.conf").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_supervision_is_as_promised() -> None:
    unit = settings(UNIT)
    assert unit["Type"] == ["notify"]
    assert unit["NotifyAccess"] == ["main"]
    assert unit["Restart"] == ["always"]
    assert unit["MemoryMax"] == ["128M"]
    assert "LG_WD=%t/btrm" in unit["Environment"]
    assert unit["ExecStartPre"] == ["-/usr/bin/btrmd check"]
    assert float(unit["WatchdogSec"][0]) <= 10


def test_every_unit_starts_what_the_package_has() -> None:
    for path in (ROOT / "systemd").glob("*.service"):
        for name, values in settings(path).items():
            if name.startswith("Exec"):
                for value in values:
                    program = value.lstrip("-+!@:").split()[0]
                    assert program in ("/usr/bin/btrmd", "/usr/lib/btrmd/bin/python3",
                                       "/usr/bin/python3"), path.name  # fmt: skip


@pytest.mark.parametrize("name", ["preinst", "postinst.in", "prerm.in", "postrm.in"])
def test_maintainer_scripts_are_shell(name: str) -> None:
    subprocess.run(["sh", "-n", ROOT / "deb" / name], check=True, timeout=20)
