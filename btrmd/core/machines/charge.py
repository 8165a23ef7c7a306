"""Charge balance: how much charge the battery lacks since it was last full, and how surely.

Ampere-hours out are counted as they are, those that come back at what a lead-acid battery keeps of
them; a tail current on float voltage is what says "full". Percent come from the battery's Ah.
"""

from __future__ import annotations

from typing import NamedTuple

from ..scan.context import StepContext
from ..scan.due import NO_TIME
from ..scan.setpoints import Setpoints
from .capacity import CapacityHealth
from .presence import Presence

# Makers' guides: 5 to 10 % more has to go back than was taken, less early, more near the end.
EFFICIENCY = 0.93
EFFICIENCY_SD = 0.05
GAIN_SD = 0.01  # of a current (DESIGN section 2: 1 % + 30 mA)
OFFSET_A = 0.05  # currents nearer to zero than this are nobody's charge
OFFSET_SD_A = 0.03
TAIL_PART = 0.01  # A per Ah: a current so small on float voltage is a full battery's
ABSORPTION_PART = 2.0  # times the tail: absorption's current when full
TAIL_LOW_A, TAIL_UNKNOWN_A = 0.1, 0.3  # at least; where the Ah are not known
NEAR = 3.0  # times the tail: up to there nothing speaks against a full battery
TAIL_FIRST_S = 10.0  # so long on the tail, and an unknown charge counts as known
TAIL_H = 3.0  # what is still missing flows in as if the tail current went on for so long
TAIL_SETTLE_S = 300.0  # time constant with which the tail overrules the counted charge,
SD_SETTLE_S = 3600.0  # ... and with which it becomes sure: absorption may have ended too early
TAIL_SURE_S = 60.0  # so long on the tail, and no more than SURE_PART of the Ah can be missing:
SURE_PART = 0.04  # a battery that lacks more takes more, or its voltage stays below float
FIRST_SD = 0.05  # of the Ah: how sure the first look at the tail is
FULL_SD = 0.01  # ... and how sure a long one
MOST_SD = 0.15  # of the Ah: less sure than this is not known
UNREAD_S, UNREAD_LOAD_S = 600.0, 60.0  # without readings for so long (on battery): not known
GAP_S = 3600.0  # the daemon was away for longer than this: not known
FULL_PART = 0.95  # what began above counts as full
NEED_PART = 0.1  # of what the load needs may be missing where the battery's own Ah are not known
LEAST_H = 1.0  # a battery without known Ah is judged by a load of at least so long


class ChargeBalance(NamedTuple):
    """`missing_ah` Ah short of full, None = not known; `sd_ah` its standard deviation; `tail_s` s
    without a break on float voltage with a tail current, `near_s` with a current not far above it;
    `unread_s` s without a good current. `is_first`: nothing has been counted since the first look
    at the tail, so that a tail that falls says more than the look did."""

    missing_ah: float | None = None
    sd_ah: float = 0.0
    tail_s: float = 0.0
    near_s: float = 0.0
    unread_s: float = 0.0
    is_first: bool = False

    def next_due(self, now: float) -> float:
        """Never: it counts what has passed, however long that was."""
        return NO_TIME

    @property
    def is_on_tail(self) -> bool:
        """On float now, and long enough to be seen."""
        return self.tail_s >= TAIL_FIRST_S - 1e-6

    @property
    def is_near_tail(self) -> bool:
        """On float, with a current that does not speak against a full battery."""
        return self.near_s >= TAIL_FIRST_S - 1e-6

    def part(self, full_ah: float | None) -> float | None:
        """Charge in the battery over that of the full one, 0..1; None where it is not known."""
        if self.missing_ah is None or full_ah is None or self.sd_ah > MOST_SD * full_ah:
            return None
        return min(max(1.0 - self.missing_ah / full_ah, 0.0), 1.0)

    def is_full(self, full_ah: float | None, need_ah: float, is_used: bool) -> bool:
        """Whether a discharge that begins now begins full, as far as anyone can tell.

        `need_ah`: what the load would take in its minimum runtime, for where the battery's own Ah
        are not known. `is_used`: a discharge is known; else float is what a station is found on.
        """
        part = self.part(full_ah)
        if part is not None:
            return part >= FULL_PART
        if self.is_on_tail or (self.is_near_tail and not is_used):
            return True
        lacks = self.missing_ah
        return full_ah is None and lacks is not None and lacks <= NEED_PART * need_ah


