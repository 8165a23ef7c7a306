"""The environment of a process that a test starts from the sources."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def child_environment() -> dict[str, str]:
    """This process' own, with btrmd from these sources, compiled once for all processes.

    Hundreds of daemons and commands are started. Where the environment forbids compiled files
    beside their sources (PYTHONDONTWRITEBYTECODE) each would compile the whole program again.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".pycache"))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
