"""Floor: the minimum version after an update, and what dpkg calls older."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from .durable import replace_text

MINIMUM: Final = "minimum"  # in the helper's own folder, which only root can write
LEAVE: Final = "downgrade"  # root's leave to go below it: one version, once
QUICK_S: Final = 30.0


def is_older(version: str, other: str) -> bool:
    """By dpkg's rules; False when dpkg does not answer. Raises OSError, TimeoutExpired."""
    words = ["dpkg", "--compare-versions", version, "lt", other]
    return subprocess.run(words, check=False, timeout=QUICK_S).returncode == 0


def raise_minimum(lib: Path, version: str) -> None:
    """`version` is in and well: nothing older is wanted from now on. Where root gave leave for it,
    it is the new minimum though it is older. Raises OSError."""
    leave, minimum = _read(lib / LEAVE), _read(lib / MINIMUM)
    if leave == version or not minimum or is_older(minimum, version):
        replace_text(lib / MINIMUM, version + "\n")
    with suppress(FileNotFoundError):
        (lib / LEAVE).unlink()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
