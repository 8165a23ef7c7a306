"""Scenes for the tests of the core: stations at rest, and a bench with readings made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from station import CHIPS, WALL_0, Station

from btrmd.core.machines.lvd import Lvd, step_lvd
from btrmd.core.scan.actions import Action, ClearTests, Reply, SaveRecord, Tell, WantEstimate
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import State, new_state
from btrmd.core.step import step
from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.model.board import Inputs
from btrmd.model.commands import Answer, Command, EstimateReady, StartTest
from btrmd.model.discharge import Estimate, TestRecord
from btrmd.model.events import Event
from btrmd.model.readings import BAD, GOOD, Measurement, Quality
from btrmd.model.settings import Settings
from btrmd.model.site import Site

HAT_W = 4.0
VOLTS = (12, 24, 36, 48)


def dotted(settings: dict[str, object]) -> dict[str, object]:
    """test__next_h -> test.next_h."""
    return {key.replace("__", "."): value for key, value in settings.items()}


def model_for(volts: int) -> Site:
    return Site(model="400" if volts > 24 else "300")


def rested(
    volts: int = 12, *, dt: float = 1.0, load_a: float = 2.0, rated_ah: float = 17.0,
    **settings: object,
) -> Station:  # fmt: skip
    """A station 30 s after its start: battery charged, sources on, the load on the supply."""
    plant = Plant(blocks=volts // 12, rated_ah=rated_ah)
    chosen = {"system.voltage": volts, "battery.rated_ah": rated_ah, **dotted(settings)}
    station = Station(chosen, site=model_for(volts), plant=plant, dt=dt)
    station.before_time = lambda: permit(station)
    plant.load.hold(load_a)
    plant.touch()
    station.run(30.0)
    return station


def joined(volts: int = 12, *, is_joined: bool = True, **site: object) -> Station:
    """The same where supply and charger are one source; `is_joined` False: where they are not."""
    station = rested(volts, system__single_source=is_joined, **site)  # type: ignore[arg-type]
    station.plant.single_source = is_joined
    station.plant.touch()
    station.run(30.0)
    return station


def permit(station: Station) -> None:
    """The daemon's word to the plant: may the battery feed the load?"""
    state = station.state
    station.plant.unfed.hear(state.may_discharge, state.lvd.is_open)


def start(station: Station, type_: str = "1") -> TestRecord:
    """Start a test and wait until the battery carries the load."""
    answer = station.ask(StartTest(type_, source="test"))
    assert answer.ok, answer.text
    assert station.until(lambda s: phase(s) == "running", 60.0), sentences(station)
    return station.records[int(str(answer.data["n"]))]


def phase(station: Station | Bench) -> str:
    return station.state.test.state.value


def sentences(station: Station | Bench) -> list[str]:
    return [event.text for event in station.events]


def supply(station: Station, on: bool) -> None:
    """The mains: supply and charger together."""
    station.plant.supply.on = on
    station.plant.charger.switch(on)
    station.plant.touch()


def drift(station: Station, point: str, volts_per_h: float) -> None:
    """The reading of `point` drifts, V an hour and block."""
    lie(station, point, f"drift:{volts_per_h * station.plant.blocks:g}")


def lie(station: Station, point: str, text: str) -> None:
    """The reading `point` lies as the simulation key of it says."""
    set_keys(station.plant, {f"fault.reading.{point}": text})


def bad_readings(station: Station) -> list[str]:
    """The readings that are not believed, by their alarms."""
    return [key for key in station.state.alarms.keys if key.startswith("reading.")]


def blamed(station: Station) -> list[str]:
    """Readings that are not believed and relays that are blamed, by their alarms."""
    keys = station.state.alarms.keys
    return sorted(key for key in keys if key.startswith(("reading.", "relay.")))


def hours_left(bench: Bench) -> float | None:
    """Until the next scheduled test, h."""
    seconds = bench.state.schedule.next_s(bench.state.setpoints.interval_s, bench.now)
    return None if seconds is None else seconds / 3600.0


def pass_hours(bench: Bench, hours: float) -> None:
    """In steps of 2 min, and the last 12 min in steps of 10 s."""
    fine = min(hours, 0.2)
    bench.run((hours - fine) * 3600.0, dt=120.0)
    bench.run(fine * 3600.0, dt=10.0)


def last(station: Station | Bench) -> TestRecord:
    """The record with the highest number."""
    return station.records[max(station.records)]


def measured(value: object, now: float) -> Measurement:
    """A number: good; None: bad; a quality: that quality with an absurd value."""
    if value is None:
        return Measurement(0.0, BAD, now)
    if isinstance(value, Quality):
        return Measurement(-999.0, value, now)
    assert isinstance(value, int | float)
    return Measurement(float(value), GOOD, now)


