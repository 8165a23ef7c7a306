"""What chips that measure one current have in common: when they prove that they convert."""

from __future__ import annotations

import abc

from .chip import Chip, ImplausibleError
from .i2c import I2CBus

CHECK_EVERY = 0.5  # s between two proofs of life
CONVERSION = 0.1  # s: one averaged conversion takes 35 ms; by then the next one must be ready


class CurrentChip(Chip):
    """A shunt voltage, averaged over some 35 ms, converting continuously.

    `volts_per_count` V across the shunt. A chip that stops converting is found by its
    conversion-ready flag, about twice a second and after a failed proof at every read.
    """

    volts_per_count: float

    def __init__(self, bus: I2CBus, address: int, first_check: float = 0.0) -> None:
        """`first_check` s shifts the checks, so that four chips do not check in the same scan."""
        super().__init__(bus, address)
        self._shift = first_check
        self._check_at = 0.0
        self._cleared_at: float | None = None  # when the conversion-ready flag was last cleared
        self._is_ready = False  # it is configured

    def counts(self, now: float) -> int:
        """The shunt voltage in `volts_per_count`, signed. `now` is the process clock in s.

        Raises BusError (FrozenError, ImplausibleError).
        """
        if not self._is_ready:
            self._configure()
            self._is_ready = True
            self._cleared_at = None
            self._check_at = now + CONVERSION + self._shift
        elif now >= self._check_at or now < self._check_at - 2 * CHECK_EVERY:
            self._prove_alive(now)
        try:
            return self.shunt()
        except ImplausibleError:
            return self.shunt()

    @abc.abstractmethod
    def peek(self) -> int:
        """The shunt register as it is, signed, judged by nobody. Raises BusError."""

    @abc.abstractmethod
    def shunt(self) -> int:
        """The shunt voltage, without proof of life. Raises BusError, ImplausibleError."""

    @abc.abstractmethod
    def _configure(self) -> None:
        """Find the chip and set it up. Raises BusError."""

    @abc.abstractmethod
    def _prove_alive(self, now: float) -> None:
        """Set `_cleared_at` and `_check_at`. Raises FrozenError when the flag does not move, and
        BusError when the configuration is lost, with `_is_ready` False."""
