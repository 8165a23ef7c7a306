"""Transfer: UPS mode, outages carried over from a test, and the watched return to the supply."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ...model.events import Kind
from ...model.readings import BAD, MISSING
from ..scan.context import StepContext
from ..scan.due import due_if
from .bank_fit import looks_like_another
from .presence import Presence
from .relaywatch import Contact

WAIT_S = 10.0  # supply back for so long before the return
LONGEST_WAIT_S = 600.0
WATCH_S = 5.0  # the load must be well on the supply for so long
# after a return: the guard holds the bus for 10 s more, and only then the supply is alone with it
RECENT_S = 60.0
LOW_TICKS = 2
UNKNOWN_S = 2.0  # a reading that is noisy around 0 V is bad in every other scan


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
    """`carried`: the battery must go on feeding the load whatever ups.enabled says.

    `waited_s`: the wait before the last return, 0.0 where there was none lately; `guard`: the
    guard line in the scan before; `unknown_since`: the supply's voltage has not been known since
    then (process clock), None = it is.
    """

    where: Where = Where.SUPPLY
    since: float = 0.0
    wait_s: float = WAIT_S
    low_ticks: int = 0
    carried: bool = False
    waited_s: float = 0.0
    guard: bool | None = None
    unknown_since: float | None = None

    @property
    def is_on_trial(self) -> bool:
        """The load is back on a supply that failed it at two returns before, for a minute."""
        return self.where is Where.SUPPLY and self.waited_s > 2.0 * WAIT_S

    def next_due(self, now: float) -> float:
        """Every scan while the load is not on the supply, or about to leave it."""
        return due_if(self.where is not Where.SUPPLY or self.low_ticks > 0)


def _to(where: Where, transfer: Transfer, now: float, wait_s: float | None = None) -> Transfer:
    wait = transfer.wait_s if wait_s is None else wait_s
    carried = transfer.carried and where is not Where.SUPPLY
    return Transfer(where, now, wait, 0, carried, transfer.waited_s, transfer.guard)


def _fail(transfer: Transfer, waited_s: float, ctx: StepContext, when: str = "at") -> Transfer:
    """The supply has failed `when` the return was: "at" while it is watched, "soon after"."""
    wait = min(2.0 * waited_s, LONGEST_WAIT_S)
    ctx.tell(
        "relay.k1", Kind.CHANGE,
        f"The supply failed {when} the return: back to the battery, next try after {wait:.0f} s.",
        value=True, notify=False,
    )  # fmt: skip
    return _to(Where.BATTERY, transfer, ctx.now, wait)


def _on_supply(
    transfer: Transfer, low: int, k1: Contact, presence: Presence, ctx: StepContext
) -> Transfer:
    inputs = ctx.inputs
    # where K1 seems not to have let go, it is the battery that lets the bus fall
    is_new = inputs.guard is True and transfer.guard is False and not k1.is_suspected
    if transfer.waited_s and inputs.guard is True and transfer.guard is True:
        # it has not let go since: the supply has not been alone with the load yet
        transfer = transfer._replace(since=ctx.now)
    if transfer.waited_s and ctx.now - transfer.since >= RECENT_S:
        transfer = transfer._replace(waited_s=0.0)
    if transfer.carried and presence.supply.present:
        transfer = transfer._replace(carried=False)
    if not (ctx.sp.ups_enabled or transfer.carried):
        return _same(transfer, low, ctx)
    absent = presence.supply.below_since is not None
    # the guard stays up 10 s after a healthy supply is back: by itself it is no reason then; but
    # a guard that has just closed says that the supply has let the bus fall, whatever its volts
    guarded = inputs.guard is True and (presence.supply.above_since is None or is_new)
    if ctx.doubted_s and not is_new:
        guarded = False  # it holds the bus until its own eye has seen the supply for 10 s
    # a guard line that cannot be believed: the load is fed by way of S2, and there is no supply
    unseen = inputs.guard is None and absent and ctx.flows.carries
    battery, load = ctx.battery, inputs.load_v
    helps = not (battery.good and load.good and battery.value <= load.value)
    if ctx.flows.discharges and (k1.faulty or k1.is_suspected):
        helps = False  # K1 has not let go: it is on the battery already
    # a bus that is low by the level of another bank is none, though that takes 10 s to be known
    falls = low >= LOW_TICKS and helps and not looks_like_another(ctx)
    if guarded or unseen or falls:
        if transfer.waited_s:
            return _fail(transfer, transfer.waited_s, ctx, "soon after")
        ctx.tell(
            "relay.k1", Kind.CHANGE, "The supply fails the load: moving it to the battery.",
            value=True, notify=False,
        )  # fmt: skip
        return _to(Where.BATTERY, transfer, ctx.now, WAIT_S)
    return _same(transfer, low, ctx)


def _same(transfer: Transfer, low: int, ctx: StepContext) -> Transfer:
    guard = ctx.inputs.guard
    if low == transfer.low_ticks and guard is transfer.guard:
        return transfer
    return transfer._replace(low_ticks=low, guard=guard)


def _on_battery(transfer: Transfer, k1: Contact, presence: Presence, ctx: StepContext) -> Transfer:
    if k1.faulty and ctx.inputs.guard is True:
        # K1 would not let go; with it on, the guard keeps the supply on the load
        return transfer
    # The wait counts from the transfer too: a supply may fail the load without losing its volts.
    # One that feeds the load alone, by way of the guard, is tried as well though its volts are
    # doubted: the guard holds supply and battery on the load until it has seen the supply itself
    is_held = ctx.inputs.guard is True
    there_s = max(presence.supply.above_for(ctx.now), ctx.doubted_s if is_held else 0.0)
    if min(there_s, ctx.now - transfer.since) >= transfer.wait_s:
        return _to(Where.RETURNED, transfer, ctx.now)._replace(waited_s=transfer.wait_s)
    return transfer


def _returned(transfer: Transfer, low: int, presence: Presence, ctx: StepContext) -> Transfer:
    inputs, now = ctx.inputs, ctx.now
    over = now - transfer.since >= WATCH_S
    weak = inputs.load_v.good and inputs.load_v.value < ctx.sp.th.supply_present_v
    weak = weak and not ctx.is_belied
    is_new = inputs.guard is True and transfer.guard is False
    absent = presence.supply.below_since is not None and not ctx.doubted_s
    if absent or low >= LOW_TICKS or is_new or (over and weak):
        return _fail(transfer, transfer.wait_s, ctx)
    if over:
        return _to(Where.SUPPLY, transfer, now, WAIT_S)._replace(guard=inputs.guard)
    return _same(transfer, low, ctx)


def step_transfer(
    transfer: Transfer,
    handover: Handover,
    test_holds: bool,
    lvd_open: bool,
    k1: Contact,
    presence: Presence,
    ctx: StepContext,
) -> Transfer:
    """One step. `test_holds`: a test has K1 in its hand now, this machine keeps its own off.

    Without a known supply voltage for 2 s, while LVD is open, and under a `system.voltage` that is
    not the bank's, K1 is released: the guard decides.
    """
    now, guard = ctx.now, ctx.inputs.guard
    if handover is Handover.CARRY:
        return Transfer(Where.BATTERY, now, WAIT_S, 0, carried=True, guard=guard)
    if handover is Handover.RETURN:
        return Transfer(Where.RETURNED, now, transfer.wait_s, 0, carried=True, guard=guard)
    if test_holds:
        return _same(transfer, 0, ctx)
    load = ctx.inputs.load_v
    # a bus that reads far below the supply that feeds it alone is no failing supply: a reading
    # lies, and below 10.5 V a block the guard has an eye of its own
    is_low = load.good and load.value < ctx.sp.th.ups_transfer_v and not ctx.is_belied
    low = transfer.low_ticks + 1 if is_low else 0
    unknown = ctx.inputs.supply_v.quality in (BAD, MISSING)
    if unknown is (transfer.unknown_since is None):
        transfer = transfer._replace(unknown_since=now if unknown else None)
    if lvd_open or ctx.is_misfit or (unknown and _is_unknown(transfer, now)):
        if transfer.where is Where.SUPPLY:
            if transfer.waited_s:  # nobody watches the return now, nor waits for its end
                transfer = transfer._replace(waited_s=0.0)
            return _same(transfer, transfer.low_ticks, ctx)
        keep = transfer.carried and not lvd_open
        return Transfer(
            Where.SUPPLY, now, WAIT_S, 0, keep, guard=guard, unknown_since=transfer.unknown_since
        )
    if unknown:
        return _same(transfer, 0, ctx)
    if transfer.where is Where.SUPPLY:
        return _on_supply(transfer, low, k1, presence, ctx)
    if transfer.where is Where.BATTERY:
        return _on_battery(transfer, k1, presence, ctx)._replace(guard=guard)
    return _returned(transfer, low, presence, ctx)


def _is_unknown(transfer: Transfer, now: float) -> bool:
    """The supply's voltage is not known where that decides: on the supply at once, so that nothing
    is moved on it; else after 2 s, so that K1 is not moved on every spike."""
    if transfer.where is Where.SUPPLY or transfer.unknown_since is None:
        return True
    return now - transfer.unknown_since >= UNKNOWN_S - 1e-6


def moves_on_guard(
    transfer: Transfer, test_holds: bool, lvd_open: bool, k1: Contact, presence: Presence,
    ctx: StepContext,
) -> bool:  # fmt: skip
    """True when a guard that closes before the next step would make that step energise K1.

    The board then need not wait for the step: a HAT without a guard of its own, whose GUARD line
    only says that the bus falls, has nobody else to hold the load.
    """
    if test_holds or lvd_open or ctx.inputs.supply_v.quality in (BAD, MISSING):
        return False
    if ctx.inputs.guard is not False or ctx.is_misfit:
        return False
    if transfer.where is Where.SUPPLY:
        if k1.is_suspected:
            return False
        return ctx.sp.ups_enabled or (transfer.carried and not presence.supply.present)
    return transfer.where is Where.RETURNED
