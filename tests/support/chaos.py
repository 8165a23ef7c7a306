"""Chaos: a seeded driver that does to a station all a site can do; the rules watch it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from chaos_rules import Rules, Violation
from chaos_stories import Stories
from station import CHIPS, Station

from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.model.commands import (
    AckAlarm,
    CapacityCheck,
    ChangeSettings,
    Command,
    NextTestIn,
    ResetData,
    RestartUnit,
    RunSelfTest,
    StartTest,
    StopTest,
)
from btrmd.model.site import Site

__all__ = ["CHANNELS", "Chaos", "Violation"]

CHANNELS = (
    "battery_v", "battery_a", "load_v", "load_a", "charger_v", "charger_a", "supply_v", "supply_a",
    "temperature", "io1_v",
)  # fmt: skip
POINTS = (
    "battery.voltage", "load.voltage", "charger.voltage", "supply.voltage", "battery.current",
    "load.current", "charger.current", "supply.current", "system.temperature",
)  # fmt: skip
LIES = (
    "x0.78", "x0.85", "x0.93", "x1.08", "x1.2", "-2.0", "+1.5", "x0", "x-1", "hold", "drift:-6",
    "drift:6", "noise:2",
)  # fmt: skip
# of a whole bank, per block
BANK_LIES = ("-2.0", "-0.7", "+0.7", "+1.5", "drift:-6", "drift:6", "drift:-60", "drift:60")
COUNT_V, COUNT_A = 0.0025, 0.001  # what the chips of the reference HAT tell of
SLACK_V = 0.2  # per block: what a sensor of +-(1 % + 20 mV) may be off by
STORY_EVERY = 0.005  # a step in which none goes on
FAVOURED_EVERY = 0.1  # the same where one story is told again and again
CHIP_OF = {
    "battery_a": "0x40", "load_a": "0x41", "charger_a": "0x44", "supply_a": "0x45",
    "temperature": "0x49",
}  # fmt: skip


class Chaos:
    """One station, one seed. `run(n)` makes n random steps and raises Violation.

    `story`: the only story that is told, and often; the rules are the same.
    """

    def __init__(self, seed: int, *, has_guard: bool = True, story: str = "") -> None:
        self.seed = seed
        self.random = Random(seed)
        blocks = self.random.choice((1, 1, 2, 3, 4))
        site = Site(model="400")
        rated_ah = self.random.choice((7.0, 17.0, 40.0))
        plant = Plant(blocks=blocks, rated_ah=rated_ah, seed=seed)
        settings = {
            "system.voltage": 12 * blocks,
            "battery.rated_ah": self.random.choice((None, 17.0)),
            "test.minimum_runtime_min": self.random.choice((0, 30, 240)),
            "system.single_source": self.random.random() < 0.2,
            "lvd.enabled": self.random.random() < 0.6,
            "ups.enabled": self.random.random() < 0.8,
            "test.type2_min": self.random.choice((1, 20, 60)),
        }
        self.station = Station(settings, site=site, plant=plant, dt=1.0)
        self.rules = Rules(self.station, self._fail)
        self.station.before_time = self._hint
        plant.guard.is_fitted = has_guard
        plant.load.hold(2.0)
        plant.touch()
        if self.random.random() < 0.6:
            self._be_inexact()
        if seed % 3 == 1:  # chips as they are, also on a quiet board
            self.station.count_v, self.station.count_a = COUNT_V, COUNT_A
        self.steps = 0
        self.story: list[str] = []
        self._pressed_until = {"pb1": 0.0, "pb2": 0.0}
        self._ramp = 0.0  # V a step that the supply moves by
        # some sites are quiet enough for a test to come to its end
        self._rate = self.random.choice((0.1, 0.02) if story else (1.0, 1.0, 0.3, 0.1, 0.02))
        self.stories = Stories(self, story)
        self._story_every = FAVOURED_EVERY if story else STORY_EVERY

    @property
    def ended(self) -> dict[str, int]:
        """Finished records by type and result."""
        return self.rules.ended

    # --- what happens --------------------------------------------------------------------------

    def run(self, count: int) -> None:
        """Make `count` steps."""
        for _ in range(count):
            self._step()

    def _be_inexact(self) -> None:
        """Sensors as the hardware allows them (DESIGN section 2), and the noise of a cabinet."""
        random, station = self.random, self.station
        station.plant.noise = True
        station.plant.unfed.slack_v = SLACK_V
        for name in CHANNELS[:8]:
            offset = 0.02 if name.endswith("_v") else 0.03
            station.errors[name] = (
                1.0 + random.choice((-0.01, 0.0, 0.01)), random.choice((-offset, 0.0, offset)),
            )  # fmt: skip

    def say(self, text: str) -> None:
        self.story.append(f"{self.station.now:.1f} {text}")
        del self.story[:-40]

    def _fail(self, text: str) -> None:
        story = "\n  ".join(self.story)
        raise Violation(f"seed {self.seed}, step {self.steps}: {text}\n  {story}")

    def _hint(self) -> None:
        """What the owner tells the simulated plant after each step, and what moves by itself."""
        self._move_on()
        station = self.station
        state, plant = station.state, station.plant
        plant.unfed.hear(state.may_discharge, state.lvd.is_open)
        single = state.setpoints.single_source
        if plant.single_source is not single:
            plant.single_source = single
            plant.touch()

    def _step(self) -> None:
        station, random = self.station, self.random
        self.steps += 1
        commands: list[Command] = []
        if not self.stories.is_on and random.random() < self._story_every:
            self.stories.begin()
        self.stories.tell()
        dice = random.random() / self._rate
        if dice < 0.012:
            commands.append(self._command())
        elif dice < 0.021:
            self._plant_event()
        elif dice < 0.0245:
            self._sensor_event()
        elif dice < 0.0255:
            self.lie_on_a_line()
        elif dice < 0.0305:
            self.heal()
        elif dice < 0.0313:
            self.crash(random.choice((0.3, 1.0, 5.0, 30.0, 600.0, 20000.0)))
        elif dice < 0.0323:
            self.hang()
        elif dice < 0.033:
            station.wall += random.choice((-86400.0, 3600.0, -1.7e9, 1e7))
            self.say("wall clock jumps")
        elif dice < 0.0355:
            station.dt = random.choice((0.1, 1.0, 1.0))
        elif dice < 0.0365:
            self.press(random.choice(("pb1", "pb2")), random.choice((3.0, 14.0, 16.5, 30.0)))
        elif dice < 0.042:
            self._aim()
        if random.random() < 0.05:
            self.rules.check_blindness(CHANNELS)
            self.rules.check_edge()
        self.rules.before(tuple(commands))
        station.tick(*commands)
        self.rules.after()
        if station.wants_restart:
            self.crash(2.0)

    def _move_on(self) -> None:
        """Ramps and buttons go on by themselves. (A ramp moves between two scans, not at one.)"""
        station, plant = self.station, self.station.plant
        if self._ramp:
            volts = plant.supply.volts + self._ramp * plant.blocks
            low, high = 10.0 * plant.blocks, 14.4 * plant.blocks
            plant.supply.volts = min(max(volts, low), high)
            if plant.supply.volts in (low, high):
                self._ramp = 0.0
            plant.touch()
        station.pb1 = self._pressed_until["pb1"] > station.now
        station.pb2 = self._pressed_until["pb2"] > station.now

    def press(self, button: str, seconds: float) -> None:
        self._pressed_until[button] = self.station.now + seconds
        self.say(f"{button} held for {seconds:g} s")

    def _command(self) -> Command:
        random = self.random
        relay = random.choice(("relay.k1", "relay.k2", "relay.k3"))
        command: Command = random.choice(
            (
                StartTest(random.choice(("1", "2", None)), random.choice((0.0, 0.0, 0.1)), "chaos"),
                StartTest("1", 0.0, "chaos"),
                StartTest("2", 0.0, "chaos"),
                StopTest("chaos"),
                AckAlarm(relay, "chaos"),
                CapacityCheck(random.random() < 0.5, "chaos"),
                ResetData(random.random() < 0.5, "chaos"),
                RunSelfTest("chaos"),
                NextTestIn(random.choice((0.0, 1.0)), "chaos"),
                RestartUnit("chaos"),
                self._setting(),
                self._setting(),
                self._setting(),
            )
        )
        self.say(f"command {command}")
        return command

    def _setting(self) -> ChangeSettings:
        random, blocks = self.random, self.station.settings.blocks
        self.station.disk_s = random.choice((0.0, 0.0, 0.5, 8.0, 45.0))
        key, value = random.choice(
            (
                ("ups.enabled", random.random() < 0.5),
                ("ups.enabled", random.random() < 0.5),
                ("lvd.enabled", random.random() < 0.7),
                ("lvd.enabled", random.random() < 0.7),
                ("test.enabled", random.random() < 0.7),
                ("test.interval_h", random.choice((0, 1, 24))),
                ("test.type", random.choice((1, 2))),
                ("test.type2_min", random.choice((1, 20, 120))),
                ("test.type2_minimum_mv", blocks * random.choice((10500, 11800, 12500))),
                ("test.minimum_runtime_min", random.choice((0, 30, 240))),
                ("io1.config", random.choice((0, 1, 2, 3, 4))),
                ("battery.rated_ah", random.choice((None, 7.0, 40.0))),
                ("system.voltage", random.choice((12, 24, 36, 48))),
                ("system.single_source", random.random() < 0.3),
            )
        )
        return ChangeSettings({key: value}, "chaos")

    def put(self, **keys: object) -> None:
        raw = {key.replace("__", "."): value for key, value in keys.items()}
        set_keys(self.station.plant, raw)
        self.say(f"plant {raw}")

    def _plant_event(self) -> None:
        random, plant = self.random, self.station.plant
        blocks = plant.blocks
        what = random.choice(
            ("supply", "supply", "supply", "volts", "ramp", "ohms", "limit", "charger", "load",
             "load", "inrush", "relay", "fuse", "soc", "soc", "heat", "blocks")
        )  # fmt: skip
        if what == "supply":
            self.put(supply__on=int(not plant.supply.on))
        elif what == "volts":
            volts = blocks * random.choice((13.6, 13.6, 12.5, 11.2, 10.7, 14.2))
            self.put(supply__volts=volts)
        elif what == "ramp":
            self._ramp = random.choice((-0.5, -0.05, -0.005, 0.005, 0.05))
            self.say(f"the supply moves by {self._ramp:g} V a block and step")
        elif what == "ohms":
            self.put(supply__ohms=random.choice((0.0, 0.1, 0.3, 0.8, 2.0)) * blocks)
        elif what == "limit":
            self.put(supply__limit_a=random.choice(("none", 6.0, 3.0, 1.0)))
        elif what == "charger":
            self.put(charger__on=int(not plant.charger.on))
        elif what == "load":
            self.put(load__amps=random.choice((0.05, 0.5, 2.0, 5.0, 9.0)))
        elif what == "inrush":
            self.put(load__inrush=random.choice((1.0, 2.0, 4.0)))
        elif what == "relay":
            name = random.choice(("k1", "k2", "k3"))
            fault = random.choice(("off", "welded", "welded", "open", "chatter"))
            self.put(**{f"fault.relay.{name}": fault})
        elif what == "fuse":
            self.put(battery__fuse=int(random.random() < 0.6))
        elif what == "soc":
            self.put(battery__soc=random.choice((1.0, 1.0, 0.6, 0.2, 0.1, 0.02)))
        elif what == "blocks":
            block = random.randint(1, blocks)
            self.put(**{f"battery.block{block}.soh": random.choice((1.0, 0.5))})
        else:
            self.put(temperature__c=random.choice((25.0, 25.0, 44.0, 50.0, 65.0, -5.0)))

    def _sensor_event(self) -> None:
        """One channel dies, or one lies; dead ones add up, liars take each other's place."""
        random = self.random
        if random.random() < 0.3:
            self.kill_sensor()
            return
        if random.random() < 0.1:
            self.kill_chip()
            return
        self.lie_on_a_reading()

    def lie_on_a_reading(self, points: Sequence[str] = POINTS) -> None:
        self.make_honest()
        point = self.random.choice(points)
        self.put(**{f"fault.reading.{point}": self._lie(point)})

    def _lie(self, point: str) -> str:
        if point.endswith(".voltage") and self.random.random() < 0.4:
            kind, sign, number = re.fullmatch(
                r"(drift:)?([+-]?)(.*)", self.random.choice(BANK_LIES)
            ).groups("")  # type: ignore[union-attr]
            return f"{kind}{sign}{float(number) * self.station.plant.blocks:g}"
        return self.random.choice(LIES)

    def kill_sensor(self) -> None:
        """One channel has no good reading any more."""
        channel = self.random.choice(CHANNELS)
        self.station.lies[channel] = None
        if channel in CHIP_OF:
            self.station.chips_down.add(CHIP_OF[channel])
        self.say(f"sensor {channel} dead")

    def kill_chip(self) -> None:
        """A chip says that it is ill, and tells values all the same."""
        self.station.chips_down.add(self.random.choice(CHIPS))
        self.say(f"chips {sorted(self.station.chips_down)} complain")

    def lie_on_a_line(self) -> None:
        self.make_honest()
        line = self.random.choice(("guard", "batt_path"))
        self.put(**{f"fault.{line}": self.random.choice(("high", "low"))})

    def make_honest(self) -> None:
        """Whoever lied tells the truth again: one liar at a time, or there is no truth to find."""
        plant = self.station.plant
        plant.reading_faults.clear()
        plant.line_faults.clear()
        plant.touch()

    def heal(self) -> None:
        """Somebody mends the site."""
        station = self.station
        plant = station.plant
        station.lies.clear()
        station.chips_down.clear()
        self.make_honest()
        self._ramp = 0.0
        for name in ("k1", "k2", "k3"):
            plant.relay_faults[name] = "off"
        plant.has_fuse = True
        self.put(
            supply__on=1, supply__volts=13.6 * plant.blocks, supply__ohms=0, supply__limit_a="none",
            charger__on=1, battery__soh=1, battery__soc=1, temperature__c=25, load__amps=2,
            load__inrush=1,
        )  # fmt: skip
        self.say("healed")
        station.inbox.extend(AckAlarm(f"relay.{n}", "chaos") for n in ("k1", "k2", "k3"))

    def crash(self, away_s: float) -> None:
        """Killed; up to hours pass, in which the site does what it likes."""
        random, plant = self.random, self.station.plant
        self.rules.interrupted()
        self.say(f"crash, away for {away_s:g} s")
        if away_s >= 600.0 and random.random() < 0.7:
            self.move_behind_its_back()
        # killed before the last of it has reached the disk
        if random.random() < 0.2 and self.station.lose_last_write():
            self.rules.forgotten()
        self.station.crash(away_s)
        plant.touch()

    def move_behind_its_back(self) -> None:
        """Two things of the site are others when the daemon looks again."""
        random = self.random
        blocks = self.station.plant.blocks
        point = random.choice(POINTS)
        changes = {
            "supply.on": random.random() < 0.7,
            "charger.on": random.random() < 0.7,
            "battery.soc": random.choice((1.0, 0.6, 0.1)),
            "load.amps": random.choice((0.5, 2.0, 5.0)),
            "supply.ohms": random.choice((0.0, 0.3, 0.8)) * blocks,
            "battery.fuse": random.random() < 0.7,
            f"fault.relay.{random.choice(('k1', 'k2', 'k3'))}": random.choice(
                ("off", "welded", "open")
            ),
            f"fault.reading.{point}": self._lie(point),
        }
        for key in random.sample(sorted(changes), 2):
            value = changes[key]
            if key.startswith("fault.reading"):
                self.make_honest()
            self.put(**{key: int(value) if isinstance(value, bool) else value})

    def edit_settings(self) -> None:
        """Somebody changes the settings file while no daemon runs."""
        random = self.random
        changes = random.choice(
            (
                {"ups.enabled": False}, {"ups.enabled": True}, {"lvd.enabled": True},
                {"lvd.enabled": False}, {"ups.enabled": False, "lvd.enabled": True},
            )
        )  # fmt: skip
        self.station.settings = self.station.settings.with_changes(changes)
        self.say(f"settings are {changes} at the next start")

    def _aim(self) -> None:
        """What hurts most in the state that the station is in."""
        random, state, plant = self.random, self.station.state, self.station.plant
        dice = random.random()
        if state.lvd.is_open and dice < 0.6:
            # charged again behind the daemon's back
            self.put(battery__soc=1, charger__on=int(random.random() < 0.7))
            if random.random() < 0.5:
                self.hang(90)
            else:
                self.crash(random.choice((5.0, 90.0)))
        elif state.test.state.value == "running" and dice < 0.7:
            what = random.random()
            if what < 0.3:
                self.put(supply__on=0, charger__on=int(random.random() < 0.5))
            elif what < 0.6:
                relay = random.choice(("k1", "k2"))
                self.put(**{f"fault.relay.{relay}": "welded"})
                self.station.inbox.append(StopTest("chaos"))
            elif what < 0.8:
                self.put(battery__soc=random.choice((0.2, 0.1)))
            else:
                self.station.inbox.append(StopTest("chaos"))
        elif state.on_battery and dice < 0.6:
            what = random.random()
            if what < 0.5:
                self.put(battery__soc=random.choice((0.15, 0.08)))
            elif what < 0.8:
                self.put(supply__on=1, charger__on=1)
            else:
                self.hang(3)
        elif dice < 0.4:
            self.put(supply__on=0, charger__on=int(random.random() < 0.3))
        elif dice < 0.7:
            self.put(supply__on=1, supply__volts=13.6 * plant.blocks, charger__on=1)
        else:
            self.station.inbox.append(StartTest("2", 0.0, "chaos"))

    def hang(self, seconds: int | None = None) -> None:
        """The loop hangs; after 2 s the hardware has let go, and the loop closes what was on."""
        seconds = seconds or self.random.choice((1, 3, 20))
        self.say(f"hang for {seconds} s")
        self.rules.interrupted()
        for _ in range(seconds):
            self.station.pass_time(1.0)
        if seconds > 2:
            self.station.wake_up()
