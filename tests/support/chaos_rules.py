"""The rules that never break, whatever the site does: the judge of the chaos runs.

Each rule looks at the plant's truth (contacts, flows, the battery's own volts) and asks whether
the station did what it promises, in the time that it promises. What a lying sensor may spoil is
written where the rule is.
"""

from __future__ import annotations

from collections.abc import Callable

from chaos_alarms import AlarmRules
from station import Station

from btrmd.core.step import step
from btrmd.hal.sim.guard import RELEASE_S, TRIP_S
from btrmd.model.board import Inputs
from btrmd.model.commands import Command
from btrmd.model.discharge import TestState
from btrmd.model.events import Kind
from btrmd.model.readings import GOOD, Measurement

LONGEST_TEST_S = 999 * 60.0 + 120.0
HOUR_S = 3600.0
MOST_K1_MOVES = 60  # an hour: tests of a minute, and tries with a growing wait
MOST_PAIRS = 6  # of raise and clear of one key, an hour
MOST_AFTER_RESTART = 20  # events more for each start within the hour
MOST_EVENTS = 120  # an hour, all keys together, without what commands tell
# per block, for so many scans of a test: battery and load are told so much otherwise against each
# other than in its first minute
APART_V, APART_STEPS = 0.2, 60
HAT_W = 4.0


class Violation(AssertionError):  # noqa: N818  (a rule was broken, not the code)
    """A rule was broken; the text names seed, step and what was done last."""


