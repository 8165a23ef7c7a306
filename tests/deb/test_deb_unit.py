"""The units and maintainer scripts: exposure, supervision, and names that agree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
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
    assert unit["LimitNOFILE"] == ["4096"]
    assert "LG_WD=%t/btrm" in unit["Environment"]
    assert unit["ExecStartPre"] == [
        "-+/usr/bin/btrmd provision",
        "-+/usr/bin/btrmd dns-sd --write",
        "-/usr/bin/btrmd check",
    ]
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


def line_of(script: str, begin: str) -> str:
    """The command of a maintainer script that begins so, its continued lines joined."""
    text = (ROOT / "deb" / script).read_text().replace("\\\n", " ")
    return next(line.strip() for line in text.splitlines() if line.strip().startswith(begin))


def test_an_upgrade_never_runs_what_was_compiled_before(tmp_path: Path) -> None:
    """Built with the same SOURCE_DATE_EPOCH, files of two versions have the same time, and may
    have the same size: only their contents tell them apart."""
    library = tmp_path / "lib"
    package = library / "inner"
    package.mkdir(parents=True)
    source = package / "sample.py"
    compiling = line_of("postinst.in", "/usr/lib/btrmd/bin/python3 -I -m btrmd.compiled")
    compiling = compiling.partition("/usr/lib/btrmd/lib/shared")[0].removeprefix(
        "/usr/lib/btrmd/bin/python3"
    )
    cleaning = {
        name: line_of(name, "find /usr/lib/btrmd ").replace("/usr/lib/btrmd", str(library))
        for name in ("preinst", "postinst.in")
    }

    def unpack(text: str) -> None:
        source.write_text(text)
        os.utime(source, (1_700_000_000, 1_700_000_000))

    def compile_all() -> None:
        words = [sys.executable, *compiling.split(), str(library)]
        subprocess.run(words, check=True, timeout=60)

    def version() -> str:
        words = [sys.executable, "-B", "-c", "import sample; print(sample.VERSION)"]
        environment = {**os.environ, "PYTHONPATH": str(package)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    unpack("VERSION = 1\n")
    compile_all()
    assert version() == "1"
    assert list(package.rglob("*.pyc"))
    unpack("VERSION = 2\n")  # the power goes before postinst
    assert version() == "2"
    for command in cleaning.values():
        compile_all()
        assert list(library.rglob("*.pyc"))
        subprocess.run(["sh", "-ec", command], check=True, timeout=60)
        assert not list(library.rglob("__pycache__"))
    # Root's own commands leave nothing behind that was compiled by time.
    assert (ROOT / "deb/btrmd").read_text().startswith("#!/usr/lib/btrmd/bin/python3 -IB\n")


def test_the_templates_are_compiled_at_the_installation(tmp_path: Path) -> None:
    """A unit's package is read-only: what is not compiled then is compiled at every start."""
    statement = (
        line_of("postinst.in", "/usr/lib/btrmd/bin/python3 -I -c")
        .partition('"')[2]
        .partition('"')[0]
    )
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(tmp_path),
    }  # fmt: skip
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    words = [sys.executable, "-c", statement]
    subprocess.run(words, env=environment, check=True, timeout=120)
    templates = {path.stem for path in (ROOT / "btrmd/servers/web/templates").glob("*.html")}
    made = {path.name.partition(".")[0] for path in tmp_path.rglob("templates/*.pyc")}
    assert templates <= made
