"""The HAT as a board: one scan of chips and pins in, all outputs driven; see model.board.Board."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from ..model.board import Inputs, Outputs
from ..model.errors import BusError
from ..model.readings import BAD, GOOD, MISSING, NO_MEASUREMENT, STALE, Measurement
from .calibration import Calibration
from .channels import KEYS, SensorChannel
from .chips.ads1115 import VOLTS_PER_COUNT, Ads1115, peek, rounds, scan
from .chips.chip import Chip, FrozenError
from .chips.current import CurrentChip
from .chips.i2c import I2CBus
from .chips.registry import CURRENT_CHIPS, VOLTAGE_CHIPS
from .chips.tmp102 import Tmp102
from .config import CURRENTS, VOLTAGES, HardwareConfig
from .gpio import NO_LINES, FactorySource, HatPins

log = logging.getLogger(__name__)

UNCHANGED_SCANS = 20  # as many as `raw` takes into account
TEMPERATURE_EVERY = 1.0  # s
TEMPERATURE_GRACE = 0.05  # s: half a tick, so that 1 Hz does not turn into every eleventh tick
CHECKS_APART = 0.1  # s between the proofs of life of two current chips: they share no scan
# a step that is looked at twice (and 12 % of the value): above noise, below what matters
JUMP_V, JUMP_A, JUMP_C = 0.3, 0.5, 2.0

# The divider measures from the star ground. Battery and load current lift their minus terminal
# above it, supply and charger current pull theirs below it (DESIGN section 2).
DROP_SIGN = {"battery": -1.0, "load": -1.0, "charger": 1.0, "supply": 1.0}

_WORST = {GOOD: 0, STALE: 1, BAD: 2, MISSING: 3}


class _CurrentPart:
    """One current: chip, channel, A a count."""

    def __init__(
        self, chip: CurrentChip, channel: SensorChannel, scale: float, drop: float
    ) -> None:
        self.chip = chip
        self.channel = channel
        self.scale = scale
        self.drop = drop  # V a terminal voltage changes per A of this current
        self.count = 0  # of the last scan that was read

    def again(self) -> float:
        return self.chip.shunt() * self.scale


class _VoltagePart:
    """One voltage: chip input, channel, V a count, and the current whose drop it carries."""

    def __init__(
        self,
        chip: Ads1115,
        number: int,
        channel: SensorChannel,
        scale: float,
        current: _CurrentPart | None,
        pause: Callable[[], None],
    ) -> None:
        self.chip = chip
        self.input = number
        self.channel = channel
        self.scale = scale
        self.current = current
        self.count = 0  # of the last scan that was read
        self._pause = pause

    def again(self) -> float:
        return self.chip.convert(self.input, self._pause) * self.scale

    def drop(self) -> float:
        """What the shunt takes off or adds, V; 0 while the current is not known."""
        current = self.current
        if current is None:
            return 0.0
        measured = current.channel.measurement
        return measured.value * current.drop if measured.quality is GOOD else 0.0


class HatBoard:
    """Implements model.board.Board on an I2C bus and a gpiozero factory. One thread uses it.

    `single_source`: supply and charger terminals are joined; `supply_a` is then the sum of both
    currents and `charger_a` is missing. Set it when the setting changes.
    """

    def __init__(
        self,
        config: HardwareConfig,
        bus: I2CBus,
        pins: FactorySource,
        calibration: Calibration | None = None,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        """`pause` waits for one ADC conversion (chips.ads1115.PAUSE; nothing in simulation).

        Never fails for missing hardware: that shows in `findings` and in the readings.
        """
        self.single_source = False
        self._bus = bus
        self._pins = HatPins(config.pins, pins)
        self._pause = pause
        self._now = 0.0
        self._channels: dict[str, SensorChannel] = {}
        self._currents: dict[str, _CurrentPart] = {}
        self._voltages: list[_VoltagePart] = []
        self._adcs: list[Ads1115] = []
        self._thermometer: Tmp102 | None = None
        self._temperature_at: float | None = None
        self._build(config)
        self._current_parts = tuple(self._currents.values())
        self._chips: list[Chip] = [part.chip for part in self._current_parts]
        self._chips += self._adcs
        if self._thermometer is not None:
            self._chips.append(self._thermometer)
        self._chips.sort(key=lambda chip: chip.address)
        self._rounds = rounds(self._adcs)
        # every part in the order in which `is_unchanged` reads its count
        self._parts: tuple[_CurrentPart | _VoltagePart, ...] = (
            *self._current_parts,
            *(self._part_at(chip, channel) for channel, chips in self._rounds for chip in chips),
        )
        self._answers: tuple[tuple[str, bool], ...] = ()
        self._lines = NO_LINES  # of the last scan that was read
        self._within: list[
            int
        ] = []  # counts `is_unchanged` found within its band since the last read
        # what `is_unchanged` has seen: time, the counts of `_parts`
        self._unchanged_scans: deque[tuple[float, list[int]]] = deque(maxlen=UNCHANGED_SCANS)
        self._order = [self._channels.get(key) for key in KEYS]
        self._with_drops = self._order[:8:2]  # voltages of battery, load, charger, supply
        self.calibration = calibration or Calibration()

    def _build(self, config: HardwareConfig) -> None:
        for name in CURRENTS:
            if name in config.currents:
                current = config.currents[name]
                chip = CURRENT_CHIPS[current.chip].make(
                    self._bus,
                    current.address,
                    current.range_mv,
                    CHECKS_APART * len(self._currents),
                )
                self._currents[name] = _CurrentPart(
                    chip,
                    self._channel(f"{name}.current", JUMP_A),
                    chip.volts_per_count / current.shunt_ohm * current.sign,
                    DROP_SIGN[name] * current.shunt_ohm,
                )
        inputs: dict[int, list[int]] = {}
        for voltage in config.voltages.values():
            inputs.setdefault(voltage.address, []).append(voltage.input)
        kinds = {voltage.address: voltage.chip for voltage in config.voltages.values()}
        adcs = {
            address: VOLTAGE_CHIPS[kinds[address]].make(self._bus, address, used)
            for address, used in inputs.items()
        }
        self._adcs = list(adcs.values())
        for name in VOLTAGES:
            if name in config.voltages:
                voltage = config.voltages[name]
                self._voltages.append(
                    _VoltagePart(
                        adcs[voltage.address],
                        voltage.input,
                        self._channel(f"{name}.voltage", JUMP_V),
                        VOLTS_PER_COUNT * voltage.divider,
                        self._currents.get(name),
                        self._pause,
                    )
                )
        if config.temperature is not None:
            self._thermometer = Tmp102(self._bus, config.temperature)
            self._channel("system.temperature", JUMP_C)

    def _part_at(self, chip: Ads1115, channel: int) -> _VoltagePart:
        return next(part for part in self._voltages if part.chip is chip and part.input == channel)

    def _channel(self, key: str, jump: float) -> SensorChannel:
        self._channels[key] = channel = SensorChannel(key, jump)
        return channel

    # --- calibration -------------------------------------------------------------------------

    @property
    def calibration(self) -> Calibration:
        """What the channels are corrected with; setting it takes effect from the next scan."""
        return self._calibration

    @calibration.setter
    def calibration(self, calibration: Calibration) -> None:
        self._calibration = calibration
        for key, channel in self._channels.items():
            channel.calibrate(*calibration.factors(key))

    def raw(self, key: str) -> float | None:
        """The mean uncalibrated value (V, A, degC) of channel `key` over the last 2 s.

        Voltages are corrected for the shunt drop, so that it compares with a meter at the
        terminals. None when there was no sample or the channel is not fitted.
        """
        channel = self._channels.get(key)
        if channel is None:
            return None
        return channel.raw(self._now, self._unchanged_values(key))

    def _unchanged_values(self, key: str) -> list[tuple[float, float]]:
        """(time, uncalibrated value) of channel `key` in the scans that were only compared."""
        for index, part in enumerate(self._parts):
            if part.channel.key == key:
                scale = part.scale
                drop = part.drop() if isinstance(part, _VoltagePart) else 0.0
                return [(at, counts[index] * scale + drop) for at, counts in self._unchanged_scans]
        return []

    # --- Board -------------------------------------------------------------------------------

    def read(self, now: float, wall: float) -> Inputs:
        """Scan every input; see model.board.Board."""
        self._now = now
        self._within = []
        self._bus.tend(now)
        self._pins.tend(now)
        self._read_currents(now)
        self._read_voltages(now)
        self._read_temperature(now)
        edges = self._lines.guard_edges
        self._lines = batt_path, guard, pb1, pb2, guard_edges = self._pins.read()
        m = [NO_MEASUREMENT if channel is None else channel.measurement for channel in self._order]
        if self.single_source:
            m[5], m[7] = NO_MEASUREMENT, _sum(m[7], m[5])
        # in the order of Inputs' fields, which is the order of KEYS
        return Inputs(
            *(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], m[10], m[11], m[12]),
            batt_path=batt_path,
            guard=guard,
            pb1=pb1,
            pb2=pb2,
            chips=self._chips_answer(),
            wall=wall,
            guard_moved=guard_edges != edges,
            drops_v=tuple([0.0 if one is None else one.drop for one in self._with_drops]),
        )

    def is_unchanged(self, now: float, band: float) -> bool:
        """Scan currents, voltages and lines; see model.board.Board.

        The same registers as `read` has, compared as counts: a scan that holds nothing new need
        not be made into readings. What fails or jumps is left to `read`, which judges it, and
        which alone asks the chips for a proof of life.
        """
        self._now = now
        for chip in self._chips:
            if chip.fails:
                return False
        counts: list[int] = []
        try:
            for current in self._current_parts:
                counts.append(current.chip.peek())
            peek(self._rounds, self._pause, counts)
        except BusError:
            return False
        if counts != self._within:  # nothing moved at all: no part is asked
            for part, count in zip(self._parts, counts, strict=True):
                if not -band < (count - part.count) * part.scale < band:
                    return False
            self._within = counts
        if self._pins.read() != self._lines:
            return False
        self._unchanged_scans.append((now, counts))
        return True

    def _read_currents(self, now: float) -> None:
        for part in self._currents.values():
            chip, channel = part.chip, part.channel
            try:
                part.count = count = chip.counts(now)
                nominal = channel.screen(count * part.scale, part.again)
            except BusError as error:
                chip.failed(error)
                channel.fail(now, isinstance(error, FrozenError))
                continue
            if chip.fails:
                chip.succeeded()
            channel.take(nominal, 0.0, now)

    def _read_voltages(self, now: float) -> None:
        scan(self._adcs, self._pause)
        for part in self._voltages:
            chip, channel = part.chip, part.channel
            count = chip.counts[part.input]
            if chip.error is not None:
                channel.fail(now, isinstance(chip.error, FrozenError))
                continue
            if count is None:  # implausible
                channel.fail(now)
                continue
            try:
                nominal = channel.screen(count * part.scale, part.again)
            except BusError as error:
                chip.error = error
                channel.fail(now, isinstance(error, FrozenError))
                continue
            part.count = count
            channel.take(nominal, part.drop(), now)
        for chip in self._adcs:
            problem = chip.error or chip.odd
            if problem is not None:
                chip.failed(problem)
            elif chip.fails:
                chip.succeeded()

    def _read_temperature(self, now: float) -> None:
        chip = self._thermometer
        if chip is None:
            return
        channel = self._channels["system.temperature"]
        last = self._temperature_at
        if last is not None and 0.0 <= now - last < TEMPERATURE_EVERY - TEMPERATURE_GRACE:
            channel.judge(now)
            return
        self._temperature_at = now
        try:
            nominal = channel.screen(chip.celsius(), chip.celsius)
        except BusError as error:
            chip.failed(error)
            channel.fail(now)
            return
        if chip.fails:
            chip.succeeded()
        channel.take(nominal, 0.0, now)

    def _chips_answer(self) -> tuple[tuple[str, bool], ...]:
        """(address, answers) of every chip; a new tuple only when something has changed."""
        known = self._answers
        if len(known) == len(self._chips):
            for chip, (_, answers) in zip(self._chips, known, strict=True):
                if chip.answers is not answers:
                    break
            else:
                return known
        self._answers = tuple((chip.key, chip.answers) for chip in self._chips)
        return self._answers

    def arm(self, k1_on_guard: bool) -> None:
        """Whether an edge of the GUARD line energises K1; see model.board.Board."""
        self._pins.arm(k1_on_guard)

    def apply(self, outputs: Outputs, now: float) -> None:
        """Drive what has changed, then one heartbeat edge. Raises PinError (a BtrmError).

        A pin that cannot be driven costs the heartbeat: the hardware then releases all coils.
        """
        self._pins.write(outputs, now)
        self._pins.beat()

    def safe(self) -> None:
        """Release every coil and output. Never raises."""
        self._pins.safe()

    def findings(self) -> list[str]:
        """One sentence for each thing that is wrong with the hardware now; empty when well."""
        found = []
        if not self._bus.is_open:
            found.append(self._bus.fault)
        else:
            for chip in self._chips:
                if not chip.answers:
                    lost = ", ".join(self._keys_of(chip))
                    found.append(f"{chip.fault.rstrip('.')}: {lost} is unknown.")
        if self._pins.fault:
            found.append(self._pins.fault)
        return found

    def _keys_of(self, chip: Chip) -> list[str]:
        keys = [part.channel.key for part in self._currents.values() if part.chip is chip]
        keys += [
            part.channel.key
            for part in self._voltages
            if part.chip is chip and not part.channel.measurement.good
        ]
        if chip is self._thermometer:
            keys.append("system.temperature")
        return keys

    def close(self) -> None:
        """safe(), then release bus and pins. Never raises."""
        self._pins.close()
        self._bus.close()


def _sum(supply: Measurement, charger: Measurement) -> Measurement:
    """The joined source's current; no better than the worse of its two parts."""
    worst = max(supply.quality, charger.quality, key=_WORST.__getitem__)
    return Measurement(supply.value + charger.value, worst, min(supply.at, charger.at))