class Rules:
    """Asked before and after every step."""

    def __init__(self, station: Station, fail: Callable[[str], None]) -> None:
        self.station = station
        self.fail = fail
        self.alarms = AlarmRules(station, fail)
        self.ended: dict[str, int] = {}
        self._held: dict[str, float] = {}  # rule -> s for which its condition has held
        self._dropped = 0.0
        self._looked_at = station.plant.plant_s
        self._no_witness = False
        self._lvd_opened_on: frozenset[str] | None = None  # the witnesses that were untrue then
        self._honest_s = 0.0  # every sensor and line has told the truth
        self._alive_s = 0.0  # since the last start or hang
        self._seen: set[int] = set()
        self._lied_in_test = False  # the volts, when a test was last running
        self._apart = (-1, 0.0, 0)  # number of a test, V apart at first, scans far from that
        self._events = 0
        self._reported: list[tuple[float, str, Kind, bool]] = []
        self._opened: list[float] = []
        self._shape: tuple[object, object] = (None, None)
        self._busy = self._due = self._was_on = False
        self._coils = (False, False, False)  # before this step
        self._hangs = False  # the load hung on the battery before this step
        self._k1_moves: list[float] = []
        self._owes_k1 = False  # a test's load was left on the battery by a supply that died

    # --- around a step -------------------------------------------------------------------------

    def interrupted(self) -> None:
        """The daemon dies or hangs: delays begin anew."""
        self._alive_s = 0.0
        self._held.clear()
        self._shape = (None, None)
        self.alarms.interrupted()

    def forgotten(self) -> None:
        """What was decided last did not outlive the end of the daemon."""
        self._owes_k1 = False

    def before(self, commands: tuple[Command, ...]) -> None:
        station = self.station
        settings = station.settings
        self._shape = (settings["system.voltage"], settings["system.single_source"])
        self._busy = station.state.test.is_on or station.state.on_battery
        self._due = station.state.restart_at is not None
        self._was_on = station.state.test.is_on
        self._coils = station.state.outputs[:3]
        plant = station.plant
        self._hangs = plant.circuit.path_a > 0.0 and plant.taken_a > 0.3

    def after(self) -> None:
        station, plant = self.station, self.station.plant
        lies = bool(station.lies or plant.reading_faults or plant.line_faults)
        lies = lies or not plant.sense().powered  # a unit without power tells nothing
        self._honest_s = 0.0 if lies or station.chips_down else self._honest_s + station.dt
        self._alive_s += station.dt
        self._check_drop()
        self._check_contacts()
        self._check_discharge()
        self._check_on_battery()
        self._check_return()
        self._check_carried(self._check_coils())
        self.alarms.look(self._honest_s, self._alive_s)
        self._check_settings()
        self._check_log()
        self._check_records()

    def _for(self, rule: str, holds: bool, seconds: float) -> bool:
        """`holds` has been so for `seconds` without a break."""
        if not holds:
            self._held.pop(rule, None)
            return False
        self._held[rule] = self._held.get(rule, 0.0) + self.station.dt
        return self._held[rule] > seconds

    @property
    def _is_honest(self) -> bool:
        return self._honest_s > 20.0 and self._alive_s > 20.0

    @property
    def _is_of_this_bank(self) -> bool:
        """`system.voltage` is that of the plant."""
        return self.station.settings.blocks == self.station.plant.blocks

    # --- the rules -----------------------------------------------------------------------------

    def check_blindness(self, channels: tuple[str, ...]) -> None:
        """No decision on a bad reading: what is not good may read anything."""
        station = self.station
        inputs = station.read()
        blind = {
            name: getattr(inputs, name)
            for name in channels
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
            self.fail(f"a decision was taken on a bad reading of {', '.join(blind)}")

    def check_edge(self) -> None:
        """What a guard's edge may do between two steps is what the next step would have done."""
        station = self.station
        state = station.state
        if not state.k1_on_guard or station.inputs.guard is not False:
            return
        if state.setpoints.settings is not station.settings:
            return  # the next step is the first to know of a change
        inputs = station.read()._replace(guard=True)
        made, _ = step(state, inputs, station.settings, (), station.now)
        known = made.plausible.believed(inputs)
        if not known.supply_v.good or known.guard is not True:
            return  # what was armed on is no longer believed
        if state.transfer.carried and not made.transfer.carried:
            return  # the supply is there since this very step: K1 is on for one step at most
        if made.bank_fit.is_wrong and not state.bank_fit.is_wrong:
            return  # a setting that is known to be wrong since this very step: the same
        if made.relays.k1.is_suspected and not state.relays.k1.is_suspected:
            return  # K1 is seen to chatter since this very step: the same
        if not made.outputs.k1:
            self.fail("a guard's edge energises K1, and the core would not")

    def _check_drop(self) -> None:
        """The load is never dropped. The plant excuses an open LVD only where it is justified."""
        plant = self.station.plant
        dropped, lost = plant.dropped_s, plant.dropped_s - self._dropped
        passed, self._looked_at = plant.plant_s - self._looked_at, plant.plant_s
        allowed = 0.0005
        if plant.relay_faults.get("k1", "off") != "off":
            # An empty battery on a K1 that does not let go: each time the guard comes, it takes
            # its own time, and it stays for 10 s at least. Hours may pass in a crash.
            allowed += TRIP_S * passed / RELEASE_S
        # before a hang it may have been so, and after it K3 is not driven any more
        before, self._no_witness = self._no_witness, self._lvd_has_no_witness()
        if lost > allowed and not (before or self._no_witness):
            self.fail(f"the load was dropped for {lost:.3f} s")
        self._dropped = dropped

    def _lvd_has_no_witness(self) -> bool:
        """The LVD is open, and nobody tells it the truth: both of its witnesses (the battery, and
        the load or a charger that delivers) are untrue since it opened; or it opened by right, the
        load is dark, and the battery's reading, the only one that is left, is untrue since, and no
        charger has told by true volts and currents that it is full."""
        station = self.station
        witnesses = ["battery", "load"]
        if station.plant.sense().charger_a > 0.05:
            witnesses.append("charger")
        untrue = {
            name
            for name in witnesses
            if f"{name}.voltage" in station.plant.reading_faults or f"{name}_v" in station.lies
        }
        if not station.state.lvd.is_open:
            self._lvd_opened_on = None
            return False
        if self._lvd_opened_on is None:
            self._lvd_opened_on = frozenset(untrue)
        if not station.state.lvd.is_driven:
            return False
        lied = self._lvd_opened_on
        if "battery" in lied and len(lied) >= 2:
            return True
        sense, blocks = station.plant.sense(), station.plant.blocks
        truth = ("charger.voltage", "charger.current", "battery.current", "supply.current",
                 "load.current")  # fmt: skip
        tells = (
            sense.charger_a > 0.6 and sense.charger_v > 12.9 * blocks and self._is_of_this_bank
            and station.plant.has_fuse and station.plant.load_bypass == 0.0
            and not any(key in station.plant.reading_faults for key in truth)
            and not station.lies.keys() - {"battery_v"}
        )  # fmt: skip
        if self._for("charger tells", tells, 80.0):
            return False
        return not lied - {"charger"} and "battery" in untrue

    def _check_contacts(self) -> None:
        """The charger is off the battery in a test only, by its contact and not by the wish."""
        station = self.station
        state, plant = station.state, station.plant
        outputs, relays = state.outputs, plant.relays
        if outputs.k2 and not state.test.is_on:
            self.fail("the charger is opened outside a test")
        if outputs.k3 and state.test.is_on:
            self.fail("the battery path is opened in a test")
        faults = plant.relay_faults
        open_ = relays.k2_open and not outputs.k2 and faults.get("k2", "off") == "off"
        if self._for("k2 contact", open_, 3.0):
            self.fail("the charger's contact is open outside a test")

    def _check_coils(self) -> bool:
        """The coils move when they may, and not too often. True: the supply is surely dead."""
        station = self.station
        state, plant, now = station.state, station.plant, station.now
        circuit, outputs, blocks = plant.circuit, state.outputs, plant.blocks
        fault = plant.relay_faults.get
        if self._for("k2 back", outputs.k2 and state.test.state.value == "returning", 1.5):
            self.fail("the charger is open though the test is over")
        takes = plant.taken_a > 0.3
        dead = circuit.supply_v < 11.2 * blocks and circuit.supply_load == 0.0
        gone = self._for("dead supply", dead and self._is_honest, 3.5)
        k1_off = self._coils[0] and not outputs.k1 and self._alive_s > 20.0
        just_gone = self._for("just dead", dead and self._is_honest, 2.4)
        k1_off = k1_off and self._is_of_this_bank  # else the guard alone decides
        if just_gone and k1_off and not state.lvd.is_open and plant.has_fuse:
            self.fail("K1 lets the load go to a supply that is dead")
        pulled = outputs.k3 and not self._coils[2] and not state.lvd.is_driven
        # on a joined source a K1 that does not let go cannot be told from one that does
        blind = state.setpoints.single_source
        if pulled and self._hangs and self._honest_s > 20.0 and not blind:
            self.fail("K3 is pulled while the battery feeds the load")
        late = (
            gone
            and self._is_of_this_bank  # else the guard alone decides
            and state.setpoints.ups_enabled
            and not (outputs.k1 or outputs.k3)
            and takes
            and circuit.path_a > 0.0
            and fault("k1", "off") == "off"
            and not state.relays.k1.faulty
            and not state.lvd.is_open
        )
        if self._for("late transfer", late, 10.0):
            self.fail("UPS mode leaves the load to the guard")
        if outputs.k1 is not self._coils[0]:
            self._k1_moves = [at for at in self._k1_moves if now - at < HOUR_S] + [now]
            most = MOST_K1_MOVES + 6 * self._restarts_within(now)
            if len(self._k1_moves) > most:
                self.fail(f"K1 has moved {len(self._k1_moves)} times within an hour")
        volts = circuit.battery_v / blocks
        # one that its fuse parts from load and charger feeds nobody, and nobody vouches for it
        good = state.lvd.is_open and volts > 12.8 and self._is_honest and plant.has_fuse
        if self._for("lvd stays", good, 75.0):
            self.fail(f"LVD stays open at {volts:.2f} V a block")
        return gone

    def _check_carried(self, gone: bool) -> None:
        """A test whose supply died leaves K1 on until there is a supply, over crashes too, whatever
        UPS mode says."""
        station = self.station
        state, plant = station.state, station.plant
        if self._was_on and not state.test.is_on and state.outputs.k1:
            self._owes_k1 = not plant.supply.on
        if plant.supply.on or state.lvd.is_open or not plant.has_fuse or state.test.is_on:
            self._owes_k1 = False
        if not self._is_of_this_bank:  # the guard alone decides
            self._owes_k1 = False
        faulty = plant.relay_faults.get("k1", "off") != "off" or state.relays.k1.faulty
        fed = plant.taken_a > 0.3 and plant.circuit.path_a > 0.0
        left = self._owes_k1 and gone and fed and not (state.outputs.k1 or faulty)
        if self._for("carried", left, 10.0):
            self.fail("an outage that began in a test is no longer carried")

    def _check_discharge(self) -> None:
        """Nothing discharges below its limit."""
        station = self.station
        state, plant = station.state, station.plant
        sense = plant.sense()
        volts = plant.circuit.battery_v / plant.blocks
        test = state.test
        limit = 10.4 - (0.2 if station.errors else 0.0)
        if test.state.value == "running" and station.now - test.progress.t0 > 620.0:
            own = test.record is not None and test.record.type == "2"
            limit = (
                float(str(station.settings["test.type2_minimum_mv"])) / 1000.0 / plant.blocks
                if own
                else 11.0
            ) - (0.25 if station.errors else 0.05)
        lies = set(plant.reading_faults)
        doubted = test.state.value == "running" and state.plausible.is_doubtful
        if self._for("doubted", doubted, 3.0):
            self.fail("a test goes on though two readings contradict each other")
        # one of the two witnesses may lie: then the test ends for that
        low = test.state.value == "running" and volts < limit and self._alive_s > 20.0
        if not self._is_honest:
            low = low and volts < limit - 0.6
        if self._for("test too low", low, 12.0):
            self.fail(f"a test goes on at {volts:.2f} V a block")
        feeds = -sense.battery_a > 0.5 + HAT_W / max(sense.battery_v, 9.0) and not test.is_on
        # with one of the two witnesses drifting it cannot be told who lies: then the load stays fed
        blind = {"battery_v", "load_v"} & set(station.lies) or lies & {
            "battery.voltage", "load.voltage",
        }  # fmt: skip
        late = (
            self._alive_s > 20.0
            and not blind
            and feeds
            and volts < 10.45 - (0.2 if station.errors else 0.0)
            and station.settings["lvd.enabled"] is True
            and self._is_of_this_bank  # else its level is that of another
            and not plant.supply.on
            and plant.relay_faults.get("k3", "off") == "off"
            and self._currents_known()
        )
        if self._for("lvd late", late, 20.0):
            self.fail(f"LVD lets the battery go down to {volts:.2f} V a block")

    def _currents_known(self) -> bool:
        """Enough currents are read and true to tell who feeds the load."""
        station = self.station
        lies = any(point.endswith(".current") for point in station.plant.reading_faults)
        dead = [name for name in station.lies if name.endswith("_a") or name == "supply_v"]
        return not lies and not dead

    def _check_on_battery(self) -> None:
        """ups.on_battery is what the battery does, whoever moved the load there."""
        station = self.station
        state, plant = station.state, station.plant
        sense = plant.sense()
        hat = HAT_W / max(sense.battery_v, 9.0)
        gives = plant.circuit.path_a > 0.0 and -sense.battery_a > hat + 0.6
        silent = gives and not state.test.is_on and not state.on_battery
        if self._for("silent discharge", silent and self._is_honest, 8.0):
            self.fail(f"the battery gives {-sense.battery_a:.1f} A, and ups.on_battery is false")
        unwritten = state.on_battery and state.outage.record is None
        if self._for("no record", unwritten, 1.5):
            self.fail("on battery, and no outage is being recorded")
        idle = plant.circuit.path_a == 0.0 and plant.circuit.supply_load > 0.0
        claims = state.on_battery and idle and not state.outputs.k1 and not state.test.is_on
        if self._for("false on battery", claims and self._is_honest, 20.0):
            self.fail("ups.on_battery though the supply feeds the load and K1 is off")

    def _check_return(self) -> None:
        """A healthy supply gets its load back within the longest wait."""
        station = self.station
        plant, state = station.plant, station.state
        sense = plant.sense()
        healthy_supply = (
            plant.supply.on
            and plant.supply.volts > 12.0 * plant.blocks
            and plant.supply.ohms == 0.0
            and plant.supply.limit_a > 20.0
            and plant.relay_faults.get("k1", "off") == "off"
            and "relay.k1" not in state.alarms.raised
        )
        healthy = healthy_supply and self._is_honest and not state.test.is_on and state.outputs.k1
        if self._for("left on battery", healthy, 620.0):
            self.fail("the load is left on the battery though the supply is well")
        # a supply that reads low, and is not, is found out by what it feeds
        fault = plant.reading_faults.get("supply.voltage")
        lies_low = fault is not None and len(plant.reading_faults) == 1 and not station.lies
        if fault is not None and lies_low:
            lies_low = fault.lie.kind not in ("noise", "hold", "drift")
            lies_low = lies_low and fault.tell(sense.supply_v, plant.plant_s) < 11.0 * plant.blocks
        held = healthy_supply and lies_low and state.outputs.k1 and not state.test.is_on
        held = held and plant.taken_a > 1.0  # less may as well be what the unit itself takes
        # beside a charger that carries load and battery it gives nothing that could tell
        held = held and sense.supply_a > 0.5
        # a joined source that reads as much as the load it feeds, but for what sensors differ by,
        # reads as one at its limit does: that one would fail the load
        read = station.inputs
        lower = read.load_v.value - read.supply_v.value > 0.38 * plant.blocks
        held = held and (lower or not state.setpoints.single_source)
        if self._for("held by a lie", held and self._alive_s > 20.0, 60.0):
            self.fail("the load is held on the battery by a supply reading that lies")

    def _check_settings(self) -> None:
        """The plant's shape never changes in a test or on battery."""
        settings = self.station.settings
        shape = (settings["system.voltage"], settings["system.single_source"])
        if self._shape[0] is not None and shape != self._shape and self._busy:
            self.fail(f"the plant's shape changed from {self._shape} to {shape} in use")
        state = self.station.state
        if self._due and state.test.is_on and not self._was_on:
            self.fail("a test began though a restart was due")

    def _check_log(self) -> None:
        """No flood: the same pair at most six times an hour, and not too much altogether."""
        station = self.station
        fresh = station.events[self._events :]
        self._events = len(station.events)
        if not fresh:
            return
        now = station.now
        self._reported = [reported for reported in self._reported if now - reported[0] < HOUR_S]
        is_due = False
        for event in fresh:
            is_due = is_due or event.key == "system.restart"
            if is_due and event.key == "test.state" and "started" in event.text:
                self.fail("a test began though a restart was due")
            if event.kind is Kind.COMMAND or event.key in ("test.state", "test.result"):
                continue
            is_plain = event.kind is Kind.RAISE and "chattering" not in event.text
            self._reported.append((now, event.key, event.kind, is_plain))
        counts: dict[tuple[str, Kind], int] = {}
        plain: dict[str, int] = {}
        for _, key, kind, is_plain in self._reported:
            counts[key, kind] = counts.get((key, kind), 0) + 1
            plain[key] = plain.get(key, 0) + is_plain
        restarts = self._restarts_within(now)
        # Six a key; then one that tells of chattering for every ten minutes without any. A restart
        # forgets what it has counted.
        for key, count in plain.items():
            if count > MOST_PAIRS * (1 + restarts):
                self.fail(f"{key} was raised {count} times within an hour")
        for (key, kind), count in counts.items():
            if kind is not Kind.CHANGE and count > 2 * MOST_PAIRS * (1 + restarts) + 1:
                self.fail(f"{key}: {count} times {kind.value} within an hour")
        if len(self._reported) > MOST_EVENTS + MOST_AFTER_RESTART * restarts:
            self.fail(f"{len(self._reported)} events within an hour")

    def _restarts_within(self, now: float) -> int:
        return sum(now - at < HOUR_S for at in self.station.starts)

    def _check_records(self) -> None:
        """Every test ends in a result, and in time; outages do not fill the list."""
        station = self.station
        state = station.state
        if state.test.state is TestState.RUNNING:
            self._lied_in_test = self._volts_lie()
            self._watch_the_drop()
        current = {
            record.n for record in (state.test.record, state.outage.record) if record is not None
        }
        for n, record in station.records.items():
            if record.state == "finished":
                if n in self._seen:
                    continue
                self._seen.add(n)
                self._check_finished(n)
            elif n not in current:
                self.fail(f"record {n} is {record.state} but nobody works on it")
        test = state.test
        if test.is_on and station.now - test.since > LONGEST_TEST_S:
            self.fail(f"test goes on for ever in {test.state.value}")

    def _check_finished(self, n: int) -> None:
        station = self.station
        record = station.records[n]
        judged = record.minimum_runtime_s or record.type == "2"
        if record.type != "outage" and record.result == "none" and judged:
            self.fail(f"test {n} ended without a result: {record}")
        if not record.reason:
            self.fail(f"test {n} ended without a reason")
        # what lies only since the load is on its way back has no part in the result
        is_outage = record.type == "outage"
        lied = self._volts_lie() and (is_outage or self._lied_in_test)
        if record.result in ("good", "low") and lied:
            self.fail(f"test {n} is {record.result} by a voltage that lies")
        if (
            record.result in ("good", "low")
            and n == self._apart[0]
            and self._apart[2] > APART_STEPS
        ):
            self.fail(f"test {n} is {record.result} by volts that have moved apart in it")
        if is_outage:
            now = station.now
            self._opened = [at for at in self._opened if now - at < HOUR_S] + [now]
            if len(self._opened) > 2 * MOST_PAIRS * (1 + self._restarts_within(now)):
                self.fail(f"{len(self._opened)} outages were recorded within an hour")
        word = f"{record.type} {record.result}"
        self.ended[word] = self.ended.get(word, 0) + 1

    def _watch_the_drop(self) -> None:
        """How long battery and load have been told otherwise against each other than at first."""
        station = self.station
        test, plant, blocks = station.state.test, station.plant, station.plant.blocks
        assert test.record is not None
        apart = 0.0
        for point, sign in (("battery.voltage", 1.0), ("load.voltage", -1.0)):
            fault = plant.reading_faults.get(point)
            if fault is not None and fault.lie.kind != "noise":
                true = getattr(plant.sense(), f"{point.split('.')[0]}_v")
                apart += sign * (fault.tell(true, plant.plant_s) - true)
        n, first, steps = self._apart
        if n != test.record.n or station.now - test.progress.t0 < 60.0:
            self._apart = (test.record.n, apart, 0)
        elif abs(apart - first) > APART_V * blocks:
            self._apart = (n, first, steps + 1)

    def _volts_lie(self) -> bool:
        """The battery's or the load's volts have been far off for 10 s."""
        plant = self.station.plant
        for point in ("battery.voltage", "load.voltage"):
            fault = plant.reading_faults.get(point)
            if fault is None or fault.lie.kind in ("noise", "hold", "drift"):
                continue
            true = getattr(plant.sense(), f"{point.split('.')[0]}_v")
            far = abs(fault.tell(true, plant.plant_s) - true) > 1.0 * plant.blocks
            if far and plant.plant_s - fault.since > 10.0:
                return True
        return False
