"""The command as a process: exit codes, signals, pipes, and how soon it is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from child_environment import child_environment
from control_station import Station
from waiting import wait_until

from btrmd.model.points import POINTS

if TYPE_CHECKING:
    from conftest import Run

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = child_environment()
HEAVY = (
    "flask",
    "waitress",
    "gpiozero",
    "sqlite3",
    "numpy",
    "asyncio",
    "btrmd.daemon",
    "btrmd.hal",
)


def test_exit_codes(spawn: Run, station: Station, state_dir: Path) -> None:
    place = ("--state-dir", state_dir)
    assert spawn("get", "system.voltage", *place) == (0, "system.voltage = 12\n", "")
    refused = spawn("set", "system.voltage=13", *place)
    assert (refused.code, refused.out) == (1, "")
    for part in ("system.voltage", "13", "12 or 24"):
        assert part in refused.err
    assert spawn("set", "system.voltage", *place).code == 2
    assert spawn("test", "wait", *place).code == 1
    assert spawn("test", "wait", "6", *place).code == 0
    assert spawn("nonsense").code == 2
    assert spawn("status", "--state-dir", state_dir / "none").code == 1


def test_points_as_json_and_markdown(spawn: Run) -> None:
    points = json.loads(spawn("points", "--json").out)["points"]
    assert [point["key"] for point in points] == [point.key for point in POINTS]
    by_key = {point["key"]: point for point in points}
    temperature = by_key["system.temperature"]
    assert temperature["unit"] == "°C"
    assert {"table": "input_register", "address": 4}.items() <= temperature["modbus"][0].items()
    assert temperature["dnp3"][0]["index"] == 3
    assert temperature["snmp"][0]["oid"] == "1.3.6.1.4.1.34506.3.28.0"
    lines = spawn("points", "--markdown").out.splitlines()
    for point in POINTS:
        assert any(line.startswith(f"| `{point.key}` |") for line in lines)
    assert len(spawn("points").out.splitlines()) == len(POINTS) + 1


def test_a_reader_that_leaves_is_no_traceback() -> None:
    command = [sys.executable, "-m", "btrmd", "points", "--json"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=30, check=False
    )
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 141


def test_interrupt_is_clean(station: Station, state_dir: Path) -> None:
    station.begin(7)
    # `env`: where pytest runs in the background, SIGINT is ignored, and children inherit that
    words = ["env", "--default-signal=INT", sys.executable, "-m", "btrmd", "test", "wait"]
    process = subprocess.Popen(
        [*words, "--state-dir", str(state_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    wait_until(lambda: station.clients() == 1, 20.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("words", [["get"], ["sim"], ["test", "status"]])
def test_a_question_loads_nothing_heavy(
    station: Station, state_dir: Path, words: list[str]
) -> None:
    """What makes `btrmd get` quick (150 ms); clocks of a busy test machine say nothing."""
    program = (
        "import json, sys\n"
        "from btrmd.cli.main import main\n"
        f"assert main({[*words, '--state-dir', str(state_dir)]!r}) == 0\n"
        f"sys.stderr.write(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=30,
        check=True,
    )
    assert json.loads(done.stderr) == []
