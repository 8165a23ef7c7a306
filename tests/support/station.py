"""A station without wires: the pure core over the simulated plant, for tests of behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from btrmd.core import persist
from btrmd.core.recover import let_go
from btrmd.core.requests import landing_refusal
from btrmd.core.scan.actions import (
    Action,
    ClearTests,
    Forward,
    Persist,
    Reply,
    Restart,
    RestoreSettings,
    SaveRecord,
    Tell,
    WantEstimate,
)
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import State, new_state
from btrmd.core.step import step
from btrmd.estimate.enough import NotEnough
from btrmd.estimate.run_time import estimate
from btrmd.hal.sim.plant import Plant
from btrmd.model.board import NO_DROPS, SAFE_OUTPUTS, Inputs
from btrmd.model.commands import Answer, ChangeSettings, Command, EstimateReady
from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.errors import SettingError
from btrmd.model.events import Event
from btrmd.model.readings import BAD, GOOD, Measurement, Quality
from btrmd.model.settings import Settings
from btrmd.model.site import Site

WALL_0 = 1_790_000_000.0
CHIPS = ("0x40", "0x41", "0x44", "0x45", "0x48", "0x49", "0x4a")
ALL_WELL = tuple((chip, True) for chip in CHIPS)

# a channel of Inputs -> the point that shows it
POINT_OF = {
    **{
        f"{name}_{kind[0]}": f"{name}.{'voltage' if kind == 'v' else 'current'}"
        for name in ("battery", "load", "charger", "supply")
        for kind in ("v", "a")
    },
    "temperature": "system.temperature",
    **{f"io{n}_v": f"io{n}.voltage" for n in range(1, 5)},
}

# the channels are the first of Inputs, in this order
_PLACE = {name: place for place, name in enumerate(POINT_OF)}
assert tuple(POINT_OF) == Inputs._fields[: len(POINT_OF)]

# as Measurement itself, in half the time: thirteen of them are made in each scan
_measurement: Callable[[tuple[float, Quality, float]], Measurement]
_measurement = partial(tuple.__new__, Measurement)  # type: ignore[arg-type]

SLOW_DISK_S = 30.0  # no disk takes longer to write what is handed over to it

Step = Callable[..., tuple[State, list[Action]]]


class Station:
    """The core, a plant, and between them readings that a test may kill or falsify.

    `lies` maps a channel of Inputs to None (dead: BAD) or to a function of the true value.
    """

    estimator = staticmethod(estimate)

    def __init__(
        self,
        settings: Mapping[str, object] | None = None,
        *,
        site: Site | None = None,
        plant: Plant | None = None,
        dt: float = 1.0,
        core: Step = step,
    ) -> None:
        site = site or Site()
        self.settings = Settings.defaults(site).with_changes(settings or {})
        self.plant = plant or Plant(blocks=self.settings.blocks)
        self.plant.noise = False
        self.dt = dt
        self.now = 100.0
        self.wall = WALL_0
        self.core = core
        self.state = new_state(Setpoints.of(self.settings), self.now)
        self.lies: dict[str, Callable[[float], float] | None] = {}
        self.events: list[Event] = []
        self.records: dict[int, TestRecord] = {}
        self.curves: dict[int, list[CurveRow]] = {}
        self._curve: tuple[int, float] | None = None
        self.saved: dict[str, object] = {}
        # the last two, and when they were handed over to the disk
        self._stored: list[tuple[dict[str, object], dict[int, TestRecord], float]] = []
        self.inbox: list[Command] = []
        self.inputs = Inputs()
        self.pb1 = self.pb2 = False
        self.settings_ok = self.storage_ok = self.clock_ok = True
        self.errors: dict[str, tuple[float, float]] = {}  # channel -> gain and offset of its sensor
        self.chips_down: set[str] = set()  # chips that answer nonsense, and say so
        self.starts: list[float] = []  # when it was started again, or woke up
        self.count_v = self.count_a = 0.0  # the least that a chip tells, V and A
        self.shunt_ohm = 0.0  # whose drops the board has corrected for, in `drops_v`
        self.disk_s = 0.0  # how long a change of settings takes to become durable
        self.landing: list[tuple[float, Settings]] = []  # when, and what
        self.wants_restart = False
        self._guard_moves = 0
        self.before_time: Callable[[], None] = _nothing  # called when the outputs are decided

    # --- one step ------------------------------------------------------------------------------

    def read(self) -> Inputs:
        """The scan as the board would deliver it."""
        sense = self.plant.sense()
        true = [
            sense.battery_v, sense.battery_a, sense.load_v, sense.load_a, sense.charger_v,
            sense.charger_a, sense.supply_v, sense.supply_a, sense.temperature_c, *sense.io_v,
        ]  # fmt: skip
        for name, (gain, offset) in self.errors.items():
            place = _PLACE[name]
            true[place] = true[place] * gain + offset
        if faults := self.plant.reading_faults:
            for place, point in enumerate(POINT_OF.values()):
                if (fault := faults.get(point)) is not None:
                    true[place] = fault.tell(true[place], self.plant.plant_s)
        if self.count_v:
            counts = (self.count_v, self.count_a)
            true[:8] = [
                round(value / counts[place % 2]) * counts[place % 2]
                for place, value in enumerate(true[:8])
            ]
        now = self.now
        measured = [_measurement((value, GOOD, now)) for value in true]
        for name, lie in self.lies.items():
            place = _PLACE[name]
            measured[place] = (
                Measurement(0.0, BAD, now)
                if lie is None
                else Measurement(lie(true[place]), GOOD, now)
            )
        lines = self.plant.line_faults
        return Inputs(
            *measured,
            batt_path=lines.get("batt_path", sense.batt_path),
            # the line is active low
            guard=not lines["guard"] if "guard" in lines else sense.guard,
            pb1=self.pb1,
            pb2=self.pb2,
            chips=tuple((chip, chip not in self.chips_down) for chip in CHIPS)
            if self.chips_down
            else ALL_WELL,
            wall=self.wall,
            settings_ok=self.settings_ok,
            guard_moved="guard" not in lines and self._guard_moves != self.plant.guard.moves,
            storage_ok=self.storage_ok,
            clock_ok=self.clock_ok,
            drops_v=self.drops_v() if self.shunt_ohm else NO_DROPS,
        )

    def drops_v(self) -> tuple[float, ...]:
        """What a board would have added to the four voltages for its shunts, V."""
        sense, ohm = self.plant.sense(), self.shunt_ohm
        return (
            -ohm * sense.battery_a, -ohm * sense.load_a, ohm * sense.charger_a,
            ohm * sense.supply_a,
        )  # fmt: skip

    def tick(self, *commands: Command) -> list[Answer]:
        """One scan, one step of the core, its outputs applied, one `dt` of the plant."""
        self._land()
        self.inputs = self.read()
        self._guard_moves = self.plant.guard.moves  # only a tick has heard of the edges
        asked = (*self.inbox, *commands)
        internal = len(self.inbox)
        self.inbox = []
        self.state, actions = self.core(self.state, self.inputs, self.settings, asked, self.now)
        answers = self._carry_out(actions, asked, internal)
        self._record()
        self.before_time()
        self.drive()
        self.pass_time(self.dt)
        return answers

    def drive(self) -> None:
        """Apply the core's outputs and one heartbeat edge to the plant."""
        outputs, plant = self.state.outputs, self.plant
        plant.set_coil("k1", outputs.k1)
        plant.set_coil("k2", outputs.k2)
        plant.set_coil("k3", outputs.k3)
        plant.heartbeat()

    def pass_time(self, seconds: float) -> None:
        self.plant.step(seconds)
        self.now += seconds
        self.wall += seconds

    def run(self, seconds: float) -> None:
        """Tick until `seconds` have passed."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.tick()

    def until(self, done: Callable[[Station], bool], limit_s: float) -> bool:
        """Tick until `done` or `limit_s` have passed; the answer says which."""
        end = self.now + limit_s
        while self.now < end:
            if done(self):
                return True
            self.tick()
        return done(self)

    def ask(self, command: Command) -> Answer:
        """Give one command and return its answer."""
        return self.tick(command)[0]

    def change(self, **settings: object) -> Answer:
        """Change settings by key with dots written as double underscores."""
        raw = {key.replace("__", "."): value for key, value in settings.items()}
        return self.ask(ChangeSettings(raw, "test"))

    # --- what the shell does -------------------------------------------------------------------

    def _carry_out(
        self, actions: list[Action], asked: tuple[Command, ...], internal: int
    ) -> list[Answer]:
        answers: dict[int, Answer] = {}
        saved = self.saved
        for action in actions:
            if isinstance(action, Tell):
                self.events.append(action.event._replace(n=len(self.events) + 1))
            elif isinstance(action, SaveRecord):
                self.records[action.record.n] = action.record
                if action.curve:
                    self.curves[action.record.n] = []
                    self._curve = (action.record.n, self.now)
                if action.finished and self._curve and self._curve[0] == action.record.n:
                    self._curve = None
            elif isinstance(action, WantEstimate):
                self.inbox.append(self._estimate(action.n))
            elif isinstance(action, Reply):
                answers[action.position] = action.answer
            elif isinstance(action, Forward):
                if isinstance(action.command, ChangeSettings):
                    self._store(action.command)
                answers[action.position] = Answer(True)
            elif isinstance(action, ClearTests):
                self.records = {n: r for n, r in self.records.items() if r.state != "finished"}
            elif isinstance(action, Restart):
                self.wants_restart = True
            elif isinstance(action, RestoreSettings) and action.group == "battery":
                keys = [key for key in self.settings if key.startswith("test.")]
                base = Settings.defaults(self.settings.site)
                self.inbox.append(ChangeSettings({key: base[key] for key in keys}, action.source))
            elif isinstance(action, Persist):
                self.saved = persist.dump(self.state, self.now, self.wall)
        if self.saved is not saved or any(isinstance(action, SaveRecord) for action in actions):
            self._stored = [*self._stored[-1:], (self.saved, dict(self.records), self.now)]
        return [answers[i] for i in range(internal, len(asked)) if i in answers]

    def _store(self, command: ChangeSettings) -> None:
        base = self.landing[-1][1] if self.landing else self.settings
        changes = {key: v for key, v in command.changes.items() if key != "test.next_h"}
        try:
            new = base.with_changes(changes)
        except SettingError:
            return  # the owner refuses it before it comes to this
        if self.disk_s <= 0.0 and not self.landing:
            self.settings = new
        else:
            self.landing.append((self.now + self.disk_s, new))

    def _land(self) -> None:
        """Changes that have become durable take effect, if they still may."""
        while self.landing and self.landing[0][0] <= self.now:
            _, new = self.landing.pop(0)
            if landing_refusal(self.state, self.inputs, self.settings, new) is None:
                self.settings = new
            else:
                self.landing.clear()  # those behind it were made on top of it

    def _record(self) -> None:
        if self._curve is None:
            return
        n, t0 = self._curve
        rows, inputs = self.curves[n], self.inputs
        time_s = self.now - t0
        # as the recorder does: every second at first, then every 10 s, then every minute
        spacing = 1.0 if time_s < 60.0 else 10.0 if time_s < 14400.0 else 60.0
        if rows and time_s - rows[-1].time_s < spacing:
            return
        if inputs.battery_v.good and inputs.battery_a.good:
            rows.append(
                CurveRow(
                    time_s,
                    inputs.battery_v.value,
                    inputs.battery_a.value,
                    inputs.temperature.value,
                    inputs.load_a.value,
                )
            )

    def _estimate(self, n: int) -> EstimateReady:
        rated = self.settings["battery.rated_ah"]
        try:
            made = self.estimator(
                self.curves[n], self.settings.blocks,
                float(rated) if isinstance(rated, int | float) else None,
            )  # fmt: skip
        except NotEnough as reason:
            return EstimateReady(n, None, str(reason))
        return EstimateReady(n, made)

    # --- crash and restart ---------------------------------------------------------------------

    def lose_last_write(self) -> bool:
        """State and records go to disk together: the last time it was too late for that. False:
        they have long been there."""
        if len(self._stored) != 2 or self.now - self._stored[-1][2] > SLOW_DISK_S:
            return False
        self.saved, self.records, _ = self._stored[0]
        self._stored = []
        return True

    def crash(self, away_s: float) -> None:
        """Kill the daemon: pins keep their levels, the heartbeat stops; start again after."""
        first = min(away_s, 4.0)
        while first > 0.0:  # the coils fall off after 2 s
            self.pass_time(min(first, 1.0))
            first -= 1.0
        if away_s > 4.0:
            for name in ("k1", "k2", "k3"):
                self.plant.set_coil(name, False)
            self.plant.coast(away_s - 4.0)
            self.now += away_s - 4.0
            self.wall += away_s - 4.0
        interrupted = False
        for n, record in self.records.items():
            delayed = self.saved.get("delayed")
            goes_on = isinstance(delayed, dict) and delayed.get("n") == n
            if record.state != "finished" and not (record.state == "delayed" and goes_on):
                interrupted = interrupted or persist.was_interrupted(record, self.saved)
                result = "none" if record.type == "outage" else "aborted"
                if record.result != "none":
                    result = record.result
                self.records[n] = record._replace(
                    state="finished", result=result, reason="The daemon died.", ended_at=self.wall
                )
        self.starts.append(self.now)
        self._curve = None
        self.inbox = []
        if self.landing:  # what has reached the disk is what the next start reads
            self.settings = self.landing[-1][1]
            self.landing.clear()
        self.wants_restart = False
        fresh = new_state(Setpoints.of(self.settings), self.now)
        self.state = persist.restore(fresh, self.saved, self.wall, self.records, interrupted)
        for name in ("k1", "k2", "k3"):
            self.plant.set_coil(name, getattr(SAFE_OUTPUTS, name))

    def wake_up(self) -> None:
        """After a hang of more than 2 s: the owner lets go of what the hardware has released."""
        self.starts.append(self.now)
        self.state, actions = let_go(self.state, self.inputs, "The loop hung.", self.now)
        self._carry_out(actions, (), 0)
        self.drive()

    def kinds(self, key: str) -> list[str]:
        """The kinds of all events with this key, oldest first."""
        return [event.kind.value for event in self.events if event.key == key]


def _nothing() -> None:
    pass