class Bench:
    """The core alone. Its relays move ideal sources with fixed volts; `fixed` overrides a channel.

    A channel is set with a number (good), None (bad) or a Quality; guard, batt_path, pb1, pb2,
    chips, storage_ok and clock_ok with what Inputs wants. Volts are a block's.
    """

    def __init__(
        self, *, volts: int = 12, dt: float = 1.0, site: Site | None = None, at: float = 1000.0,
        **settings: object,
    ) -> None:  # fmt: skip
        self.settings = Settings.defaults(site or model_for(volts)).with_changes(
            {"system.voltage": volts, **dotted(settings)}
        )
        self.blocks = volts // 12
        self.dt = dt
        self.now = at
        self.wall = WALL_0
        self.state: State = new_state(Setpoints.of(self.settings), self.now)
        self.fixed: dict[str, object] = {}
        self.load_a = 2.0
        self.events: list[Event] = []
        self.actions: list[Action] = []
        self.records: dict[int, TestRecord] = {}
        self.estimate: Estimate | str | None = None  # the answer; a reason; None = never answered
        self.cleared = 0
        self.inbox: list[Command] = []
        self.inputs = Inputs()

    def put(self, **channels: object) -> None:
        self.fixed.update(channels)

    def free(self, *channels: str) -> None:
        for channel in channels:
            self.fixed.pop(channel, None)

    def change(self, **settings: object) -> None:
        """The owner has taken new settings over."""
        self.settings = self.settings.with_changes(dotted(settings))

    def scan(self) -> Inputs:
        out, blocks = self.state.outputs, self.blocks
        volts, amps = self._circuit()
        plain: dict[str, object] = {
            **{name: value * blocks for name, value in volts.items()}, **amps,
            "temperature": 25.0, "io1_v": 0.0, "io2_v": 0.0, "io3_v": 0.0, "io4_v": 0.0,
        }  # fmt: skip
        lines: dict[str, object] = {
            "batt_path": not out.k3, "guard": False, "chips": tuple((c, True) for c in CHIPS),
        }  # fmt: skip
        for name, value in self.fixed.items():
            if name not in plain:
                lines[name] = value
            elif name.endswith("_v") and isinstance(value, int | float) and name[:2] != "io":
                plain[name] = value * blocks
            else:
                plain[name] = value
        channels = {name: measured(value, self.now) for name, value in plain.items()}
        return Inputs(**channels, **lines, wall=self.wall)  # type: ignore[arg-type]

    def _volts(self, name: str, usual: float) -> float:
        """What is really there, V a block: a number that was put, else the usual."""
        value = self.fixed.get(name)
        return float(value) if isinstance(value, int | float) else usual

    def _circuit(self) -> tuple[dict[str, float], dict[str, float]]:
        """Volts a block and amps of ideal sources, as far as nothing else was put."""
        out = self.state.outputs
        usual = 12.6 if out.k1 else 12.9 if out.k2 else 13.5
        battery, supply = self._volts("battery_v", usual), self._volts("supply_v", 13.6)
        guard = self.fixed.get("guard") is True  # S1 and S2 closed: the higher one feeds
        on_battery = (supply < battery if guard else out.k1) and not out.k3
        bus = max((battery if on_battery else supply) - 0.03, 0.0)
        load = self.load_a if self._volts("load_v", bus) >= 9.0 else 0.0
        hat = HAT_W / (max(supply, battery, 9.0) * self.blocks)
        on_supply = supply >= battery
        charger = self._volts("charger_v", 13.55 if supply >= 9.0 else 0.0)
        given = 0.0
        if not out.k2 and charger > battery - 0.1:
            given = 0.02 if charger - battery < 0.3 else 2.5  # float, or bulk at its limit
            charger = self._volts("charger_v", min(battery + 0.03, charger))
        put = self.fixed.get("charger_a")
        given = float(put) if isinstance(put, int | float) else given
        volts = {"battery_v": battery, "load_v": bus, "charger_v": charger, "supply_v": supply}
        amps = {
            "battery_a": given - (load if on_battery else 0.0) - (0.0 if on_supply else hat),
            "load_a": load,
            "charger_a": given,
            "supply_a": (0.0 if on_battery else load) + (hat if on_supply else 0.0),
        }
        return volts, amps

    def step(self, *commands: Command) -> list[Answer]:
        """One scan, one step; the answers to `commands`."""
        self.inputs = self.scan()
        asked = (*self.inbox, *commands)
        own = len(self.inbox)
        self.inbox = []
        self.state, self.actions = step(self.state, self.inputs, self.settings, asked, self.now)
        answers = []
        for action in self.actions:
            if isinstance(action, Tell):
                self.events.append(action.event)
            elif isinstance(action, SaveRecord):
                self.records[action.record.n] = action.record
            elif isinstance(action, WantEstimate) and self.estimate is not None:
                known = isinstance(self.estimate, Estimate)
                self.inbox.append(
                    EstimateReady(action.n, self.estimate if known else None,
                                  "" if known else str(self.estimate))
                )  # fmt: skip
            elif isinstance(action, Reply) and action.position >= own:
                answers.append(action.answer)
            elif isinstance(action, ClearTests):
                self.cleared += 1
        passed = min(self.dt, 1.0) if phase(self) == "proving" else self.dt
        self.now += passed
        self.wall += passed
        return answers

    def ask(self, command: Command) -> Answer:
        return self.step(command)[0]

    def run(self, seconds: float, dt: float | None = None) -> None:
        """Step for `seconds`, in steps of `dt` where given (a proving in steps of a second)."""
        usual, self.dt = self.dt, self.dt if dt is None else dt
        end = self.now + seconds
        while self.now < end - 1e-6:
            self.step()
        self.dt = usual

    def until(self, word: str, limit_s: float) -> None:
        """Step until the test's state is `word`."""
        end = self.now + limit_s
        while phase(self) != word:
            assert self.now < end, f"not {word} within {limit_s:g} s: {sentences(self)}"
            self.step()

    def start(self, type_: str = "1") -> TestRecord:
        """Up and running: past the self-test, the proving and K1 on."""
        self.run(20.0)
        answer = self.ask(StartTest(type_, source="test"))
        assert answer.ok, answer.text
        self.until("running", 60.0)
        return last(self)

    def reported(self, key: str) -> list[Event]:
        """All events of this key, oldest first."""
        return [event for event in self.events if event.key == key]

    @property
    def alarms(self) -> Sequence[str]:
        return self.state.alarms.keys


