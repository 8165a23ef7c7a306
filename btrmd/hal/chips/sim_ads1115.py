"""The ADS1115 and the ADS1015 at register level (TI data sheets SBAS444, SBAS473)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from .sim_chip import Instant, SimChip, Volts

# of the module and not of the class: written to eighty times a second
ADC_CONVERSION, ADC_CONFIG = 0, 1
ADC_CHOICE = 0x7E00  # input and range
ADC_OS = 0x8000  # write 1: start a conversion; reads 1 while none is running


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
