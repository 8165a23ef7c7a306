"""Enough: what a discharge must hold before a run time may be told from it."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.discharge import CurveRow
from ..model.errors import BtrmError

LEAST_ROWS = 8
LEAST_S = 600.0
LEAST_SHARE = 0.01  # of the rated charge


class NotEnough(BtrmError):  # noqa: N818  (the estimate did not go wrong)
    """The discharge says too little for an estimate; the text says why."""


def demand_rows(rows: Sequence[CurveRow]) -> None:
    """Raise NotEnough for too few rows, too short a time, disorder, or no discharge."""
    if len(rows) < LEAST_ROWS:
        raise NotEnough(
            f"{len(rows)} rows of discharge were recorded; an estimate needs {LEAST_ROWS}."
        )
    span = rows[-1].time_s - rows[0].time_s
    if span < LEAST_S:
        raise NotEnough(
            f"The discharge lasted {span / 60:.1f} min; an estimate needs {LEAST_S / 60:.0f} min."
        )
    times = [row.time_s for row in rows]
    if times != sorted(times):
        raise NotEnough("The rows do not rise in time.")
    if not any(row.battery_a < 0.0 for row in rows[1:]):
        raise NotEnough("The battery was not discharged, so there is no run time to estimate.")


def demand_charge(seen_ah: float, rated_ah: float | None) -> None:
    """Raise NotEnough for less than LEAST_SHARE of the rated charge."""
    least = LEAST_SHARE * (rated_ah or 0.0)
    if seen_ah < least:
        raise NotEnough(
            f"Only {seen_ah:.2f} Ah were removed; an estimate needs"
            f" {least:.2f} Ah (1 % of the rated charge)."
        )
