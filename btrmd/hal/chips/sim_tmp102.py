"""The TMP102 at register level (TI data sheet SBOS397)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .sim_chip import SimChip


class SimTmp102(SimChip):
    """TMP102: temperature 0 (12 bits, left-aligned), configuration 1, limits 2 and 3."""

    TEMPERATURE, CONFIG = 0, 1
    RESET = 0x60A0
    EXTENDED = 0x0010

    def __init__(self, celsius: Callable[[], float], random: Random) -> None:
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
