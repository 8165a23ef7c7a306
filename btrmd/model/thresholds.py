"""The thresholds: every number of the behaviour that depends on system voltage or model."""

from __future__ import annotations

from typing import NamedTuple

from .settings import Settings

# Reconnect of the LVD as the manual prints it: 24 V is 24.5, not 25.0; 36 and 48 V follow the
# 24 V pair (C15).
_LVD_CLOSE_V = {12: 12.5, 24: 24.5, 36: 36.75, 48: 49.0}

_RATING_A = {"300": 20.0, "400": 10.0}  # manual 15
_OVERCURRENT_A = {"300": 22.0, "400": 11.0}


class Thresholds(NamedTuple):
    """Volts for the whole bank, amps; the 12 V values are DESIGN section 3 and manual 7.2 to 9.1.

    Hysteresis and delays are the machines' own; what is scaled here is all that is scaled.
    """

    blocks: int  # 12 V blocks in series
    system_v: int  # nominal
    start_v: float  # 12.40: a test starts above
    cutoff_v: float  # 11.0: a test ends below
    early_cutoff_v: float  # 10.5: the cutoff in the first 10 minutes (coup de fouet)
    safety_floor_v: float  # 11.6: an estimating test ends below, at the highest load seen
    supply_present_v: float  # 11.5: supply present, load bus proven, load back (R180) at or above
    charger_present_v: float  # 12.6: charger present at or above
    takeover_drop_v: float  # 0.5: load bus may be this far below the battery once it carries
    ups_transfer_v: float  # 11.0: load bus below, to the battery
    lvd_open_v: float  # 10.5
    lvd_close_v: float  # 12.5, 24.5, 36.75, 49.0
    low_battery_v: float  # 11.0: alarm below
    low_battery_clear_v: float  # 11.5
    mismatch_low_v: float  # 9: battery below does not fit the system voltage
    mismatch_high_v: float  # 16: battery above does not fit
    rating_a: float  # 20 on the 300, 10 on the 400
    overcurrent_a: float  # 22 and 11

    @classmethod
    def of(cls, settings: Settings) -> Thresholds:
        """The thresholds at the settings' system voltage on the site's model."""
        system_v = settings.integer("system.voltage")
        blocks = settings.blocks
        return cls(
            blocks=blocks,
            system_v=system_v,
            start_v=_scaled(12.40, blocks),
            cutoff_v=_scaled(11.0, blocks),
            early_cutoff_v=_scaled(10.5, blocks),
            safety_floor_v=_scaled(11.6, blocks),
            supply_present_v=_scaled(11.5, blocks),
            charger_present_v=_scaled(12.6, blocks),
            takeover_drop_v=_scaled(0.5, blocks),
            ups_transfer_v=_scaled(11.0, blocks),
            lvd_open_v=_scaled(10.5, blocks),
            lvd_close_v=_LVD_CLOSE_V[system_v],
            low_battery_v=_scaled(11.0, blocks),
            low_battery_clear_v=_scaled(11.5, blocks),
            mismatch_low_v=_scaled(9.0, blocks),
            mismatch_high_v=_scaled(16.0, blocks),
            rating_a=_RATING_A[settings.site.model],
            overcurrent_a=_OVERCURRENT_A[settings.site.model],
        )


def _scaled(volts: float, blocks: int) -> float:
    """Volts per block times blocks, without the last binary digit of 12.4 x 3."""
    return round(volts * blocks, 6)


SYSTEM_VOLTAGES = (12, 24, 36, 48)
FITS_LOW_V, FITS_HIGH_V = 10.0, 15.5  # per block (DESIGN 8b)
NOMINAL_V = 13.2  # per block: between a resting bank and one on float


def fits_system_voltage(volts: float, system_v: int) -> bool:
    """True when a bank or supply of `volts` V can be a `system_v` V one: 10.0..15.5 V a block."""
    return FITS_LOW_V <= volts / (system_v // 12) <= FITS_HIGH_V


def better_system_voltage(volts: float, system_v: int) -> int:
    """The system voltage that `volts` fit better than `system_v` (nearest to 13.2 V a block); 0
    when none does."""

    def distance(choice: int) -> float:
        return abs(volts / (choice // 12) - NOMINAL_V)

    best = min(SYSTEM_VOLTAGES, key=distance)
    return best if distance(best) < distance(system_v) else 0
