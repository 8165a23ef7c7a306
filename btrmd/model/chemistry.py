"""The chemistry of the bank: every number that belongs to one 12 V block, with its source.

Core, estimate, pages and texts read these; nothing else in the package knows a block's volts (the
simulator has its own, since it is the judge). A second chemistry is a second value of `Chemistry`.
What a new lead-acid battery of a given rating gives at a given load, at 25 degC, is told here too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from math import log
from types import MappingProxyType
from typing import Final, NamedTuple


class Chemistry(NamedTuple):
    """V for one block of `cells` cells, unless a comment says otherwise."""

    name: str
    cells: int
    nominal_v: int  # what a block is called by: the system voltage is a multiple of it

    # --- a capacity test (manual 7.2, DESIGN section 3) ---
    start_v: float  # a test starts above
    cutoff_v: float  # a test ends below: the end of every run time
    early_cutoff_v: float  # the cutoff in the first 10 minutes (coup de fouet)
    safety_floor_v: float  # an estimating test ends below, at the highest load seen

    # --- sources and transfers (manual 8 and 9.1, DESIGN section 3) ---
    supply_present_v: float  # supply present, load bus proven, load back (R180) at or above
    supply_absent_v: float  # a supply below it cannot feed the load
    charger_present_v: float  # charger present at or above
    takeover_drop_v: float  # load bus may be this far below the battery once it carries
    ups_transfer_v: float  # load bus below: to the battery
    guard_release_v: float  # surely above the supply at which the bus guard lets go (11.5 V)
    dark_v: float  # below it nothing that is made for the system voltage runs
    unfed_v: float  # a load bus below it hangs on nothing
    guard_closed_v: float  # a load bus below it: the bus guard would have closed (at 10.5 V)

    # --- the low-voltage disconnect and the alarm (manual 9.1, C15) ---
    lvd_open_v: float
    lvd_close_v: Mapping[int, float]  # by blocks, whole bank: the manual's 24 V pair is no multiple
    low_battery_v: float  # alarm below
    low_battery_clear_v: float

    # --- does the bank fit the system voltage? (DESIGN 8b; `middle_v`: between rest and float) ---
    mismatch_low_v: float
    mismatch_high_v: float
    fits_low_v: float
    fits_high_v: float
    middle_v: float
    proven_v: float  # no bank of a block less comes up to it (46.5 V of 36 V: 11.6 V a block of 48)
    plain_v: float  # up to it a bank of a block more would be below the guard's 10.5 V a block

    # --- how it is charged ---
    float_v: float  # below it a battery is not on float
    absorption_v: float  # from here on it takes an absorption current

    # --- how it looks in a discharge (estimate) ---
    discharging_v: tuple[float, float]  # where the median of a discharge lies
    full_v: float  # rest voltage of a full block at most (2.17 V a cell)
    shorted_v: float  # rest voltage at the start: lower than any full block's, of one block
    uncharged_v: float  # ... and of several, whose blocks average
    knee_v: float  # where the end begins: the part of the run at which it is reached tells the type
    end_cell_v: float  # V a cell: to which makers' tables of charge are measured


LEAD_ACID: Final = Chemistry(
    name="lead-acid",
    cells=6,
    nominal_v=12,
    start_v=12.40,
    cutoff_v=11.0,
    early_cutoff_v=10.5,
    safety_floor_v=11.6,
    supply_present_v=11.5,
    supply_absent_v=10.5,
    charger_present_v=12.6,
    takeover_drop_v=0.5,
    ups_transfer_v=11.0,
    guard_release_v=11.9,
    dark_v=9.0,
    unfed_v=8.0,
    guard_closed_v=10.3,
    lvd_open_v=10.5,
    # Reconnect as the manual prints it: 24 V is 24.5, not 25.0; 36 and 48 V follow the 24 V pair.
    lvd_close_v=MappingProxyType({1: 12.5, 2: 24.5, 3: 36.75, 4: 49.0}),
    low_battery_v=11.0,
    low_battery_clear_v=11.5,
    mismatch_low_v=9.0,
    mismatch_high_v=16.0,
    fits_low_v=10.0,
    fits_high_v=15.5,
    middle_v=13.2,
    proven_v=12.0,
    plain_v=13.9,
    float_v=13.0,  # a float charger holds 13.5 V
    absorption_v=14.0,
    discharging_v=(10.0, 14.0),
    full_v=13.0,
    shorted_v=11.7,
    uncharged_v=12.0,
    knee_v=11.1,
    end_cell_v=1.75,
)


# Charge to 1.85 V a cell over the 20 h charge to 1.75 V a cell, by hours of discharge at 25 degC,
# read from makers' constant-current tables for VRLA blocks. Between the lines: linear in ln(hours).
_HOURS = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 20.0, 60.0)
_SHARE = (0.50, 0.59, 0.69, 0.78, 0.86, 0.90, 0.98, 1.05)


def new_charge_ah(rated_ah: float, amps: float) -> float:
    """Ah to the usual cutoff, new and at 25 degC, under `amps` (> 0)."""
    charge = 0.75 * rated_ah
    for _ in range(4):  # the share depends on the hours, the hours on the charge: settles at once
        charge = rated_ah * _share(charge / amps)
    return charge


def hours_at(hours: float, amps: float, other_amps: float) -> float:
    """Hours under `other_amps` (> 0) of a battery that lasts `hours` (>= 0) under `amps`: by how
    the charge depends on the rate alone, whatever the battery holds."""
    lasts = plain = hours * amps / other_amps
    for _ in range(4):  # the share depends on the hours that it makes: settles at once
        lasts = plain * _share(lasts) / _share(hours)
    return lasts


def _share(hours: float) -> float:
    if hours <= _HOURS[0]:
        return _SHARE[0] * float(max(hours, 0.05) ** 0.25)  # steeper below an hour, as Peukert says
    if hours >= _HOURS[-1]:
        return _SHARE[-1]
    right = bisect_left(_HOURS, hours)
    left = right - 1
    part = log(hours / _HOURS[left]) / log(_HOURS[right] / _HOURS[left])
    return _SHARE[left] + part * (_SHARE[right] - _SHARE[left])
