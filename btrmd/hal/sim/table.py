"""Reads the simulator's CSV files: named columns of numbers with rising times."""

from __future__ import annotations

import csv
from math import inf, isfinite
from pathlib import Path

from ...model.errors import DataError
from ...model.value_text import read_number

MOST_ROWS = 1_000_000


def read_table(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...]
) -> list[tuple[int, tuple[float, ...]]]:
    """Rows as (line number, numbers in the order of `needed` + the `optional` ones that exist).

    Columns are found by name, others are ignored, blank lines and lines that begin with # are
    skipped. A missing optional column is left out of every row. The first column is time and
    must rise. Raises DataError naming the file, the line and what was expected.
    """
    rows: list[tuple[int, tuple[float, ...]]] = []
    columns: list[tuple[str, int]] = []
    before = -inf
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for cells in reader:
                line = reader.line_num
                if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                    continue
                if not columns:
                    columns = _columns(path, line, cells, needed, optional)
                    continue
                row = tuple(_number(path, line, name, at, cells) for name, at in columns)
                if row[0] < 0.0 or row[0] <= before:
                    raise DataError(
                        f"{path}, line {line}: {needed[0]} {row[0]:g}: expected 0 or more, and more"
                        " than the line before."
                    )
                before = row[0]
                rows.append((line, row))
                if len(rows) > MOST_ROWS:
                    raise DataError(f"{path}, line {line}: expected at most {MOST_ROWS} rows.")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV text: {error}.") from error
    if not rows:
        raise DataError(f"{path}: expected a header {','.join(needed)} and at least one row.")
    return rows


def _columns(
    path: Path, line: int, cells: list[str], needed: tuple[str, ...], optional: tuple[str, ...]
) -> list[tuple[str, int]]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(
            f"{path}, line {line}: column {missing[0]} is missing: expected the header"
            f" {','.join(needed)}."
        )
    return [(name, names.index(name)) for name in (*needed, *optional) if name in names]


def _number(path: Path, line: int, name: str, at: int, cells: list[str]) -> float:
    text = cells[at].strip() if at < len(cells) else ""
    try:
        value = read_number(text.strip())
    except ValueError:
        value = inf
    if not isfinite(value):
        raise DataError(f"{path}, line {line}: {name} {text!r}: expected a number.")
    return value
