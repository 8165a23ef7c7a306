"""The HAT's chips at register level: what an I2C master sees of an INA219, ADS1115 and TMP102.

Each chip is fed by one or more functions that give the physical quantity at its pins now, and
obeys the faults of the simulation: "nack" is handled on the wires, "stuck" freezes all registers,
"noise" adds +-5 % and spikes to what is measured. INA219 and ADS1115 do not convert again what they
converted in this instant (the same object as long as nothing at the pins has changed), unless they
are noisy. Sources: TI data sheets SBOS448 (INA219), SBAS444 (ADS1115), SBOS397 (TMP102).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

Volts = Callable[[], float]
PlantTime = Callable[[], float]
Instant = Callable[[], object]

NOISE = 0.05  # of the value
SPIKES = 0.02  # chance that a noisy sample is a spike

# ADS1115, of the module and not of the class: written to eighty times a second
ADC_CONVERSION, ADC_CONFIG = 0, 1
ADC_CHOICE = 0x7E00  # input and range
ADC_OS = 0x8000  # write 1: start a conversion; reads 1 while none is running


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


class SimIna219(SimChip):
    """INA219: configuration 0, shunt 1, bus 2 with CNVR and OVF, power 3, current 4, calibration 5.

    A conversion is complete once plant time has moved since the power register was read.
    """

    CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
    RESET = 0x399F
    CNVR = 0x0002

    def __init__(
        self, shunt_volts: Volts, time: PlantTime, random: Random, instant: Instant = object
    ) -> None:
        super().__init__({0: self.RESET, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0}, random)
        self._shunt_volts = shunt_volts
        self._time = time
        self._instant = instant
        self._converted: object = None  # the instant that the shunt register holds
        self._cleared_at: float | None = None

    def power_up(self) -> None:
        super().power_up()
        self._converted = None

    def freeze(self) -> None:
        self.read(self.BUS)  # conversion-ready stays as it is now, usually set
        super().freeze()

    def read(self, register: int) -> int:
        self.pointer = register
        registers = self.registers
        if not self.stuck:
            if register == self.SHUNT:
                now = self._instant()
                if now is self._converted and not self.noisy:
                    return registers[register]
                self._converted = None if self.noisy else now
                full = 4000 << (registers[0] >> 11 & 3)  # gain /1 /2 /4 /8: 40..320 mV in 10 uV
                count = self._count(self._shunt_volts() * 100_000.0, -full, full)
                registers[self.SHUNT] = count & 0xFFFF
            elif register == self.BUS:
                # IN- is ground on this HAT: the bus voltage is 0, only CNVR is of interest
                registers[self.BUS] = 0 if self._cleared_at == self._time() else self.CNVR
            elif register == self.POWER:
                self._cleared_at = self._time()
                registers[self.BUS] = 0
        return registers.get(register, 0xFFFF)

    def write(self, register: int, value: int) -> None:
        self.pointer = register
        if self.stuck:
            return
        if register == self.CONFIG:
            self._cleared_at = self._time()
            self._converted = None
            if value & 0x8000:
                self.power_up()
            else:
                self.registers[self.CONFIG] = value
        elif register == self.CALIBRATION:
            self.registers[register] = value & 0xFFFE  # FS0 is void and reads 0


class SimAds1115(SimChip):
    """ADS1115: conversion 0, configuration 1, thresholds 2 and 3. A conversion takes no time."""

    RESET = 0x8583
    FULL_SCALE = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)

    def __init__(self, pins: Sequence[Volts], random: Random, instant: Instant = object) -> None:
        super().__init__({0: 0, 1: self.RESET, 2: 0x8000, 3: 0x7FFF}, random)
        self._pins = pins
        self._instant = instant
        self._known_at: object = None  # the instant in which `_known` was converted
        self._known: dict[int, int] = {}  # input and range -> what was converted

    def write(self, register: int, value: int) -> None:
        self.pointer = register
        if self.stuck or register == ADC_CONVERSION:
            return
        if register != ADC_CONFIG:
            super().write(register, value)
            return
        registers = self.registers
        registers[ADC_CONFIG] = value | ADC_OS
        if value & ADC_OS:
            now = self._instant()
            if now is not self._known_at or self.noisy:
                self._known.clear()
                self._known_at = None if self.noisy else now
            choice = value & ADC_CHOICE
            if choice not in self._known:
                volts = self._input(value >> 12 & 7) / self.FULL_SCALE[value >> 9 & 7]
                self._known[choice] = self._count(volts * 32768, -32768, 32767) & 0xFFFF
            registers[ADC_CONVERSION] = self._known[choice]

    def _input(self, mux: int) -> float:
        if mux >= 4:
            return self._pins[mux - 4]()
        plus, minus = ((0, 1), (0, 3), (1, 3), (2, 3))[mux]
        return self._pins[plus]() - self._pins[minus]()


class SimAds1015(SimAds1115):
    """ADS1015: the same registers, 12 bits, left-aligned."""

    def read(self, register: int) -> int:
        value = super().read(register)
        return value & 0xFFF0 if register == ADC_CONVERSION else value


class SimTmp102(SimChip):
    """TMP102: temperature 0 (12 bits, left-aligned), configuration 1, limits 2 and 3."""

    TEMPERATURE, CONFIG = 0, 1
    RESET = 0x60A0
    EXTENDED = 0x0010

    def __init__(self, celsius: Volts, random: Random) -> None:
        super().__init__({0: 0, 1: self.RESET, 2: 0x4B00, 3: 0x5000}, random)
        self._celsius = celsius

    def read(self, register: int) -> int:
        if register == self.TEMPERATURE and not self.stuck:
            count = self._count(self._celsius() * 16.0, -2048, 2047)
            if self.registers[self.CONFIG] & self.EXTENDED:
                self.registers[0] = count << 3 & 0xFFF8 | 1
            else:
                self.registers[0] = count << 4 & 0xFFF0
        return super().read(register)

    def write(self, register: int, value: int) -> None:
        if register != self.TEMPERATURE:
            super().write(register, value)
