"""LVD: the low-voltage disconnect opens the battery path before the battery is ruined.

It takes the load from its last source, so it opens on what two witnesses agree on: the battery's
own reading, and the load that hangs on it or the charger that is tied to it.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.events import Kind
from ...model.readings import Measurement
from ..scan.context import StepContext
from ..scan.due import LONGEST_SCAN_S, due_if
from ..scan.relations import APART_V, BATTERY
from .alone import Alone, step_alone, witness
from .bank_fit import looks_like_another, looks_like_earlier

OPEN_S = 10.0
CLOSE_S = 60.0
HANGS_V = 0.1  # V: what a diode, the path or the charger's wires take at a full load
DIP_V = 0.05  # per block; a recovering battery may fall so far below the level without losing time
FILLED_S = 3600.0  # a charger of a tenth of the rated current has given a tenth of the charge
SHOWN_S = 10.0  # so long its reading has to have told that it is there, if its chip dies then
RECALL_S = 2.0  # after a start: by then the first readings have told who feeds the load


class Lvd(NamedTuple):
    """`low_since`: battery below the limit since then; `high_since`: above the reconnect level.
    `alone`: while one of the two witnesses is not there, or not believed. `filled_s`: for how long
    it has been charged since it opened while no voltage told of it. `is_shown`: open, and the
    battery was there for 10 s by a reading of its own that nobody doubted.

    `remembered`: open when the daemon stopped, or before the hardware released all relays: K3 is
    not energised for it until the first good readings have agreed.
    """

    is_open: bool = False
    low_since: float | None = None
    high_since: float | None = None
    remembered: bool = False
    alone: Alone | None = None
    filled_s: float = 0.0
    is_shown: bool = False

    @property
    def is_driven(self) -> bool:
        """K3 is energised for it."""
        return self.is_open and not self.remembered

    def is_due(self, now: float) -> bool:
        """The battery has been low for 10 s: whoever uses it must let go."""
        return self.low_since is not None and now - self.low_since >= OPEN_S

    def next_due(self, now: float) -> float:
        """Every scan while it is about to open or to close."""
        return due_if(self.remembered or self.low_since is not None or self.high_since is not None)


def _is_low(ctx: StepContext) -> bool | None:
    """The battery is below the opening level, and somebody else says so; None: not known."""
    inputs, sp, flows = ctx.inputs, ctx.sp, ctx.flows
    battery = witness(ctx)
    if not battery.good:
        return None
    limit, apart = sp.th.lvd_open_v, APART_V * sp.blocks
    if battery.value >= limit:
        return False
    is_alone = not (inputs.battery_v.good and inputs.load_v.good)
    if (is_alone or not ctx.is_bank_known) and battery.value < sp.th.unfed_v:
        return False  # none feeds a load at so little a block: there are fewer, or it lies
    if ctx.earlier_v and looks_like_earlier(battery.value, ctx.earlier_v):
        return False  # it may well be the bank of the setting before
    if not inputs.battery_v.good:
        # not believed: what hangs on it decides while it gives; one that gives nothing can wait
        return flows.carries or _is_on_battery(ctx)
    if not flows.carries and looks_like_another(ctx):
        return False  # which takes 10 s to be known, and more where the guard has closed
    load, charger = inputs.load_v, inputs.charger_v
    if flows.carries or _is_on_battery(ctx):
        if not load.good:
            return flows.carries and "battery.voltage" not in ctx.doubts
        if abs(battery.value - load.value) <= apart:
            # so near each other that neither is doubted; but a reading may be on its way down alone
            return load.value < limit
        # they contradict each other; but the load hangs below the battery, and is low by itself
        return load.value < limit - HANGS_V
    # a battery that gives nothing needs no disconnect, unless its charger sees it low too, not just
    # as low as the battery's reading may be off by; what has no volts of its own sees nothing
    sees = charger.good and sp.th.unfed_v <= charger.value < limit + HANGS_V
    return sees and abs(charger.value - battery.value) <= apart


def _is_on_battery(ctx: StepContext) -> bool:
    """The lines and volts say that the load hangs on the battery; a current is not known. A load
    that is dead, or behind an open path, does not hang on it, and is no witness."""
    inputs, sp = ctx.inputs, ctx.sp
    supply, load = inputs.supply_v, inputs.load_v
    absent = supply.good and supply.value < sp.th.supply_present_v
    dead = load.good and load.value < sp.th.unfed_v
    guarded = inputs.guard is True
    if inputs.guard is None and load.good and inputs.battery_v.good:
        # the line is not believed; but a load at the battery's volts hangs on it
        guarded = abs(inputs.battery_v.value - load.value) <= APART_V * sp.blocks
    return guarded and absent and inputs.batt_path is not False and not dead


def step_lvd(lvd: Lvd, may_open: bool, proven: bool, ctx: StepContext) -> Lvd:
    """Open below `lvd_open_v` for 10 s, close above `lvd_close_v` for 60 s (C15).

    `may_open`: no test has the battery, and the load is `proven` on the supply or the supply is
    absent. A bad battery reading without another witness decides nothing either way.
    """
    sp, now = ctx.sp, ctx.now
    if not sp.lvd_enabled:
        if lvd.is_open:
            ctx.tell("lvd.open", Kind.CHANGE, "LVD was disabled: battery path closed.", value=False)
        return lvd if lvd == Lvd() else Lvd()
    if ctx.is_misfit:
        # its levels are those of another bank: this one may be good
        if lvd.is_open:
            return _close(ctx, "System Voltage is not that of the battery")
        return lvd if lvd == Lvd() else Lvd()
    if lvd.remembered:
        return _recall(lvd, proven, ctx)
    if not lvd.is_open:
        alone, has_stepped = step_alone(lvd.alone, ctx.flows.carries or _is_on_battery(ctx), ctx)
        lvd = lvd if alone is lvd.alone else lvd._replace(alone=alone)
        low = _is_low(ctx)
        if not low or has_stepped:
            return lvd if lvd.low_since is None else lvd._replace(low_since=None)
        if lvd.low_since is None:
            return lvd._replace(low_since=now)
        if may_open and lvd.is_due(now):
            ctx.tell(
                "lvd.open", Kind.CHANGE,
                f"LVD opened: the battery is at {witness(ctx).value:.2f} V.",
                value=True, threshold=sp.th.lvd_open_v,
            )  # fmt: skip
            return Lvd(True)
        return lvd
    return _step_open(lvd, ctx)


def _step_open(lvd: Lvd, ctx: StepContext) -> Lvd:
    """Close above the level for 60 s; by the charger's volts where only they are left, or the
    battery's are doubted, and it delivers or reads less; without any, when it has delivered for an
    hour, or where the battery's chip dies after it has shown it to be there, and it gives nothing.
    """
    sp, now, battery, charger, why = ctx.sp, ctx.now, ctx.battery, ctx.inputs.charger_v, ""
    is_doubted = ctx.is_doubtful and "battery.voltage" in ctx.doubts
    may_stand_in = not battery.good or (is_doubted and charger.value > battery.value)
    is_tied = False
    if may_stand_in and charger.good and ctx.charges:
        # it opens again on two witnesses only
        battery, why = charger, f"its charger delivers at {charger.value:.2f} V"
    elif _is_tied(battery, is_doubted, ctx):
        # in doubt the load comes first
        battery, why, is_tied = charger, f"its charger stands at {charger.value:.2f} V", True
    # at less than any bank feeds a load with it is the reading that is gone, or the bank
    is_known = battery.good and battery.value >= sp.th.unfed_v
    if not is_known and lvd.high_since is not None and _is_as_shown(lvd, ctx):
        # it is cut off, and stays where it was
        if now - lvd.high_since < CLOSE_S:
            return lvd
        return _close(ctx, "the battery was there when its reading failed")
    if not battery.good and ctx.charges:
        filled_s = lvd.filled_s + min(ctx.dt, LONGEST_SCAN_S)
        if filled_s >= FILLED_S:
            return _close(ctx, "it has been charged for an hour, and no voltage tells of it")
        return Lvd(True, filled_s=filled_s)
    # nothing fills it now; but it is another bank where it is there by either reading
    is_unknown = is_doubted and not (ctx.charges or ctx.may_be_above or is_tied)
    if not battery.good or is_unknown:
        return lvd if lvd.high_since is None else Lvd(True, filled_s=lvd.filled_s)
    if lvd.high_since is None:
        return lvd if battery.value <= sp.th.lvd_close_v else Lvd(True, None, now)
    if battery.value <= sp.th.lvd_close_v - DIP_V * sp.blocks:
        return Lvd(True)
    if now - lvd.high_since >= CLOSE_S:
        return _close(ctx, why)
    if not ctx.inputs.battery_v.good:
        return lvd
    is_shown = not is_doubted and now - lvd.high_since >= SHOWN_S
    return lvd if is_shown is lvd.is_shown else lvd._replace(is_shown=is_shown)


def _is_tied(battery: Measurement, is_doubted: bool, ctx: StepContext) -> bool:
    """The charger stands where its battery is, and tells of it where that has no volts that are
    believed, or doubted ones. Without a supply its reading may be left over, and counts only as the
    lower of two; with one no load hangs on the battery, and the next outage will tell. Where a fuse
    has parted the two it feeds no load either way."""
    inputs, th = ctx.inputs, ctx.sp.th
    charger, supply = inputs.charger_v, inputs.supply_v
    if not charger.good or charger.value < th.charger_present_v or ctx.flows.carries:
        return False
    if supply.good and supply.value >= th.supply_present_v:
        return is_doubted or not battery.good
    return is_doubted and battery.good and charger.value <= battery.value


def _is_as_shown(lvd: Lvd, ctx: StepContext) -> bool:
    """Its reading told the truth before it failed: one that is named by now had jumped away. And
    the battery gives nothing."""
    is_true = not ctx.battery_is_odd or ctx.jumped[BATTERY]
    return lvd.is_shown and is_true and not ctx.flows.carries


def _close(ctx: StepContext, why: str = "") -> Lvd:
    at = f"the battery is at {ctx.battery.value:.2f} V" if ctx.battery.good else "not known how low"
    ctx.tell(
        "lvd.open", Kind.CHANGE, f"LVD closed: {why or at}.",
        value=False, threshold=ctx.sp.th.lvd_close_v,
    )  # fmt: skip
    return Lvd()


def _recall(lvd: Lvd, proven: bool, ctx: StepContext) -> Lvd:
    """Is what was remembered still so? All relays have been released meanwhile.

    A battery that has recovered, or one that feeds the load again, is left to the rule for a
    closed LVD: it opens after 10 s if it is low. A load that lives on the supply loses nothing.
    """
    battery, now = ctx.battery, ctx.now
    if battery.good and battery.value > ctx.sp.th.lvd_close_v:
        return _close(ctx)
    if proven and battery.good:
        return Lvd(True)
    if ctx.flows.carries or _is_on_battery(ctx):
        return _close(ctx, "the restart has put the load back on the battery")
    since = now if lvd.high_since is None else lvd.high_since
    if now - since >= RECALL_S:
        return _close(ctx, "after the restart it cannot be told whether the battery is low")
    return lvd if lvd.high_since is not None else lvd._replace(high_since=since)
