"""What all chips have in common: an address and whether the chip still answers plausibly."""

from __future__ import annotations

import logging

from ...model.errors import BusError, format_error
from .i2c import I2CBus

log = logging.getLogger(__name__)

FAILS = 3  # failed reads in a row after which a chip, or a channel, is bad (DESIGN section 3)


class FrozenError(BusError):
    """The chip answers, but its registers do not move: nothing it says can be believed."""


class ImplausibleError(BusError):
    """The chip delivered a value it cannot have measured (full scale, outside its range)."""


class Chip:
    """One chip. It no longer `answers` after 3 failed reads in a row; `fault` says why."""

    KIND = "chip"

    def __init__(self, bus: I2CBus, address: int) -> None:
        self.bus = bus
        self.address = address
        self.key = f"0x{address:02x}"
        self.fails = 0
        self.fault = ""

    @property
    def answers(self) -> bool:
        return self.fails < FAILS

    def failed(self, error: BusError) -> None:
        """One read failed; a frozen chip needs no second proof."""
        before = self.answers
        self.fails = FAILS if isinstance(error, FrozenError) else min(self.fails + 1, FAILS)
        self.fault = format_error(error)
        if before and not self.answers:
            log.warning("%s: %s", self.key, self.fault)

    def succeeded(self) -> None:
        """A read succeeded: the chip is well."""
        if self.fails >= FAILS:
            log.info("%s: the %s answers again", self.key, self.KIND)
        self.fails = 0
        self.fault = ""
