"""Transfer: UPS mode, outages carried over from a test, and the watched return to the supply."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ..model.events import Kind
from ..model.readings import BAD, MISSING
from .desk import Desk
from .presence import Presence

WAIT_S = 10.0  # supply back for so long before the return
LONGEST_WAIT_S = 600.0
WATCH_S = 5.0  # the load must be well on the supply for so long
LOW_TICKS = 2


class Where(Enum):
    """Who holds the load: SUPPLY (K1 released), BATTERY (K1 on), RETURNED (K1 just released)."""

    SUPPLY = "supply"
    BATTERY = "battery"
    RETURNED = "returned"


class Handover(Enum):
    """What a test asks when it lets go of K1: RETURN to the supply, or CARRY on as an outage."""

    NONE = "none"
    RETURN = "return"
    CARRY = "carry"


class Transfer(NamedTuple):
    """`carried`: the battery must go on feeding the load whatever ups.enabled says."""

    where: Where = Where.SUPPLY
    since: float = 0.0
    wait_s: float = WAIT_S
    low_ticks: int = 0
    carried: bool = False


def _to(where: Where, transfer: Transfer, now: float, wait_s: float | None = None) -> Transfer:
    wait = transfer.wait_s if wait_s is None else wait_s
    carried = transfer.carried and where is not Where.SUPPLY
    return Transfer(where, now, wait, 0, carried)


def _on_supply(transfer: Transfer, low: int, presence: Presence, desk: Desk) -> Transfer:
    inputs = desk.inputs
    if transfer.carried and presence.supply.present:
        return transfer._replace(carried=False, low_ticks=low)
    if not (desk.sp.ups_enabled or transfer.carried):
        return transfer if low == transfer.low_ticks else transfer._replace(low_ticks=low)
    # the guard stays up 10 s after a healthy supply is back: by itself it is no reason then
    guarded = inputs.guard is True and presence.supply.above_since is None
    battery, load = inputs.battery_v, inputs.load_v
    helps = not (battery.good and load.good and battery.value <= load.value)
    if guarded or (low >= LOW_TICKS and helps):
        desk.tell(
            "relay.k1", Kind.CHANGE, "The supply fails the load: moving it to the battery.",
            value=True, notify=False,
        )  # fmt: skip
        return _to(Where.BATTERY, transfer, desk.now)
    return transfer if low == transfer.low_ticks else transfer._replace(low_ticks=low)


def _on_battery(transfer: Transfer, presence: Presence, desk: Desk) -> Transfer:
    # the wait counts from the transfer too: a supply may fail the load without losing its volts
    if min(presence.supply.above_for(desk.now), desk.now - transfer.since) >= transfer.wait_s:
        desk.tell(
            "relay.k1", Kind.CHANGE, "The supply is back: returning the load to it.",
            value=False, notify=False,
        )  # fmt: skip
        return _to(Where.RETURNED, transfer, desk.now)
    return transfer


def _returned(transfer: Transfer, low: int, presence: Presence, desk: Desk) -> Transfer:
    inputs, now = desk.inputs, desk.now
    over = now - transfer.since >= WATCH_S
    weak = inputs.load_v.good and inputs.load_v.value < desk.sp.th.supply_present_v
    if presence.supply.below_since is not None or low >= LOW_TICKS or (over and weak):
        wait = min(2.0 * transfer.wait_s, LONGEST_WAIT_S)
        desk.tell(
            "relay.k1", Kind.CHANGE,
            f"The supply failed at the return: back to the battery, next try after {wait:.0f} s.",
            value=True, notify=False,
        )  # fmt: skip
        return _to(Where.BATTERY, transfer, now, wait)
    if over:
        return _to(Where.SUPPLY, transfer, now, WAIT_S)
    return transfer if low == transfer.low_ticks else transfer._replace(low_ticks=low)


def step_transfer(
    transfer: Transfer,
    handover: Handover,
    test_holds: bool,
    lvd_open: bool,
    presence: Presence,
    desk: Desk,
) -> Transfer:
    """One step. `test_holds`: a test has K1 in its hand now, this machine keeps its own off.

    Without a known supply voltage, and while LVD is open, K1 is released: the guard decides.
    """
    now = desk.now
    if handover is Handover.CARRY:
        return Transfer(Where.BATTERY, now, WAIT_S, 0, carried=True)
    if handover is Handover.RETURN:
        return Transfer(Where.RETURNED, now, transfer.wait_s, 0, carried=True)
    if test_holds:
        return transfer if transfer.low_ticks == 0 else transfer._replace(low_ticks=0)
    load = desk.inputs.load_v
    low = transfer.low_ticks + 1 if load.good and load.value < desk.sp.th.ups_transfer_v else 0
    if lvd_open or desk.inputs.supply_v.quality in (BAD, MISSING):
        if transfer.where is Where.SUPPLY:
            return transfer
        keep = transfer.carried and not lvd_open
        return Transfer(Where.SUPPLY, now, WAIT_S, 0, carried=keep)
    if transfer.where is Where.SUPPLY:
        return _on_supply(transfer, low, presence, desk)
    if transfer.where is Where.BATTERY:
        return _on_battery(transfer, presence, desk)
    return _returned(transfer, low, presence, desk)
