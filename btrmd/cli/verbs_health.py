"""`btrmd health`: a battery's state of health and forecast from a history of its discharges."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from ..estimate.enough import NotEnough
from ..estimate.forecast import Forecast, forecast
from ..estimate.health import BatteryHealth, health_of
from ..estimate.history_csv import COLUMNS, load_history
from ..estimate.rating import Rating
from ..estimate.sentences import change_words, forecast_words, health_words
from ..estimate.track import Track, follow
from ..model.errors import DataError
from .output import write_json, write_line
from .parsing import Verbs, add_json, wants_json
from .verbs_estimate import BAD_INPUT, NOT_ENOUGH, within

DESCRIPTION = f"""Tell a battery's state of health and forecast from a history of its discharges.

FILE is a CSV with the header {",".join(COLUMNS)}: one row a discharge, rising in time; ISO time;
type 1, 2 or outage; start full, unknown or the part of the full charge (0..1) it began with; the
discharge's own estimate of the run time from its start and the ends of its 90 % interval, all the
same where the cutoff was reached; mean amps; temp_c may be missing. "Now" is the last row's time.
Exit code 0, 2 bad input, 3 not enough data."""


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("health", run, description=DESCRIPTION)
    parser.add_argument("--history", metavar="FILE", required=True, type=Path)
    parser.add_argument(
        "--rated-ah", metavar="AH", type=within(1.0, 2000.0),
        help="20 h charge of the bank; without it there is no state of health in %%",
    )  # fmt: skip
    parser.add_argument(
        "--mrt", metavar="MIN", type=within(0.0, 100_000.0),
        help="minimum run time in minutes at the usual load, for the forecast (0 = none)",
    )  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print what the history says. Exit code 0, 2 (bad input) or 3 (not enough, and why)."""
    try:
        rating = None if args.rated_ah is None else Rating(args.rated_ah)
        track = follow(load_history(args.history, rating), rating)
        if track is None or track.counts.known == 0:
            raise NotEnough(
                f"{args.history}: no discharge in it began with a charge that is known."
            )
    except DataError as error:
        sys.stderr.write(f"btrmd health: {error}\n")
        return BAD_INPUT
    except NotEnough as error:
        if wants_json(args):
            write_json({"reason": str(error)})
        sys.stderr.write(f"btrmd health: {error}\n")
        return NOT_ENOUGH
    health = health_of(track)
    found = forecast(track, 60.0 * (args.mrt or 0.0), track.at)
    if wants_json(args):
        write_json(_answer(health, found))
    else:
        _write(track, health, found)
    return 0


def _answer(health: BatteryHealth, found: Forecast) -> dict[str, object]:
    by = found.replace_at
    return {
        "soh_pct": _rounded(health.soh_pct),
        "soh_low": _rounded(health.low_pct),
        "soh_high": _rounded(health.high_pct),
        "change": health.change.word,
        "replace_by": None if by is None else f"{datetime.fromtimestamp(by, UTC):%Y-%m-%d}",
        "risk_3m": _risk(found, 3),
        "risk_6m": _risk(found, 6),
        "risk_12m": _risk(found, 12),
        "rests_on": health.rests_on,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _risk(found: Forecast, month: int) -> float | None:
    return round(found.risks[month], 3) if found.risks else None


def _write(track: Track, health: BatteryHealth, found: Forecast) -> None:
    words = health_words(health)
    write_line(words or f"State of health not known: no --rated-ah. From {health.rests_on}.")
    sentence = change_words(health.change)
    write_line(sentence or "No change beyond ageing.")
    write_line(forecast_words(found, health.change.word))
