"""Paths: the folders of the installed daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CONFIG_DIR: Final = Path("/etc/btrm")
STATE_DIR: Final = Path("/var/lib/btrm")
RUN_DIR: Final = Path("/run/btrm")  # of the installed daemon, made by its unit


def run_dir(state_dir: Path) -> Path:
    """Where a daemon on `state_dir` keeps its sockets and listeners.json."""
    return RUN_DIR if state_dir == STATE_DIR else state_dir / "run"
