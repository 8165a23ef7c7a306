"""The INA219 at register level (TI data sheet SBOS448): what the driver reads."""

from __future__ import annotations

from random import Random

from .sim_chip import Instant, PlantTime, SimCurrentChip, Volts


class SimIna219(SimCurrentChip):
    """INA219: configuration 0, shunt 1, bus 2 with CNVR and OVF, power 3, current 4, calibration 5.

    A conversion is complete once plant time has moved since the power register was read.
    """

    CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
    RESET = 0x399F
    CNVR = 0x0002

    def __init__(
        self, shunt_volts: Volts, time: PlantTime, random: Random, instant: Instant = object
    ) -> None:
        registers = {0: self.RESET, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0}
        super().__init__(registers, shunt_volts, time, random, instant)

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
