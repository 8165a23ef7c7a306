"""A small machine-written JSON file, such as the calibration or the login."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..model.errors import BtrmError
from .atomic import keep_aside, name_aside, read_regular, remove_leftovers, write_atomic
from .errors import refusal

MAX_BYTES = 1 << 20  # a larger one is not ours


class Loaded(NamedTuple):
    """`data` None when there is no file or none that can be used; `fault` one sentence or ""."""

    data: dict[str, object] | None
    fault: str = ""


class JsonFile:
    """One JSON object in one file, saved atomically, kept aside when it cannot be understood."""

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        self.path = Path(path)
        self.mode = mode
        self._keep = False
        self._keep_copy = False

    def load(self, aside: bool = True) -> Loaded:
        """Read the file. `aside` False: change nothing on disk (for one who holds no lock)."""
        if aside:
            remove_leftovers(self.path)
        try:
            data = read_object(self.path)
        except FileNotFoundError:
            return Loaded(None)
        except OSError as error:
            self._keep = True  # it may be good: never overwrite it
            return Loaded(None, f"{self.path} cannot be read: {error.strerror}; it is left out.")
        except ValueError as error:
            return Loaded(None, self.reject(str(error), aside))
        return Loaded(data)

    def reject(self, reason: str, aside: bool = True) -> str:
        """Keep the file aside because of `reason`; returns the fault sentence."""
        self._keep = True
        where = ""
        if aside:
            try:
                where = f"; it is kept as {keep_aside(self.path).name}"
                self._keep = False
            except OSError as error:
                where = f"; it cannot be kept aside: {error.strerror}"
        return f"{self.path} cannot be used: {reason}{where}."

    def keep_copy(self) -> None:
        """Keep what the file holds now beside what is saved next: not all of it was understood."""
        self._keep_copy = True

    def save(self, data: Mapping[str, object]) -> None:
        """Replace the file. Raises StorageError when the disk refuses: the old file is intact."""
        try:
            text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise BtrmError(f"{self.path} cannot hold this data: {error}.") from error
        try:
            if self._keep:
                if self.path.exists():
                    keep_aside(self.path)
                self._keep = self._keep_copy = False
            if self._keep_copy:  # a copy: a power cut must find the file, old or new
                with suppress(FileNotFoundError):
                    old = read_regular(self.path, MAX_BYTES + 1)
                    write_atomic(name_aside(self.path), old, self.mode)
                self._keep_copy = False
            write_atomic(self.path, text.encode(), self.mode)
        except OSError as error:
            raise refusal(self.path, error) from error


def read_object(path: Path) -> dict[str, object]:
    """The JSON object in `path`. Raises OSError, or ValueError with the reason in words."""
    try:
        data = read_regular(path, MAX_BYTES + 1)
    except IsADirectoryError:
        raise ValueError("it is a folder") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    if not data.strip(b"\0 \t\r\n"):
        raise ValueError("it is empty")
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON (line {error.lineno}: {error.msg})") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"it holds {name}, which is not a number")
