"""The minimum: the oldest version that may still be installed, held by root.

A signed version with a known hole stays signed for ever, so the station's user, who may have been
taken over by that very hole, must not be able to bring it back. Each update raises the minimum;
only root gives leave to go below it, for one version and once.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from .bundle import VERSION
from .installer.durable import replace_text
from .installer.floor import LEAVE, MINIMUM, is_older


def lowest(lib: Path, installed: str, owner: int = 0) -> str:
    """The oldest version that may be installed; "" when nothing is known to be installed.

    `lib`: the helper's own folder; `owner`: whose property its files must be.
    """
    held = _read(lib / MINIMUM, owner)
    if not held or (installed and is_older(held, installed)):
        return installed
    return held


def has_leave(lib: Path, version: str, owner: int = 0) -> bool:
    """True when root has given leave for exactly this version."""
    return _read(lib / LEAVE, owner) == version


def give_leave(lib: Path, version: str) -> None:
    """As root: `version` may be installed once, older or not. Raises OSError."""
    lib.mkdir(parents=True, exist_ok=True)
    replace_text(lib / LEAVE, version + "\n")


def _read(path: Path, owner: int) -> str:
    """The version in a file of `owner`'s that nobody else can write; "" otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        is_trusted = found.st_uid == owner and not found.st_mode & 0o022
        if not stat.S_ISREG(found.st_mode) or not is_trusted:
            return ""
        text = file.read(128).decode("ascii", "replace").strip()
    return text if re.fullmatch(VERSION, text) else ""
