"""INA228: one current from the upper 16 bits of its 20-bit shunt register.

Source: TI data sheet SLYS021. Two bytes of the three that VSHUNT has are enough: a count is 5 uV
(1.25 uV in the small range), less than an INA219's 10 uV, and they travel as an SMBus word.
"""

from __future__ import annotations

from ...model.errors import BusError
from .chip import FrozenError, ImplausibleError
from .current import CHECK_EVERY, CONVERSION, CurrentChip
from .i2c import I2CBus

CONFIG, ADC_CONFIG, VSHUNT, DIAG_ALRT, DEVICE_ID = 0x00, 0x01, 0x04, 0x0B, 0x3F
RANGES = {40: 0x0010, 160: 0x0000}  # full scale in mV -> ADCRANGE in CONFIG (table 7-5)
VOLTS_PER_COUNT = {40: 1.25e-6, 160: 5e-6}
# shunt voltage only, continuously, 540 us a conversion, 64 averaged: 34.6 ms (table 7-6)
ADC = 0xA103
READY = 0x0002  # CNVRF: a conversion is complete; reading the register clears it (table 7-16)
ID = 0x228  # the upper 12 bits of DEVICE_ID
FULL = 32767


class Ina228(CurrentChip):
    """One INA228."""

    KIND = "INA228"

    def __init__(self, bus: I2CBus, address: int, range_mv: int, first_check: float = 0.0) -> None:
        super().__init__(bus, address, first_check)
        self.volts_per_count = VOLTS_PER_COUNT[range_mv]
        self._config = RANGES[range_mv]

    def peek(self) -> int:
        count = self.bus.read_register(self.address, VSHUNT)
        return count - 0x10000 if count & 0x8000 else count

    def shunt(self) -> int:
        count = self.peek()
        if not -FULL < count < FULL:
            raise ImplausibleError(
                f"The INA228 at {self.key} is at full scale "
                f"({count * self.volts_per_count * 1000.0:.0f} mV)."
            )
        return count

    def _configure(self) -> None:
        if self.bus.read_register(self.address, DEVICE_ID) >> 4 != ID:
            raise BusError(f"No INA228 answers at {self.key}.")
        self.bus.write_register(self.address, CONFIG, self._config)
        self.bus.write_register(self.address, ADC_CONFIG, ADC)

    def _prove_alive(self, now: float) -> None:
        """Reading DIAG_ALRT clears conversion-ready; the next conversion sets it again. Raises
        FrozenError when it does not, BusError when the chip has lost its configuration (it was
        without power), which the next read gives back."""
        since = None if self._cleared_at is None else now - self._cleared_at
        is_ready = bool(self.bus.read_register(self.address, DIAG_ALRT) & READY)
        if since is not None and since >= CONVERSION and not is_ready:
            raise FrozenError(f"The INA228 at {self.key} has stopped converting.")
        again = bool(self.bus.read_register(self.address, DIAG_ALRT) & READY)
        if again:  # a conversion may end between the two reads, but not three times
            again = bool(self.bus.read_register(self.address, DIAG_ALRT) & READY)
        if again:
            raise FrozenError(f"The INA228 at {self.key} is frozen: its registers do not move.")
        self._cleared_at = now
        self._check_at = now + CHECK_EVERY
        held = (
            self.bus.read_register(self.address, CONFIG),
            self.bus.read_register(self.address, ADC_CONFIG),
        )
        if held != (self._config, ADC):
            self._is_ready = False
            raise BusError(f"The INA228 at {self.key} has lost its configuration.")
