"""Chaos: a seeded driver that does to a station all a site can do, and watches the rules."""

from __future__ import annotations

from random import Random

from station import Station

from btrmd.core.step import step
from btrmd.hal.sim.plant import Plant
from btrmd.model.board import Inputs
from btrmd.model.commands import (
    AckAlarm,
    CapacityCheck,
    ChangeSettings,
    Command,
    NextTestIn,
    ResetData,
    RunSelfTest,
    StartTest,
    StopTest,
)
from btrmd.model.readings import GOOD, Measurement
from btrmd.model.site import Site

CHANNELS = (
    "battery_v", "battery_a", "load_v", "load_a", "charger_v", "charger_a", "supply_v", "supply_a",
    "temperature", "io1_v",
)  # fmt: skip
LONGEST_TEST_S = 999 * 60.0 + 120.0


class Violation(AssertionError):  # noqa: N818  (a rule was broken, not the code)
    """A rule was broken; the text names seed, step and what was done last."""


class Chaos:
    """One station, one seed. `run(n)` makes n random steps and raises Violation."""

    def __init__(self, seed: int, *, has_guard: bool = True) -> None:
        self.seed = seed
        self.random = Random(seed)
        blocks = self.random.choice((1, 1, 2, 4))
        site = Site(model="400")
        plant = Plant(blocks=blocks, rated_ah=self.random.choice((7.0, 17.0, 40.0)), seed=seed)
        settings = {
            "system.voltage": 12 * blocks,
            "battery.rated_ah": self.random.choice((None, 17.0)),
            "test.minimum_runtime_min": self.random.choice((0, 30, 240)),
        }
        self.station = Station(settings, site=site, plant=plant, dt=1.0)
        self.station.before_time = self._permit
        plant.guard.is_fitted = has_guard
        plant.load.hold(2.0)
        plant.touch()
        self.steps = 0
        self.ended: dict[str, int] = {}
        self.story: list[str] = []
        self._dropped = 0.0
        self._honest_for = 0.0  # s for which every sensor has told the truth
        self._alive_for = 0.0
        self._too_low_s = 0.0
        self._lvd_late_s = 0.0
        self._left_on_battery_s = 0.0
        self._lvd_earned = False
        self._allowed_steps = 0
        self._seen: set[int] = set()

    # --- what happens --------------------------------------------------------------------------

    def run(self, count: int) -> None:
        """Make `count` steps."""
        for _ in range(count):
            self._step()

    def _say(self, text: str) -> None:
        self.story.append(f"{self.station.now:.1f} {text}")
        del self.story[:-25]

    def _step(self) -> None:
        station, random = self.station, self.random
        self.steps += 1
        commands: list[Command] = []
        dice = random.random()
        if dice < 0.012:
            commands.append(self._command())
        elif dice < 0.022:
            self._plant_event()
        elif dice < 0.026:
            self._sensor_event()
        elif dice < 0.031:
            self._heal()
        elif dice < 0.0318:
            self._crash()
        elif dice < 0.0328:
            self._hang()
        elif dice < 0.0335:
            station.wall += random.choice((-86400.0, 3600.0, -1.7e9, 1e7))
            self._say("wall clock jumps")
        elif dice < 0.036:
            station.dt = random.choice((0.1, 1.0, 1.0))
        if random.random() < 0.05:
            self._check_blindness()
        station.tick(*commands)
        self._honest_for = 0.0 if station.lies else self._honest_for + station.dt
        self._alive_for += station.dt
        self._check()

    def _command(self) -> Command:
        random = self.random
        command: Command = random.choice(
            (
                StartTest(random.choice(("1", "2", None)), random.choice((0.0, 0.0, 0.1)), "chaos"),
                StartTest("1", 0.0, "chaos"),
                StopTest("chaos"),
                AckAlarm(random.choice(("relay.k1", "relay.k2", "relay.k3")), "chaos"),
                CapacityCheck(random.random() < 0.5, "chaos"),
                ResetData(random.random() < 0.5, "chaos"),
                RunSelfTest("chaos"),
                NextTestIn(random.choice((0.0, 1.0)), "chaos"),
                self._setting(),
                self._setting(),
            )
        )
        self._say(f"command {command}")
        return command

    def _setting(self) -> ChangeSettings:
        random, blocks = self.random, self.station.settings.blocks
        key, value = random.choice(
            (
                ("ups.enabled", random.random() < 0.5),
                ("lvd.enabled", random.random() < 0.5),
                ("test.enabled", random.random() < 0.7),
                ("test.interval_h", random.choice((0, 1, 24))),
                ("test.type", random.choice((1, 2))),
                ("test.type2_min", random.choice((1, 20, 120))),
                ("test.type2_minimum_mv", blocks * random.choice((10500, 11800, 12500))),
                ("test.minimum_runtime_min", random.choice((0, 30, 240))),
                ("io1.config", random.choice((0, 1, 2, 3, 4))),
                ("battery.rated_ah", random.choice((None, 7.0, 40.0))),
            )
        )
        return ChangeSettings({key: value}, "chaos")

    def _plant_event(self) -> None:
        random, plant = self.random, self.station.plant
        blocks = plant.blocks
        what = random.choice(
            ("supply", "supply", "volts", "charger", "load", "load", "relay", "fuse", "soc", "heat")
        )
        if what == "supply":
            plant.supply.on = not plant.supply.on
        elif what == "volts":
            plant.supply.volts = blocks * random.choice((13.6, 13.6, 12.5, 11.2, 10.7, 14.2))
        elif what == "charger":
            plant.charger.switch(not plant.charger.on)
        elif what == "load":
            plant.load.hold(random.choice((0.05, 0.5, 2.0, 5.0, 9.0)))
        elif what == "relay":
            name = random.choice(("k1", "k2", "k3"))
            plant.relay_faults[name] = random.choice(("off", "welded", "open"))
        elif what == "fuse":
            plant.has_fuse = random.random() < 0.6
        elif what == "soc":
            plant.battery.set_soc(random.choice((1.0, 1.0, 0.6, 0.2, 0.02)))
        else:
            plant.temperature_c = random.choice((25.0, 25.0, 44.0, 50.0, 65.0, -5.0))
        plant.touch()
        self._say(f"plant {what}")

    def _sensor_event(self) -> None:
        random, station = self.random, self.station
        channel = random.choice(CHANNELS)
        kind = random.choice(("dead", "low", "high", "zero", "offset"))
        lies = {
            "dead": None,
            "low": _low,
            "high": _high,
            "zero": _zero,
            "offset": _offset,
        }
        station.lies[channel] = lies[kind]
        self._say(f"sensor {channel} {kind}")

    def _heal(self) -> None:
        """Somebody mends the site."""
        station = self.station
        plant = station.plant
        station.lies.clear()
        for name in ("k1", "k2", "k3"):
            plant.relay_faults[name] = "off"
        plant.has_fuse = True
        plant.supply.on = True
        plant.supply.volts = 13.6 * plant.blocks
        plant.charger.switch(True)
        plant.battery.set_soc(1.0)
        plant.temperature_c = 25.0
        plant.load.hold(2.0)
        plant.touch()
        self._say("healed")
        station.inbox.extend(AckAlarm(f"relay.{n}", "chaos") for n in ("k1", "k2", "k3"))

    def _crash(self) -> None:
        self._say("crash")
        self.station.crash(self.random.choice((0.3, 1.0, 5.0, 30.0)))
        self._alive_for = 0.0

    def _hang(self) -> None:
        self._say("hang")
        for _ in range(self.random.choice((1, 3, 20))):
            self.station.pass_time(1.0)
        self._alive_for = 0.0

    # --- the rules -----------------------------------------------------------------------------

    def _fail(self, text: str) -> None:
        story = "\n  ".join(self.story)
        raise Violation(f"seed {self.seed}, step {self.steps}: {text}\n  {story}")

    def _permit(self) -> None:
        """The battery may feed the load in UPS mode, in a test and in what follows from it; not
        while LVD is open, if it had a reason to open."""
        station = self.station
        state, settings = station.state, station.settings
        if state.lvd.is_open and not self._lvd_earned:
            low = station.plant.sense().battery_v < 10.55 * station.plant.blocks
            self._lvd_earned = low or "battery_v" in station.lies
        elif not state.lvd.is_open:
            self._lvd_earned = False
        used = state.test.is_on or state.transfer.carried or state.outage.record is not None
        allowed = (settings["ups.enabled"] is True or used) and not self._lvd_earned
        # K3 needs its 5 ms: what is allowed from now on can be asked for two steps later
        self._allowed_steps = self._allowed_steps + 1 if allowed else 0
        station.plant.battery_permitted = self._allowed_steps > 2

    def _check_blindness(self) -> None:
        """No decision on a bad reading: what is not good may read anything."""
        station = self.station
        inputs = station.read()
        blind = {
            name: getattr(inputs, name)
            for name in CHANNELS
            if getattr(inputs, name).quality is not GOOD
        }
        if not blind:
            return
        made = []
        for garbage in (-1e6, 1e6):
            changed: Inputs = inputs._replace(
                **{n: Measurement(garbage, m.quality, m.at) for n, m in blind.items()}
            )
            made.append(step(station.state, changed, station.settings, (), station.now))
        if made[0] != made[1]:
            self._fail(f"a decision was taken on a bad reading of {', '.join(blind)}")

    def _check(self) -> None:
        station = self.station
        state, plant = station.state, station.plant
        if plant.dropped_s > self._dropped + 0.0005:
            self._fail(f"the load was dropped for {plant.dropped_s - self._dropped:.3f} s")
        if state.outputs.k2 and not state.test.is_on:
            self._fail("the charger is open outside a test")
        self._check_discharge()
        self._check_return()
        self._check_records()

    def _check_discharge(self) -> None:
        """Nothing discharges below its limit while the sensors are honest."""
        station = self.station
        state, plant, dt = station.state, station.plant, station.dt
        volts = plant.sense().battery_v / plant.blocks
        test = state.test
        limit = 10.4
        if test.state.value == "running" and station.now - test.progress.t0 > 620.0:
            own = test.record is not None and test.record.type == "2"
            limit = (
                float(str(station.settings["test.type2_minimum_mv"])) / 1000.0 / plant.blocks
                if own
                else 11.0
            ) - 0.05
        honest = self._honest_for > 20.0 and self._alive_for > 20.0
        low = test.state.value == "running" and volts < limit and honest
        self._too_low_s = self._too_low_s + dt if low else 0.0
        if self._too_low_s > 12.0:
            self._fail(f"a test goes on at {volts:.2f} V a block")
        feeds = plant.sense().battery_a < -0.5 and not test.is_on
        late = (
            honest
            and feeds
            and volts < 10.45
            and station.settings["lvd.enabled"] is True
            and not plant.supply.on
            and plant.relay_faults.get("k3", "off") == "off"
        )
        self._lvd_late_s = self._lvd_late_s + dt if late else 0.0
        if self._lvd_late_s > 16.0:
            self._fail(f"LVD lets the battery go down to {volts:.2f} V a block")

    def _check_return(self) -> None:
        """A healthy supply gets its load back within the longest wait."""
        station = self.station
        plant, state = station.plant, station.state
        healthy = (
            plant.supply.on
            and plant.supply.volts > 12.0 * plant.blocks
            and self._honest_for > 20.0
            and not state.test.is_on
            and state.outputs.k1
        )
        self._left_on_battery_s = self._left_on_battery_s + station.dt if healthy else 0.0
        if self._left_on_battery_s > 620.0:
            self._fail("the load is left on the battery though the supply is well")

    def _check_records(self) -> None:
        """Every test ends in a result, and in time."""
        station = self.station
        state = station.state
        current = {
            record.n for record in (state.test.record, state.outage.record) if record is not None
        }
        for n, record in station.records.items():
            if record.state == "finished":
                if n in self._seen:
                    continue
                self._seen.add(n)
                if (
                    record.type != "outage"
                    and record.result == "none"
                    and (record.minimum_runtime_s or record.type == "2")
                ):
                    self._fail(f"test {n} ended without a result: {record}")
                if not record.reason:
                    self._fail(f"test {n} ended without a reason")
                word = f"{record.type} {record.result}"
                self.ended[word] = self.ended.get(word, 0) + 1
            elif n not in current:
                self._fail(f"record {n} is {record.state} but nobody works on it")
        test = state.test
        if test.is_on and station.now - test.since > LONGEST_TEST_S:
            self._fail(f"test goes on for ever in {test.state.value}")


def _low(value: float) -> float:
    return value * 0.8


def _high(value: float) -> float:
    return value * 1.2


def _zero(value: float) -> float:
    return 0.0


def _offset(value: float) -> float:
    return value + 1.0
