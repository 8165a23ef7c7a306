"""Bank fit: is `system.voltage` the voltage of the bank and the supply that are here?

The setting may be wrong from the start: a site file, a restored backup, another bank. Every limit
is wrong then, so that the low-voltage disconnect would take a good battery from the load.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.chemistry import LEAD_ACID
from ...model.readings import Measurement
from ...model.thresholds import better_system_voltage
from ..scan.context import StepContext
from ..scan.due import due_if

CONFIRM_S = 10.0
# the first time, for what no bank and supply of the setting can look like: an outage may come soon
FIRST_S = 3.0


class BankFit(NamedTuple):
    """What is known of `system_v`, the setting that it was asked of (0: never).

    `fits`: battery and supply have both been its own for 10 s (True), or plainly those of another
    choice (False), `bank_v` (0: not known). `since`: they have looked otherwise since then (process
    clock, s), and `looks_right` says how. `earlier_v`: the setting that stood in the file before,
    V, where it was changed while no daemon ran and the bank was not known (0: none).
    """

    system_v: int = 0
    fits: bool | None = None
    since: float | None = None
    bank_v: int = 0
    looks_right: bool | None = None
    earlier_v: int = 0

    @property
    def is_wrong(self) -> bool:
        """The setting is known not to be that of the bank."""
        return self.fits is False

    def next_due(self, now: float) -> float:
        """Every scan while it is about to be known."""
        return due_if(self.since is not None)


def step_bank_fit(fit: BankFit, ctx: StepContext) -> BankFit:
    """One step. What is known stands until battery and supply have told the contrary for 10 s, or
    the setting changes, or the battery is replaced. That a setting is wrong of which nothing is
    known takes 3 s."""
    system_v = ctx.sp.th.system_v
    if fit.system_v != system_v:
        fit = BankFit(system_v)
    fits = what_is_seen(ctx)
    if fits is None or fits is fit.fits:
        return fit if fit.since is None else fit._replace(since=None, looks_right=None)
    if fit.since is None or fits is not fit.looks_right:
        return fit._replace(since=ctx.now, looks_right=fits)
    seconds = FIRST_S if fit.fits is None and not fits else CONFIRM_S
    if ctx.now - fit.since < seconds - 1e-6:
        return fit
    return BankFit(system_v, fits, None, system_v if fits else _another(ctx))


def fit_of_file(stored: BankFit, system_v: int) -> BankFit:
    """What was stored, for the setting `system_v` of a start. One that took another's place while
    no daemon ran, and is not that of the bank as far as is known, counts as wrong until it has
    shown itself: there may be no supply to tell, and the load comes first."""
    if stored.system_v == system_v or (stored.fits is False and not stored.bank_v):
        return stored
    if not stored.bank_v:
        earlier_v = stored.earlier_v or stored.system_v
        is_same = earlier_v in (0, system_v)
        return BankFit() if is_same else BankFit(system_v, earlier_v=earlier_v)
    return BankFit(system_v, stored.bank_v == system_v, None, stored.bank_v)


def what_is_seen(ctx: StepContext) -> bool | None:
    """What battery and supply say of the setting in this scan, both alike; None: nothing.

    Asked only while the guard is idle and the battery gives nothing to the load, and for a no while
    the supply is seen to feed it: a bank that is nearly flat, beside a supply that is too weak,
    looks like one of a block less.
    """
    inputs, sp = ctx.inputs, ctx.sp
    if inputs.guard is not False or ctx.flows.path is None or ctx.flows.path > 0.0:
        return None
    if looks_like_another(ctx):
        return False if ctx.supply_feeds and not ctx.is_belied else None
    battery, supply = inputs.battery_v, inputs.supply_v
    low, high = LEAD_ACID.proven_v * sp.blocks, LEAD_ACID.fits_high_v * sp.blocks
    if not (battery.good and supply.good):
        return None
    return True if low <= battery.value <= high and low <= supply.value <= high else None


def looks_like_earlier(battery_v: float, earlier_v: int) -> bool:
    """`battery_v` is what a bank of the setting that stood in the file before would have while it
    feeds a load, neither empty nor above its rest: nobody knows which of the two is right."""
    blocks = earlier_v // LEAD_ACID.nominal_v
    return LEAD_ACID.lvd_open_v * blocks <= battery_v <= LEAD_ACID.full_v * blocks


def looks_like_another(ctx: StepContext) -> bool:
    """Battery and supply are plainly those of the same other choice, by this scan alone."""
    return _another(ctx) > 0


def _another(ctx: StepContext) -> int:
    """That choice, V; 0 = none."""
    system_v = ctx.sp.th.system_v
    choice = _other(ctx.inputs.battery_v, system_v)
    return choice if choice and _other(ctx.inputs.supply_v, system_v) == choice else 0


def _other(measured: Measurement, system_v: int) -> int:
    """The choice whose bank or supply it plainly is, other than the setting; 0 = none."""
    choice = better_system_voltage(measured.value, system_v) if measured.good else 0
    if choice:
        each = measured.value / (choice // LEAD_ACID.nominal_v)
        if LEAD_ACID.proven_v <= each <= LEAD_ACID.plain_v:
            return choice
    return 0


def load_fits(ctx: StepContext) -> bool:
    """Battery and load contradict each other, and the load's reading fits the system voltage."""
    load, th = ctx.inputs.load_v, ctx.sp.th
    if not (ctx.is_doubtful and "battery.voltage" in ctx.doubts and load.good):
        return False
    return "load.voltage" in ctx.doubts and th.mismatch_low_v <= load.value <= th.mismatch_high_v
