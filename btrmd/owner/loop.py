"""The owner loop: ten times a second read, decide, drive, tell."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Event as Flag
from typing import TYPE_CHECKING

from ..bus import Bus, PendingCommand
from ..clock import Clock
from ..core.idle import BAND, LOOK_EVERY_S, is_same
from ..core.publish import alarm_views, points
from ..core.recover import let_go
from ..core.requests import answer_writes, landing_refusal, look, prechecks
from ..core.state import State
from ..core.step import step
from ..core.waiting import waiting_of
from ..model.board import Board, Inputs
from ..model.commands import Answer, ChangeSettings, Command
from ..model.errors import BtrmError, SettingError
from ..model.events import Event, Kind
from ..model.history import History
from ..model.readings import Value
from ..model.settings import Settings
from ..model.snapshot import Precheck, Snapshot
from ..model.value_text import CLOCK_SANE_S
from ..store.writer import Writer
from .action_runner import ActionRunner, LoopRequests
from .battery_history import BatteryHistory
from .lateness import Lateness
from .minute_mean import MinuteMean
from .repeated_writes import RepeatedWrites, Waiter
from .setting_changes import SettingChanges, refused, refused_late, typed
from .sim_speed import BUDGET_S, TICK_S, SimSpeed
from .turns import Turns

if TYPE_CHECKING:  # the simulator is not loaded on a real board
    from ..hal.sim.world import World

log = logging.getLogger(__name__)

LOGGED_EVERY_S = 60.0
STIRRED_S = 2.0  # after anything new the core looks at every scan for so long
HUNG_S = 2.0  # so long without a heartbeat edge, and the hardware has released every coil
GAUGES_EVERY = 50  # ticks
PRECHECKS_EVERY_S = 1.0


class Owner:
    """Owns board, core state and settings. Everything here runs on one thread, the main one."""

    def __init__(
        self,
        board: Board,
        bus: Bus,
        writer: Writer,
        changes: SettingChanges,
        clock: Clock,
        state: State,
        identity: Mapping[str, Value],
        *,
        history: History | None = None,
        sim_speed: SimSpeed | None = None,
        world: World | None = None,
        push: Callable[[float], None] | None = None,
        alive: Callable[[], None] = lambda: None,
        faults: Callable[[], tuple[str, ...]] = tuple,
        restore_network: Callable[[Settings], None] = lambda _: None,
        settings_ok: bool = True,
    ) -> None:
        """`push` advances the process clock in a simulation (with `world` and `sim_speed`). `alive`
        is called after every whole tick (watchdog). `faults`: sentences of others to show.
        `history` is read once, here: what earlier discharges say of the battery.
        `restore_network` (PB1) gives the host the address of these settings; it must not wait.
        `settings_ok` False: the settings file was set aside at the start."""
        self.board = board
        self.bus = bus
        self.state = state
        self.settings: Settings = state.setpoints.settings
        self.stop = Flag()
        self.wants_restart = False
        self.lateness = Lateness()
        self._writer = writer
        self._changes = changes
        self._clock = clock
        self._identity = identity
        self._sim_speed = sim_speed
        self._world = world
        self._push = push
        self._alive = alive
        self._faults = faults
        self._restore_network = restore_network
        self._settings_ok = settings_ok
        memory = BatteryHistory(history, self.settings, state.replaced_after)
        self._action_runner = ActionRunner(writer, memory, clock.boot_id)
        self._trend = MinuteMean()
        self._turns = Turns()  # of settings changes
        self._repeated_writes = RepeatedWrites(bus, changes)
        self._asked: list[Waiter] = []  # the commands of the step under way
        # estimates and the like, for the next step; first what earlier discharges said
        self._own: list[Command] = [memory.standing(self.settings, clock.wall())]
        self._inputs = Inputs(wall=clock.wall())
        self._seq = bus.snapshot.seq
        self._fault = ""
        self._prechecks: tuple[Precheck, ...] = ()
        self._prechecked_at = float("-inf")
        self._logged_at = float("-inf")
        self._edge_at = clock.now()  # the last edge on the heartbeat line
        self._looked_at = float("-inf")  # when the core saw `_inputs`,
        self._stirred_at = clock.now()  # and when there was last something new in them
        # faster than real time a tick is too long to leave one out
        self._may_idle = sim_speed is None or sim_speed.speed <= 1.0
        self._is_resting = False
        self._judged: State | None = None  # the state that wants to be looked at
        self._due = float("-inf")  # at this time, process clock
        board.single_source = state.setpoints.single_source

    # --- the loop ------------------------------------------------------------------------------

    def run(self) -> None:
        """Tick until `stop` is set; then close what is on and release every output."""
        due = time.monotonic()
        self._edge_at = self._clock.now()
        while not self.stop.is_set():
            now = time.monotonic()
            self.lateness.add(now - due)
            self.tick()
            due += TICK_S
            left = due - time.monotonic()
            if left > 0.0:
                time.sleep(left)
            else:
                due = time.monotonic()  # late: do not hurry after what is gone
        self.finish()

    def tick(self) -> None:
        """One real tick: the steps it owes, then one publication."""
        try:
            if self._sim_speed is None:
                self._step()
            elif not self._simulated():
                return
            self._fault = ""
        except Exception as error:
            self._is_resting = False
            self._fall(error)
        if not self._is_resting:
            self._publish()
        self._alive()

    def _simulated(self) -> bool:
        """The steps of a simulated tick; False while the owner is made to hang."""
        sim_speed, world = self._sim_speed, self._world
        assert sim_speed is not None
        assert world is not None
        began = time.monotonic()
        owed = sim_speed.begin(began)
        hung = world.plant.owner_hang
        made = 0
        try:
            while made < owed:
                if hung:
                    self._let_pass(sim_speed.step_s)
                else:
                    self._step()
                made += 1
                if time.monotonic() > began + BUDGET_S:
                    break
        finally:
            sim_speed.made(made)
        return not hung

    def _let_pass(self, seconds: float) -> None:
        if self._push is not None:
            self._push(seconds)
        if self._world is not None:
            self._world.advance(seconds)

    def _step(self) -> None:
        """Read, decide, drive; in a simulation let one step of time pass first."""
        if self._sim_speed is not None:
            self._let_pass(self._sim_speed.step_s)
        clock, action_runner = self._clock, self._action_runner
        now, wall = clock.now(), clock.wall()
        self._is_resting = False
        may_idle = self._may_idle and self._may_leave_out(now, wall)
        if may_idle and self.board.is_unchanged(now, BAND):
            self._rest(now, wall)
            return
        inputs = self.board.read(now, wall)
        storage_ok, clock_ok = not self._writer.fault, wall >= CLOCK_SANE_S
        if not (storage_ok and clock_ok and self._settings_ok):
            inputs = inputs._replace(
                storage_ok=storage_ok, clock_ok=clock_ok, settings_ok=self._settings_ok
            )
        if not is_same(self._inputs, inputs):
            self._stirred_at = now
        elif may_idle:  # a chip that stays faulty, a spike that was none: nothing new after all
            self._rest(now, wall)
            return
        self._inputs = inputs
        self._looked_at = now
        self._wake_up(wall)
        self._take_over(now, wall)
        self._asked = waiters = self._collect(now, wall)
        commands = tuple(waiter.command for waiter in waiters)
        self.state, actions = step(self.state, inputs, self.settings, commands, now)
        action_runner.note(self.state.plausible.believed(inputs), now, self.state.setpoints)
        asked = action_runner.carry_out(actions, self.state, self.settings, now, wall)
        refusal: BtrmError | None = None
        self._wake_up(wall)  # a scan or a decision that took too long counts as well
        try:
            self.board.arm(self.state.k1_on_guard)
            self.board.apply(self.state.outputs, now)
            self._edge_at = clock.now()
        except BtrmError as error:  # whoever asked is answered all the same
            refusal = error
        if self._world is not None:
            self._hint(self._world)
        with self.bus.together():
            self._answer(asked, waiters, now, wall)
        if refusal is not None:
            raise refusal
        self._asked = []  # who is not answered yet waits for the disk

    def _rest(self, now: float, wall: float) -> None:
        """The core need not look at this scan: LEDs blink, the heart beats."""
        self._is_resting = True
        if self._clock.now() - self._edge_at > HUNG_S:
            self._wake_up(wall)
        self.board.apply(self.state.outputs, now)
        self._edge_at = self._clock.now()
        waiters = self._repeated_writes.take()
        if waiters:
            self._answer_writes(waiters, now, wall)

    def _answer_writes(self, waiters: list[Waiter], now: float, wall: float) -> None:
        """Have the core judge what is so already, though it need not look at this scan."""
        self._asked = waiters
        commands = tuple(waiter.command for waiter in waiters)
        before = self.state
        inputs = self._inputs._replace(wall=wall)
        self.state, actions = answer_writes(before, inputs, commands, now)
        asked = self._action_runner.carry_out(actions, self.state, self.settings, now, wall)
        self._repeated_writes.answer(asked, waiters)
        self._asked = []
        self._is_resting = self.state is before  # what a refusal has changed is published

    def _may_leave_out(self, now: float, wall: float) -> bool:
        """Whether the core need not look at this scan, if it holds nothing new: nobody wants
        anything that is not so already, and no machine wants to see it."""
        is_asked = not self._repeated_writes.is_all(self.settings)
        if is_asked or self._own or self._fault or self._changes.done:
            self._stirred_at = now
            return False
        seen = self._inputs
        return (
            now - self._stirred_at >= STIRRED_S
            and not self._turns.is_waiting
            and not self._action_runner.is_settling
            and seen.storage_ok is not bool(self._writer.fault)
            and seen.clock_ok is (wall >= CLOCK_SANE_S)
            and now < self._next_due()  # last: it asks every machine
        )

    def _next_due(self) -> float:
        """Process clock, s: until then no machine wants to see a scan that tells nothing new."""
        if self.state is not self._judged:  # a core at rest has the state it had
            self._judged = self.state
            due = self.state.next_due(self._looked_at)
            self._due = min(due, self._looked_at + LOOK_EVERY_S) - TICK_S / 2
        return self._due

    def _wake_up(self, wall: float) -> None:
        """After a hang the relays have fallen back: the next edge must not bring them up again."""
        now = self._clock.now()
        seconds = now - self._edge_at
        if seconds <= HUNG_S:
            return
        self._edge_at = now
        self.board.safe()
        text = f"The control loop hung for {seconds:.0f} s; the hardware had released all relays."
        log.error(text)
        uptime = now - self.state.boot
        reported = Event(0, wall, uptime, "system.loop", Kind.CHANGE, seconds, None, "core", text)
        self.state, actions = let_go(self.state, self._inputs, text, now)
        self._action_runner.tell((reported,), now)
        asked = self._action_runner.carry_out(actions, self.state, self.settings, now, wall)
        self._own.extend(asked.findings)

    # --- commands ------------------------------------------------------------------------------

    def _collect(self, now: float, wall: float) -> list[Waiter]:
        """The commands of this step: the shell's own first, then what the servers ask."""
        waiters = [Waiter(command, None) for command in self._own]
        self._own.clear()
        came = self._repeated_writes.take_commands()
        for pending in self._turns.take(came, self._changes.is_busy, self._changes.is_due()):
            command = pending.command
            if isinstance(command, ChangeSettings):
                try:
                    command = typed(command, self.settings)
                except SettingError as error:
                    if late := refused_late(pending, error, wall, now - self.state.boot):
                        self._action_runner.tell((late,), now)
                    pending.answer.set_result(refused(error))
                    continue
            waiters.append(Waiter(command, pending.answer))
        return waiters

    def _answer(self, asked: LoopRequests, waiters: list[Waiter], now: float, wall: float) -> None:
        """Give the core's replies, and carry out what it let pass."""
        uptime = now - self.state.boot
        for reply in asked.replies:
            if reply.position < len(waiters):
                waiters[reply.position].reply(reply.answer)
        changing: list[tuple[ChangeSettings, Future[Answer] | None]] = []
        for position, command in asked.forwards:
            future = waiters[position].future
            if isinstance(command, ChangeSettings):
                changing.append((command, future))
                continue
            answer = self._changes.calibrate(self.board, command, future, wall, uptime)  # type: ignore[arg-type]
            if answer is not None and future is not None:
                future.set_result(answer)
        if changing:
            self._changes.save(self.settings, changing, wall, uptime)
        for restore in asked.restores:  # they queue behind the change under way
            command = self._changes.defaults(restore.group, restore.source)
            self._turns.add(PendingCommand(command, Future()))
            if restore.group == "network":
                self._changes.reset_access(restore.source, wall, uptime)
                self._restore_network(self.settings.with_changes(command.changes))
        self._own.extend(asked.findings)
        if asked.restart:
            self.wants_restart = True
            self.stop.set()

    def _take_over(self, now: float, wall: float) -> None:
        """Changes that have become durable take effect, and their senders hear of it."""
        changes = self._changes
        while changes.done:
            done = changes.done.popleft()
            if done.settings is not None:
                late = landing_refusal(self.state, self._inputs, self.settings, done.settings)
                if late is not None:
                    changes.undo(self.settings, late, done)
                    continue
                changes.done.extendleft(reversed(done.others))
                self.settings = done.settings
                self.board.single_source = done.settings["system.single_source"] is True
            if done.calibration is not None:
                self.board.calibration = done.calibration  # type: ignore[attr-defined]
            if done.next_test is not None:
                self._own.append(done.next_test)
            if done.frees:
                changes.is_busy = False
            events = done.lines(wall, now - self.state.boot)
            if events:  # no answer before the Event Log's line is as durable as the change
                answer = done.answer._replace(seen_after=self._seq)
                self._action_runner.tell(events, now, done._replace(answer=answer).reply)
            else:
                done.reply()
        self._action_runner.keep(self.state, now, wall)

    # --- out -----------------------------------------------------------------------------------

    def _publish(self) -> None:
        if self._action_runner.is_settling:
            return  # the next tick shows it
        state, inputs, now = self.state, self._inputs, self._clock.now()
        self._seq += 1
        made = points(state, inputs, self._identity, now)
        faults = self._faults()
        fallen = (self._fault,) if self._fault else ()
        # by the clock: an idle station publishes once a second
        if now - self._prechecked_at >= PRECHECKS_EVERY_S - TICK_S / 2:
            self._prechecked_at = now
            self._prechecks = prechecks(state, look(state, inputs, now))
        self.bus.publish(
            Snapshot(
                seq=self._seq,
                at=inputs.wall,
                mono=now - state.boot,
                points=made,
                alarms=alarm_views(state),
                settings=self.settings,
                test=state.test.record or state.outage.record,
                last_test=state.health.last,
                is_ticking=not self._fault,
                faults=(*fallen, *faults, *state.selftest.findings),
                prechecks=self._prechecks,
                waiting=waiting_of(state, inputs, now),
                refusal=state.refusal,
                replace_at=state.health.replace_at,
                is_change_suspected=state.health.is_change_suspected,
            )
        )
        if self._seq % GAUGES_EVERY == 0:
            self.bus.report_gauges(self.lateness.gauges())
        row = self._trend.add(made, inputs.wall)
        if row is not None:
            self._writer.trend(row.minute, row.values)

    def _hint(self, world: World) -> None:
        """Tell the plant the daemon's policy, so that it can tell dropped from dead time."""
        state, plant = self.state, world.plant
        plant.unfed.hear(state.may_discharge, state.lvd.is_open)
        if plant.taps != state.setpoints.taps:
            plant.taps = state.setpoints.taps
            plant.touch()
        if plant.single_source is not state.setpoints.single_source:
            plant.single_source = state.setpoints.single_source
            plant.touch()
        if self._sim_speed is not None:
            world.speed_actual = self._sim_speed.actual

    def _fall(self, error: Exception) -> None:
        """A step failed: outputs to their safe state, show it, go on ticking."""
        self.board.safe()
        now = self._edge_at = self._clock.now()
        if now - self._logged_at >= LOGGED_EVERY_S or str(error) not in self._fault:
            self._logged_at = now
            log.error("The owner's step failed; all outputs are released.", exc_info=error)
        known = isinstance(error, BtrmError)
        self._fault = str(error) if known else f"Internal error: {type(error).__name__}: {error}"
        self.state, actions = let_go(
            self.state, self._inputs, f"The control loop failed: {self._fault}", now
        )
        for waiter in self._asked:
            if waiter.future is not None and not waiter.future.done():
                waiter.future.set_result(Answer(False, "hardware", self._fault))
        wall = self._clock.wall()
        asked = self._action_runner.carry_out(actions, self.state, self.settings, now, wall)
        self._own.extend(asked.findings)

    def finish(self) -> None:
        """The daemon stops: outputs safe, tests and outages closed, everything written."""
        now, wall = self._clock.now(), self._clock.wall()
        self.board.safe()
        self._repeated_writes.close()
        self.state, actions = let_go(self.state, self._inputs, "The daemon stopped.", now)
        self._action_runner.carry_out(actions, self.state, self.settings, now, wall)
        self._action_runner.tell_rest(now, wall, now - self.state.boot)
        row = self._trend.close()
        if row is not None:
            self._writer.trend(row.minute, row.values)