FLOATING = {
    "battery_v": 13.5, "battery_a": 0.02, "load_v": 13.5, "load_a": 2.0, "supply_v": 13.6,
    "supply_a": 2.3, "charger_v": 13.55, "charger_a": 0.02, "temperature": 25.0, "io1_v": 0.0,
    "io2_v": 0.0,
}  # fmt: skip


def step_context(
    now: float = 1000.0, *, dt: float = 0.1, volts: int = 12, guard: bool | None = False,
    batt_path: bool | None = True, boot: float = 0.0, changes: dict[str, object] | None = None,
    guard_moved: bool = False, **channels: object,
) -> StepContext:  # fmt: skip
    """What one machine's step sees of a site on float; channels as in measured()."""
    changed = {"system.voltage": volts, **dotted(changes or {})}
    settings = Settings.defaults(model_for(volts)).with_changes(changed)
    put = {
        name: value * (volts // 12) if name.endswith("_v") and name[:2] != "io" else value
        for name, value in FLOATING.items()
    }
    readings = {name: measured(value, now) for name, value in {**put, **channels}.items()}
    chips = tuple((chip, True) for chip in CHIPS)
    inputs = Inputs(
        **readings, guard=guard, batt_path=batt_path, chips=chips, wall=WALL_0,
        guard_moved=guard_moved,
    )  # fmt: skip
    return StepContext(now, dt, boot, inputs, Setpoints.of(settings))


# --- The low-voltage disconnect: its battery, 10.4 V a block, feeds the load ---

LVD_ON: dict[str, object] = {"lvd.enabled": True}
LVD_LOW = {"battery_v": 10.4, "battery_a": -2.3, "load_v": 10.3, "supply_v": 0.0, "supply_a": 0.0,
       "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip


def stepped_lvd(
    lvd: Lvd, now: float = 1000.0, *, may_open: bool = True, proven: bool = False,
    enabled: bool = True, odd: bool = False, jumped: int | None = None, doubtful: bool = False,
    doubts: dict[str, str] | None = None, volts: int = 12, **put: object,
) -> tuple[Lvd, list[str]]:  # fmt: skip
    """(the LVD after one scan, what it has told)."""
    ctx: StepContext = step_context(now, volts=volts, changes=LVD_ON if enabled else {}, **put)  # type: ignore[arg-type]
    ctx.battery_is_odd, ctx.is_doubtful = odd, doubtful
    ctx.doubts = doubts or {}
    ctx.jumped = tuple(place == jumped for place in range(4))
    made = step_lvd(lvd, may_open, proven, ctx)
    return made, [action.event.text for action in ctx.actions if isinstance(action, Tell)]
