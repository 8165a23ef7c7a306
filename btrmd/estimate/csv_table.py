"""A CSV table with a known header: its fields by column, or a sentence on what is wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..model.errors import DataError

SEPARATORS = ";\t"  # what spreadsheets write between fields where the comma marks the decimals
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*", re.ASCII)


def read_table(
    path: Path, columns: Sequence[str], optional: Sequence[str], most_bytes: int
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number (1 = the file's first) and the text of each of `columns` that the header has.

    Empty lines and those that begin with # are left out, other columns ignored. Columns in
    `optional` may be missing. A header without a comma may have semicolons or tabs between its
    fields, as spreadsheets write them; then a comma in a number marks its decimals. Raises
    DataError for a file that is not such a table: larger than `most_bytes` bytes, no UTF-8, no CSV,
    a column missing or doubled, a line too short or long.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise DataError(f"{path}: the file is larger than {most_bytes // 1_000_000} MB.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.readlines()
        separator = _separator(text)
        lines = list(_lines(csv.reader(text, strict=True, delimiter=separator)))
    except UnicodeDecodeError:
        raise DataError(f"{path}: this is not a text file in UTF-8.") from None
    except csv.Error as error:
        raise DataError(f"{path}: this is not a CSV file ({error}).") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}.") from None
    if not lines:
        raise DataError(f"{path}: the file is empty; its first line must be {','.join(columns)}.")
    header = [field.strip() for field in lines[0][1]]
    places = _places(path, header, columns, optional)
    for number, fields in lines[1:]:
        if len(fields) != len(header):
            raise DataError(
                f"{path}, line {number}: {len(fields)} fields where the header has {len(header)}."
            )
        if separator != ",":
            fields = [_with_point(field) for field in fields]
        yield number, {key: fields[place] for key, place in places.items()}


def _separator(text: Sequence[str]) -> str:
    """What the header has between its fields."""
    header = next((line for line in text if not _is_left_out(line)), "")
    found = (some for some in SEPARATORS if some in header)
    return "," if "," in header else next(found, ",")


def _is_left_out(line: str) -> bool:
    """A comment, an empty line, or the line in which a spreadsheet names its separator."""
    line = line.strip()
    return not line.strip(",; \t") or line.startswith(("#", "sep="))


def _with_point(field: str) -> str:
    return field.replace(",", ".") if DECIMAL_COMMA.fullmatch(field) else field


def _lines(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for fields in reader:
        is_empty = not any(field.strip() for field in fields)
        if not is_empty and not fields[0].lstrip().startswith(("#", "sep=")):
            yield reader.line_num, fields  # type: ignore[attr-defined]


def _places(
    path: Path, header: Sequence[str], columns: Sequence[str], optional: Sequence[str]
) -> dict[str, int]:
    for key in columns:
        if key not in header and key not in optional:
            raise DataError(
                f"{path}, line 1: the column {key} is missing;"
                f" the header must be {','.join(columns)}."
            )
    for key in columns:
        if header.count(key) > 1:
            raise DataError(f"{path}, line 1: the column {key} stands there more than once.")
    return {key: header.index(key) for key in columns if key in header}
