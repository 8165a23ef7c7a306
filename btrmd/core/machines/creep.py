"""Creep: how far the charger's reading has crept up, and the battery's down, while nothing flows.

A charger that gives nothing holds its volts, and moves at once when it is switched on or parted; a
battery that has been discharged rises at rest, or falls slowly. What moves otherwise is a reading
that drifts, or begins to lie, and says nothing of K2.
"""

from __future__ import annotations

from ...model.board import Inputs
from ..scan.flows import CHARGES_A, k2_current
from ..scan.setpoints import Setpoints

# per block: a scan and a second of what is still slow
STEP_V, STEP_V_S = 0.03, 0.05
# per block: as slowly as a charger that follows the temperature moves
FORGOTTEN_V_S = 0.05 / 3600.0
NOISE_V = 0.03
# per block: a mended reading comes back by what it crept, and noise (reasoned, not measured)
BACK_V = 0.1
# per block: a discharged battery fell by 0.00003 V/s at most (simulated, 7 to 100 Ah); a real one
# may leak faster
RESTS_V_S = 0.0005
# per block: one that has been charged fell by 0.0045 V/s at most but for its first scan (simulated,
# 7 Ah, at the end of absorption)
LIFTED_V_S = 0.005


def is_fast(step_v: float, sp: Setpoints, dt: float) -> bool:
    """So far (V) at once, in one scan of `dt` s, is no creep."""
    return step_v > (STEP_V + STEP_V_S * dt) * sp.blocks


def step_creep(
    crept_v: float, before: float | None, after: float | None, is_held: bool, inputs: Inputs,
    sp: Setpoints, dt: float,
) -> float:  # fmt: skip
    """V that the charger's reading has risen since it gave last, one scan on; `before` and `after`
    what it reads, None where there is no good reading. `is_held`: K2 has been closed, by its coil,
    and nothing came by it in the scan before: no contact that moves now lifts it, nor another stage
    of a charger that is free; both say of K2 what a reading that begins to lie says."""
    amps = k2_current(inputs, sp.single_source)
    if not amps.good:
        return crept_v
    if amps.value >= CHARGES_A:
        return 0.0
    if before is None or after is None or after < sp.th.charger_present_v:
        return crept_v
    step = after - before
    if is_fast(step, sp, dt):
        is_on = before >= sp.th.charger_present_v
        return crept_v + step if is_held and is_on else crept_v
    if is_fast(-step, sp, dt) and abs(step + crept_v) > BACK_V * sp.blocks:
        return crept_v  # it goes to another stage; a reading that is mended comes back by its creep
    return max(crept_v + step - FORGOTTEN_V_S * sp.blocks * dt, 0.0)


def step_fall(
    fell_v: float, before: float, after: float, is_lifted: bool, is_held: bool, sp: Setpoints,
    dt: float,
) -> float:  # fmt: skip
    """V that the battery's reading has fallen at rest beyond what a battery does, one scan on;
    `before` and `after` what it reads; `is_lifted`: by a charge, nothing has been taken since;
    `is_held`: K2 is closed, by its coil, and nothing came by it in the scan before: no contact that
    opens now lowers it at once, and to another battery the charger would give."""
    fall = before - after
    if is_fast(fall, sp, dt):
        return fell_v + fall if is_held else fell_v
    rate = LIFTED_V_S if is_lifted else RESTS_V_S
    return max(fell_v + fall - rate * sp.blocks * dt, 0.0)


def without_creep(charger_v: float, crept_v: float) -> float:
    """What the charger would read, V, had it not crept by more than noise."""
    return charger_v - max(crept_v - NOISE_V, 0.0)


def gap_without_creep(charger_v: float, crept_v: float, battery_v: float, fell_v: float) -> float:
    """V by which the charger would read above the battery, had neither crept by more than noise:
    the charger up by `crept_v`, the battery down by `fell_v`."""
    return without_creep(without_creep(charger_v, crept_v), fell_v) - battery_v
