"""Bank fit: is `system.voltage` the voltage of the bank and the supply that are here?

The setting may be wrong from the start: a site file, a restored backup, another bank. Every limit
is wrong then, so that the low-voltage disconnect would take a good battery from the load.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.chemistry import LEAD_ACID
from ...model.thresholds import better_system_voltage, fits_system_voltage
from ..scan.context import StepContext
from ..scan.due import due_if
from ..scan.setpoints import Setpoints

CONFIRM_S = 10.0


class BankFit(NamedTuple):
    """What is known of `system_v`, the setting that it was asked of (0: never).

    `is_proven`: battery or supply have been seen where only this choice puts them; `is_wrong`:
    both have fitted another one better for 10 s while the supply fed the load, since `wrong_since`.
    """

    system_v: int = 0
    is_proven: bool = False
    is_wrong: bool = False
    wrong_since: float | None = None

    def contradicts(self, sp: Setpoints) -> bool:
        """The setting in force is known to be wrong."""
        return self.is_wrong and self.system_v == sp.th.system_v

    def next_due(self, now: float) -> float:
        """Every scan while it is about to be known to be wrong."""
        return due_if(self.wrong_since is not None and not self.is_wrong)


def step_bank_fit(fit: BankFit, ctx: StepContext) -> BankFit:
    """One step. A proof stands until the setting changes or the battery is replaced: a battery
    that is nearly flat fits a smaller bank better, and says nothing then."""
    system_v = ctx.sp.th.system_v
    if fit.is_proven and fit.system_v == system_v:
        return fit
    if fit.system_v != system_v:
        fit = BankFit(system_v)
    sources = (ctx.inputs.battery_v, ctx.inputs.supply_v)
    level = LEAD_ACID.proven_v * ctx.sp.blocks
    if any(m.good and m.value >= level and fits_system_voltage(m.value, system_v) for m in sources):
        return BankFit(system_v, is_proven=True)
    if fit.is_wrong:
        return fit
    better = {better_system_voltage(m.value, system_v) if m.good else 0 for m in sources}
    if len(better) != 1 or 0 in better or not ctx.flows.supplies:
        return fit if fit.wrong_since is None else fit._replace(wrong_since=None)
    if fit.wrong_since is None:
        return fit._replace(wrong_since=ctx.now)
    if ctx.now - fit.wrong_since < CONFIRM_S - 1e-6:
        return fit
    return BankFit(system_v, is_wrong=True)
