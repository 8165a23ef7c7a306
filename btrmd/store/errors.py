"""What the disk can refuse."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..model.errors import BtrmError

LEAST_FREE = 64 * 1024  # bytes; SQLite's shared memory alone takes 32 KiB


class StorageError(BtrmError, OSError):
    """The disk refused (full, read-only, failing); the text says which file and why."""


def refusal(path: object, error: BaseException) -> StorageError:
    """One sentence for `error` met at `path`."""
    reason = getattr(error, "strerror", None) or _of_the_disk(path)
    reason = reason or str(error) or type(error).__name__
    return StorageError(f"{path} cannot be written: {reason}; check the storage of the unit.")


def _of_the_disk(path: object) -> str:
    """What is plainly wrong with the disk: SQLite says "disk I/O error" for a full one."""
    with suppress(OSError, ValueError):
        disk = os.statvfs(Path(str(path)).parent)
        if disk.f_flag & os.ST_RDONLY:
            return "the disk is read-only"
        if disk.f_bavail * disk.f_frsize < LEAST_FREE:
            return "the disk is full"
    return ""
