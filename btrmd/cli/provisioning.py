"""Provisioning: the settings of one unit from a file that may hold those of many."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Final

from ..docgen.settings_export import MAX_EXPORT, read_export
from ..model.errors import DataError
from ..model.settings import SETTINGS

NAMES: Final = ("btrm.json", "btrm.csv")
SERIAL: Final = "serial"  # the column that says which unit a row is for


def read_provision(raw: bytes, name: str, serial: str) -> dict[str, object]:
    """The changes that the file `name` has for the unit `serial`; not judged yet.

    btrm.json is a file of btrmd export, whole or in part, for whatever unit finds it. btrm.csv has
    a column `serial` and columns named by settings, one row a unit; an empty cell leaves its
    setting as it is. Raises DataError: one sentence with file, row or column, and what is allowed.
    """
    if name.endswith(".json"):
        return read_export(raw, name)
    if len(raw) > MAX_EXPORT:
        raise DataError(f"{name} is too long: allowed is {MAX_EXPORT} bytes.")
    try:
        text = raw.decode("utf-8-sig")  # Excel writes the mark
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 (byte {error.start}).") from error
    mark = ";" if ";" in text.partition("\n")[0] else ","
    try:
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=mark, strict=True))
    except csv.Error as error:
        raise DataError(f"{name} is not CSV: {error}.") from error
    return _row_of(rows, name, serial.lower())


def _row_of(rows: list[list[str]], name: str, serial: str) -> dict[str, object]:
    head = [cell.strip() for cell in rows[0]] if rows else []
    if SERIAL not in head:
        raise DataError(f'{name} has no column "{SERIAL}" in its first line.')
    for column in head:
        if head.count(column) > 1:
            raise DataError(f"{name} has the column {column[:60]!r} twice.")
        if column != SERIAL and column not in SETTINGS:
            raise DataError(
                f"{name}: the column {column[:60]!r} is not known: allowed is {SERIAL} and the "
                "keys of settings."
            )
    at = head.index(SERIAL)
    found: dict[str, object] | None = None
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(head):
            raise DataError(f"{name}: line {number} has {len(row)} cells, expected {len(head)}.")
        if row[at].strip().lower() != serial:
            continue
        if found is not None:
            raise DataError(f"{name} has two rows for the serial number {serial}.")
        cells = zip(head, row, strict=True)
        found = {key: cell.strip() for key, cell in cells if key != SERIAL and cell.strip()}
    if found is None:
        raise DataError(f"{name} has no row for this unit, whose serial number is {serial}.")
    return found
