"""The slot: the one place in the state folder where an update is put together, piece by piece."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..model.appliance import MAX_BUNDLE
from ..model.errors import BtrmError

SPARE: Final = 64 * 1024 * 1024  # bytes that stay free: history and settings come first


class SlotError(BtrmError, ValueError):
    """A piece is refused; the text is one sentence."""


class Slot:
    """Thread-safe. `put` the pieces in their order; the last one makes the file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bundle"
        self._part = folder / "bundle.part"
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of a whole upload that waits, 0 = none."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def put(self, offset: int, total: int, piece: bytes) -> bool:
        """Take the bytes at `offset` of an upload of `total` bytes; 0 begins anew. True: whole.

        Raises SlotError: too large, no room, or a piece that does not follow the one before.
        """
        if not 0 < total <= MAX_BUNDLE:
            text = f"An update of {total} bytes is refused: allowed are 1..{MAX_BUNDLE} bytes."
            raise SlotError(text)
        if not piece or offset < 0 or offset + len(piece) > total:
            raise SlotError("This piece does not lie within the upload.")
        with self._lock:
            try:
                return self._put(offset, total, piece)
            except OSError as error:
                reason = error.strerror or str(error)
                raise SlotError(f"The upload cannot be stored: {reason}.") from error

    def clear(self) -> None:
        """Forget what was uploaded."""
        with self._lock:
            for path in (self._path, self._part):
                with suppress(OSError):
                    path.unlink()

    def _put(self, offset: int, total: int, piece: bytes) -> bool:
        flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        if offset == 0:
            self._part.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            self._part.unlink(missing_ok=True)
            if shutil.disk_usage(self._part.parent).free < total + SPARE:
                raise SlotError("There is not enough room for this update on the unit.")
            flags |= os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(self._part, flags, 0o640)
        except FileNotFoundError:
            raise SlotError("No upload is under way; begin at offset 0.") from None
        with os.fdopen(descriptor, "wb") as file:
            size = os.fstat(descriptor).st_size
            if size != offset:
                raise SlotError(f"The upload goes on at offset {size}, not at {offset}.")
            file.seek(offset)
            file.write(piece)
            if offset + len(piece) < total:
                return False
            file.flush()
            os.fsync(descriptor)
        self._part.replace(self._path)
        return True
