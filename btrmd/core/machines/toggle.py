"""Toggle: a load that goes to and fro between a joined source's volts and the battery's.

The one source feeds it by way of S1 or of K2 and S2, so that no current tells which; a K1 that
chatters is seen by the load's volts. A reading that lies does not stop at the battery's.
"""

from __future__ import annotations

from typing import NamedTuple

from ..scan.context import StepContext
from .beside import BESIDE_V, FAR_V

MOVES = 3  # between the two: one is a K1 that was told to, two are that and its way back
FORGOTTEN_S = 5.0  # without a move; at a scan a second every other one sees it


class Toggle(NamedTuple):
    """`at_battery`: where the load was last, `since` (s, monotonic) it has been there; `moves`:
    how often it has moved there from the other one without a rest."""

    at_battery: bool
    since: float
    moves: int = 0


def step_toggle(toggle: Toggle | None, ctx: StepContext) -> tuple[Toggle | None, bool]:
    """(memory, whether the load goes to and fro). What is not measured says nothing; a guard that
    acts moves the load as well, so that nothing is told beside it."""
    inputs, sp = ctx.inputs, ctx.sp
    if not sp.single_source or inputs.guard is not False or inputs.guard_moved:
        return None, False
    battery, load, supply = inputs.battery_v, inputs.load_v, inputs.supply_v
    if not (battery.good and load.good and supply.good):
        return None, False
    far_v, near_v = FAR_V * sp.blocks, BESIDE_V * sp.blocks
    at_battery = supply.value - load.value > far_v and abs(battery.value - load.value) <= near_v
    at_supply = load.value - battery.value > far_v and abs(supply.value - load.value) <= near_v
    if not at_battery and not at_supply:
        return None, False  # a charged battery is at the source's volts; else the reading lies
    if toggle is None or ctx.now - toggle.since > FORGOTTEN_S:
        return Toggle(at_battery, ctx.now), False
    if at_battery is not toggle.at_battery:
        toggle = Toggle(at_battery, ctx.now, min(toggle.moves + 1, MOVES))
    return toggle, toggle.moves >= MOVES
