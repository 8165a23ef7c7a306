"""Follows a synthetic history as the daemon and `btrmd health` do: what is told after each row."""

from __future__ import annotations

from math import exp
from typing import NamedTuple

from btrmd.estimate.combine import Discharge, combine
from btrmd.estimate.evidence import Evidence, reading_of
from btrmd.estimate.forecast import forecast
from btrmd.estimate.health import health_of
from btrmd.estimate.rating import Rating
from btrmd.estimate.track import Track, after
from btrmd.model.discharge import Estimate

from .fleets import START, YEAR_S, History, Row


class Reported(NamedTuple):
    """After one row: fractions of 1; `by` years since the start or None; `risks` by month; `both`
    the row's estimate combined with the rows before it, where it is one from full."""

    row: Row
    soh: float | None
    low: float | None
    high: float | None
    change: str
    chance: float
    by: float | None
    risks: tuple[float, ...]
    both: Estimate | None = None


def evidence(n: int, row: Row) -> Evidence:
    middle, sd = reading_of(row.estimate, row.low, row.high)
    charge = {"full": 1.0, "unknown": None}.get(row.start, 0.0)
    if charge == 0.0:
        charge = float(row.start)
    return Evidence(
        n, START + row.years * YEAR_S, row.kind == "outage", exp(middle) * row.amps / 3600.0,
        row.amps, row.temp, sd, 0.0, row.high <= row.low, charge,
    )  # fmt: skip


def follow(history: History, with_forecast: bool = True, rated: bool = True) -> list[Reported]:
    track: Track | None = None
    reported = []
    for n, row in enumerate(history.rows, start=1):
        both = together(row, track)
        track = after(track, evidence(n, row), Rating(history.rated) if rated else None)
        health = health_of(track)
        by, risks = None, ()
        if with_forecast:
            found = forecast(track, history.minimum_s, track.at)
            risks = found.risks
            if found.replace_at is not None:
                by = (found.replace_at - START) / YEAR_S
        pct = [None if v is None else v / 100.0 for v in health[:3]]
        reported.append(
            Reported(row, *pct, health.change.word, health.change.chance, by, risks, both)
        )
    return reported


def together(row: Row, track: Track | None) -> Estimate | None:
    """What the daemon tells while the discharge of `row` goes on."""
    if track is None or row.start != "full" or row.low >= row.high:
        return None
    made = Estimate(row.estimate, row.low, row.high, "own")
    at = START + row.years * YEAR_S
    return combine(made, track, Discharge(0.3 * row.estimate, row.amps, row.temp, True, at))
