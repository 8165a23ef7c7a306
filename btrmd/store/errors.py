"""What the disk can refuse."""

from __future__ import annotations

from ..model.errors import BtrmError


class StorageError(BtrmError, OSError):
    """The disk refused (full, read-only, failing); the text says which file and why."""


def refusal(path: object, error: BaseException) -> StorageError:
    """One sentence for `error` met at `path`."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return StorageError(f"{path} cannot be written: {reason}; check the storage of the unit.")
