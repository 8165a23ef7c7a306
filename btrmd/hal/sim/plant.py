"""The simulated plant: the circuit of the HAT over plant time, exact to the microsecond.

`step(dt)` runs from event to event: relay contacts, guard, heartbeat cut-out, lock-outs, profile
changes, and the crossings of a load bus that only its capacitor holds. Between events the circuit
is solved once and the battery carried along analytically; a step in which nothing happens costs
one solution, or none for a second while the battery feeds nothing.
"""

from __future__ import annotations

from math import exp, log

from .bank import Bank, made_bank
from .battery import SimBattery
from .charger import OHMS as CHARGER_OHMS
from .charger import Charger
from .circuit import Circuit
from .guard import SimGuard
from .load import SimLoad
from .lockout import Lockout
from .outlook import RunTime
from .reading_fault import ReadingFault
from .relays import Relays
from .replay import Replay, ReplayRecord
from .sense import Noise, Sense, measure
from .source import OHMS as SUPPLY_OHMS
from .source import Supply
from .unfed import DROPPED_V, Unfed

HAT_W = 4.0
HAT_OFF_V, HAT_ON_V = 9.0, 9.9  # whole bank: the converter does not know how many blocks
BUS_FARAD = 0.010
BUS_OHMS = 2200.0  # what discharges a dead bus
SNAP_V = 0.005  # a bus this little above its source follows it without an event
HAIR_V = 1e-6  # a crossing ends this far beyond its limit
DEAD_V = 0.001  # a bus that low is at 0 V
CUTOFF_V, DIP_V, DIP_S = 11.0, 10.5, 600.0  # a dip of the first minutes is no end of a run
RIGID_OHMS = 1e-6  # a recorded battery is what the file says, whatever flows
LONG_STEP_S = 2.0
LONGEST_STEP_S = 600.0
COAST_END_S = 30.0
LAZY_S = 0.95  # s: so long a bank at rest is taken as it was solved last


