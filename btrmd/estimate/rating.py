"""The rating: what a new battery of this size gives at a load and a temperature."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .rated import new_charge_ah, temperature_factor


class Rating(NamedTuple):
    """`rated_ah` 20 h charge Ah of the bank (> 0). `new_charge(rated_ah, amps)`: Ah to the
    usual cutoff, new and at 25 degC; another law where the maker's table is known."""

    rated_ah: float
    new_charge: Callable[[float, float], float] = new_charge_ah

    @property
    def has_own_table(self) -> bool:
        """The maker's table of this battery is known."""
        return self.new_charge is not new_charge_ah

    def charge_ah(self, amps: float, temp_c: float | None) -> float:
        """Ah of a new battery at `amps` (> 0) and `temp_c` (None = not known, as 25 degC)."""
        return self.new_charge(self.rated_ah, amps) * temperature_factor(temp_c)

    def run_s(self, amps: float, temp_c: float | None) -> float:
        """Run time s of a new battery at `amps` (> 0) and `temp_c`."""
        return self.charge_ah(amps, temp_c) / amps * 3600.0
