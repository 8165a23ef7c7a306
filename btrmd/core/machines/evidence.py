"""Evidence: what one scan says for or against a relay. True against, False for, None nothing."""

from __future__ import annotations

from ..scan.context import StepContext
from ..scan.flows import CHARGES_A, PAST_PART, k2_current
from ..scan.relations import APART_V, CHARGER, SUPPLY, SURELY_A, lives_a
from .beside import BESIDE_V
from .recharge import ENDS, Recharge

LOAD_MIN_A = 0.3  # below it current tells nothing
SMALL_A = 1.0  # of a larger load the HAT's part does not matter
SHARES_A, SHARES_PART = 0.2, 0.1  # more than three sensors may be off by, of the load
GIVES_A = 0.4  # more than an error of the sum: a charger on a battery that gives, gives all it can
STEADY_S = 3.0  # two leaps in it are no contact's
LIVES_S = 1.0  # a reading that has moved within it is of something that lives


def k1_odd(
    energised: bool, k2_energised: bool, k2_odd: bool | None, ctx: StepContext
) -> bool | None:
    """K1 on: the load must leave the supply. K1 off: it must be on the supply."""
    inputs, sp, flows = ctx.inputs, ctx.sp, ctx.flows
    supply_v = inputs.supply_v
    load = flows.load
    if load is None or load < LOAD_MIN_A or not supply_v.good:
        return None
    if supply_v.value < sp.th.supply_present_v or inputs.guard is None:
        return None
    if energised and ctx.s1_held:
        return None  # S1 is closed all the same, whatever the line says by now
    if inputs.guard:
        # with K1 on S1 is open as it was told, and it is the line that may lie
        return True if not energised and _is_s1_dead(ctx) else None
    if flows.balanced is None:
        return _k1_by_volts(energised, ctx)
    # the sum is known: so is every current
    supply, path = inputs.supply_a.value, -inputs.battery_a.value
    past = 0.0  # what the charger gives the battery, past the load
    if inputs.charger_a.good and not sp.single_source:
        path += inputs.charger_a.value  # what battery and charger give beyond each other
        past = max(min(inputs.charger_a.value, inputs.battery_a.value), 0.0)
    # the HAT may live on either source: the larger current tells where the load is
    doubt = 0.2 * load + 0.1 + PAST_PART * past
    if energised:
        if sp.single_source and (not k2_energised or k2_odd):
            return None  # the one source may feed the load by way of the charger path
        if not flows.balanced:
            return None  # a K1 that does not move leaves the sum right: a current lies
        return supply > max(0.8 * load, flows.hat + 0.1) and supply - path > doubt
    if sp.single_source and min(path - flows.hat, load - supply) > SHARES_PART * load + SHARES_A:
        return True  # the source gives its part by way of K2 and the same S2
    # a supply that does not feed the HAT leaves that to battery or charger, beside the load
    spare = 0.0 if supply >= lives_a(flows.hat) else flows.hat
    if path < 0.6 * load + spare or supply > 0.4 * load + flows.hat:
        return False
    # beside a small load what the HAT takes counts: the supply gives less than the load takes, and
    # battery and charger more than the HAT
    return path - supply > doubt or (load <= SMALL_A and flows.trickles(past))


def _is_s1_dead(ctx: StepContext) -> bool:
    """The guard has closed S1, the supply is alive and above the bus, and gives it nothing."""
    inputs, sp, flows = ctx.inputs, ctx.sp, ctx.flows
    amps, load_v = inputs.supply_a, inputs.load_v
    if not (amps.good and load_v.good) or sp.single_source or not flows.carries:
        return False
    if ctx.jumped[SUPPLY]:
        return False  # its reading may lie
    is_above = inputs.supply_v.value - load_v.value > APART_V * sp.blocks
    return is_above and lives_a(flows.hat) <= amps.value <= flows.hat + 0.1


def _k1_by_volts(energised: bool, ctx: StepContext) -> bool | None:
    """One current is missing: the other three and the volts must agree."""
    inputs, flows, blocks = ctx.inputs, ctx.flows, ctx.sp.blocks
    battery_v, load_v, charger = inputs.battery_v, inputs.load_v, inputs.charger_a
    if energised or not flows.carries:
        return None
    assert flows.load is not None
    if charger.good and charger.value >= 0.5 * flows.load and inputs.supply_a.good:
        return True  # the charger feeds it, by way of S2
    if not (battery_v.good and load_v.good):
        return None
    beside = abs(battery_v.value - load_v.value) <= BESIDE_V * blocks
    return True if beside and inputs.supply_v.value - load_v.value > APART_V * blocks else None


