"""INA219: one current, read through Adafruit's driver, with a watch for a chip that has frozen.

Source: TI data sheet SBOS448. The bus voltage register is of use for its conversion-ready bit only.
"""

from __future__ import annotations

import importlib
from typing import Any

from ...model.errors import BusError
from .busio_shim import ensure_circuitpython, names_of_types
from .chip import FrozenError, ImplausibleError
from .current import CHECK_EVERY, CONVERSION, CurrentChip
from .i2c import I2CBus

VOLTS_PER_COUNT = 1e-5
COUNTS_PER_MV = 100  # the shunt register counts 10 uV whatever the gain (SBOS448, section 8.6.3.1)
CONFIG, SHUNT, CALIBRATION = 0, 1, 5
# Calibration scales the current and power registers, which nobody reads: room for a tag.
TAGS = (0x1000, 0x1002)
GAINS = {40: 0, 80: 1, 160: 2, 320: 3}  # full scale in mV -> PG field


class Ina219(CurrentChip):
    """One INA219: 64 shunt samples averaged (34 ms), converting continuously."""

    KIND = "INA219"

    def __init__(self, bus: I2CBus, address: int, range_mv: int, first_check: float = 0.0) -> None:
        super().__init__(bus, address, first_check)
        self.volts_per_count = VOLTS_PER_COUNT
        self.full_scale = range_mv * COUNTS_PER_MV
        self._gain = GAINS[range_mv]
        ensure_circuitpython()
        with names_of_types():
            self._library = importlib.import_module("adafruit_ina219")
        self._driver: Any = None
        self._config = 0
        self._has_moved = False  # this chip's conversion-ready bit was seen to move
        self._tag = 0  # the one it took last

    def peek(self) -> int:
        """The shunt register as it is, in 10 uV: whether the driver has anything to judge.

        Raises BusError.
        """
        count = self.bus.read_register(self.address, SHUNT)
        return count - 0x10000 if count & 0x8000 else count

    def shunt(self) -> int:
        """The shunt voltage in 10 uV, without proof of life. Raises BusError."""
        count: int = self._driver.raw_shunt_voltage
        if not -self.full_scale < count < self.full_scale:
            raise ImplausibleError(
                f"The INA219 at {self.key} is at full scale ({count * 0.01:.0f} mV)."
            )
        return count

    def _configure(self) -> None:
        """Make the driver, which probes the chip, and set it up. Raises BusError."""
        library = self._library
        try:
            driver = library.INA219(self.bus, self.address)
        except ValueError as error:  # the driver's word for "no chip at this address"
            raise BusError(f"No INA219 answers at {self.key}.") from error
        self._set_up(driver)
        self._driver = driver
        self._config = self.bus.read_register(self.address, CONFIG)

    def _set_up(self, driver: Any) -> None:
        library = self._library
        driver.bus_voltage_range = library.BusVoltageRange.RANGE_32V
        driver.gain = self._gain
        driver.bus_adc_resolution = library.ADCResolution.ADCRES_12BIT_1S
        driver.shunt_adc_resolution = library.ADCResolution.ADCRES_12BIT_64S
        driver.mode = library.Mode.SANDBVOLT_CONTINUOUS

    def _prove_alive(self, now: float) -> None:
        """Reading the power register clears conversion-ready; the next conversion sets it again.

        Raises FrozenError when the bit does not move. A part whose bit has never moved (some that
        pass for an INA219 have none) must take what is written to it instead. A chip that lost its
        configuration (it was without power) is configured anew.
        """
        driver = self._driver
        since = None if self._cleared_at is None else now - self._cleared_at
        if since is not None and since >= CONVERSION:
            if driver.conversion_ready:
                self._has_moved = True
            elif self._has_moved or not self._takes_a_write():
                raise FrozenError(f"The INA219 at {self.key} has stopped converting.")
        for _ in range(2):  # a conversion may end between the two reads, but not twice
            _ = driver.raw_power
            if not driver.conversion_ready:
                self._cleared_at = now
                break
        else:
            if self._has_moved or not self._takes_a_write():
                raise FrozenError(f"The INA219 at {self.key} is frozen: its registers do not move.")
        self._check_at = now + CHECK_EVERY
        if self.bus.read_register(self.address, CONFIG) != self._config:
            self._is_ready = False  # the next read connects and configures
            raise BusError(f"The INA219 at {self.key} has lost its configuration.")

    def _takes_a_write(self) -> bool:
        """Whether the calibration register reads back what it is given. Raises BusError."""
        other = 1 - self._tag
        self.bus.write_register(self.address, CALIBRATION, TAGS[other])
        if self.bus.read_register(self.address, CALIBRATION) != TAGS[other]:
            return False
        self._tag = other
        return True
