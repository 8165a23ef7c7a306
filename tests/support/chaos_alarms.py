"""Alarm rules of the judge: every alarm within its deadline, and none without its cause.

Causes are looked up in the plant's truth. Sensors may be off by what the hardware allows (+-1 % and
20 mV or 30 mA): every limit here leaves room for that.
"""

from __future__ import annotations

from collections.abc import Callable

from station import Station

from btrmd.model.events import Kind

HOUR_S = 3600.0
RELAYS = ("k1", "k2", "k3")
VOLTAGES = ("battery.voltage", "load.voltage", "charger.voltage", "supply.voltage")


class AlarmRules:
    """`look` after every step; `fail` raises. `_held`: seconds for which a condition has held;
    `_late`: for which an alarm should have been raised."""

    def __init__(self, station: Station, fail: Callable[[str], None]) -> None:
        self.station = station
        self.fail = fail
        self._held: dict[str, float] = {}
        self._late: dict[str, float] = {}
        self._since: dict[str, float] = {}  # cause -> when it was last there, station clock
        self._helps: list[float] = []
        self._was_guard = self._was_k1 = False
        self._liar: object = None
        self._blamed: set[str] = set()  # by whoever lied before
        self._taken_as = 0.0  # A s that the battery has given since K2 parted the charger
        self._events = 0
        self._looked_at = station.now
        self._lied: set[str] = set()  # the points that lied in the step before
        self._unseen: set[str] = set()  # those that began while the daemon was away, and still do
        self._battery_v = self._path_a = 0.0  # the true ones of the step before
        self._jumped_at = float("-inf")

    def interrupted(self) -> None:
        """The daemon dies or hangs: delays begin anew."""
        self._held.clear()
        self._late.clear()
        self._helps.clear()

    def look(self, honest_s: float, alive_s: float) -> None:
        """`honest_s`: every sensor and line has told the truth for so long; `alive_s`: the daemon
        has been up, and has not hung, for so long."""
        honest = honest_s > 20.0 and alive_s > 20.0
        self._note_jumps()
        self._deadlines(honest, alive_s)
        self._relays(honest)
        self._weak(alive_s)
        self._lies(alive_s)
        self._causes(honest_s, alive_s)

    def _for(self, rule: str, holds: bool, seconds: float) -> bool:
        if not holds:
            self._held.pop(rule, None)
            return False
        self._held[rule] = self._held.get(rule, 0.0) + self.station.dt
        return self._held[rule] > seconds

    def _note_jumps(self) -> None:
        """A battery that is set to another charge jumps as none does: who is odd then?"""
        plant = self.station.plant
        volts, path_a = plant.sense().battery_v, plant.circuit.path_a
        # no load of less than an ampere does that to a battery, and none lifts it that comes
        rise = volts - self._battery_v
        is_set = path_a < 1.0 or (rise > 0.0 and path_a >= self._path_a)
        if abs(rise) > plant.blocks and is_set:
            self._jumped_at = self.station.now
        self._battery_v, self._path_a = volts, path_a

    def _same_shape(self) -> bool:
        """The settings are those of the plant."""
        return self.station.settings.blocks == self.station.plant.blocks

    def _deadline(self, key: str, holds: bool, seconds: float) -> None:
        late = self._late
        if not holds or key in self.station.state.alarms.raised or not self._same_shape():
            if late:
                late.pop(key, None)
            return
        late[key] = late.get(key, 0.0) + self.station.dt
        if late[key] > seconds:
            self.fail(f"{key} is not raised after {seconds:g} s")

    # --- in time -------------------------------------------------------------------------------

    def _deadlines(self, honest: bool, alive_s: float) -> None:
        station = self.station
        state, plant = station.state, station.plant
        sense, circuit, blocks = plant.sense(), plant.circuit, plant.blocks
        outputs, single = state.outputs, state.setpoints.single_source
        # a current that flows, not a volt that is there, makes a supply
        gives = circuit.supply_load > 0.0 or (single and circuit.charger_a > 0.0)
        lost = circuit.supply_v < 11.3 * blocks and not gives
        # a joined source and a K1 that does not let go: load and supply have contradicted each
        # other, and what is told is that the supply's reading is not believed
        lost = lost and not (single and plant.relay_faults.get("k1", "off") != "off")
        # whose reading has lied, with another one, and was healed, is not believed at once: that is
        # told meanwhile, and not for long
        unbelieved = "reading.supply.voltage" in state.alarms.raised
        believed_late = self._for("supply unbelieved", honest and lost and unbelieved, 30.0)
        lost = lost and (not unbelieved or believed_late)
        self._deadline("supply.lost", honest and lost, 13.0)
        doubted = (
            "reading.battery.voltage" in state.alarms.raised
        )  # nothing has vouched for it since
        # between two scans: when a charger goes it may stand higher for one of them
        seen = station.inputs.battery_v.value < 11.0 * blocks
        low = sense.battery_v < 10.8 * blocks and seen and not doubted
        self._deadline("battery.low_voltage", honest and low, 13.0)
        self._deadline("temperature.high", honest and plant.temperature_c > 60.5, 64.0)
        gone = sense.charger_v < 12.4 * blocks and sense.charger_a <= 0.0 and not single
        self._deadline("charger.lost", honest and gone, 66.0)
        acts = plant.guard.active and not (outputs.k1 or outputs.k3)
        self._deadline("guard.active", honest and acts, 66.0)
        limit = state.setpoints.th.overcurrent_a
        self._deadline("overcurrent", honest and sense.load_a > 1.01 * limit + 0.05, 8.0)
        missing = plant.taken_a * plant.load_bypass
        self._deadline("wiring.current_balance", honest and missing > 1.5 and not single, 66.0)
        self._deadline("storage", alive_s > 1.0 and not station.storage_ok, 1.5)
        self._deadline("clock", alive_s > 1.0 and not station.clock_ok, 1.5)
        for chip in ("0x40", "0x41", "0x44", "0x45", "0x48", "0x49", "0x4a"):
            self._deadline(f"sensor.{chip}", chip in station.chips_down, 13.0)
        if state.lvd.is_open is not ("lvd.open" in state.alarms.raised):
            self.fail("the alarm lvd.open is not what the LVD is")

    def _relays(self, honest: bool) -> None:
        station = self.station
        state, plant = station.state, station.plant
        sense, circuit, relays = plant.sense(), plant.circuit, plant.relays
        outputs, blocks = state.outputs, plant.blocks
        single = state.setpoints.single_source
        fault = plant.relay_faults.get
        coils = relays.coils
        steady = self._for("steady", outputs[:3] == tuple(coils[n] for n in RELAYS), 0.0)
        welded = (
            steady
            and fault("k1") == "welded"
            and relays.s1_open
            and relays.s2_closed
            and not outputs.k1
            and not plant.guard.active
            and sense.supply_v > 12.0 * blocks
            and sense.load_a >= 0.6
            and circuit.path_a > 0.9 * sense.load_a
            and not single
        )
        self._deadline("relay.k1", honest and welded, 8.0)
        k3_open = fault("k3") == "welded" and relays.k3_open and not outputs.k3
        k3_open = k3_open and 9.5 * blocks < sense.battery_v
        self._deadline("relay.k3", honest and k3_open, 8.0)
        k2_welded_open = (
            fault("k2") == "welded"
            and relays.k2_open
            and not outputs.k2
            and plant.charger.on
            and sense.charger_v > 12.8 * blocks
            and not single
            # two faults: while the currents contradict each other they tell of no contact
            and plant.load_bypass == 0.0
            # beside a dead supply a charger's reading that stands still may be left over
            and (sense.supply_v > 12.0 * blocks or plant.noise)
        )
        k2_open = k2_welded_open and sense.charger_v - sense.battery_v > (0.45 + 0.3) * blocks
        # a battery that is set to another charge without a current is the odd one until something
        # vouches for it: its reading is told of then, and K2 cannot be
        believed = "reading.battery.voltage" not in state.alarms.raised
        k2_open = k2_open and station.now - self._jumped_at > 10.0
        # beside a battery that gives, and stands where the charger gave last, it is waited for
        at_rest = sense.battery_a > -0.1
        self._deadline("relay.k2", honest and believed and k2_open and at_rest, 8.0)
        if relays.k2_open and outputs.k2:
            self._taken_as -= sense.battery_a * station.dt
        elif not relays.k2_open:
            self._taken_as = 0.0
        owes = k2_welded_open and self._taken_as > 30.0
        owes = owes and sense.charger_v - sense.battery_v > 0.35 * blocks
        owes = owes and believed and not state.relays.k2.faulty
        if self._for("k2 owes", honest and owes, 120.0):
            self.fail("relay.k2 is not raised within 120 s of a discharge")
        for index, name in enumerate(RELAYS):
            key = f"relay.{name}"
            held = key in state.alarms.floods and state.alarms.floods[key].held
            blamed = key in state.alarms.raised and not held  # one that chatters stays for a while
            if self._for(
                f"unlatched {name}", blamed and not state.relays.contacts[index].faulty, 2.0
            ):
                self.fail(f"relay.{name} is raised without being latched")

    def _weak(self, alive_s: float) -> None:
        """The guard or a transfer came more than three times in an hour."""
        station = self.station
        state, plant, now = station.state, station.plant, station.now
        k1_on = state.outputs.k1
        closed = plant.guard.active and not self._was_guard and not (k1_on or state.outputs.k3)
        moved = k1_on and not self._was_k1 and not state.test.is_on
        self._was_guard, self._was_k1 = plant.guard.active, k1_on
        # a guard whose line hangs acts unseen; a transfer is the station's own
        seen = not plant.line_faults and not station.lies
        if alive_s > 5.0 and ((closed and seen) or moved):
            self._helps = [at for at in self._helps if now - at < HOUR_S - 60.0]
            if not self._helps or now - self._helps[-1] > 15.0:
                self._helps.append(now)
        recent = [at for at in self._helps if now - at < HOUR_S - 60.0]
        reported = "supply.weak" in state.alarms.raised
        if self._for("weak", len(recent) > 4 and not reported and seen, 15.0):
            self.fail(f"supply.weak is not raised after {len(recent)} helps within an hour")

    def _lies(self, alive_s: float) -> None:
        """A voltage that is far off while current ties it to another one is told of."""
        station = self.station
        plant, state = station.plant, station.state
        faults = plant.reading_faults
        if len(faults) != 1 or station.lies or plant.line_faults or alive_s < 20.0:
            self._held.pop("lie", None)
            return
        ((point, fault),) = faults.items()
        if fault.lie.kind in ("noise", "hold", "drift") or not point.endswith(".voltage"):
            self._held.pop("lie", None)
            return
        name = point.split(".")[0]
        sense, circuit, blocks = plant.sense(), plant.circuit, plant.blocks
        true = getattr(sense, f"{name}_v")
        far = abs(fault.tell(true, plant.plant_s) - true) > 1.2 * blocks
        load = circuit.supply_load > 1.0 and circuit.path_a == 0.0
        # beside an energised K1 only the guard's line says that S1 is closed
        load = load and not (state.setpoints.single_source and state.outputs.k1)
        path = circuit.path_a > 1.0 and circuit.supply_load == 0.0
        # where one source feeds load and battery over K1, no current says which contact it takes
        path = path and (not state.setpoints.single_source or sense.battery_a < -0.6)
        charge = sense.charger_a > 0.6 and not state.setpoints.single_source
        # without fuse F2 the charger has no battery to be compared with
        charge = charge and not state.outputs.k2 and plant.has_fuse
        tied = {
            "supply": load, "load": load or path,
            # one that neither takes nor gives may as well be parted by its fuse
            "battery": plant.has_fuse and (path or charge) and abs(sense.battery_a) > 0.6,
            "charger": charge,
        }[name]  # fmt: skip
        reported = any(key.startswith("reading.") for key in state.alarms.raised)
        relays = any(value != "off" for value in plant.relay_faults.values())
        bypass = plant.load_bypass > 0.0
        if self._for("lie", far and tied and not (reported or relays or bypass), 12.0):
            self.fail(f"{point} lies by {fault.lie.text}, and nobody is told")
        blamed = {
            channel
            for channel, odd in zip(VOLTAGES, state.plausible.odd, strict=True)
            if odd is not None and not odd.doubted and channel != point
        }
        if fault is not self._liar:  # whoever lied before has not been believed again yet
            self._liar, self._blamed = fault, blamed
        # no reading tells a battery that was set to another charge from one that lies: whoever is
        # blamed then, beside a lie of somebody else, stays so until the two agree again
        set_lately = station.now - self._jumped_at <= 120.0
        self._blamed = blamed if set_lately else self._blamed & blamed
        blamed = blamed - self._blamed
        alone = not (relays or bypass or plant.supply.ohms) and plant.supply.limit_a > 20.0
        # with the limits of another bank two honest sensors may contradict each other
        alone = alone and plant.has_fuse and self._same_shape()
        # a lie that happens to be what another terminal really has makes two that agree
        lie = fault.tell(true, plant.plant_s)
        others = (sense.battery_v, sense.load_v, sense.charger_v, sense.supply_v)
        alone = alone and all(abs(lie - volts) > 0.6 * blocks for volts in others)
        if self._for("blamed", far and tied and bool(blamed) and alone, 5.0):
            self.fail(f"{point} lies by {fault.lie.text}, and {min(blamed)} is blamed")

    # --- with a cause --------------------------------------------------------------------------

    def _causes(self, honest_s: float, alive_s: float) -> None:
        """An alarm that is raised has, or has lately had, its cause."""
        station = self.station
        plant, now = station.plant, station.now
        sense, circuit, blocks = plant.sense(), plant.circuit, plant.blocks
        shape = self._same_shape()
        th = station.state.setpoints.th
        relays = any(value != "off" for value in plant.relay_faults.values())
        present = {
            "untrue": honest_s <= 0.0,
            "more than a volt": honest_s <= 0.0 and not self._is_one_volt(),
            "interrupted": alive_s <= 0.0,
            "shape": not shape,
            "relay": relays or not plant.has_fuse,
            "supply.lost": circuit.supply_v < 11.7 * blocks,
            "charger.lost": sense.charger_v < 12.8 * blocks,
            "battery.low_voltage": sense.battery_v < 11.2 * blocks,
            "temperature.high": plant.temperature_c > 59.0,
            "overcurrent": sense.load_a > 0.98 * th.overcurrent_a - 0.1,
            "guard.active": plant.guard.active,
            "wiring.current_balance": plant.load_bypass > 0.0,
            "storage": not station.storage_ok,
            "clock": not station.clock_ok,
            "sensor": bool(station.chips_down),
            "lvd.open": sense.battery_v < 10.7 * blocks,
            "system.voltage_mismatch": not 9.6 * blocks < sense.battery_v < 15.4 * blocks,
        }
        gap = now - self._looked_at
        self._looked_at = now
        if gap > 2.0 * station.dt:  # a hang or a crash: nobody was there to see, or to be told
            self._since = {cause: at + gap for cause, at in self._since.items()}
            # nor by how much one has drifted on meanwhile
            drifts = {p for p, fault in plant.reading_faults.items() if fault.lie.kind == "drift"}
            self._unseen |= (set(plant.reading_faults) - self._lied) | drifts
        # so does a charger's reading that hangs since K2 was told to open, whatever it does then
        hangs = plant.reading_faults.get("charger.voltage")
        if hangs is not None and hangs.lie.kind == "hold" and station.state.outputs.k2:
            self._unseen |= {"charger.voltage"} - self._lied
        self._lied = set(plant.reading_faults)
        self._unseen &= self._lied
        # what K2 was told last, and has not been seen to do, explains them as well
        present["unseen"] = bool(self._unseen & {"battery.voltage", "charger.voltage"})
        # one that reads above a load to which the guard has tied it, and gives nothing, as a
        # charger stands higher: S1 is open, or the reading lies
        high = plant.reading_faults.get("supply.voltage")
        present["high supply"] = (
            high is not None
            and plant.guard.active
            and circuit.supply_load < 0.2
            and high.tell(sense.supply_v, plant.plant_s) - sense.supply_v > 0.5 * blocks
        )
        for cause, is_so in present.items():
            if is_so:
                self._since[cause] = now
        fresh = station.events[self._events :]
        self._events = len(station.events)
        for event in fresh:
            if event.kind is Kind.RAISE and not event.key.startswith(("io", "ups.")):
                self._caused(event.key, event.text)

    def _is_one_volt(self) -> bool:
        """Nothing but a single voltage lies, or nothing at all."""
        station = self.station
        plant = station.plant
        if station.lies or plant.line_faults or station.chips_down or not plant.sense().powered:
            return False
        return len(plant.reading_faults) <= 1 and all(p in VOLTAGES for p in plant.reading_faults)

    def _caused(self, key: str, text: str) -> None:
        group = key.split(".")[0]
        cause = {"relay": "relay", "sensor": "sensor", "reading": "untrue"}.get(group, key)
        if cause in ("battery.low_capacity", "supply.weak"):
            return
        if cause == "settings.defaults":
            return
        # what lies, and a wrong shape, may raise anything; a hang or a restart nothing
        excuses = [cause] if group in ("sensor", "storage", "clock") else [cause, "untrue", "shape"]
        if group == "reading":
            excuses += ["relay", "wiring.current_balance"]  # they contradict readings too
        if key == "wiring.current_balance":
            excuses.append("relay")
        if group == "relay":  # a voltage that lies alone is no evidence against a contact
            excuses = [cause, "more than a volt", "shape", "wiring.current_balance"]
            excuses += {"relay.k2": ["unseen"], "relay.k1": ["high supply"]}.get(key, [])
        now = self.station.now
        if all(now - self._since.get(name, float("-inf")) > 90.0 for name in excuses):
            self.fail(f"{key} is raised without a cause: {text}")
