"""What a new lead-acid battery of a given rating gives at a given load and temperature."""

from __future__ import annotations

from ..model.rated_charge import new_charge_ah

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
