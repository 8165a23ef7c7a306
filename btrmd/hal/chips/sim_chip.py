"""What the simulated chips have in common: registers, and the faults that the simulation plays.

Each is the twin of a driver: what an I2C master sees of the part. It is fed by one or more
functions that give the physical quantity at its pins now, and obeys the faults of the simulation:
"nack" is handled on the wires, "stuck" freezes all registers, "noise" adds +-5 % and spikes to what
is measured. A twin may keep what it converted in this instant (the same object as long as nothing
at the pins has changed), unless it is noisy.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Volts = Callable[[], float]
PlantTime = Callable[[], float]
Instant = Callable[[], object]

NOISE = 0.05  # of the value
SPIKES = 0.02  # chance that a noisy sample is a spike


class SimChip:
    """A chip of 16-bit registers with a register pointer."""

    def __init__(self, registers: dict[int, int], random: Random) -> None:
        self._defaults = dict(registers)
        self.registers = dict(registers)
        self.pointer = 0
        self.stuck = False
        self.noisy = False
        self._random = random

    def power_up(self) -> None:
        """Back to the register values after power-on."""
        self.registers.update(self._defaults)
        self.pointer = 0

    def freeze(self) -> None:
        """From now on the registers do not move."""
        self.stuck = True

    def read(self, register: int) -> int:
        """The register's value, 0..65535; one that does not exist reads 0xFFFF."""
        self.pointer = register
        return self.registers.get(register, 0xFFFF)

    def write(self, register: int, value: int) -> None:
        """Write 16 bits; what the chip keeps read-only is ignored."""
        self.pointer = register
        if not self.stuck and register in self.registers:
            self.registers[register] = value

    def _count(self, exact: float, low: int, high: int) -> int:
        """`exact` as the converter delivers it: noise, rounding, saturation."""
        if self.noisy:
            random = self._random
            if random.random() < SPIKES:
                exact = random.uniform(low, high)
            else:
                exact *= 1.0 + random.uniform(-NOISE, NOISE)
        count = round(exact)
        return low if count < low else high if count > high else count


class SimCurrentChip(SimChip):
    """The twin of a `CurrentChip`: a shunt, converted once an instant; a conversion is complete
    once plant time has moved since conversion-ready was cleared."""

    def __init__(
        self,
        registers: dict[int, int],
        shunt_volts: Volts,
        time: PlantTime,
        random: Random,
        instant: Instant,
    ) -> None:
        super().__init__(registers, random)
        self._shunt_volts = shunt_volts
        self._time = time
        self._instant = instant
        self._converted: object = None  # the instant that the shunt register holds
        self._cleared_at: float | None = None

    def power_up(self) -> None:
        super().power_up()
        self._converted = None
