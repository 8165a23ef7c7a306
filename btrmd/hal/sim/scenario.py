"""Scenario files: changes of the plant at given seconds after the start (TOML, `[[at]]`)."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from ...model.errors import BtrmError, DataError
from .keys import check_keys

LONGEST_S = 10.0 * 365.0 * 86400.0


@dataclass(frozen=True, slots=True)
class Entry:
    """What happens `time_s` seconds after the start: checked values of the simulation's keys."""

    time_s: float
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """All entries by rising time. `digest` tells one file's content from another's."""

    path: str
    digest: str
    entries: tuple[Entry, ...]


def load_scenario(path: Path) -> Scenario:
    """Read and check the whole file; relative CSV paths are taken from its folder.

    Raises DataError naming the file, the entry, the key, its value and what is allowed.
    """
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} is no TOML file: {error}.") from error
    for key in document:
        if key != "at":
            raise DataError(f"{path}: {key} is not expected: allowed are [[at]] entries only.")
    tables = document.get("at", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise DataError(f"{path}: at: expected entries that begin with a line [[at]].")
    entries = [_entry(path, number, table) for number, table in enumerate(tables, 1)]
    entries.sort(key=lambda entry: entry.time_s)
    return Scenario(str(path), hashlib.sha256(content).hexdigest()[:16], tuple(entries))


def _entry(path: Path, number: int, table: dict[str, Any]) -> Entry:
    table = dict(table)
    where = f"{path}, entry {number}"
    if "time_s" not in table:
        raise DataError(f"{where}: time_s is missing: expected seconds after the start.")
    time_s = table.pop("time_s")
    if (
        isinstance(time_s, bool)
        or not isinstance(time_s, int | float)
        or not isfinite(time_s)
        or not 0 <= time_s <= LONGEST_S
    ):
        raise DataError(
            f"{where}: time_s = {time_s!r} is refused: allowed is 0..{LONGEST_S:.0f} s."
        )
    try:
        return Entry(float(time_s), check_keys(_flat(table), path.parent))
    except BtrmError as error:
        raise DataError(f"{where}: {error}") from error


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, object]:
    """Dotted keys from nested tables: `supply.on = 0` and `"supply.on" = 0` are the same."""
    found: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found.update(_flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = value
    return found
