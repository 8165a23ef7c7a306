"""A fresh interpreter: what a module loads shows only where nothing is imported yet."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> None:
    """Run Python there, every warning an error; AssertionError with what it printed if it fails."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
