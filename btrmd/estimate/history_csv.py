"""A history of discharges from a CSV file: read and checked, one row a discharge, as evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import exp
from pathlib import Path
from statistics import median
from typing import NamedTuple

from ..model.errors import DataError
from .csv_table import read_table
from .enough import NotEnough
from .evidence import SANE_TO, Evidence, reading_of
from .rating import Rating

COLUMNS = ("ended_at", "type", "start", "estimate_s", "low_s", "high_s", "load_a", "temp_c")
TEMPERATURE = "temp_c"
TYPES = ("1", "2", "outage")
STARTS = ("full", "unknown")
MOST_BYTES = 4_000_000
MOST_ROWS = 5000
LONGEST_FIELD = 60  # characters of a wrong value that are shown

# column -> lowest and highest value that is taken, unit
RANGES = {
    "estimate_s": (1.0, 1e7, "s"),
    "low_s": (1.0, 1e7, "s"),
    "high_s": (1.0, 1e7, "s"),
    "load_a": (0.01, 1000.0, "A"),
    TEMPERATURE: (-40.0, 65.0, "degC"),
}
TIME_FROM = 946_684_800.0  # 2000-01-01
FARTHEST = 30.0  # times the estimate: no interval reaches farther to either side
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Rows whose charge differs from the others' by about one of these were written in other units.
UNITS = (
    (60.0, "estimate_s", "seconds"),
    (1000.0, "load_a", "amps"),
    (3600.0, "estimate_s", "seconds"),
)
UNIT_SLACK = 1.3
FITS = (0.03, 4.0)  # charge over a new battery's of the told rating; the median row lies within


class HistoryLine(NamedTuple):
    """One row and where it stands."""

    number: int
    at: float
    has_zone: bool
    kind: str
    charge: float | None
    run_s: float
    low_s: float
    high_s: float
    amps: float
    temp_c: float | None


def load_history(path: Path, rating: Rating | None) -> list[Evidence]:
    """The discharges in the file at `path`, by rising time.

    Raises DataError for a file that is wrong (line, column, value and what is allowed) and
    NotEnough for one without a row.
    """
    lines = list(_read(path))
    if not lines:
        raise NotEnough(f"{path}: there is no discharge in it.")
    _check_units(path, lines, rating)
    return [_evidence(line, number) for number, line in enumerate(lines, start=1)]


def _evidence(line: HistoryLine, n: int) -> Evidence:
    middle, sd = reading_of(line.run_s, line.low_s, line.high_s)
    return Evidence(
        n, line.at, line.kind == "outage", exp(middle) * line.amps / 3600.0, line.amps,
        line.temp_c, sd, 0.0, line.high_s <= line.low_s, line.charge,
    )  # fmt: skip


def _read(path: Path) -> Iterator[HistoryLine]:
    before: HistoryLine | None = None
    table = read_table(path, COLUMNS, (TEMPERATURE,), MOST_BYTES)
    for count, (number, fields) in enumerate(table, start=1):
        if count > MOST_ROWS:
            raise DataError(f"{path}, line {number}: more than {MOST_ROWS} discharges.")
        line = _line(path, number, fields)
        if before is not None:
            _check_order(path, before, line)
        before = line
        yield line


def _line(path: Path, number: int, fields: dict[str, str]) -> HistoryLine:
    at, has_zone = _time(path, number, fields["ended_at"].strip())
    kind = fields["type"].strip()
    if kind not in TYPES:
        raise _refused(path, number, "type", kind, "allowed is 1, 2 or outage")
    run, low, high, amps = (
        _number(path, number, key, fields[key].strip())
        for key in ("estimate_s", "low_s", "high_s", "load_a")
    )
    if not low <= run <= high:
        raise DataError(
            f"{path}, line {number}: estimate_s = {run:g} is refused: allowed is"
            f" low_s..high_s, here {low:g}..{high:g} s."
        )
    for key, end in (("low_s", low), ("high_s", high)):
        if max(run / end, end / run) > FARTHEST:
            raise DataError(
                f"{path}, line {number}: {key} = {end:g} is refused: allowed is up to"
                f" {FARTHEST:g} times off estimate_s, {run / FARTHEST:g}..{run * FARTHEST:g} s."
            )
    text = fields.get(TEMPERATURE, "").strip()
    temp = _number(path, number, TEMPERATURE, text) if text else None
    charge = _start(path, number, fields["start"].strip())
    return HistoryLine(number, at, has_zone, kind, charge, run, low, high, amps, temp)


def _start(path: Path, number: int, text: str) -> float | None:
    if text == "full":
        return 1.0
    if text == "unknown":
        return None
    if NUMBER.fullmatch(text):
        value = float(text)
        if 0.0 <= value <= 1.0:
            return value
    raise _refused(path, number, "start", text, "allowed is full, unknown or 0..1")


def _number(path: Path, number: int, key: str, text: str) -> float:
    low, high, unit = RANGES[key]
    # float() would take digits of every script, underscores, nan and inf
    if not NUMBER.fullmatch(text):
        raise DataError(f"{path}, line {number}: {key} = {_short(text)} is not a number.")
    value = float(text)
    if not low <= value <= high:
        raise DataError(
            f"{path}, line {number}: {key} = {text[:LONGEST_FIELD]} is refused:"
            f" allowed is {low:g}..{high:g} {unit}."
        )
    return value


def _time(path: Path, number: int, text: str) -> tuple[float, bool]:
    allowed = "allowed is an ISO time from 2000 to 2099, such as 2027-03-01T04:00:00Z"
    try:
        found = datetime.fromisoformat(text) if text.isascii() else None
    except ValueError:
        found = None
    if found is None:
        raise _refused(path, number, "ended_at", text, allowed)
    has_zone = found.tzinfo is not None
    try:
        at = (found if has_zone else found.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        at = float("nan")
    if not TIME_FROM <= at < SANE_TO:
        raise _refused(path, number, "ended_at", text, allowed)
    return at, has_zone


def _check_order(path: Path, before: HistoryLine, line: HistoryLine) -> None:
    if before.has_zone != line.has_zone:
        here, there = ("no", "one") if before.has_zone else ("a", "none")
        raise DataError(
            f"{path}, line {line.number}: ended_at has {here} time zone where line"
            f" {before.number} has {there}; all rows must be written alike."
        )
    if line.at == before.at:
        raise DataError(
            f"{path}, line {line.number}: ended_at is the same as in line {before.number}:"
            " a discharge may stand there once only."
        )
    if line.at < before.at:
        raise DataError(
            f"{path}, line {line.number}: ended_at goes back from {_iso(before.at)} to"
            f" {_iso(line.at)}; rows must rise in time."
        )


def _check_units(path: Path, lines: Sequence[HistoryLine], rating: Rating | None) -> None:
    """Refuse rows in other units, and run times that no battery of that rating can have."""
    charges = [line.run_s * line.amps for line in lines]
    middle = median(charges)
    for line, charge in zip(lines, charges, strict=True):
        if line.low_s == line.high_s:
            continue  # measured: a battery that is dead may well end after a sixtieth of the time
        ratio = max(charge / middle, middle / charge)
        for unit, key, words in UNITS:
            if unit / UNIT_SLACK <= ratio <= unit * UNIT_SLACK:
                raise DataError(
                    f"{path}, line {line.number}: {key} ="
                    f" {line.run_s if key == 'estimate_s' else line.amps:g} makes the charge about"
                    f" {unit:g} times {'less' if charge < middle else 'more'} than in the other"
                    f" rows; allowed are {words} in every row."
                )
    if rating is None:
        return
    parts = [line.run_s / rating.run_s(line.amps, line.temp_c) for line in lines]
    low, high = FITS
    if not low <= median(parts) <= high:
        line = lines[0]
        new = rating.run_s(line.amps, line.temp_c)
        raise DataError(
            f"{path}, line {line.number}: estimate_s = {line.run_s:g} does not fit --rated-ah"
            f" {rating.rated_ah:g} and load_a = {line.amps:g}: a new battery lasts {new:.0f} s"
            f" (allowed is {low:g}..{high:g} times that, seconds)."
        )


def _refused(path: Path, number: int, key: str, text: str, allowed: str) -> DataError:
    return DataError(f"{path}, line {number}: {key} = {_short(text)} is refused: {allowed}.")


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST_FIELD else text[:LONGEST_FIELD] + "...")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
