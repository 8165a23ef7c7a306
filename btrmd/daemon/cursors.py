"""The cursors file: STATE_DIR/cursors.json, how far each consumer of the event log has come."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from ..store.json_file import JsonFile


class Cursors:
    """Numbers by name, thread-safe; written by their consumers' threads, never by the owner's."""

    def __init__(self, state_dir: Path) -> None:
        self._file = JsonFile(state_dir / "cursors.json")
        self._lock = threading.Lock()
        loaded = self._file.load()
        self.fault = loaded.fault
        self._numbers = {
            name: n for name, n in (loaded.data or {}).items() if isinstance(n, int) and n >= 0
        }

    def load(self, name: str) -> int | None:
        """The number saved under `name`, None when there is none."""
        with self._lock:
            return self._numbers.get(name)

    def save(self, name: str, n: int) -> None:
        """Durable when it returns. Raises StorageError."""
        with self._lock:
            self._file.save({**self._numbers, name: n})
            self._numbers[name] = n

    def drop(self, names: Iterable[str]) -> None:
        """Nothing is saved under `names` any more. Raises StorageError."""
        dropped = set(names)
        with self._lock:
            left = {name: n for name, n in self._numbers.items() if name not in dropped}
            self._file.save(left)
            self._numbers = left

    @property
    def names(self) -> tuple[str, ...]:
        """All under which a number is saved."""
        with self._lock:
            return tuple(self._numbers)

    def count(self, name: str) -> int:
        """One more than the last time, durable when the disk allows it."""
        n = (self.load(name) or 0) + 1
        self.save(name, n)
        return n
