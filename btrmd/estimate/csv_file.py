"""A recorded discharge from a CSV file: read, checked, cut to the discharge itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isfinite, nan
from pathlib import Path
from statistics import median
from typing import NamedTuple

from ..model.chemistry import LEAD_ACID
from ..model.discharge import CurveRow
from ..model.errors import DataError
from ..model.value_text import read_number
from .csv_table import read_table
from .enough import NotEnough

TEMPERATURE = "temp_c"
MOST_BYTES = 64_000_000

# column -> lowest and highest value that is taken for a measurement, unit
RANGES = {
    "time_s": (-1e9, 1e10, "s"),
    "battery_v": (1.0, 100.0, "V"),
    "battery_a": (-1000.0, 1000.0, "A"),
    TEMPERATURE: (-60.0, 120.0, "degC"),
}
DISCHARGING_A = 0.05  # less is a battery at rest, or noise
GAP_S = 1800.0


class CsvRecord(NamedTuple):
    """A discharge: rows from its first s (time 0) to its last, and what a reader should know."""

    rows: list[CurveRow]
    warnings: tuple[str, ...]


def load_record(path: Path, blocks: int) -> CsvRecord:
    """The discharge in the file at `path`, of a bank of `blocks` 12 V blocks (whole-bank volts).

    Leading rows without discharge (charger on) are left out and time 0 is the first one with;
    what follows once the battery is charged again, or only rests, is left out too, with a warning.
    Raises DataError for a file that is wrong and NotEnough for one without a discharge.
    """
    rows = list(_read(path))
    start = next((k for k, row in enumerate(rows) if row.battery_a <= -DISCHARGING_A), None)
    if start is None:
        raise NotEnough(
            f"{path}: no row discharges the battery"
            f" (battery_a of -{DISCHARGING_A:g} A or less; negative = discharging)."
        )
    end = next(
        (k for k in range(start, len(rows)) if rows[k].battery_a >= DISCHARGING_A), len(rows)
    )
    zero = rows[start].time_s
    last = next(k for k in range(end - 1, -1, -1) if rows[k].battery_a <= -DISCHARGING_A)
    discharge = [row._replace(time_s=row.time_s - zero) for row in rows[start : last + 1]]
    warnings = []
    if last + 1 < end:
        warnings.append(
            f"The battery is not discharged any more from {rows[last + 1].time_s - zero:g} s on;"
            f" {end - last - 1} rows from there on are not used."
        )
    if end < len(rows):
        warnings.append(
            f"The battery was charged again at {rows[end].time_s - zero:g} s;"
            f" {len(rows) - end} rows from there on are not used."
        )
    _check_blocks(path, discharge, blocks)
    warnings.extend(_gaps(discharge))
    warnings.extend(_temperatures(discharge))
    return CsvRecord(discharge, tuple(warnings))


def _read(path: Path) -> Iterator[CurveRow]:
    before: float | None = None
    for number, fields in read_table(path, tuple(RANGES), (TEMPERATURE,), MOST_BYTES):
        volts, amps, time_s = (
            _number(path, number, key, fields[key]) for key in ("battery_v", "battery_a", "time_s")
        )
        if before is not None and time_s < before:
            raise DataError(
                f"{path}, line {number}: time_s goes back from {before:g} to {time_s:g} s."
            )
        before = time_s
        temp: float | None = None
        text = fields.get(TEMPERATURE, "").strip()
        if text and text.lower() != "nan":
            temp = _number(path, number, TEMPERATURE, text)
        yield CurveRow(time_s, volts, amps, temp, None)


_NO_VALUE = ("nan", "inf", "infinity")  # numbers to other programs, and out of range here


def _number(path: Path, line: int, key: str, text: str) -> float:
    low, high, unit = RANGES[key]
    try:
        word = text.strip()
        value = nan if word.lower().lstrip("+-") in _NO_VALUE else read_number(word)
    except ValueError:
        raise DataError(f"{path}, line {line}: {key} = {text!r} is not a number.") from None
    if not isfinite(value) or not low <= value <= high:
        raise DataError(
            f"{path}, line {line}: {key} = {text.strip()} is refused:"
            f" allowed is {low:g}..{high:g} {unit}."
        )
    return value


def _check_blocks(path: Path, rows: Sequence[CurveRow], blocks: int) -> None:
    volts = median(row.battery_v for row in rows)
    low, high = (limit * blocks for limit in LEAD_ACID.discharging_v)
    if not low <= volts <= high:
        raise DataError(
            f"{path}: battery_v is about {volts:.1f} V while discharging, which does not fit"
            f" --system-voltage {LEAD_ACID.nominal_v * blocks} (allowed is {low:g}..{high:g} V)."
        )


def _gaps(rows: Sequence[CurveRow]) -> Iterator[str]:
    spans = [(after.time_s - before.time_s, before.time_s) for before, after in pairwise(rows)]
    if not spans:
        return
    longest, at = max(spans)
    if longest > GAP_S and longest > 5.0 * median(span for span, _ in spans):
        yield (
            f"No rows between {at / 60:.0f} and {(at + longest) / 60:.0f} min;"
            " the load is taken to have been steady there."
        )


def _temperatures(rows: Sequence[CurveRow]) -> Iterator[str]:
    known = [row.temp_c for row in rows if row.temp_c is not None]
    if not known:
        yield "The temperature is not known; 25 degC is assumed for the rated charge."
    elif min(known) < 0.0 or max(known) > 45.0:
        yield (
            f"The temperature was {min(known):.0f}..{max(known):.0f} degC;"
            " the estimate is meant for 0..45 degC."
        )
