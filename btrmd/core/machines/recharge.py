"""Recharge: a charger that is there gives something back after a discharge, or K2 is open."""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Outputs
from ..scan.context import StepContext
from ..scan.flows import CHARGES_A

OWED_AS = 20.0  # A s; so much taken out, and the recharge must show
WITHIN_S = 60.0  # DESIGN section 3: charge current back within 60 s
DISCHARGE_A = 0.1
# per block: what two sensors of +-(1 % + 20 mV) can be apart with the charger on the battery
APART_V = 0.31
# where it is known what they are apart while the charger delivers: noise of both, and what their
# gains change it by when the volts are others than then
KNOWN_V, GAINS = 0.015, 0.02
SMOOTH = 0.2


class Tied(NamedTuple):
    """What charger and battery read while the charger delivers: `gap_v` apart, at `battery_v`."""

    gap_v: float
    battery_v: float


class Recharge(NamedTuple):
    """`taken_as` A s taken out since the charger was last seen to give; `waited_s` how long a
    charger with the volts for it has given nothing back; `tied`: None before it was seen to;
    `parted`: K2 has been told to open since."""

    taken_as: float = 0.0
    waited_s: float = 0.0
    tied: Tied | None = None
    parted: bool = False

    @property
    def is_owed(self) -> bool:
        """The charger has something to give back. What the battery lost of itself while K2 was
        open shows only against what the two read apart before."""
        return self.taken_as >= OWED_AS or (self.parted and self.tied is not None)

    @property
    def is_overdue(self) -> bool:
        return self.waited_s >= WITHIN_S


def step_recharge(recharge: Recharge, outputs: Outputs, ctx: StepContext) -> Recharge:
    """Count one scan on. A joined source has no charger current of its own: there the battery's
    tells what is given back."""
    inputs, dt = ctx.inputs, ctx.dt
    amps = inputs.battery_a
    charge = amps if ctx.sp.single_source else inputs.charger_a
    charger, battery = inputs.charger_v, inputs.battery_v
    if not charge.good:
        return recharge
    known = charger.good and battery.good
    gap = charger.value - battery.value
    if charge.value >= CHARGES_A:
        tied = recharge.tied
        if known and not outputs.k2:
            smooth = gap if tied is None else tied.gap_v + SMOOTH * (gap - tied.gap_v)
            tied = Tied(smooth, battery.value)
        return Recharge(tied=tied)
    if outputs.k2 and not recharge.parted:
        recharge = recharge._replace(parted=True)
    if amps.good and amps.value < -DISCHARGE_A:
        return recharge._replace(taken_as=recharge.taken_as - amps.value * dt, waited_s=0.0)
    if not recharge.is_owed or outputs.k2:
        return recharge
    if not known or charger.value < ctx.sp.th.charger_present_v:
        return recharge if recharge.waited_s == 0.0 else recharge._replace(waited_s=0.0)
    if gap <= _least(recharge.tied, battery.value):
        # still above the charger, by an absorption that has just ended: nothing is owed
        return Recharge(tied=recharge.tied)
    if gap <= _most(recharge.tied, battery.value, ctx.sp.blocks):
        return recharge  # it cannot be told by the volts
    return recharge._replace(waited_s=recharge.waited_s + dt)


def _least(tied: Tied | None, battery_v: float) -> float:
    """V that charger and battery surely read apart when the charger is no higher."""
    return 0.0 if tied is None else tied.gap_v - GAINS * abs(battery_v - tied.battery_v)


def _most(tied: Tied | None, battery_v: float, blocks: int) -> float:
    """V that they can read apart though nothing would flow."""
    if tied is None:
        return APART_V * blocks
    return tied.gap_v + KNOWN_V + GAINS * abs(battery_v - tied.battery_v)
