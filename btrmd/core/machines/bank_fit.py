"""Bank fit: is `system.voltage` the voltage of the bank and the supply that are here?

The setting may be wrong from the start: a site file, a restored backup, another bank. Every limit
is wrong then, so that the low-voltage disconnect would take a good battery from the load.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Inputs
from ...model.chemistry import LEAD_ACID
from ...model.readings import Measurement
from ...model.thresholds import better_system_voltage, fits_system_voltage
from ..scan.context import StepContext
from ..scan.due import due_if

CONFIRM_S = 10.0
# per block of another choice: what belies a proof. A bank of a block more would be below 10.5 V a
# block there, and the guard on the load.
PLAIN_V = (12.0, 13.9)


class BankFit(NamedTuple):
    """What is known of `system_v`, the setting that it was asked of (0: never).

    `is_proven`: battery or supply have been seen where only this choice puts them; `is_wrong`:
    both have fitted another one better for 10 s while the supply fed the load, since `wrong_since`,
    or another one had been proven before.
    """

    system_v: int = 0
    is_proven: bool = False
    is_wrong: bool = False
    wrong_since: float | None = None

    def next_due(self, now: float) -> float:
        """Every scan while it is about to be known to be wrong."""
        return due_if(self.wrong_since is not None and not self.is_wrong)


def step_bank_fit(fit: BankFit, ctx: StepContext) -> BankFit:
    """One step. A proof stands until battery and supply are plainly those of another choice: a
    battery that is nearly flat fits a smaller bank better, and says nothing."""
    system_v, inputs = ctx.sp.th.system_v, ctx.inputs
    if fit.system_v != system_v:
        # where another one was proven, this one is wrong until it is proven itself
        fit = BankFit(system_v, is_wrong=fit.is_proven)
    level = LEAD_ACID.proven_v * ctx.sp.blocks
    if any(
        m.good and m.value >= level and fits_system_voltage(m.value, system_v)
        for m in (inputs.battery_v, inputs.supply_v)
    ):
        is_known = fit.is_proven and fit.wrong_since is None
        return fit if is_known else BankFit(system_v, is_proven=True)
    if fit.is_wrong:
        return fit
    if not (ctx.flows.supplies and _fits_better(inputs, system_v, plainly=fit.is_proven)):
        return fit if fit.wrong_since is None else fit._replace(wrong_since=None)
    if fit.wrong_since is None:
        return fit._replace(wrong_since=ctx.now)
    if ctx.now - fit.wrong_since < CONFIRM_S - 1e-6:
        return fit
    return BankFit(system_v, is_wrong=True)


def _fits_better(inputs: Inputs, system_v: int, *, plainly: bool) -> bool:
    """Battery and supply fit the same other choice better."""
    found = {_other(m, system_v, plainly) for m in (inputs.battery_v, inputs.supply_v)}
    return len(found) == 1 and 0 not in found


def _other(measured: Measurement, system_v: int, plainly: bool) -> int:
    """The choice that it fits better, 0 = none."""
    choice = better_system_voltage(measured.value, system_v) if measured.good else 0
    low, high = PLAIN_V
    if choice and plainly and not low <= measured.value / (choice // 12) <= high:
        return 0
    return choice
