"""The INA228 at register level (TI data sheet SLYS021): what the driver reads."""

from __future__ import annotations

from random import Random

from .sim_chip import Instant, PlantTime, SimCurrentChip, Volts

CONFIG, ADC_CONFIG, VSHUNT, DIAG_ALRT, MANUFACTURER_ID, DEVICE_ID = 0, 1, 4, 0x0B, 0x3E, 0x3F
RESET_ADC = 0xFB68
READY, MEMORY_GOOD = 0x0002, 0x0001
SMALL_RANGE = 0x0010  # ADCRANGE
READ_ONLY = (VSHUNT, MANUFACTURER_ID, DEVICE_ID)


class SimIna228(SimCurrentChip):
    """A conversion is complete once plant time has moved since DIAG_ALRT was read. The two upper
    bytes of VSHUNT only, which is what a two-byte read of the real one gives."""

    def __init__(
        self, shunt_volts: Volts, time: PlantTime, random: Random, instant: Instant = object
    ) -> None:
        super().__init__(
            {
                CONFIG: 0,
                ADC_CONFIG: RESET_ADC,
                VSHUNT: 0,
                DIAG_ALRT: MEMORY_GOOD,
                MANUFACTURER_ID: 0x5449,
                DEVICE_ID: 0x2281,
            },
            shunt_volts,
            time,
            random,
            instant,
        )

    def freeze(self) -> None:
        self.registers[DIAG_ALRT] |= READY  # stays as it is now, usually set
        super().freeze()

    def read(self, register: int) -> int:
        self.pointer = register
        registers = self.registers
        if self.stuck:
            return registers.get(register, 0xFFFF)
        if register == VSHUNT:
            now = self._instant()
            if now is not self._converted or self.noisy:
                self._converted = None if self.noisy else now
                step = 1.25e-6 if registers[CONFIG] & SMALL_RANGE else 5e-6
                count = self._count(self._shunt_volts() / step, -32768, 32767)
                registers[VSHUNT] = count & 0xFFFF
        elif register == DIAG_ALRT:
            is_ready = self._cleared_at != self._time()
            self._cleared_at = self._time()
            return MEMORY_GOOD | (READY if is_ready else 0)
        return registers.get(register, 0xFFFF)

    def write(self, register: int, value: int) -> None:
        self.pointer = register
        if self.stuck or register in READ_ONLY:
            return
        if register == CONFIG and value & 0x8000:
            self.power_up()
            return
        if register in (CONFIG, ADC_CONFIG):
            self._converted = None
            self._cleared_at = self._time()
        super().write(register, value)
