"""The fake station of tests/control, and ways to run the command in and out of this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from child_environment import child_environment

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "control"))

from control_station import Station  # noqa: E402

from btrmd.cli.main import main  # noqa: E402


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and no environment: no demo and no installed daemon is found."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("BTRM_STATE_DIR", "BTRM_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """btrmd's main() in this process."""

    def call(*words: object) -> Result:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def spawn(elsewhere: Path) -> Run:
    """`python -m btrmd` as a process of its own."""

    def call(*words: object, stdin: str = "") -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "btrmd", *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            cwd=elsewhere,
            env=child_environment(),
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def station(state_dir: Path, config_dir: Path) -> Iterator[Station]:
    """A fake daemon that serves `state_dir`."""
    station = Station()
    server = station.server(state_dir / "run" / "control.sock", config_dir)
    server.start()
    yield station
    server.stop()
    station.close()
