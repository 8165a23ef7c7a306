"""TMP102: the enclosure temperature, 12 bits, 0.0625 degC a count.

Source: TI data sheet SBOS397, section 7.5. A TMP102 that has frozen looks like a still day: it has
nothing that would tell.
"""

from __future__ import annotations

from .chip import Chip, ImplausibleError
from .i2c import I2CBus

TEMPERATURE, CONFIG = 0, 1
NORMAL = 0x60A0  # 12 bits, 4 conversions a second: the value after power-on
DEGC_PER_COUNT = 0.0625
LOWEST, HIGHEST = -55.0, 150.0  # degC, the part's range


class Tmp102(Chip):
    """One TMP102."""

    KIND = "TMP102"

    def __init__(self, bus: I2CBus, address: int) -> None:
        super().__init__(bus, address)
        self._configured = False

    def celsius(self) -> float:
        """The temperature in degC. Raises BusError, ImplausibleError outside -55..150."""
        if not self._configured:
            self.bus.write_register(self.address, CONFIG, NORMAL)
            self._configured = True
        word = self.bus.read_register(self.address, TEMPERATURE)
        if word & 0x000F:  # 13-bit format, or no TMP102's register at all
            self._configured = False
            raise ImplausibleError(f"The TMP102 at {self.key} delivered 0x{word:04x}.")
        celsius = ((word ^ 0x8000) - 0x8000 >> 4) * DEGC_PER_COUNT
        if not LOWEST <= celsius <= HIGHEST:
            raise ImplausibleError(f"The TMP102 at {self.key} delivered {celsius:.1f} degC.")
        return celsius
