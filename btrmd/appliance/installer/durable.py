"""Durable: a file is replaced whole, and the disk has it when this returns."""

from __future__ import annotations

import os
from pathlib import Path

# Beside store/atomic.py, which does the same for the daemon: the installer must run while the
# package is being replaced, and so imports nothing of it.


def replace_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Temporary file, fsync, rename, fsync of the folder. Raises OSError."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    replace(new, path)


def replace(new: Path, path: Path) -> None:
    """Rename `new`, whose bytes are on the disk already, to `path`, durably. Raises OSError."""
    new.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Have the bytes of `path` on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
