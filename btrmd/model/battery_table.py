"""The maker's table: how long a battery carries a load down to an end voltage, as text and rows.

A row is `LOAD UNIT: TIME UNIT to END`, such as `2.5 A: 4 h to 1.75 V/cell`; rows are separated by
semicolons or line breaks. Loads are all in A, or all in W/cell, or all in W/block (12 V); times in
min or h; end voltages in V/cell (1.50..2.00) or V/block (9.0..12.0).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

CELLS: Final = 6  # of a 12 V block
MIN_ROWS: Final = 2
MAX_ROWS: Final = 64
MAX_LENGTH: Final = 3600  # characters of the text
MIN_LOAD: Final = 0.01
MAX_LOAD: Final = 10000.0  # A, W/cell or W/block
MIN_MINUTES: Final = 1.0
MAX_HOURS: Final = 240.0
MIN_END_V: Final = 1.5  # V a cell; makers print 1.60 to 1.90
MAX_END_V: Final = 2.0
LESS_CHARGE: Final = 0.9  # a lower load gives at least so much of what a higher one gives

EXAMPLE: Final = "2.5 A: 4 h to 1.75 V/cell"
GRAMMAR: Final = (
    f"{MIN_ROWS} to {MAX_ROWS} rows such as {EXAMPLE}, separated by semicolons or line breaks"
)

_NUMBER: Final = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
_ROW: Final = re.compile(
    rf"{_NUMBER} ?(a|w/cell|w/block) ?: ?{_NUMBER} ?(min|h) to {_NUMBER}(?: ?(v|v/cell|v/block))?",
    re.IGNORECASE,
)
_BREAK: Final = re.compile(r"[;\r\n]+")


class TableRow(NamedTuple):
    """`load` A, or W a cell where the table is in watts; it lasts `hours` down to `end_v` V a cell.

    Printed for a charged battery at 20 to 25 degC.
    """

    load: float
    hours: float
    end_v: float


class BatteryTable(NamedTuple):
    """A checked table: at least two rows, by falling end voltage, then by rising load; to one end
    voltage a greater load lasts a shorter time. `is_watts`: loads are W a cell, else A."""

    is_watts: bool
    rows: tuple[TableRow, ...]

    @property
    def ends(self) -> tuple[float, ...]:
        """The end voltages, V a cell, falling."""
        return tuple(dict.fromkeys(row.end_v for row in self.rows))

    def to_end(self, end_v: float) -> tuple[TableRow, ...]:
        """The rows of one end voltage (V a cell) by rising load, so by falling time."""
        return tuple(row for row in self.rows if row.end_v == end_v)


def plain_table(text: str) -> str:
    """The text as it is stored: on one line, with single blanks."""
    rows = (" ".join(row.split()) for row in _BREAK.split(text))
    return "; ".join(row for row in rows if row)


@lru_cache(maxsize=4)
def read_battery_table(text: str) -> BatteryTable | None:
    """The table in `text`, None where it is empty.

    Raises ValueError with half a sentence on what is wrong: the row, its value, what is allowed.
    """
    words = [row for row in plain_table(text).split("; ") if row]
    if not words:
        return None
    if len(words) > MAX_ROWS or len(words) < MIN_ROWS:
        count = "one row" if len(words) == 1 else f"{len(words)} rows"
        raise ValueError(f"it has {count}; allowed is {MIN_ROWS} to {MAX_ROWS}")
    read = [_read_row(number, word) for number, word in enumerate(words, start=1)]
    unit = read[0][1]
    for number, (_, its_unit) in enumerate(read, start=1):
        if its_unit != unit:
            raise ValueError(
                f"row 1 is in {unit} and row {number} in {its_unit}; all rows need the same unit"
            )
    rows = [row for row, _ in read]
    for second, later in enumerate(rows):
        for first, earlier in enumerate(rows[:second]):
            _compare(first + 1, earlier, second + 1, later, unit)
    scale = CELLS if unit == "W/block" else 1.0
    made = (row._replace(load=row.load / scale) for row in rows)
    return BatteryTable(unit != "A", tuple(sorted(made, key=lambda r: (-r.end_v, r.load))))


def _read_row(number: int, text: str) -> tuple[TableRow, str]:
    """One row and the unit of its load."""
    match = _ROW.fullmatch(text)
    if match is None:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise ValueError(f"row {number}, {shown!r}, is not like {EXAMPLE}{_hint(text)}")
    load, time, end_v = float(match[1]), float(match[3]), float(match[5])
    unit = {"a": "A", "w/cell": "W/cell", "w/block": "W/block"}[match[2].lower()]
    hours = time if match[4].lower() == "h" else time / 60.0
    _demand(number, f"a load of {load:g} {unit}", MIN_LOAD <= load <= MAX_LOAD,
            f"{MIN_LOAD:g} to {MAX_LOAD:g} {unit}")  # fmt: skip
    _demand(number, f"a time of {time:g} {match[4].lower()}",
            MIN_MINUTES / 60.0 <= hours <= MAX_HOURS,
            f"{MIN_MINUTES:g} min to {MAX_HOURS:g} h")  # fmt: skip
    word = (match[6] or "").lower()
    is_block = word == "v/block" or (word != "v/cell" and end_v > MAX_END_V * 2.0)
    cell_v = round(end_v / CELLS, 6) if is_block else end_v
    low, high = (CELLS * MIN_END_V, CELLS * MAX_END_V) if is_block else (MIN_END_V, MAX_END_V)
    what = "V/block" if is_block else "V/cell"
    _demand(number, f"an end voltage of {end_v:g} {what}", MIN_END_V <= cell_v <= MAX_END_V,
            f"{low:g} to {high:g} {what}")  # fmt: skip
    return TableRow(load, hours, cell_v), unit


def _hint(text: str) -> str:
    """What is most often meant by a row that does not fit."""
    if "," in text:
        return "; numbers are written with a point"
    if re.search(r"\bw\b(?!/)", text, re.IGNORECASE):
        return "; say W/cell or W/block"
    return ""


def _demand(number: int, what: str, is_in: bool, allowed: str) -> None:
    if not is_in:
        raise ValueError(f"row {number} has {what}; allowed is {allowed}")


def _compare(one: int, first: TableRow, two: int, second: TableRow, unit: str) -> None:
    """Refuse two rows that cannot both be true."""
    low, high = sorted((first, second))
    at = f"rows {one} and {two}:"
    if low.load == high.load:
        if low.end_v == high.end_v:
            raise ValueError(f"{at} {low.load:g} {unit} to {low.end_v:g} V/cell stands there twice")
        deep, early = sorted((first, second), key=lambda row: row.end_v)
        if deep.hours < early.hours:
            raise ValueError(
                f"{at} {low.load:g} {unit} lasts {deep.hours:.4g} h to {deep.end_v:g} V/cell but "
                f"{early.hours:.4g} h to {early.end_v:g}; a lower end voltage is reached later"
            )
        return
    # the greater load, to an end voltage that is not lower, cannot last as long
    if high.end_v >= low.end_v and high.hours >= low.hours:
        raise ValueError(
            f"{at} {high.load:g} {unit} lasts {high.hours:.4g} h and {low.load:g} {unit} "
            f"{low.hours:.4g} h; a greater load lasts a shorter time"
        )
    # ... and a smaller one gives no less charge (or energy)
    if low.end_v <= high.end_v and low.load * low.hours < LESS_CHARGE * high.load * high.hours:
        what = "Ah" if unit == "A" else unit.replace("W", "Wh")
        raise ValueError(
            f"{at} {low.load:g} {unit} gives {low.load * low.hours:.4g} {what} and "
            f"{high.load:g} {unit} gives {high.load * high.hours:.4g}; a smaller load gives more"
        )
