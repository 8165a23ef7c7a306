"""What a new lead-acid battery of a given rating gives at a given load, at 25 degC."""

from __future__ import annotations

from bisect import bisect_left
from math import log

# Charge to 1.85 V a cell over the 20 h charge to 1.75 V a cell, by hours of discharge at 25 degC,
# read from makers' constant-current tables for VRLA blocks. Between the lines: linear in ln(hours).
HOURS = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 20.0, 60.0)
SHARE = (0.50, 0.59, 0.69, 0.78, 0.86, 0.90, 0.98, 1.05)


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
    if hours <= HOURS[0]:
        return SHARE[0] * float(max(hours, 0.05) ** 0.25)  # steeper below an hour, as Peukert says
    if hours >= HOURS[-1]:
        return SHARE[-1]
    right = bisect_left(HOURS, hours)
    left = right - 1
    part = log(hours / HOURS[left]) / log(HOURS[right] / HOURS[left])
    return SHARE[left] + part * (SHARE[right] - SHARE[left])
