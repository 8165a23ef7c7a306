"""The rating: what a new battery of this size gives at a load and a temperature."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..model.chemistry import new_charge_ah

BELOW_25 = 0.0065  # share of the charge lost a degree below 25 degC
ABOVE_25 = 0.002  # gained a degree above it ...
AT_MOST = 1.03  # ... up to here


def temperature_factor(temp_c: float | None) -> float:
    """Charge at `temp_c` over charge at 25 degC; 1.0 where the temperature is not known."""
    if temp_c is None:
        return 1.0
    if temp_c < 25.0:
        return max(0.3, 1.0 - BELOW_25 * (25.0 - temp_c))
    return min(AT_MOST, 1.0 + ABOVE_25 * (temp_c - 25.0))


def capacity_pct(ert_s: float, amps: float, rated_ah: float, temp_c: float | None) -> float:
    """Estimated charge to the cutoff in % of a new battery's at this load and temperature.

    `ert_s` run time s, `amps` mean discharge current A (> 0), `temp_c` mean temperature.
    """
    new = new_charge_ah(rated_ah, amps) * temperature_factor(temp_c)
    return 100.0 * ert_s * amps / 3600.0 / new


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
