"""`btrmd estimate`: the run time of a battery from the recorded beginning of a discharge."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..estimate.csv_file import CsvRecord, load_record
from ..estimate.enough import NotEnough
from ..estimate.rating import capacity_pct
from ..estimate.run_time import estimate
from ..model.chemistry import LEAD_ACID
from ..model.discharge import Estimate, sure_s
from ..model.errors import DataError
from ..model.value_text import format_number, read_number
from .output import write_json, write_line
from .parsing import Verbs, add_json, decode_whole, wants_json

BAD_INPUT = 2
NOT_ENOUGH = 3
TABLE_CUTOFF_V = LEAD_ACID.cutoff_v  # what makers' tables of charge, and so the capacity, are for

DESCRIPTION = """Estimate the run time of a battery from the recorded beginning of a discharge.

FILE is a CSV with the header time_s,battery_v,battery_a,temp_c: volts of the whole bank, amps
negative while discharging; more columns are ignored, temp_c may be missing. The run time counts
from the first row that discharges. Exit code 0 estimate, 2 bad input, 3 not enough data."""


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("estimate", run, description=DESCRIPTION)
    parser.add_argument("--csv", metavar="FILE", required=True, type=Path)
    parser.add_argument(
        "--system-voltage",
        metavar="12|24|36|48",
        required=True,
        type=decode_whole,
        choices=(12, 24, 36, 48),
        help="nominal volts of the bank",
    )
    parser.add_argument(
        "--rated-ah", metavar="AH", type=within(1.0, 2000.0), help="20 h charge of the bank"
    )
    parser.add_argument(
        "--cutoff",
        metavar="V",
        type=within(LEAD_ACID.dark_v, LEAD_ACID.charger_present_v),
        default=LEAD_ACID.cutoff_v,
        help="end of the run, volts per 12 V block (default %(default)s)",
    )
    parser.add_argument(
        "--mrt",
        metavar="MIN",
        type=within(0.0, 100_000.0),
        help="minimum run time in minutes, for a verdict (0 = none)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the estimate. Exit code 0, 2 (bad input) or 3 (not enough data, with the reason)."""
    blocks = args.system_voltage // LEAD_ACID.nominal_v
    try:
        record = load_record(args.csv, blocks)
        found = estimate(record.rows, blocks, args.rated_ah, args.cutoff)
    except DataError as error:
        sys.stderr.write(f"btrmd estimate: {error}\n")
        return BAD_INPUT
    except NotEnough as error:
        if wants_json(args):
            write_json({"reason": str(error)})
        sys.stderr.write(f"btrmd estimate: {error}\n")
        return NOT_ENOUGH
    answer = _answer(record, found, args.rated_ah, args.cutoff, args.mrt)
    if wants_json(args):
        write_json(answer)
    else:
        _write(answer)
    return 0


def verdict(found: Estimate, minimum_s: float, seen_s: float = 0.0) -> str:
    """good, low, or marginal: the minimum lies inside the interval, or a finding stands against any
    sure answer, or a fault that does not show yet could. `seen_s` s of the run are recorded."""
    if found.findings:
        return "marginal"
    is_good = found.ert_s >= minimum_s
    if is_good and found.low_s < found.high_s and sure_s(found, seen_s) < minimum_s:
        return "marginal"
    if found.low_s <= minimum_s <= found.high_s and found.low_s < found.high_s:
        return "marginal"
    return "good" if found.ert_s >= minimum_s else "low"


def _answer(
    record: CsvRecord, found: Estimate, rated_ah: float | None, cutoff: float, mrt: float | None
) -> dict[str, object]:
    answer: dict[str, object] = {
        "ert_minutes": round(found.ert_s / 60.0, 1),
        "ert_low": round(found.low_s / 60.0, 1),
        "ert_high": round(found.high_s / 60.0, 1),
    }
    capacity = _capacity(record, found, rated_ah, cutoff)
    if capacity is not None:
        answer["capacity_pct"] = round(capacity, 1)
    if mrt:
        answer["verdict"] = verdict(found, mrt * 60.0, record.rows[-1].time_s)
    answer["method"] = found.method
    answer["findings"] = list(found.findings)
    answer["warnings"] = [*record.warnings, *found.warnings]
    return answer


def _capacity(
    record: CsvRecord, found: Estimate, rated_ah: float | None, cutoff: float
) -> float | None:
    """% of a new battery's charge at this load; None where it cannot be said."""
    rows = [row for row in record.rows if row.time_s <= found.ert_s]
    if rated_ah is None or abs(cutoff - TABLE_CUTOFF_V) > 0.05 or len(rows) < 2:
        return None
    charge = sum(
        -after.battery_a * (after.time_s - before.time_s) for before, after in pairwise(rows)
    )
    span = rows[-1].time_s - rows[0].time_s
    if span <= 0.0 or charge <= 0.0:
        return None
    known = [row.temp_c for row in rows if row.temp_c is not None]
    temp = sum(known) / len(known) if known else None
    return capacity_pct(found.ert_s, charge / span, rated_ah, temp)


def _write(answer: dict[str, Any]) -> None:
    measured = answer["method"] == "measured"
    text = f"Run time {format_number(answer['ert_minutes'], 0, 'min')}"
    if measured:
        write_line(f"{text}, measured: the cutoff was reached.")
    else:
        low = format_number(answer["ert_low"], 0)
        write_line(f"{text}, 9 times of 10 {low}..{format_number(answer['ert_high'], 0, 'min')}.")
    if "capacity_pct" in answer:
        capacity = format_number(answer["capacity_pct"], 0, "%")
        write_line(f"Capacity {capacity} of a new battery's at this load.")
    if "verdict" in answer:
        write_line(f"Verdict {answer['verdict']}.")
    for warning in answer["warnings"]:
        write_line(f"Note: {warning}")


def within(low: float, high: float) -> Callable[[str], float]:
    """A decoder for argparse: a number within `low`..`high`, else refused in one sentence."""

    def decode(text: str) -> float:
        try:
            value = read_number(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is refused: allowed is {low:g}..{high:g}")
        return value

    return decode
