"""The thresholds: every number of the behaviour that depends on system voltage or model."""

from __future__ import annotations

from typing import NamedTuple

from .chemistry import LEAD_ACID, Chemistry
from .settings import Settings

_RATING_A = {"300": 20.0, "400": 10.0}  # manual 15
_OVERCURRENT_A = {"300": 22.0, "400": 11.0}


class Thresholds(NamedTuple):
    """Volts for the whole bank, amps. What each is for, and a block's value with its source:
    model/chemistry.py. Delays are the machines' own; what is scaled here is all that is scaled."""

    blocks: int  # in series
    system_v: int  # nominal
    start_v: float
    cutoff_v: float
    early_cutoff_v: float
    safety_floor_v: float
    supply_present_v: float
    supply_absent_v: float
    charger_present_v: float
    takeover_drop_v: float
    ups_transfer_v: float
    guard_release_v: float
    dark_v: float
    unfed_v: float
    guard_closed_v: float
    lvd_open_v: float
    lvd_close_v: float
    low_battery_v: float
    low_battery_clear_v: float
    mismatch_low_v: float
    mismatch_high_v: float
    float_v: float
    absorption_v: float
    rating_a: float  # 20 on the 300, 10 on the 400
    overcurrent_a: float  # 22 and 11

    @classmethod
    def of(cls, settings: Settings, chemistry: Chemistry = LEAD_ACID) -> Thresholds:
        """The thresholds at the settings' system voltage on the site's model."""
        blocks = settings.blocks
        volts = {
            name: scaled(getattr(chemistry, name), blocks)
            for name in cls._fields
            if name in _SCALED
        }
        return cls(
            blocks=blocks,
            system_v=settings.integer("system.voltage"),
            lvd_close_v=chemistry.lvd_close_v[blocks],
            rating_a=rating_a(settings),
            overcurrent_a=_OVERCURRENT_A[settings.site.model],
            **volts,
        )


_SCALED = frozenset(Thresholds._fields) & frozenset(Chemistry._fields) - {"lvd_close_v"}


def rating_a(settings: Settings) -> float:
    """What the site's model may carry, A: 20 on the 300, 10 on the 400."""
    return _RATING_A[settings.site.model]


def scaled(volts: float, blocks: int) -> float:
    """Volts per block times blocks, without the last binary digit of the product."""
    return round(volts * blocks, 6)


SYSTEM_VOLTAGES = (12, 24, 36, 48)


def fits_system_voltage(volts: float, system_v: int, chemistry: Chemistry = LEAD_ACID) -> bool:
    """True when a bank or supply of `volts` V can be a `system_v` V one."""
    each = volts / (system_v // chemistry.nominal_v)
    return chemistry.fits_low_v <= each <= chemistry.fits_high_v


def better_system_voltage(volts: float, system_v: int, chemistry: Chemistry = LEAD_ACID) -> int:
    """The system voltage that `volts` fit better than `system_v` (nearest to the middle
    of a block's range); 0 when none does."""
    nominal_v, middle_v = chemistry.nominal_v, chemistry.middle_v
    best, least = 0, abs(volts / (system_v // nominal_v) - middle_v)
    for choice in SYSTEM_VOLTAGES:
        distance = abs(volts / (choice // nominal_v) - middle_v)
        if distance < least:
            best, least = choice, distance
    return best
