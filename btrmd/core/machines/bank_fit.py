"""Bank fit: is `system.voltage` the voltage of the bank and the supply that are here?

The setting may be wrong from the start: a site file, a restored backup, another bank. Every limit
is wrong then, so that the low-voltage disconnect would take a good battery from the load.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.chemistry import LEAD_ACID
from ...model.readings import Measurement
from ...model.thresholds import better_system_voltage, fits_system_voltage
from ..scan.context import StepContext
from ..scan.due import due_if

CONFIRM_S = 10.0
# V a block of another choice: where battery and supply are plainly those of that one. A bank of a
# block more would be below 10.5 V a block there, and its guard on the load.
PLAIN_V = (12.0, 13.9)


class BankFit(NamedTuple):
    """What is known of `system_v`, the setting that it was asked of (0: never).

    `is_right`: battery and supply have both been its own for 10 s; `is_wrong`: plainly those of
    another choice, or it took the place of one that was right. `since`: they have said something
    else than what is known since then (process clock, s).
    """

    system_v: int = 0
    is_right: bool = False
    is_wrong: bool = False
    since: float | None = None

    def next_due(self, now: float) -> float:
        """Every scan while it is about to be known."""
        return due_if(self.since is not None)


def step_bank_fit(fit: BankFit, ctx: StepContext) -> BankFit:
    """One step. What is known stands until battery and supply have told the contrary for 10 s, or
    the setting changes, or the battery is replaced."""
    system_v = ctx.sp.th.system_v
    if fit.system_v != system_v:
        # a file that was edited while no daemon ran, and no supply to tell: the load comes first
        fit = BankFit(system_v, is_wrong=fit.is_right)
    says_wrong = _says_wrong(ctx)
    is_known = fit.is_wrong if says_wrong else fit.is_right
    if says_wrong is None or is_known:
        return fit if fit.since is None else fit._replace(since=None)
    if fit.since is None:
        return fit._replace(since=ctx.now)
    if ctx.now - fit.since < CONFIRM_S - 1e-6:
        return fit
    return BankFit(system_v, is_right=not says_wrong, is_wrong=says_wrong)


def _says_wrong(ctx: StepContext) -> bool | None:
    """What battery and supply say of the setting, both alike; None: nothing.

    Asked only while the supply alone feeds the load and the guard is idle: a bank that is nearly
    flat, beside a supply that is too weak, looks like one of a block less.
    """
    inputs, system_v = ctx.inputs, ctx.sp.th.system_v
    if not ctx.supply_feeds or inputs.guard is not False:
        return None
    readings = (inputs.battery_v, inputs.supply_v)
    others = {_other(measured, system_v) for measured in readings}
    if len(others) == 1 and 0 not in others:
        return True
    level = LEAD_ACID.proven_v * ctx.sp.blocks
    if all(
        m.good and m.value >= level and fits_system_voltage(m.value, system_v) for m in readings
    ):
        return False
    return None


def _other(measured: Measurement, system_v: int) -> int:
    """The choice whose bank or supply it plainly is, other than the setting; 0 = none."""
    choice = better_system_voltage(measured.value, system_v) if measured.good else 0
    low, high = PLAIN_V
    if choice and low <= measured.value / (choice // LEAD_ACID.nominal_v) <= high:
        return choice
    return 0
