"""Output: how values look in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from ..model.setting import format_setting
from ..model.value_text import format_number

FAILURE = 1  # exit code


def fail(text: str) -> int:
    """One sentence on stderr; the exit code of a failure."""
    sys.stderr.write(f"btrmd: {text}\n")
    return FAILURE


def warn(text: str) -> None:
    """One sentence on stderr that is no failure."""
    sys.stderr.write(f"btrmd: warning: {text}\n")


def write_line(text: str = "") -> None:
    sys.stdout.write(text + "\n")


def write_json(value: object, *, indent: int | None = None) -> None:
    """One JSON value and an end of line."""
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


def write_lines(lines: Iterable[str]) -> None:
    for line in lines:
        write_line(line)


def value_text(value: object) -> str:
    """A value as `btrmd set` would take it: true, none, 12, 13.4, text."""
    if isinstance(value, list | tuple):
        return ", ".join(value_text(item) for item in value)
    if value is None or isinstance(value, bool | int | float | str):
        return format_setting(value)
    return str(value)


def reading_text(point: Mapping[str, object], decimals: int = 3) -> str:
    """A point with its unit; its quality when that is not good."""
    value, quality = point.get("value"), point.get("quality")
    if value is None:
        return "-" if quality == "missing" else f"- ({quality})"
    text = format_number(value, decimals) if isinstance(value, float) else value_text(value)
    unit = point.get("unit")
    text = f"{text} {unit}" if unit else text
    return text if quality == "good" else f"{text} ({quality})"


def table(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Rows with aligned columns, no trailing blanks."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [
        gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
