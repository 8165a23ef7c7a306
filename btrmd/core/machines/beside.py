"""Beside: a load that follows the battery's volts on a joined source, though K1 is released.

The one source then feeds the load by way of K2 and the battery's node, so that no current tells.
The volts do: behind a contact that moved back the load is at the source's, and stays there.
"""

from __future__ import annotations

from typing import NamedTuple

from ..scan.context import StepContext

BESIDE_V = 0.25  # per block: the load is at the battery's volts
FAR_V = 0.35  # per block: it is not at the source's, whatever two sensors of +-(1 % + 20 mV) say
FOLLOWS_V = 0.06  # per block: so far the battery has risen or fallen, and the load with it
WITHIN_V = 0.02  # per block; so little the source has moved meanwhile, or all three move with it
STEP_V = 0.05  # per block, in one scan: what moves source, battery and load together


class Beside(NamedTuple):
    """Battery, load and source, V, when the load was first beside the battery; `last_v` the
    battery in the scan before."""

    battery_v: float
    load_v: float
    supply_v: float
    last_v: float


def step_beside(beside: Beside | None, k1: bool, ctx: StepContext) -> tuple[Beside | None, bool]:
    """(memory, whether the load follows the battery); `k1` the coil in force."""
    inputs, sp = ctx.inputs, ctx.sp
    if not sp.single_source or k1 or inputs.guard is not False:
        return None, False
    battery, load, supply = inputs.battery_v, inputs.load_v, inputs.supply_v
    if not (battery.good and load.good and supply.good):
        return None, False
    is_far = supply.value - load.value > FAR_V * sp.blocks
    if not is_far or abs(battery.value - load.value) > BESIDE_V * sp.blocks:
        return None, False
    now = Beside(battery.value, load.value, supply.value, battery.value)
    if beside is None or abs(battery.value - beside.last_v) > STEP_V * sp.blocks:
        return now, False
    moved = battery.value - beside.battery_v
    if abs(moved) < FOLLOWS_V * sp.blocks:
        return beside._replace(last_v=battery.value), False
    is_alike = abs(load.value - beside.load_v - moved) <= WITHIN_V * sp.blocks
    if not is_alike or abs(supply.value - beside.supply_v) > WITHIN_V * sp.blocks:
        return now, False
    return beside._replace(last_v=battery.value), True