class Plant:
    """Section 2's circuit with a battery, a charger, a supply and a load.

    Not thread-safe: one owner steps it. After changing a part from outside call `touch`.
    """

    def __init__(self, blocks: int = 1, rated_ah: float = 17.0, seed: int = 1) -> None:
        self.blocks = blocks
        self.plant_s = 0.0
        self.battery: SimBattery | Bank = SimBattery(rated_ah)
        self.block_soh: dict[int, float] = {}  # block 1..4 -> its own health; then remake_bank
        self.shorted_cells: dict[int, int] = {}  # block 1..4 -> cells without voltage
        self.has_fuse = True
        self.charger = Charger(blocks, rated_ah)
        self.supply = Supply(blocks)
        self.load = SimLoad(blocks)
        self.relays = Relays()
        self.guard = SimGuard(blocks)
        self.hat = Lockout(HAT_OFF_V, HAT_ON_V)
        self.replay: Replay | None = None
        self.single_source = False
        self.temperature_c = 25.0
        self.io_v = [0.0, 0.0, 0.0, 0.0]
        self.taps: tuple[str, ...] = ()  # "ch2", "ch3", "ch4" or "none" above each block
        self.pulls_low = {"ch1": False, "ch2": False}
        self.button_until = {"pb1": 0.0, "pb2": 0.0}  # plant second at which it is let go
        self.load_bypass = 0.0  # share of the load's return that misses its shunt
        self.i2c_faults: dict[int, str] = {}
        self.reading_faults: dict[str, ReadingFault] = {}  # by point
        self.line_faults: dict[
            str, bool
        ] = {}  # "guard", "batt_path" -> stuck at high (True) or low
        self.owner_hang = False
        self.noise = True
        self.speed = 1.0
        self.speed_actual = 1.0
        self.unfed = Unfed()
        self.moved_at: float | None = None  # plant second at which K1 took the load over
        self.crossed_s: float | None = None  # seconds from then to 11.0 V a block
        self.run_time = RunTime()
        self.circuit = Circuit()
        self.bus_v = 0.0
        self.taken_a = 0.0  # what the load takes from LOAD+
        self._is_falling = False
        self._fall_to = 0.0
        self._fall_a = 0.0  # by which what the load takes is more than what comes to LOAD+
        self._ahead_s = 0.0
        self._lag_s = 0.0  # passed, with the flows as solved, and not yet booked
        self._solved_at = 0.0  # plant second up to which the circuit was solved step by step
        self._quiet_until = 0.0  # plant second up to which nothing is due; 0 = not at rest
        self._sense: Sense | None = None
        self._noise = Noise(seed)
        self._resolve()
        self.lowest_v_block = self.bus_v / blocks
        self._dirty = False

    # --- what moves it -------------------------------------------------------------------------

    def touch(self) -> None:
        """A part was changed from outside: solve again before the next second passes."""
        self.catch_up()
        self._dirty = True
        self._sense = None

    def catch_up(self) -> None:
        """Book what flowed in the steps that were too quiet to be solved one by one."""
        lag, self._lag_s = self._lag_s, 0.0
        if lag > 0.0:
            self.battery.advance(lag, self.circuit.battery_a)
            if self.charger.on:
                self.charger.advance(lag, self.circuit.charger_a)

    def set_coil(self, name: str, energised: bool) -> None:
        """The pin of coil k1, k2 or k3."""
        if self.relays.command(name, energised, self.plant_s):
            self.touch()

    def set_output(self, name: str, pulls_low: bool) -> None:
        """Output ch1 or ch2 pulls its terminal low, or lets it go."""
        if self.pulls_low[name] is not pulls_low:
            self.pulls_low[name] = pulls_low
            self._sense = None

    def heartbeat(self) -> None:
        """One edge on the heartbeat line."""
        if self.relays.heartbeat(self.plant_s):
            self.touch()

    @property
    def relay_faults(self) -> dict[str, str]:
        """k1..k3 -> off|welded|open; may be changed in place."""
        return self.relays.faults

    def set_blocks(self, blocks: int) -> None:
        """Another bank: everything is made for 1..4 blocks from now on, the supply scaled along."""
        self.supply.volts *= blocks / self.blocks
        self.bus_v *= blocks / self.blocks
        self.blocks = blocks
        self.remake_bank()
        self.charger.set_up(blocks, self.battery.rated_ah)
        self.load.set_up(blocks)
        self.guard.set_up(blocks)
        self.touch()

    def remake_bank(self) -> None:
        """After a change of `block_soh` or `shorted_cells`; the states of charge stay."""
        self.catch_up()
        self.battery = made_bank(self.battery, self.blocks, self.block_soh, self.shorted_cells)
        self.touch()

    @property
    def dropped_s(self) -> float:
        """Seconds for which the load was not fed though it could have been."""
        return self.unfed.dropped_s

    @property
    def dead_s(self) -> float:
        """Seconds for which nothing could have fed the load."""
        return self.unfed.dead_s

    def set_battery(self, rated_ah: float, soh: float, temperature_c: float) -> None:
        """Size, age and temperature of the battery; its state of charge stays."""
        self.temperature_c = temperature_c
        self.battery.set_up(rated_ah, soh, temperature_c)
        self.charger.set_up(self.blocks, rated_ah)
        self.touch()

    def play(self, record: ReplayRecord | None, played_s: float = 0.0) -> None:
        """Play `record` in place of battery and load, or None: the model again."""
        self.replay = None if record is None else Replay(record, self.blocks, played_s)
        if record is not None and self.charger.on:
            self.charger.stage = "float"
        self.moved_at = self.crossed_s = None
        self.touch()

    # --- what it shows -------------------------------------------------------------------------

    def sense(self) -> Sense:
        """What chips and pins see now; the same object until something changes."""
        sense = self._sense
        if sense is None or self._dirty:
            if self._dirty:
                self._settle()
            sense = measure(self)
            if self.noise and self.replay is None:
                sense = self._noise.upon(sense)
            self._sense = sense
        return sense

    @property
    def has_moved(self) -> bool:
        """Whether K1's contacts have put the load on the battery alone."""
        return self.relays.s1_open and self.relays.s2_closed

    @property
    def battery_c(self) -> float:
        """Temperature of enclosure and battery, degC: a record's own goes first."""
        replay = self.replay
        if replay is None or replay.temperature_c is None:
            return self.temperature_c
        return replay.temperature_c

    @property
    def is_charger_live(self) -> bool:
        """Whether CHARGER+ has a source behind it."""
        return self.supply.on if self.single_source else self.charger.on

    # --- time ----------------------------------------------------------------------------------

    def step(self, dt: float) -> None:
        """Let `dt` s pass, 0.001..1.0 s as a rule; longer ones lose detail, not charge."""
        end = self.plant_s + dt
        relays, guard, hat, load = self.relays, self.guard, self.hat, self.load
        if relays.follow_faults(self.plant_s) or self._dirty:
            self.catch_up()
            self._settle()
        elif end < self._quiet_until and end - self._solved_at < LAZY_S:
            self._lag_s += dt
            self.plant_s = end
            return  # the chips go on seeing what they saw, noise and all
        self._sense = None
        self.catch_up()
        while True:
            until = end
            if relays.due < until:
                until = relays.due
            if guard.due < until:
                until = guard.due
            if load.due < until:
                until = load.due
            if hat.due < until:
                until = hat.due
            if load.lockout.due < until:
                until = load.lockout.due
            self._pass(until)
            now = self.plant_s
            if now >= relays.due or now >= guard.due or now >= load.due:
                was_fed_by = (relays.s1_open, relays.s2_closed, guard.active)
                relays.fire(now)
                guard.fire(now)
                if was_fed_by != (relays.s1_open, relays.s2_closed, guard.active):
                    load.transferred(now)
                load.follow(now)
                self._resolve()
            else:
                self._resolve(has_drifted=not self._is_falling)
            if now >= end:
                break
        self._solved_at = end
        self._quiet_until = 0.0
        is_moving = (
            self._is_falling
            or relays.s2_closed
            or guard.active
            or self.replay is not None
            or (
                bool(self.reading_faults)
                and any(fault.lie.kind == "noise" for fault in self.reading_faults.values())
            )
        )
        if not is_moving and self.bus_v >= DROPPED_V * self.blocks:
            self._quiet_until = min(relays.due, guard.due, load.due, hat.due, load.lockout.due)

    def coast(self, seconds: float) -> None:
        """Let a long time pass with all coils off and no heartbeat, in steps as long as can be."""
        for name in ("k1", "k2", "k3"):
            self.set_coil(name, False)
        first, last = min(seconds, 1.0), min(max(seconds - 1.0, 0.0), COAST_END_S)
        self.step(first)
        left = seconds - first - last
        while left > 0.0:
            flow = max(abs(self.circuit.battery_a), 1e-6)
            dt = 0.004 * self.battery.whole_as / flow
            dt = min(left, max(LONG_STEP_S, min(dt, LONGEST_STEP_S)))
            self._ahead_s = dt
            self._settle()
            self.step(dt)
            left -= dt
        self._ahead_s = 0.0
        self.touch()
        while last > 0.0:  # short steps again: the last flows are those of an instant
            self.step(min(last, 1.0))
            last -= 1.0

    def _settle(self) -> None:
        self._dirty = False
        self._resolve()

    def _pass(self, until: float) -> None:
        """Let time run to `until` with the flows as solved; stop early at a crossing of the bus."""
        dt = until - self.plant_s
        circuit = self.circuit
        start_v = self.bus_v
        if self._is_falling:
            # C dV/dt = -(I + V / R), from start_v down to _fall_to.
            lift = self._fall_a * BUS_OHMS
            tau = BUS_OHMS * BUS_FARAD
            needed = dt
            if start_v > self._fall_to:
                needed = tau * log((start_v + lift) / (self._fall_to + lift))
            if needed < dt:
                dt = needed
                until = self.plant_s + dt
                self.bus_v = self._fall_to
            else:
                self.bus_v = (start_v + lift) * exp(-dt / tau) - lift
            if self.bus_v <= DEAD_V:
                self.bus_v = 0.0
            if self.bus_v < self.lowest_v_block * self.blocks:
                self.lowest_v_block = self.bus_v / self.blocks
        if dt > 0.0:
            if self.replay is None:
                self.battery.advance(dt, circuit.battery_a)
            elif self.has_moved:
                self.replay.advance(dt)
            else:
                self.replay.rest(dt)
            if self.charger.on:
                self.charger.advance(dt, circuit.charger_a)
            if start_v < DROPPED_V * self.blocks:
                self._count_unfed(dt)
        self.plant_s = max(until, self.plant_s)

    def _count_unfed(self, dt: float) -> None:
        """LOAD+ was too low for `dt` s: whose fault was it?"""
        circuit = self.circuit
        load_a = self.load.amps * self.load.surge if self.replay is None else self.replay.amps
        limit = DROPPED_V * self.blocks
        could = circuit.supply_could(load_a) >= limit
        if not could and self.unfed.may_use_battery and not self.relays.is_stuck_open():
            could = circuit.battery_could(load_a) >= limit
        self.unfed.count(dt, could)

    # --- one instant ---------------------------------------------------------------------------

    def _resolve(self, has_drifted: bool = False) -> None:
        """Solve the circuit as it stands now and let everything that watches volts see them.

        `has_drifted`: nothing switched, the sources only moved on, and the bus went with them.
        """
        now = self.plant_s
        circuit, relays, guard, load = self.circuit, self.relays, self.guard, self.load
        for _ in range(6):
            self._wire()
            replay = self.replay
            wanted = load.amps * load.surge if replay is None else replay.amps
            self.taken_a = taken = wanted if load.lockout.is_on else 0.0
            source_v = circuit.solve(taken)
            if source_v > 0.0 and (has_drifted or source_v >= self.bus_v - SNAP_V):
                self.bus_v = source_v
                self._is_falling = False
            else:
                self._is_falling = True
                self._fall_a = max(taken - circuit.fall(self.bus_v), 0.0)
                self._fall_to = self._next_limit(source_v)
            bus_v = self.bus_v
            guard.look(bus_v, circuit.supply_v, relays.coils["k1"], now)
            switched = load.lockout.follow(bus_v, now)
            supply_v, battery_v = circuit.supply_v, circuit.battery_v
            if self.hat.follow(supply_v if supply_v > battery_v else battery_v, now):
                relays.set_power(self.hat.is_on, now)
                switched = True
            if not switched:
                break
            has_drifted = False
        if now > 0.0 and bus_v < self.lowest_v_block * self.blocks:
            self.lowest_v_block = bus_v / self.blocks
        self.unfed.look(circuit.battery_v, self.blocks, now)
        self._watch_run(now)

    def _wire(self) -> None:
        """Put switches, sources and the HAT's own draw into the circuit."""
        circuit, relays, guard = self.circuit, self.relays, self.guard.active
        supply_on = self.supply.on
        circuit.has_supply = supply_on
        circuit.supply_e = supply_e = self.supply.volts if supply_on else 0.0
        circuit.supply_r = SUPPLY_OHMS + self.supply.ohms
        circuit.supply_limit = self.supply.limit_a
        circuit.has_s1 = guard or not relays.s1_open
        circuit.has_s2 = guard or relays.s2_closed
        circuit.has_k3 = not relays.k3_open
        circuit.has_fuse = self.has_fuse
        charger = self.charger
        live = supply_on if self.single_source else charger.on
        circuit.has_charger = live and not relays.k2_open
        if not live:
            circuit.charger_e = 0.0
        else:
            circuit.charger_e = supply_e if self.single_source else charger.volts
        circuit.charger_r = CHARGER_OHMS + (self.supply.ohms if self.single_source else 0.0)
        circuit.charger_limit = charger.limit_a
        replay = self.replay
        if replay is None:
            if self._ahead_s > LONG_STEP_S:
                volts, ohms = self.battery.thevenin_after(self._ahead_s)
            else:
                volts, ohms = self.battery.thevenin()
            circuit.battery_e = volts * self.blocks
            circuit.battery_r = ohms * self.blocks
            # HAT: 4 W from the higher of the two, at the volts of a moment ago.
            battery_v = circuit.battery_v or circuit.battery_e
            open_v = circuit.supply_open_v  # what is left of it beside the load
            higher = open_v if open_v > battery_v else battery_v
            circuit.power_hat(HAT_W / higher if self.hat.is_on and higher > 1.0 else 0.0)
            return
        circuit.battery_e = battery_e = replay.volts if self.has_moved else replay.float_v
        circuit.battery_r = RIGID_OHMS
        circuit.power_hat(0.0)
        if live and not self.single_source:
            held = battery_e + 0.03 + CHARGER_OHMS * replay.charge_a
            circuit.charger_e = max(circuit.charger_e, held) if relays.k2_open else held

    def _next_limit(self, source_v: float) -> float:
        """Where a falling bus is looked at again: the highest limit below it."""
        blocks = self.blocks
        bus_v = self.bus_v
        floor = max(source_v, DEAD_V)
        limits = [self.guard.trip_v, DROPPED_V * blocks, self.load.lockout.low]
        if self.circuit.limit_v > limits[0]:
            limits.insert(0, self.circuit.limit_v)
        for limit in limits:
            if floor < limit - HAIR_V < bus_v - HAIR_V:
                return limit - HAIR_V
        return floor

    def _watch_run(self, now: float) -> None:
        """Keep the time of a run on the battery and of its 11.0 V per block."""
        if not self.has_moved:
            self.moved_at = self.crossed_s = None
            return
        if self.moved_at is None:
            self.moved_at = now
        if self.crossed_s is None:
            volts = self.circuit.battery_v
            since = now - self.moved_at
            if volts <= CUTOFF_V * self.blocks and (since > DIP_S or volts < DIP_V * self.blocks):
                self.crossed_s = since
