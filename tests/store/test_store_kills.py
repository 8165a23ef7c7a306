"""SIGKILL in the middle of saves: nothing lost that was confirmed, nothing torn."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).with_name("store_kills.py")
KILLS = int(os.environ.get("BTRMD_STORE_KILLS", "40"))


@pytest.mark.parametrize("mode", ["settings", "history"])
def test_kills_lose_and_tear_nothing(tmp_path: Path, mode: str) -> None:
    seed = str(random.randrange(10**9))
    folder = tmp_path / mode
    folder.mkdir()
    result = subprocess.run(
        [sys.executable, "-W", "error", str(HARNESS), mode, str(folder), str(KILLS), seed],
        env={**os.environ, "PYTHONPATH": str(HARNESS.parents[2])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, f"seed {seed}: {result.stderr[-2000:]}"
    saves = int(result.stdout.split()[0])
    assert saves > 0, result.stdout