def full_ah(sp: Setpoints, health: CapacityHealth) -> float | None:
    """The Ah that percent are of: the rating, else what the last test said; None without both."""
    if sp.rated_ah is not None:
        return sp.rated_ah
    last = health.measured
    if last is None or not last.estimate_s or not last.average_current:
        return None
    ah = last.estimate_s * last.average_current / 3600.0
    return ah if ah > 0.0 else None


def need_ah(ctx: StepContext) -> float:
    """Ah that the load takes within the minimum runtime, 1 h at least; 0 while it is not known."""
    load = ctx.inputs.load_a
    hours = max(ctx.sp.minimum_runtime_s / 3600.0, LEAST_H)
    return load.value * hours if load.good else 0.0


def step_charge(
    balance: ChargeBalance, presence: Presence, on_battery: bool, ah: float | None, ctx: StepContext
) -> ChargeBalance:
    """Count one step. `ah`: the full battery's charge, None where it is not known."""
    inputs, dt = ctx.inputs, ctx.dt
    if not inputs.battery_a.good:
        unread = balance.unread_s + dt
        if unread > (UNREAD_LOAD_S if on_battery else UNREAD_S):
            return ChargeBalance(unread_s=unread)
        return balance._replace(unread_s=unread)
    amps, hours = inputs.battery_a.value, dt / 3600.0
    tail = TAIL_UNKNOWN_A if ah is None else max(TAIL_LOW_A, TAIL_PART * ah)
    if inputs.battery_v.value >= ctx.sp.th.absorption_v:
        tail *= ABSORPTION_PART
    near_s = 0.0
    if -OFFSET_A <= amps <= NEAR * tail and _is_float(presence, ctx):
        near_s = balance.near_s + dt
        if amps <= tail:
            return _settle(balance, amps, ah, dt)._replace(near_s=near_s)
    missing, sd = balance.missing_ah, balance.sd_ah
    if missing is None:
        return ChargeBalance(near_s=near_s)
    moved = amps * hours
    if amps < -OFFSET_A:
        missing -= moved
        sd -= GAIN_SD * moved
    elif amps > OFFSET_A:
        missing = max(missing - EFFICIENCY * moved, 0.0)
        sd += EFFICIENCY_SD * moved
    return ChargeBalance(missing, sd + OFFSET_SD_A * hours, near_s=near_s)


def _is_float(presence: Presence, ctx: StepContext) -> bool:
    """Float voltage with a charger behind it."""
    volts = ctx.inputs.battery_v
    return volts.good and volts.value >= ctx.sp.th.float_v and presence.charger.below_since is None


def _settle(balance: ChargeBalance, amps: float, ah: float | None, dt: float) -> ChargeBalance:
    """On the tail: what is missing is soon what the tail says, whatever was counted before."""
    tail_s = balance.tail_s + dt
    whole = ah or 0.0
    bound = TAIL_H * max(amps, 0.0)
    if ah is not None:
        bound = min(bound, TAIL_H * TAIL_PART * ah)  # a small battery's tail may be all gassing
    if balance.missing_ah is None:
        if tail_s < TAIL_FIRST_S - 1e-6:
            return ChargeBalance(tail_s=tail_s)
        return ChargeBalance(bound, FIRST_SD * whole, tail_s, is_first=True)
    missing = balance.missing_ah
    missing += min(dt / TAIL_SETTLE_S, 1.0) * (bound - missing)
    sd = balance.sd_ah + min(dt / SD_SETTLE_S, 1.0) * (FULL_SD * whole - balance.sd_ah)
    if balance.is_first:
        missing = min(missing, bound)
    elif tail_s >= TAIL_SURE_S:
        missing = min(missing, max(bound, SURE_PART * whole))
        sd = min(sd, FIRST_SD * whole) if whole else sd
    return ChargeBalance(missing, sd, tail_s, is_first=balance.is_first)


def after_gap(missing: float | None, sd: float, gone_s: float, interrupted: bool) -> ChargeBalance:
    """What is still known after the daemon was away for `gone_s` s.

    `interrupted`: it went away in a discharge, which went on without it.
    """
    if missing is None or interrupted or not 0.0 <= gone_s <= GAP_S:
        return ChargeBalance()
    return ChargeBalance(max(missing, 0.0), max(sd, 0.0) + OFFSET_SD_A * gone_s / 3600.0)
