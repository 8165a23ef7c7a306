"""Actions: what the core asked for besides outputs, carried out: log, records, estimates."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..core import persist
from ..core.machines.blocks import measure_blocks
from ..core.scan.actions import (
    Action,
    ClearTests,
    ForgetBattery,
    Forward,
    Persist,
    Reply,
    Restart,
    RestoreSettings,
    SaveRecord,
    Tell,
    WantEstimate,
)
from ..core.scan.setpoints import Setpoints
from ..core.state import State
from ..estimate.discharging import discharging
from ..estimate.enough import NotEnough
from ..estimate.thin import thin
from ..estimate.weakest_block import weakest
from ..model.board import Inputs
from ..model.commands import EstimateReady, HealthReady
from ..model.discharge import TestRecord
from ..model.errors import BtrmError
from ..model.events import Event, Kind
from ..model.settings import Settings
from ..store.write_queue import OnDone
from ..store.writer import Writer
from .audit import WINDOW_S, Audit
from .battery import battery_of, estimate_of
from .battery_history import NO_HEALTH, BatteryHistory
from .guarded import guarded
from .recorder import Recorder

log = logging.getLogger(__name__)

NO_ESTIMATE = "The run time could not be worked out: an error of the software, see its log."

FLUSH_S = 60.0  # a running curve reaches the disk once a minute of its own time,
FLUSH_REAL_S = 1.0  # but not more often than once a second
LOST = "events.lost"
SETTLE_S = 1.0  # longest wait for the disk before a test's record is shown all the same


class LoopRequests(NamedTuple):
    """What is left for the loop: replies to give, commands to forward, settings to restore,
    findings of the estimate to hand to the core."""

    replies: tuple[Reply, ...] = ()
    forwards: tuple[Forward, ...] = ()
    restores: tuple[RestoreSettings, ...] = ()
    findings: tuple[EstimateReady | HealthReady, ...] = ()
    restart: bool = False


NOTHING = LoopRequests()


def _stored(error: BtrmError | None) -> None:
    """Asking to be told makes the writer write at once; it shows a disk that refuses itself."""


class ActionRunner:
    """Runs on the owner's thread; everything that touches a disk goes to the writer."""

    def __init__(self, writer: Writer, memory: BatteryHistory, boot_id: str = "") -> None:
        """`boot_id` of the clock whose time the core is given (clock.Clock)."""
        self._writer = writer
        self._boot_id = boot_id
        self._memory = memory
        self.recorder = Recorder()
        self._audit = Audit()
        self._losses_at = float("-inf")
        self._flushed_at = 0.0
        self._flushed_real = 0.0
        self._saved_at = 0.0
        self._settling_since: float | None = None

    @property
    def is_settling(self) -> bool:
        """True while a record is on its way to the disk: nobody is to see what a crash undoes."""
        since = self._settling_since
        return since is not None and time.monotonic() - since < SETTLE_S

    def _settle(self) -> OnDone:
        since = self._settling_since = time.monotonic()

        def reported(error: BtrmError | None) -> None:  # on the writer's thread
            if self._settling_since == since:
                self._settling_since = None

        return reported

    def note(self, inputs: Inputs, now: float, setpoints: Setpoints) -> None:
        """One scan for the curve; store its rows once a minute."""
        recorder = self.recorder
        if recorder.n is None:
            return
        recorder.add(inputs, now, measure_blocks(inputs, setpoints))
        if now - self._flushed_at >= FLUSH_S:
            real = time.monotonic()
            is_first = not recorder.has_handed_out
            if is_first or real - self._flushed_real >= FLUSH_REAL_S:
                self._flushed_at, self._flushed_real = now, real
                rows = recorder.fresh()
                if rows:
                    # The first minute is written at once: whatever happens, there is a curve.
                    at_once = _stored if is_first else None
                    self._writer.commit(curve=(recorder.n, rows), on_done=at_once)

    def carry_out(
        self, actions: Sequence[Action], state: State, settings: Settings, now: float, wall: float
    ) -> LoopRequests:
        """Do all of it; the events, records and state of one step go to disk together."""
        due = self._due(now, wall, now - state.boot)
        if not actions and not due:
            return NOTHING
        events: list[Event] = []
        replies: list[Reply] = []
        forwards: list[Forward] = []
        restores: list[RestoreSettings] = []
        findings: list[EstimateReady | HealthReady] = []
        records: list[SaveRecord] = []
        clear = restart = keep = False
        for action in actions:
            match action:
                case Tell(event):
                    events.append(event)
                case SaveRecord():
                    records.append(action)
                case WantEstimate(n):
                    findings.append(self._estimate(n, state, settings, wall))
                case Reply():
                    replies.append(action)
                case Forward():
                    forwards.append(action)
                case RestoreSettings():
                    restores.append(action)
                case ClearTests():
                    clear = keep = True  # the state without them belongs to it
                    self._memory.clear()
                case ForgetBattery(last_n):
                    keep = True
                    self._memory.replaced(last_n)
                    findings.append(self._memory.standing(settings, wall))
                case Restart():
                    restart = True
                case Persist():
                    keep = True
        events = [*self._audit.filter(events, now), *due]
        for event in events:
            log_event(event)
        stored = persist.dump(state, now, wall, self._boot_id) if keep or records else None
        self._store(events, records, stored, state.next_n - 1 if clear else None, now)
        findings.extend(self._learn(save.record, settings, wall) for save in records
                        if save.finished)  # fmt: skip
        return LoopRequests(
            tuple(replies), tuple(forwards), tuple(restores), tuple(findings), restart
        )

    def tell(
        self, events: Sequence[Event], now: float, on_stored: Callable[[], None] | None = None
    ) -> None:
        """Log and store events of the shell's own; `on_stored()` once they are published, at once
        where they only count as repeats."""
        reported = self._audit.filter(events, now)
        for event in reported:
            log_event(event)
        if reported or on_stored is None:
            self._writer.commit(events=reported, on_stored=on_stored)
        else:
            on_stored()

    def tell_rest(self, now: float, wall: float, uptime: float) -> None:
        """The daemon stops: what was only counted so far."""
        events = self._due(now, wall, uptime, is_last=True)
        for event in events:
            log_event(event)
        self._writer.commit(events=events)

    def _due(self, now: float, wall: float, uptime: float, is_last: bool = False) -> list[Event]:
        """The lines about lines: of repeats, and once a minute of what found no room."""
        events = [] if self._audit.is_idle else self._audit.due(now, wall, is_last)
        if is_last or now - self._losses_at >= WINDOW_S:
            number, text = self._writer.take_losses()
            if text:
                self._losses_at = now
                events.append(
                    Event(0, wall, uptime, LOST, Kind.CHANGE, number, None, "core", text, False)
                )
        return events

    def keep(self, state: State, now: float, wall: float) -> None:
        """Store the state that outlives a restart, about once in ten minutes without a reason."""
        if now - self._saved_at >= 600.0:
            self._saved_at = now
            self._writer.commit(state=persist.dump(state, now, wall, self._boot_id))

    def _store(
        self,
        events: Sequence[Event],
        records: Sequence[SaveRecord],
        stored: dict[str, object] | None,
        clear: int | None,
        now: float,
    ) -> None:
        recorder = self.recorder
        with self._writer.together():  # one transaction: a result without its state is no result
            for save in records:
                n = save.record.n
                if save.curve:
                    recorder.start(n, now)
                    self._flushed_at = now
                rows = None
                # the curve ends with the discharge, before the load goes back and charging begins
                if recorder.n == n and (save.finished or save.record.state == "returning"):
                    recorder.stop()
                    rows = (n, recorder.fresh())
                self._writer.commit(
                    test=save.record, curve=rows, finish=save.finished, on_done=self._settle()
                )
            if events or stored is not None or clear is not None:
                self._writer.commit(events=events, state=stored, clear_tests=clear)

    def _learn(self, record: TestRecord, settings: Settings, wall: float) -> HealthReady:
        """A discharge is over: remember it, and say what it means for the battery."""

        def learn() -> HealthReady:
            rows = self.recorder.rows_of(record.n) if record.average_current is not None else ()
            rows = discharging(rows)
            self._memory.add(record, rows, settings)
            return self._memory.news(rows, settings, wall)

        return guarded(f"learning from discharge {record.n}", learn, HealthReady(None, NO_HEALTH))

    def _estimate(self, n: int, state: State, settings: Settings, wall: float) -> EstimateReady:
        """The estimate of the discharge being recorded; refused with a reason when it cannot be."""
        return guarded(
            f"estimating discharge {n}",
            lambda: self._estimate_of(n, state, settings, wall),
            EstimateReady(n, None, NO_ESTIMATE),
        )

    def _estimate_of(self, n: int, state: State, settings: Settings, wall: float) -> EstimateReady:
        rows = thin(discharging(self.recorder.rows_of(n)))
        try:
            made = estimate_of(rows, settings)
            made = weakest(rows, made, settings.blocks, battery_of(settings).rated_ah)
        except NotEnough as reason:
            return EstimateReady(n, None, str(reason))
        running = (state.outage.record, state.test.record)
        record = next((one for one in running if one is not None and one.n == n), None)
        improved = self._memory.improve(made, rows, settings, wall, record)
        if made.weak_block:  # what earlier discharges of the bank say is of the time before
            improved = made._replace(findings=improved.findings)
        return EstimateReady(n, improved)


def log_event(event: Event) -> None:
    """One line; the journal gets key, kind and source as fields as well."""
    fields = {"BTRM_KEY": event.key, "BTRM_KIND": event.kind.value, "BTRM_SOURCE": event.source}
    log.info(
        "%s %s: %s (%s)", event.key, event.kind.value, event.text, event.source,
        extra={"journal": fields},
    )  # fmt: skip
