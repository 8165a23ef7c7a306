"""High-water marks: numbers above those given out, so that none is used twice.

They matter when the history was lost, or when events went out that the disk had not taken yet.
"""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from .atomic import read_regular

BLOCK = 256  # event numbers reserved at a time: one small write for that many events

_SLOT = 512  # a disk writes a sector whole or not at all; two slots take turns
_EPOCH = 1_577_836_800  # 2020-01-01: where numbers go on from when everything is lost


class SequenceNumber(NamedTuple):
    """`events`, `tests`: no higher number was given out. `is_ahead`: some events of those numbers
    went out without being in the history. `serial` rises with each write."""

    events: int = 0
    tests: int = 0
    is_ahead: bool = False
    serial: int = 0


class SequenceFile:
    """STATE_DIR/numbers: two slots, overwritten in place, so that it works on a full disk too."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.mark = SequenceNumber()

    def load(self) -> SequenceNumber | None:
        """The newest good slot; None when there is none."""
        try:
            data = read_regular(self.path, 2 * _SLOT)
        except OSError:
            return None
        found = [
            mark for slot in (data[:_SLOT], data[_SLOT:]) if (mark := _decode(slot)) is not None
        ]
        if not found:
            return None
        self.mark = max(found, key=lambda mark: mark.serial)
        return self.mark

    def reserve(self, event: int, test: int, ahead: bool = False) -> None:
        """Note that numbers up to these are about to be given out; `ahead`: before they are stored.

        Writes only when something is new. Raises OSError when the disk refuses.
        """
        mark = self.mark
        events = mark.events if event <= mark.events else event + BLOCK
        tests = max(mark.tests, test)
        if (events, tests, ahead) != mark[:3]:
            self._write(SequenceNumber(events, tests, ahead, mark.serial + 1))

    def _write(self, mark: SequenceNumber) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, _encode(mark), _SLOT * (mark.serial % 2))
            os.fdatasync(fd)
        finally:
            os.close(fd)
        self.mark = mark


def number_from_time() -> int:
    """A number above any that was given out, as long as fewer than one event a second came."""
    return max(0, int(time.time()) - _EPOCH)


def _encode(mark: SequenceNumber) -> bytes:
    text = f"{mark.serial} {mark.events} {mark.tests} {int(mark.is_ahead)}"
    return f"{text} {zlib.crc32(text.encode()):08x}\n".encode().ljust(_SLOT)


def _decode(slot: bytes) -> SequenceNumber | None:
    text, _, check = slot.decode("ascii", "replace").strip().rpartition(" ")
    if f"{zlib.crc32(text.encode()):08x}" != check:
        return None
    try:
        serial, events, tests, is_ahead = map(int, text.split(" "))
    except ValueError:
        return None
    return SequenceNumber(events, tests, bool(is_ahead), serial)
