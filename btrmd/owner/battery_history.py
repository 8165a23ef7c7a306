"""Battery history: what earlier discharges tell, kept for the estimate of the next one."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from math import log

from ..estimate.combine import Discharge, combine
from ..estimate.enough import NotEnough
from ..estimate.evidence import (
    Evidence,
    begins_full,
    dated,
    evidence_of,
    is_full,
    is_sane,
    own_of,
    reading_of,
    why_not,
)
from ..estimate.forecast import forecast
from ..estimate.health import SUSPECTED, health_of
from ..estimate.rating import Rating
from ..estimate.resistance import find_step
from ..estimate.seen_end import SeenRun, by_seen_runs, seen_run
from ..estimate.sentences import change_words, forecast_words, health_words, resistance_words
from ..estimate.track import Track, after
from ..model.commands import HealthReady
from ..model.discharge import CurveRow, Estimate, TestRecord
from ..model.history import History
from ..model.settings import Settings
from .battery import battery_of, estimate_of
from .guarded import guarded
from .resistance_history import ResistanceHistory

_log = logging.getLogger(__name__)

NO_HEALTH = "The state of health could not be worked out: an error of the software, see its log."
RECORDS = 100  # so many discharges are remembered: years of them
FULL = 4  # of those to the cutoff, so many curves are estimated again at start
AGAIN = 6  # of those that an older version stored without an estimate of their own
NEARLY_FULL = 0.95  # an outage that began with so much can be laid beside one from full
SEEN_PART = 0.4  # a full discharge is estimated again from this part of it

Rehearsal = tuple[float, float]


class BatteryHistory:
    """The finished records and what full discharges said of our estimates. One thread: the owner's.

    Reads the history once, at start; later records come by `add`. Records are ordered by number:
    a clock that was never set, or set back, does not make one older than it is. Only a discharge's
    own estimate is evidence; what was told with the help of earlier ones never comes back.
    """

    def __init__(
        self, history: History | None, settings: Settings, replaced_after: int = 0
    ) -> None:
        """`replaced_after`: the last record number of the battery before this one; 0 = none."""
        self._records: list[TestRecord] = []
        self._resistance = ResistanceHistory()
        self._rehearsals: dict[int, Rehearsal] = {}
        self._seen_runs: dict[int, SeenRun] = {}
        self._replaced_after = replaced_after
        self._followed: list[tuple[Evidence, Track]] = []
        self._followed_for: Rating | None = None
        self._reported: list[str] = []  # what was said after the last discharge that changed it
        if history is not None:
            guarded("reading the discharges", lambda: self._read(history, settings), None)

    def _read(self, history: History, settings: Settings) -> None:
        found = history.tests(limit=RECORDS)
        if len(found) == RECORDS:  # its first tests are older
            found = history.tests()
        finished = sorted((one for one in found if one.state == "finished"), key=lambda one: one.n)
        self._records = finished[-RECORDS:]
        self._resistance.read(history, finished, self._replaced_after)
        self._estimate_again(history, settings)
        measured = [one for one in self._records if is_full(one) and not why_not(one)]
        for record in measured[-FULL:]:
            self._learn_run(list(history.curve(record.n)), record, settings)

    def add(self, record: TestRecord, rows: Sequence[CurveRow], settings: Settings) -> None:
        """A discharge is over; `rows` its curve."""
        self._records = [old for old in self._records if old.n != record.n]
        self._rehearsals.pop(record.n, None)
        self._seen_runs.pop(record.n, None)
        reason = why_not(record)
        if reason:
            _log.info("discharge %d is no evidence of the battery's health: %s", record.n, reason)
            return
        self._records.append(record)
        self._records = sorted(self._records, key=lambda one: one.n)[-RECORDS:]
        self._resistance.note(record, rows, self._replaced_after)
        if is_full(record):
            self._learn_run(rows, record, settings)

    def clear(self) -> None:
        """The test data were reset: another battery."""
        self._records = []
        self._resistance.clear()
        self._rehearsals = {}
        self._seen_runs = {}
        self._followed = []
        self._reported = []

    def replaced(self, last_n: int) -> None:
        """Another battery was put in after record `last_n`: records up to it stay in the history
        and are no evidence for this battery. The caller keeps the number (see `__init__`) and asks
        for `news` afterwards. A later call with a lower number takes it back that far."""
        self._replaced_after = last_n
        self._followed = []
        self._reported = []

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
        has `own_s`, `own_low_s`, `own_high_s` (what `made` said) wherever history was asked, and
        the finding `history_differs` where this discharge contradicts the earlier ones; then its
        interval spans both and nothing is narrowed. Over the last half of an outage it is what an
        earlier run down to the cutoff says of the end.
        """
        if len(rows) < 2 or rows[-1].time_s <= 0.0:
            return made
        seen_s = rows[-1].time_s
        total = sum(
            (later.time_s - before.time_s) * -later.battery_a
            for before, later in itertools.pairwise(rows)
        )
        temps = [row.temp_c for row in rows if row.temp_c is not None]
        temp_c = sum(temps) / len(temps) if temps else None
        now = wall if is_sane(wall) else None
        is_from_full = running is None or begins_full(running)
        discharge = Discharge(seen_s, total / seen_s, temp_c, is_from_full, now)
        found = combine(made, self._track(settings, now), discharge)
        if running is None or running.type != "outage":
            return found
        if (running.started_at_charge or 0.0) < NEARLY_FULL:
            return found
        newest = sorted(self._seen_runs.items(), reverse=True)
        runs = [run for n, run in newest if n > self._replaced_after]
        return by_seen_runs(found, runs, rows, settings.blocks, battery_of(settings).rated_ah)

    def standing(self, settings: Settings, wall: float) -> HealthReady:
        """What to show of the battery as it stands, without text."""
        return guarded("the health", lambda: self.news((), settings, wall), HealthReady(None))

    def news(self, rows: Sequence[CurveRow], settings: Settings, wall: float) -> HealthReady:
        """What to show after the last discharge; `rows` its curve, empty: no text.

        Nor is there one that says what was said last: discharges may come once a minute. One
        discharge's resistance, never twice alike, is no news.

        `confirm`: it asks for a confirming test, since the battery seems to have changed.
        """
        now = wall if is_sane(wall) else None
        track = self._track(settings, now)
        growth = self._resistance.growth_pct(self._replaced_after)
        if track is None:
            return HealthReady(None, resistance_growth_pct=growth)
        health = health_of(track)
        words = [health_words(health), change_words(health.change)]
        step = find_step(rows)
        ohms = "" if step is None else resistance_words(step.ohm, growth)
        minimum = 60.0 * (settings.number("test.minimum_runtime_min") or 0.0)
        found = forecast(track, minimum, now)
        words.append(forecast_words(found, health.change.word))
        text = ""
        found_words = [*words, "" if growth is None else f"{growth:.0f} %"]
        is_suspected = health.change.word == SUSPECTED  # each discharge asks for another test
        if rows and (is_suspected or found_words != self._reported):
            self._reported = found_words
            text = " ".join(part for part in (*words[:2], ohms, words[2]) if part)
        pct = (health.soh_pct, health.low_pct, health.high_pct)
        soh, low, high = (None if value is None else round(value, 1) for value in pct)
        by = None if is_suspected else found.replace_at
        return HealthReady(soh, text, low, high, is_suspected, by, growth)

    def _track(self, settings: Settings, now: float | None) -> Track | None:
        """The track along what counts for this battery; only what is new is worked out. `now`: wall
        time s, None where the clock is not set."""
        rating = battery_of(settings).rating
        evidence = dated(
            [
                evidence_of(record, self._rehearsals.get(record.n))
                for record in self._records
                if record.n > self._replaced_after and not why_not(record)
            ],
            now,
        )
        if rating != self._followed_for:
            self._followed, self._followed_for = [], rating
        while evidence and self._followed and self._followed[0][0].n < evidence[0].n:
            del self._followed[0]  # too old to be remembered; the tracks after it know of it
        same = 0
        for one, (old, _) in zip(evidence, self._followed, strict=False):
            if one != old:
                break
            same += 1
        del self._followed[same:]
        track = self._followed[-1][1] if self._followed else None
        for one in evidence[same:]:
            track = after(track, one, rating)
            self._followed.append((one, track))
        return track

    def _estimate_again(self, history: History, settings: Settings) -> None:
        """Records of an older version have no estimate of their own: the newest get one from their
        curve, the others are no evidence."""
        lacking = [
            record
            for record in self._records
            if record.estimate_s is not None and record.result != "aborted" and not own_of(record)
        ]
        for record in lacking[-AGAIN:]:
            rows = list(history.curve(record.n))
            try:
                made = estimate_of(rows, settings)
            except NotEnough:
                continue
            again = record._replace(
                own_estimate_s=made.ert_s, own_low_s=made.low_s, own_high_s=made.high_s
            )
            self._records = [again if one.n == record.n else one for one in self._records]

    def _learn_run(self, rows: Sequence[CurveRow], record: TestRecord, settings: Settings) -> None:
        """Keep the end of a full discharge, and how far off its first part was estimated."""
        own = own_of(record)
        if own is None:
            return
        true_s = own[0]
        if begins_full(record):
            run = seen_run(rows, settings.blocks, battery_of(settings).rated_ah, true_s)
            if run is not None:
                self._seen_runs[record.n] = run
                for n in sorted(self._seen_runs)[:-FULL]:
                    del self._seen_runs[n]
        some = [row for row in rows if row.time_s <= SEEN_PART * true_s]
        try:
            made = estimate_of(some, settings)
        except NotEnough:
            return
        middle, sd = reading_of(made.ert_s, made.low_s, made.high_s)
        self._rehearsals[record.n] = (middle - log(true_s), sd)
        _log.info("discharge %d lasted %.2f times its estimate", record.n, true_s / made.ert_s)
