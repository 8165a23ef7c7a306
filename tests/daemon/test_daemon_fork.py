"""What pytest starts instead of `python -m btrmd` is a process as any other (fork_server)."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import fork_server
import pytest

if TYPE_CHECKING:
    from conftest import Make

pytestmark = pytest.mark.skipif(not fork_server.is_enabled(), reason="BTRMD_FORK=0")


def test_words_input_output_and_exit_code_are_its_own(tmp_path: Path) -> None:
    environment = {**os.environ, "BTRM_STATE_DIR": str(tmp_path / "given")}
    ways = {"cwd": tmp_path, "env": environment, "timeout": 60.0}
    good = fork_server.run(["--version"], stdin="", **ways)
    assert (good.returncode, good.stdout.split()[0], good.stderr) == (0, "btrmd", "")
    usage = fork_server.run(["nonsense"], stdin="", **ways)
    assert (usage.returncode, usage.stdout) == (2, "")
    assert "nonsense" in usage.stderr
    refused = fork_server.run(["status"], stdin="", **ways)
    assert refused.returncode == 1
    assert str(tmp_path / "given") in refused.stderr
    (tmp_path / "config").mkdir()
    place = ["--config-dir", "config", "--state-dir", "state"]  # by the working folder
    words = ["passwd", "--stdin", *place]
    assert fork_server.run(words, stdin="correct horse\n", **ways).returncode == 0
    assert (tmp_path / "config" / "auth.json").exists()


def test_a_daemon_dies_of_signals_and_holds_nothing_of_others(make: Make) -> None:
    first, second = make("a").start("--fresh"), make("b").start("--fresh")
    assert len({first.pid, second.pid, os.getpid()}) == 3
    held = Path(f"/proc/{second.pid}/fd")
    targets = [os.readlink(path) for path in held.iterdir()]
    assert any(target.startswith(str(second.folder)) for target in targets)
    assert not any(target.startswith(str(first.folder)) for target in targets)
    assert os.readlink(f"/proc/{second.pid}/cwd") == str(second.folder)
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait_end() == -signal.SIGKILL
    assert second.get("/healthz") == {"status": "ok"}
    assert second.stop() == 0
