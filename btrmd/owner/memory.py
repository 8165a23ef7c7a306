"""Memory: what earlier discharges tell about the battery, kept for the estimate of the next one."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence
from math import log

from ..estimate.enough import NotEnough
from ..estimate.forecast import Forecast, forecast
from ..estimate.health import (
    MARK_CUTOFF,
    Health,
    Past,
    combine,
    health_of,
    past_of,
    site_factor,
    step_resistance,
    usual_s,
)
from ..estimate.run_time import estimate
from ..model.commands import HealthReady
from ..model.discharge import CurveRow, Estimate, TestRecord
from ..model.history import History
from ..model.settings import Settings

_log = logging.getLogger(__name__)

RECORDS = 100  # so many discharges are remembered: years of them
FULL = 4  # of those to the cutoff, so many curves are estimated again at start
SEEN_PART = 0.4  # a full discharge is estimated again from this part of it


class Memory:
    """The finished records and what full discharges said of our estimates. One thread: the owner's.

    Reads the history once, at start; later records come by `add`.
    """

    def __init__(self, history: History | None, settings: Settings) -> None:
        self._records: list[TestRecord] = []
        self._ratios: list[float] = []
        if history is None:
            return
        self._records = [
            record
            for record in reversed(history.tests(limit=RECORDS))
            if record.state == "finished" and record.estimate_s is not None
        ]
        full = [record for record in self._records if _is_full(record)][-FULL:]
        for record in full:
            self._learn(list(history.curve(record.n)), record, settings)

    def add(self, record: TestRecord, rows: Sequence[CurveRow], settings: Settings) -> None:
        """A discharge is over; `rows` its curve."""
        self._records = [old for old in self._records if old.n != record.n]
        if record.estimate_s is None:
            return
        self._records = [*self._records, record][-RECORDS:]
        if _is_full(record):
            self._learn(rows, record, settings)

    def clear(self) -> None:
        """The test data were reset: another battery."""
        self._records = []
        self._ratios = []

    def improve(
        self, made: Estimate, rows: Sequence[CurveRow], settings: Settings, wall: float
    ) -> Estimate:
        """The estimate of the discharge under way, with what is remembered."""
        rated_ah = _rated(settings)
        if rated_ah is None or len(rows) < 2:
            return made
        seen_s = rows[-1].time_s
        total = sum(
            (after.time_s - before.time_s) * -after.battery_a
            for before, after in itertools.pairwise(rows)
        )
        temps = [row.temp_c for row in rows if row.temp_c is not None]
        temp_c = sum(temps) / len(temps) if temps else None
        health = health_of(self._pasts(rated_ah))
        site = site_factor(self._ratios)
        return combine(made, seen_s, total / seen_s, temp_c, rated_ah, health, site, wall)

    def news(self, rows: Sequence[CurveRow], settings: Settings, wall: float) -> HealthReady:
        """What to show after the last discharge; `rows` its curve, empty at start."""
        rated_ah = _rated(settings)
        pasts = [] if rated_ah is None else self._pasts(rated_ah)
        health = health_of(pasts)
        if rated_ah is None or health is None:
            return HealthReady(None)
        said = [f"State of health {health.soh_pct:.0f} %."]
        if health.stepped:
            said.append("It differs from the tests before by more than ageing explains.")
        ohm = step_resistance(rows)
        if ohm is not None:
            said.append(f"Resistance at the transfer {1000.0 * ohm:.0f} mOhm.")
        said.append(_say(self._forecast(pasts, health, rated_ah, settings, wall)))
        return HealthReady(round(health.soh_pct, 1), " ".join(said) if rows else "")

    def _forecast(
        self,
        pasts: Sequence[Past],
        health: Health,
        rated_ah: float,
        settings: Settings,
        wall: float,
    ) -> Forecast:
        last = self._records[-1]
        usual = usual_s(rated_ah, last.average_current or 1.0, last.average_temperature)
        return forecast(pasts, health, last.minimum_runtime_s or 0.0, usual, wall)

    def _pasts(self, rated_ah: float) -> list[Past]:
        site = site_factor(self._ratios)
        found = (past_of(record, rated_ah, site) for record in self._records)
        return [past for past in found if past is not None]

    def _learn(self, rows: Sequence[CurveRow], record: TestRecord, settings: Settings) -> None:
        """Estimate a full discharge from its first part and keep how far that was off."""
        true_s = record.estimate_s
        if true_s is None:
            return
        some = [row for row in rows if row.time_s <= SEEN_PART * true_s]
        try:
            made = estimate(some, settings.blocks, _rated(settings))
        except NotEnough:
            return
        self._ratios = [*self._ratios, log(true_s / made.ert_s)][-2 * FULL :]
        _log.info("discharge %d lasted %.2f times its estimate", record.n, true_s / made.ert_s)


def _is_full(record: TestRecord) -> bool:
    """Down to the cutoff; an estimate whose interval is a point was measured."""
    return MARK_CUTOFF in record.marks or (
        record.estimate_s is not None and record.estimate_low_s == record.estimate_high_s
    )


def _rated(settings: Settings) -> float | None:
    rated = settings["battery.rated_ah"]
    return float(rated) if isinstance(rated, int | float) else None


def _say(found: Forecast) -> str:
    """The forecast as a sentence."""
    if found.reason:
        return f"No replacement forecast: {found.reason}."
    if found.median_at is None and found.earliest_at is None:
        return "It will carry the load for the minimum run time for a year at least."
    earliest = _day(found.earliest_at) if found.earliest_at is not None else ""
    if found.median_at is None:
        return f"It may fall below the minimum run time from {earliest} on, likely after a year."
    return f"Replace it by {_day(found.median_at)}, to be sure by {earliest}."


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