def k2_odd(energised: bool, recharge: Recharge, ctx: StepContext) -> bool | None:
    """K2 on: the charger must give nothing. K2 off: it must give what the battery takes."""
    inputs, sp = ctx.inputs, ctx.sp
    amps = k2_current(inputs, sp.single_source)
    if not amps.good or ctx.flows.balanced is False:
        return None
    volts_known = inputs.charger_v.good and inputs.battery_v.good
    if energised:
        # a closed contact ties the two: so far apart it is open, and the current lies
        gap = inputs.charger_v.value - inputs.battery_v.value if volts_known else 0.0
        least_a = SURELY_A if _is_taken(ctx) else GIVES_A
        return amps.value > least_a and gap <= APART_V * sp.blocks
    if recharge.chatters:
        return True  # of the moment, whatever it gives in this scan
    if _gives_by_k2(ctx):
        return False
    if not volts_known or inputs.charger_v.value < sp.th.charger_present_v:
        return None
    if amps.value >= CHARGES_A:
        return False
    gap = recharge.gap_v(inputs.charger_v.value, ctx.charger_crept_v, inputs.battery_v.value)
    if ctx.is_doubtful and not ENDS.isdisjoint(ctx.doubts):
        return None  # one has been contradicted for other reasons, and may be wrong
    is_supplied = inputs.supply_v.good and inputs.supply_v.value >= sp.th.supply_present_v
    if not is_supplied and ctx.charger_still_s > LIVES_S:
        return None  # it may have gone with the supply, and what is read of it be left over
    above = inputs.charger_v.value - inputs.supply_v.value
    if sp.single_source and inputs.supply_v.good and above > APART_V * sp.blocks:
        return None  # one source: what its other terminal does not show, no K2 keeps away
    if ctx.jumped[CHARGER] and not recharge.parted:
        return None  # no contact does that that was not told to move: its reading may lie
    if ctx.steady_s < STEADY_S:
        return None  # a contact moves them once; what jumps about is a reading
    # a contact that has been seen closed since, and was not told to move, is not blamed for volts
    if ctx.flows.discharges and not recharge.has_sunk(inputs.battery_v.value, sp.blocks):
        # one just below a battery that gives is silent by right, and may read too much
        return recharge.is_overdue
    return (gap > recharge.open_gap_v(sp.blocks) and recharge.may_be_open) or recharge.is_overdue


def _gives_by_k2(ctx: StepContext) -> bool:
    """A joined source gives the load a part, which is far below it: by way of battery and K2, as
    by S1 the load would be at its volts."""
    supply, load = ctx.inputs.supply_v, ctx.inputs.load_v
    if not (ctx.sp.single_source and ctx.flows.supplies and supply.good and load.good):
        return False
    return supply.value - load.value > APART_V * ctx.sp.blocks


def _is_taken(ctx: StepContext) -> bool:
    """What comes by K2 is told by a second sensor too: by the battery's, or, where that is the
    first, by what a joined source gives beyond load and HAT."""
    inputs, sp = ctx.inputs, ctx.sp
    if not ctx.flows.balanced:
        return False
    if sp.single_source:
        return inputs.supply_a.value - inputs.load_a.value - ctx.flows.hat > SURELY_A
    return inputs.battery_a.value > SURELY_A


def k3_odd(energised: bool, ctx: StepContext) -> bool | None:
    """K3 on: nothing behind it. K3 off: the battery's volts behind it."""
    inputs = ctx.inputs
    if energised:
        # behind a closed K3 the guard would feed the load: where that is dark the line lies
        if inputs.guard is True and inputs.load_v.good and inputs.load_v.value < ctx.sp.th.dark_v:
            return None
        return True if ctx.flows.carries else inputs.batt_path
    if inputs.batt_path is None:
        return None
    if not inputs.battery_v.good or inputs.battery_v.value < ctx.sp.th.dark_v:
        return None
    return not inputs.batt_path and not ctx.flows.carries
