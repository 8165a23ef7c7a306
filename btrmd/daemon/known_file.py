"""The file of who has logged in from where: STATE_DIR/known.json, for the service alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..store.json_file import JsonFile


class KnownFile:
    """What servers/web asks of its store. It holds a key: read and written by the daemon only."""

    def __init__(self, state_dir: Path) -> None:
        self._file = JsonFile(state_dir / "known.json")

    def load(self) -> Mapping[str, object]:
        """Empty when there is none that can be used: browsers are strangers again then."""
        return self._file.load().data or {}

    def save(self, data: dict[str, object]) -> None:
        """Durable when it returns; raises StorageError."""
        self._file.save(data)
