"""Stories: what the dice alone would take days to bring about, begun on purpose and spoilt.

A story puts the site in order, brings the station into a state (a test, an outage, an open LVD) and
then does to it what hurts most there. The dice go on meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from btrmd.model.commands import ChangeSettings, NextTestIn, RestartUnit, StartTest, StopTest

if TYPE_CHECKING:
    from chaos import Chaos

READINGS = (
    "battery.voltage", "load.voltage", "charger.voltage", "supply.voltage", "battery.current",
    "load.current", "charger.current", "supply.current",
)  # fmt: skip


NAMES = (
    "test", "lvd", "outage", "restart", "shape", "limits", "lie", "path", "doubt", "remembered",
    "misfit", "deceived", "mended",
)  # fmt: skip


class Stories:
    """`tell` is called once a step; `is_on` while a story goes on. `favoured`: tell no other."""

    def __init__(self, chaos: Chaos, favoured: str = "") -> None:
        self.chaos = chaos
        self.favoured = favoured
        self.random: Random = chaos.random
        self.told: Counter[str] = Counter()  # how often each was begun
        self._due: list[tuple[float, Callable[[], None]]] = []

    @property
    def is_on(self) -> bool:
        return bool(self._due)

    def tell(self) -> None:
        """Do what is due now."""
        now = self.chaos.station.now
        while self._due and self._due[0][0] <= now:
            self._due.pop(0)[1]()

    def begin(self) -> None:
        """One story from its beginning."""
        story: Callable[[], None] = self.random.choice(
            (self._test, self._test, self._test, self._lvd, self._lvd, self._outage, self._outage,
             self._restart, self._shape, self._limits, self._lie, self._path,
             self._doubt, self._remembered, self._misfit)
        )  # fmt: skip
        if self.favoured:
            story = getattr(self, f"_{self.favoured}")
        self.told[story.__name__[1:]] += 1
        self.chaos.say(f"story {story.__name__[1:]}")
        self.chaos.heal()
        story()

    # --- parts ---------------------------------------------------------------------------------

    def _at(self, delay_s: float, what: Callable[[], None]) -> None:
        due = (self.chaos.station.now + delay_s, what)
        self._due.append(due)
        self._due.sort(key=lambda entry: entry[0])

    def _put(self, **keys: object) -> Callable[[], None]:
        return lambda: self.chaos.put(**keys)

    def _set(self, **changes: object) -> Callable[[], None]:
        raw = {key.replace("__", "."): value for key, value in changes.items()}
        return lambda: self._ask(ChangeSettings(raw, "chaos"))

    def _ask(self, command: object) -> None:
        self.chaos.say(f"command {command}")
        self.chaos.station.inbox.append(command)  # type: ignore[arg-type]

    def _weld(self) -> None:
        relay = self.random.choice(("k1", "k2", "k3"))
        kind = self.random.choice(("welded", "welded", "open", "chatter"))
        self.chaos.put(**{f"fault.relay.{relay}": kind})

    def _mean(self) -> None:
        """One reading lies."""
        self.chaos.lie_on_a_reading(READINGS)

    # --- the stories ---------------------------------------------------------------------------

    def _test(self) -> None:
        """A test that is spoilt, or comes to its end."""
        random, chaos = self.random, self.chaos
        plan = random.choice(("2", "2", "1"))
        self._at(1.0, self._set(ups__enabled=random.random() < 0.8))
        minutes = random.choice((1, 1, 5, 15))
        self._at(1.0, self._set(test__type2_min=minutes))
        load = random.choice((0.5, 2.0, 5.0))
        self._at(2.0, self._put(load__amps=load))
        self._at(30.0, lambda: self._ask(StartTest(plan, 0.0, "chaos")))
        begun = 64.0  # proving takes 33 s
        ending = random.random()
        if ending < 0.12:  # K2 does not come back from an otherwise good test
            self._at(begun + 45.0, self._put(fault__relay__k2="welded"))
            self._at(begun + 1000.0, chaos.heal)
            return
        if ending < 0.2:  # a part of the load is switched off, and the battery comes to its end
            self._at(begun + 100.0, self._put(load__amps=0.6 * load))
            end = random.choice((0.005, 0.02, 0.04))
            self._drain(begun + 605.0, end)
            self._at(begun + 1000.0, chaos.heal)
            return
        for _ in range(random.choice((0, 1, 1, 2))):
            self._at(begun + random.uniform(-30.0, 240.0), self._spoil())
        if random.random() < 0.3:
            self._at(begun + random.uniform(0.0, 400.0), lambda: self._ask(StopTest("chaos")))
        if random.random() < 0.4:
            low = random.choice((0.2, 0.1, 0.03, 0.01))
            self._drain(begun + 640.0, low)
        self._at(begun + random.choice((320.0, 1000.0)), chaos.heal)

    def _drain(self, delay_s: float, end: float) -> None:
        """Empty the battery that a test has down to the charge `end`, slowly enough to be no cell
        that fails."""
        station, steps = self.chaos.station, 40
        for n in range(steps):
            # as a part of the charge before it, so that the knee is not taken in one step
            charge = end ** ((n + 1) / steps)

            def lower(charge: float = charge) -> None:
                if station.state.test.k1 and station.plant.battery.charge.soc > charge:
                    self.chaos.put(battery__soc=charge)

            self._at(delay_s + 2.0 * n, lower)

    def _spoil(self) -> Callable[[], None]:
        random, chaos = self.random, self.chaos
        station = chaos.station

        def weld_and_stop() -> None:
            self._weld()
            self._ask(StopTest("chaos"))

        def change_slowly() -> None:
            station.disk_s = random.choice((2.0, 30.0))
            key, value = random.choice(
                (("system.voltage", 24), ("system.voltage", 12), ("system.single_source", True))
            )
            self._ask(ChangeSettings({key: value}, "chaos"))

        def drift() -> None:
            point = random.choice(("battery.voltage", "load.voltage"))
            volts = random.choice((-60, 60)) * station.plant.blocks
            chaos.make_honest()
            chaos.put(**{f"fault.reading.{point}": f"drift:{volts}"})

        def lose_and_die() -> None:
            chaos.put(supply__on=0, charger__on=0)
            self._at(15.0, lambda: chaos.crash(random.choice((1.0, 5.0, 90.0))))

        return random.choice(
            (
                self._put(supply__on=0, charger__on=0),
                self._put(supply__on=0),
                lose_and_die,
                self._weld,
                weld_and_stop,
                weld_and_stop,
                self._mean,
                self._mean,
                drift,
                lambda: chaos.crash(random.choice((1.0, 5.0, 90.0))),
                lambda: chaos.hang(random.choice((3, 20))),
                self._put(battery__soc=0.1),
                self._put(load__amps=12.5),
                self._put(temperature__c=65.0),
                self._put(battery__fuse=0),
                change_slowly,
                lambda: self._ask(RestartUnit("chaos")),
                chaos.kill_sensor,
            )
        )

    def _lvd(self) -> None:
        """An outage down to the LVD, and what comes after."""
        random, chaos = self.random, self.chaos
        self._at(1.0, self._set(lvd__enabled=True, ups__enabled=random.random() < 0.8))
        self._at(25.0, self._put(load__amps=random.choice((2.0, 5.0, 9.0)),
                                 battery__soc=random.choice((0.15, 0.08, 0.03))))  # fmt: skip
        self._at(40.0, self._put(supply__on=0, charger__on=0))
        if random.random() < 0.2:
            self._at(50.0, self._mean)
        after = 40.0 + random.choice((60.0, 200.0, 500.0))

        def charged(rest: Callable[[], None]) -> Callable[[], None]:
            def both() -> None:
                # full, or enough to carry the load and too little to close the LVD
                soc = random.choice((1, 1, 0.4))
                chaos.put(battery__soc=soc, charger__on=int(soc == 1 and random.random() < 0.7))
                rest()

            return both

        self._at(
            after,
            random.choice(
                (
                    charged(lambda: chaos.hang(random.choice((5, 90)))),
                    charged(lambda: chaos.hang(90)),
                    charged(lambda: chaos.crash(random.choice((1.0, 5.0, 90.0)))),
                    charged(lambda: chaos.crash(90.0)),
                    charged(lambda: None),
                    lambda: chaos.hang(random.choice((5, 90))),
                    lambda: chaos.crash(random.choice((1.0, 90.0))),
                    self._put(supply__on=1, charger__on=1),
                    self._mean,
                    lambda: chaos.crash(600.0),
                )
            ),
        )
        if random.random() < 0.5:
            self._at(after + random.uniform(5.0, 100.0), self._put(supply__on=1))
        self._at(after + 300.0, chaos.heal)

    def _doubt(self) -> None:
        """A witness of the LVD drifts away, in an outage or before one."""
        random, chaos = self.random, self.chaos
        self._at(1.0, self._set(lvd__enabled=True))
        soc = random.choice((1.0, 0.6, 0.1, 0.06, 0.04))  # nearly flat: a small lie decides
        self._at(2.0, self._put(load__amps=2.0, battery__soc=soc))
        gone = random.choice((25.0, 240.0))
        self._at(gone, self._put(supply__on=0, charger__on=0))
        if gone < 40.0 and random.random() < 0.5:  # or the supply's reading, and it comes back
            low = random.choice(("x0.78", "x0.8", "x0"))
            self._at(60.0, self._put(**{"fault.reading.supply.voltage": low}))
            self._at(90.0, self._put(supply__on=1))
        else:
            point = random.choice(("battery.voltage", "battery.voltage", "load.voltage"))
            rate = random.choice((-60, -12))  # V an hour and block
            drift = f"drift:{rate * chaos.station.plant.blocks}"
            self._at(40.0, self._put(**{f"fault.reading.{point}": drift}))
        self._at(320.0, chaos.heal)

    def _deceived(self) -> None:
        """A good battery in an outage while a sensor is dead, a reading lies and a relay may stick.
        Only where it is asked for: the others keep their seeds."""
        random, chaos = self.random, self.chaos
        self._at(1.0, self._set(lvd__enabled=True, ups__enabled=random.random() < 0.7))
        soc = random.choice((1.0, 1.0, 0.6, 0.3))
        self._at(2.0, self._put(load__amps=random.choice((0.5, 2.0, 5.0)), battery__soc=soc))
        begun = 30.0
        if random.random() < 0.5:
            self._at(10.0, lambda: self._ask(StartTest("2", 0.0, "chaos")))
            begun = random.uniform(60.0, 120.0)
            self._at(begun, lambda: self._ask(StopTest("chaos")))
        spoilt = [self._mean, random.choice((chaos.kill_sensor, chaos.kill_sensor, self._weld))]
        if random.random() < 0.5:
            spoilt.append(random.choice((self._weld, chaos.kill_chip, chaos.lie_on_a_line)))
        for what in spoilt:
            self._at(begun + random.uniform(0.0, 40.0), what)
        gone = begun + random.uniform(0.0, 60.0)
        charger = int(random.random() < 0.3)
        self._at(gone, self._put(supply__on=0, charger__on=charger))
        if random.random() < 0.3:
            self._at(gone + 20.0, random.choice((lambda: chaos.crash(5.0), lambda: chaos.hang(5))))
        if random.random() < 0.5:
            self._at(gone + 80.0, self._put(supply__on=1, charger__on=1))
        self._at(gone + 120.0, chaos.heal)
        self._at(gone + 360.0, lambda: None)  # an hour has room for so many events only

    def _mended(self) -> None:
        """A reading lies for a while, is well again, and then something else happens. Only where it
        is asked for: the others keep their seeds."""
        random, chaos = self.random, self.chaos
        self._at(1.0, self._set(lvd__enabled=random.random() < 0.7, test__type2_min=20))
        soc = random.choice((1.0, 1.0, 0.9, 0.1))
        self._at(2.0, self._put(load__amps=random.choice((0.5, 2.0, 5.0)), battery__soc=soc))
        begun, where = 20.0, random.choice(("float", "recharge", "outage", "test"))
        if where == "test":
            self._at(5.0, lambda: self._ask(StartTest("2", 0.0, "chaos")))
            begun = random.uniform(60.0, 400.0)
            if random.random() < 0.5:  # it ends with the little lie that has begun in it
                self._at(3.0, self._set(test__type2_min=random.choice((10, 20))))
                point = random.choice(("battery.voltage", "load.voltage"))
                blocks = chaos.station.plant.blocks
                little = random.choice(("hold", f"+{0.3 * blocks}", f"-{0.3 * blocks}"))
                self._at(begun + 60.0, self._put(**{f"fault.reading.{point}": little}))
                self._at(1300.0, chaos.heal)
                return
        elif where != "float":
            self._at(5.0, self._put(supply__on=0, charger__on=0))
            begun = random.uniform(60.0, 120.0)
        if where == "recharge":
            self._at(50.0, self._put(supply__on=1, charger__on=1))
        self._at(begun, self._mean)
        mended = begun + random.choice((1.0, 20.0, 120.0, 400.0))
        self._at(mended, chaos.make_honest)
        if random.random() < 0.3:
            self._at(mended + 5.0, lambda: chaos.crash(random.choice((5.0, 600.0))))
        then = mended + random.choice((10.0, 100.0, 400.0))
        what = (self._mean, self._mean, chaos.kill_sensor, self._weld, chaos.lie_on_a_line)
        self._at(then, random.choice(what))
        gone = then + random.uniform(-60.0, 60.0)
        self._at(gone, self._put(supply__on=0, charger__on=0))
        if random.random() < 0.5:
            self._at(gone + 100.0, self._put(supply__on=1, charger__on=1))
        self._at(max(gone, then) + 300.0, chaos.heal)
        self._at(max(gone, then) + 600.0, lambda: None)

    def _path(self) -> None:
        """UPS mode off keeps K3 energised, where the load does not hang on the battery."""
        random, chaos = self.random, self.chaos
        blocks = chaos.station.plant.blocks
        ups = {on: self._set(ups__enabled=on) for on in (False, True)}
        self._at(2.0, self._put(load__amps=random.choice((0.5, 2.0, 5.0))))
        way = random.choice(("wanted back", "no start", "welded", "weak"))
        if way == "wanted back":
            kind = random.choice(("welded", "welded", "open", "chatter"))
            self._at(1.0, ups[False])
            self._at(45.0, self._put(**{"fault.relay.k3": kind}))
            wanted = (ups[True], lambda: self._ask(StartTest("2", 0.0, "chaos")))
            self._at(50.0, random.choice(wanted))
        elif way == "no start":  # the supply is gone when the daemon comes up

            def lose_and_die() -> None:
                chaos.put(supply__on=0, charger__on=0)
                chaos.crash(random.choice((5.0, 90.0)))

            self._at(1.0, ups[False])
            self._at(45.0, lose_and_die)
        elif way == "welded":
            self._at(1.0, ups[False])
            self._at(30.0, lambda: self._ask(StartTest("1", 0.0, "chaos")))
            self._at(70.0, self._put(**{"fault.relay.k1": "welded"}))
            self._at(72.0, lambda: self._ask(StopTest("chaos")))
        else:
            self._at(1.0, ups[True])
            self._at(25.0, self._put(supply__ohms=0.8 * blocks, load__amps=5.0))
            self._at(40.0 + random.uniform(0.0, 10.0), ups[False])
        self._at(120.0, chaos.heal)
        self._at(121.0, ups[True])

    def _outage(self) -> None:
        """The supply goes, and comes back well or badly."""
        random, chaos = self.random, self.chaos

        def forbid_and_die() -> None:
            self._set(ups__enabled=False)()
            self._at(5.0, lambda: chaos.crash(random.choice((1.0, 5.0, 90.0))))

        self._at(1.0, self._set(ups__enabled=random.random() < 0.8))
        self._at(2.0, self._put(load__amps=random.choice((0.5, 2.0, 5.0))))
        self._at(30.0, self._put(supply__on=0, charger__on=0))
        if random.random() < 0.5:
            self._at(
                30.0 + random.uniform(0.0, 100.0),
                random.choice(
                    (
                        self._weld, self._weld, self._mean, chaos.kill_sensor,
                        self._set(ups__enabled=False),
                        forbid_and_die,
                        lambda: chaos.crash(random.choice((1.0, 5.0, 90.0))),
                        lambda: chaos.hang(random.choice((1, 3, 20))),
                        lambda: chaos.lie_on_a_line(),
                    )
                ),
            )  # fmt: skip
        back = 30.0 + random.choice((20.0, 120.0, 400.0))
        blocks = chaos.station.plant.blocks
        weak = random.choice(
            (
                {}, {}, {"supply.ohms": 0.8 * blocks}, {"supply.ohms": 0.3 * blocks},
                {"supply.limit_a": 3.0}, {"supply.limit_a": 1.0},
                {"supply.volts": 11.2 * blocks}, {"supply.volts": 11.7 * blocks},
            )
        )  # fmt: skip
        self._at(back, lambda: chaos.put(**{"supply.on": 1, "charger.on": 1, **weak}))
        if random.random() < 0.3:  # it flickers
            for n in range(1, 6):
                self._at(back + 15.0 * n, self._put(supply__on=n % 2))
        self._at(back + random.choice((100.0, 900.0)), chaos.heal)

    def _remembered(self) -> None:
        """A state is left by the daemon's end, and the site it finds again is another one."""
        random, chaos = self.random, self.chaos
        on, off = self._put(supply__on=1, charger__on=1), self._put(supply__on=0, charger__on=0)

        def start(plan: str) -> Callable[[], None]:
            return lambda: self._ask(StartTest(plan, 0.0, "chaos"))

        self._at(1.0, self._set(ups__enabled=random.random() < 0.7))
        self._at(1.0, self._set(lvd__enabled=random.random() < 0.7))
        self._at(2.0, self._put(load__amps=random.choice((0.5, 2.0, 5.0))))
        way = random.choice(
            ("proving", "running", "returning", "outage", "carried", "lvd", "nearly", "watching",
             "failed", "held", "latched", "doubt", "chatter", "quiet", "delayed")
        )  # fmt: skip
        end = 60.0
        if way in ("proving", "running", "returning", "carried", "failed"):
            self._at(30.0, start(random.choice(("1", "2"))))
            end = 30.0 + random.uniform(0.0, 36.0) if way == "proving" else random.uniform(70, 200)
        if way == "returning":
            self._at(end - random.uniform(0.0, 8.0), lambda: self._ask(StopTest("chaos")))
        elif way in ("outage", "watching"):
            self._at(30.0, off)
            end = 30.0 + random.uniform(1.0, 90.0)
            if way == "watching":  # it comes 10 s after the supply is back, and takes 5 s
                self._at(end - random.uniform(9.0, 17.0), on)
        elif way in ("carried", "failed"):
            self._at(end - random.uniform(1.0, 30.0), off)
        elif way in ("lvd", "nearly"):
            self._at(1.5, self._set(lvd__enabled=True))
            self._at(25.0, self._put(battery__soc=0.03, load__amps=5.0))
            self._at(30.0, off)
            end = random.uniform(38.0, 46.0) if way == "nearly" else random.uniform(50.0, 120.0)
        elif way == "held":
            for button in random.choice((("pb1",), ("pb2",), ("pb1", "pb2"))):
                self._at(30.0, lambda name=button: chaos.press(name, 16.5))  # type: ignore[misc]
            end = 30.0 + random.uniform(10.0, 19.0)
        elif way == "latched":
            self._at(30.0, start("2"))
            self._at(75.0, self._weld)
            self._at(76.0, lambda: self._ask(StopTest("chaos")))
            end = random.uniform(77.0, 120.0)
        elif way == "doubt":
            self._at(30.0, random.choice((off, on)))
            self._at(40.0, random.choice((self._mean, chaos.lie_on_a_line)))
        elif way == "chatter":
            for n in range(16):
                self._at(25.0 + 15.0 * n, self._put(supply__on=n % 2))
            end = random.uniform(150.0, 260.0)
        elif way == "delayed":
            self._at(30.0, lambda: self._ask(StartTest("2", 0.02, "chaos")))
            end = random.uniform(31.0, 102.0)

        def die() -> None:
            if random.random() < 0.8:
                chaos.move_behind_its_back()
            if random.random() < 0.3:
                chaos.edit_settings()
            chaos.crash(random.choice((0.3, 1.0, 3.0, 5.0, 30.0, 90.0, 600.0)))
            if random.random() < 0.3:  # and again, before what was found is settled
                self._at(random.uniform(0.0, 12.0), lambda: chaos.crash(random.choice((1.0, 5.0))))

        self._at(end, die)
        if random.random() < 0.5:
            self._at(end + random.uniform(5.0, 60.0), random.choice((on, off, start("2"))))
        self._at(end + random.choice((60.0, 300.0)), chaos.heal)

    def _misfit(self) -> None:
        """A settings file that names another bank is found at a start, and an outage follows."""
        random, chaos = self.random, self.chaos
        station = chaos.station
        blocks = station.plant.blocks

        def begin() -> None:
            others = [n for n in range(1, 5) if n != blocks]
            station.settings = station.settings.with_changes(
                {"system.voltage": 12 * random.choice(others), "system.single_source": False}
            )
            chaos.say(f"the settings say {station.settings['system.voltage']} V at the next start")
            chaos.crash(random.choice((1.0, 30.0)))

        def mend() -> None:
            station.settings = station.settings.with_changes({"system.voltage": 12 * blocks})
            chaos.crash(1.0)

        self._at(1.0, self._set(lvd__enabled=True, ups__enabled=True))
        self._at(2.0, self._put(load__amps=random.choice((2.0, 5.0))))
        self._at(20.0, begin)
        self._at(150.0, self._put(supply__on=0, charger__on=0))
        if random.random() < 0.4:
            self._at(170.0, lambda: chaos.crash(random.choice((1.0, 5.0, 90.0))))
        self._at(300.0, self._put(supply__on=1, charger__on=1))
        self._at(400.0, chaos.heal)
        self._at(430.0, mend)

    def _restart(self) -> None:
        """Something begins just before a restart."""
        random, chaos = self.random, self.chaos
        self._at(30.0, lambda: chaos.press("pb1", 16.5))
        if random.random() < 0.5:
            self._at(1.0, self._set(test__enabled=True, test__interval_h=24))
            self._at(35.0, lambda: self._ask(NextTestIn(0.0, "chaos")))
        at = random.choice((41.0, 46.0))  # the button takes effect after 15 s
        if random.random() < 0.4:
            at = 30.0
            self._at(at, lambda: self._ask(RestartUnit("chaos")))
        for n in range(8):
            self._at(at + n, lambda: self._ask(StartTest("2", 0.0, "chaos")))
        self._at(200.0, chaos.heal)

    def _shape(self) -> None:
        """A change of the plant's shape that lands when it may no longer."""
        random, station = self.random, self.chaos.station
        blocks = station.plant.blocks

        def change() -> None:
            station.disk_s = random.choice((0.0, 3.0, 40.0))
            key, value = random.choice(
                (("system.voltage", 12 * random.randint(1, 4)), ("system.voltage", 12 * blocks),
                 ("system.single_source", random.random() < 0.5))
            )  # fmt: skip
            self._ask(ChangeSettings({key: value}, "chaos"))

        self._at(25.0, change)
        self._at(26.0, random.choice(
            (lambda: self._ask(StartTest("2", 0.0, "chaos")), self._put(supply__on=0), lambda: None)
        ))  # fmt: skip
        self._at(120.0, self.chaos.heal)
        self._at(121.0, self._set(system__voltage=12 * blocks, system__single_source=False))

    def _limits(self) -> None:
        """One alarm's cause, and nothing else."""
        random, chaos = self.random, self.chaos
        site = chaos.station

        def flag(name: str, value: bool) -> Callable[[], None]:
            return lambda: setattr(site, name, value)

        self._at(25.0, random.choice(
            (
                self._put(load__amps=12.5), self._put(temperature__c=66.0),
                self._put(charger__on=0), self._put(wiring__load_bypass=0.5, load__amps=5.0),
                chaos.kill_chip, flag("storage_ok", False), flag("clock_ok", False),
                self._put(supply__ohms=1.0 * site.plant.blocks, load__amps=5.0),
            )
        ))  # fmt: skip
        for name in ("storage_ok", "clock_ok"):
            self._at(115.0, flag(name, True))
        self._at(115.0, self._put(wiring__load_bypass=0))
        self._at(120.0, chaos.heal)

    def _lie(self) -> None:
        """One reading or line lies at an otherwise quiet site, then the site moves."""
        random, chaos = self.random, self.chaos
        self._at(2.0, self._put(load__amps=random.choice((2.0, 5.0)),
                                battery__soc=random.choice((1.0, 0.6, 0.3))))  # fmt: skip
        if random.random() < 0.4:
            self._at(25.0, self._put(supply__on=0, charger__on=0))
        self._at(40.0, random.choice((self._mean, self._mean, self._mean, chaos.lie_on_a_line)))
        if random.random() < 0.6:
            on = int(random.random() < 0.5)
            self._at(100.0, self._put(supply__on=on, charger__on=on))
        self._at(260.0, chaos.heal)
