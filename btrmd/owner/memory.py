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

    Reads the history once, at start; later records come by `add`. Records are ordered by number:
    a clock that was never set, or set back, does not make one older than it is.
    """

    def __init__(
        self, history: History | None, settings: Settings, replaced_after: int = 0
    ) -> None:
        """`replaced_after`: the last record number of the battery before this one; 0 = none."""
        self._records: list[TestRecord] = []
        self._replaced_after = replaced_after
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

    def replaced(self, last_n: int) -> None:
        """Another battery was put in after record `last_n`: records up to it stay in the history
        and are no evidence for this battery. The caller keeps the number (see `__init__`) and asks
        for `news` afterwards. A later call with a lower number takes it back that far."""
        self._replaced_after = last_n

    def improve(
        self,
        made: Estimate,
        rows: Sequence[CurveRow],
        settings: Settings,
        wall: float,
        running: TestRecord | None = None,
    ) -> Estimate:
        """The estimate of the discharge under way, with what is remembered.

        `running` its record so far: marks and `started_at_charge` say how it compares. The answer
        has `own_s`, `own_low_s`, `own_high_s` (what `made` said) wherever it differs from `made`,
        and the finding `history_differs` where this discharge contradicts the earlier ones; then
        its interval spans both and nothing is narrowed.
        """
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
        found = combine(made, seen_s, total / seen_s, temp_c, rated_ah, health, site, wall)
        if found[:3] == made[:3]:
            return found
        return found._replace(own_s=made.ert_s, own_low_s=made.low_s, own_high_s=made.high_s)

    def news(self, rows: Sequence[CurveRow], settings: Settings, wall: float) -> HealthReady:
        """What to show after the last discharge; `rows` its curve, empty at start (no text then).

        `confirm`: it asks for a confirming test, since the battery seems to have changed.
        """
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
        low, high = (round(end, 1) for end in health.interval_pct)
        text = " ".join(said) if rows else ""
        return HealthReady(round(health.soh_pct, 1), text, low, high, health.stepped)

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
        known = (record for record in self._records if record.n > self._replaced_after)
        found = (past_of(record, rated_ah, site) for record in known)
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
