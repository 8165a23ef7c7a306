"""Recharge: a charger that is there gives something back after a discharge, or K2 is open."""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Outputs
from ..scan.context import StepContext
from ..scan.due import LONGEST_SCAN_S
from ..scan.flows import CHARGES_A, CONDUCTS_A, k2_current
from ..scan.relations import has_volts
from .creep import gap_without_creep, is_fast, step_fall

OWED_AS = 20.0  # A s; so much taken out, and the recharge must show
WITHIN_S = 60.0  # DESIGN section 3: charge current back within 60 s
DISCHARGE_A = 0.1
# per block: what two sensors of +-(1 % + 20 mV) can be apart with the charger on the battery
APART_V = 0.31
# where it is known what they are apart while the charger delivers: noise of both, and what their
# gains change it by when the volts are others than then
KNOWN_V, GAINS = 0.015, 0.02
SMOOTH = 0.2
# per block: more than two sensors of +-(1 % + 20 mV) and a diode can be apart; and, where it is
# known what they read apart while the charger delivered, more than then
GAP_V, MORE_V = 0.4, 0.2
UNDER_V = 0.5  # per block: two that are farther apart contradict each other
SUNK_V = 0.3  # per block: more than a load or the end of a charge lets it fall at once
RISE_V = 0.1  # per block: more than noise, and than what its wires have dropped
CHATTERS = 3.0  # so often parted within about a minute, and the contacts chatter
FADES_S = 30.0  # one parting is forgotten
MOST_PARTINGS = 4.0
GIVES_S = 1.5  # a current that may be noise or an error: a second of an idle core, and more
LEVEL_S = 30.0  # not by the noise of a scan: a bank at rest stands beside its charger for minutes
ENDS = {"charger.voltage", "battery.voltage"}
BACK_S = 10.0  # a charger comes from nothing to its volts in less; no drift does


class Tied(NamedTuple):
    """What charger and battery read while the charger delivers: `gap_v` apart, at `battery_v`."""

    gap_v: float
    battery_v: float


class Recharge(NamedTuple):
    """`taken_as` A s taken out since the charger was last seen to give; `waited_s` how long a
    charger with the volts for it has given nothing back; `tied`: None before it was seen to;
    `parted`: K2 has been told to open since, or a charger that gave has risen and gives nothing;
    `gave_a`, `gave_v` the charger in the scan before; `is_gone`: the charger has no volts, until
    `rose_at` (process clock); `came_back`: they have come from there at once since it gave.
    `fell_v`: by which the battery's reading, `rest_v` now, has fallen at rest since it gave or took
    last, as no battery does; `under_v`: by which it last read less than the load that it fed.
    `partings`: how often it has lately stopped to give at once with its volts risen, K2 released.
    `level_s`: for so long the two have read no farther apart than while it delivered; `gives_s`:
    for so long it has read as giving: one scan may be noise.
    """

    taken_as: float = 0.0
    waited_s: float = 0.0
    tied: Tied | None = None
    parted: bool = False
    gave_a: float = 0.0
    gave_v: float | None = None
    is_gone: bool = False
    rose_at: float = float("-inf")
    came_back: bool = False
    partings: float = 0.0
    fell_v: float = 0.0
    rest_v: float | None = None
    under_v: float = 0.0
    level_s: float = 0.0
    gives_s: float = 0.0

    @property
    def off_v(self) -> float:
        """V by which the battery's reading is surely too low since the charger gave last."""
        return self.fell_v + self.under_v

    @property
    def chatters(self) -> bool:
        """K2 parts charger and battery again and again, though it is released."""
        return self.partings >= CHATTERS

    @property
    def may_be_open(self) -> bool:
        """K2 has not been seen closed since it was told to open, or since the charger came back to
        a battery that has given. Else a reading that has drifted away, or hangs, looks the same."""
        return self.parted or (self.came_back and self.taken_as >= OWED_AS)

    @property
    def is_owed(self) -> bool:
        """The charger has something to give back. What the battery lost of itself while K2 was
        open shows only against what the two read apart before."""
        if self.taken_as >= OWED_AS:
            return self.may_be_open
        return self.parted and self.tied is not None

    @property
    def is_overdue(self) -> bool:
        return self.waited_s >= WITHIN_S

    def has_sunk(self, battery_v: float, blocks: int) -> bool:
        """The battery is far lower than where the charger last gave it something: to a charger
        that is as it was it would give again."""
        return self.tied is not None and battery_v < self.tied.battery_v - SUNK_V * blocks

    def gap_v(self, charger_v: float, charger_crept_v: float, battery_v: float) -> float:
        """V by which the charger is above the battery, without what either has drifted by."""
        return gap_without_creep(charger_v, charger_crept_v, battery_v, self.off_v)

    def open_gap_v(self, blocks: int) -> float:
        """V by which a charger that gives nothing reads above the battery where K2 parts the two.
        What they read apart with K2 closed, by a reading that had drifted by then, is none of it.
        """
        known = 0.0 if self.tied is None else self.tied.gap_v + MORE_V * blocks
        return max(GAP_V * blocks, known)


def step_recharge(recharge: Recharge, outputs: Outputs, ctx: StepContext) -> Recharge:
    """Count one scan on."""
    made = _owed(_at_rest(recharge, outputs, ctx), outputs, ctx)
    partings = max(recharge.partings - ctx.dt / FADES_S, 0.0)
    if outputs.k2:
        partings = 0.0
    elif _parts(recharge, ctx):
        partings = min(partings + 1.0, MOST_PARTINGS)
    return made if partings == made.partings else made._replace(partings=partings)


def _at_rest(recharge: Recharge, outputs: Outputs, ctx: StepContext) -> Recharge:
    """Follow the battery's reading while it takes nothing, and gives no more than the HAT lives on.
    What a charge has lifted falls faster than what a discharge has left."""
    amps, battery = ctx.inputs.battery_a, ctx.inputs.battery_v
    is_held = not outputs.k2 and recharge.gave_v is None
    gives = amps.good and amps.value < -DISCHARGE_A
    is_loaded = ctx.flows.discharges or -amps.value > ctx.flows.hat + DISCHARGE_A
    if gives and (is_loaded or not is_held):
        load, under_v = ctx.inputs.load_v, recharge.under_v
        if ctx.flows.discharges and battery.good and load.good:
            # what a battery feeds is not above it, and two sensors of one kind agree; which of two
            # that contradict each other is wrong is not known
            under = max(load.value - battery.value, 0.0)
            under_v = under if under <= UNDER_V * ctx.sp.blocks else under_v
        is_same = under_v == recharge.under_v and recharge.rest_v is None
        if is_same and recharge.fell_v == 0.0:
            return recharge
        return recharge._replace(fell_v=0.0, rest_v=None, under_v=under_v)
    if not (amps.good and battery.good):
        return recharge._replace(rest_v=None)
    fell_v, rest_v = recharge.fell_v, recharge.rest_v
    if rest_v is not None:
        sinks = gives and not is_fast(rest_v - battery.value, ctx.sp, ctx.dt)
        if not sinks or battery.value > rest_v:
            is_lifted = recharge.taken_as < OWED_AS
            fell_v = step_fall(fell_v, rest_v, battery.value, is_lifted, is_held, ctx.sp, ctx.dt)
    if gives and fell_v < SUNK_V * ctx.sp.blocks:
        fell_v = 0.0  # the HAT lives on it, and by so little it may have sunk
    if fell_v == recharge.fell_v and battery.value == recharge.rest_v:
        return recharge
    return recharge._replace(fell_v=fell_v, rest_v=battery.value)


def _parts(recharge: Recharge, ctx: StepContext) -> bool:
    """What the charger gave in the scan before has stopped at once, the battery gives nothing in
    its place, and its volts have risen, without the battery's. One that is switched off falls, one
    that steps down too; where a wire to the battery is loose the two rise together."""
    inputs, gave_v, tied = ctx.inputs, recharge.gave_v, recharge.tied
    charge = k2_current(inputs, ctx.sp.single_source)
    # where the currents balance each of them is known
    known = ctx.flows.balanced and inputs.charger_v.good
    if not known or gave_v is None or recharge.gave_a <= CONDUCTS_A:
        return False
    rise, battery = inputs.charger_v.value - gave_v, inputs.battery_v
    if tied is not None and battery.good and battery.value - tied.battery_v > 0.5 * rise:
        return False
    stops = charge.value < CHARGES_A and inputs.battery_a.value > -DISCHARGE_A
    return stops and rise > RISE_V * ctx.sp.blocks


def _owed(recharge: Recharge, outputs: Outputs, ctx: StepContext) -> Recharge:
    """What the charger owes after this scan. A joined source has no charger current of its own:
    there the battery's tells what is given back."""
    inputs, dt = ctx.inputs, ctx.dt
    amps = inputs.battery_a
    charge = k2_current(inputs, ctx.sp.single_source)
    charger, battery = inputs.charger_v, inputs.battery_v
    if not charge.good:
        return recharge
    known = charger.good and battery.good
    gap = charger.value - battery.value
    gives_s = 0.0
    if charge.value >= CHARGES_A and has_volts(inputs, ctx.sp):
        gives_s = recharge.gives_s + min(dt, LONGEST_SCAN_S)
    if gives_s != recharge.gives_s:
        recharge = recharge._replace(gives_s=gives_s)
    if gives_s >= GIVES_S or (gives_s and charge.value > CONDUCTS_A):
        tied = recharge.tied
        is_doubted = ctx.doubts and not ENDS.isdisjoint(ctx.doubts)
        if known and not (outputs.k2 or is_doubted):
            smooth = gap if tied is None else tied.gap_v + SMOOTH * (gap - tied.gap_v)
            tied = Tied(smooth, battery.value)
        if outputs.k2:
            return Recharge(tied=tied, gives_s=gives_s)
        # a spike that the other currents belie is no charger that gives
        gave_v = charger.value if known and ctx.flows.balanced is not False else None
        return Recharge(tied=tied, gave_a=charge.value, gave_v=gave_v, gives_s=gives_s)
    if not recharge.parted and (outputs.k2 or (known and _has_risen(recharge, charger.value, ctx))):
        recharge = recharge._replace(parted=True)
    if recharge.gave_a:
        recharge = recharge._replace(gave_a=0.0, gave_v=None)
    if charger.good and not recharge.came_back:
        recharge = _comes_back(recharge, charger.value, ctx)
    gives = amps.good and amps.value < -DISCHARGE_A
    if gives:
        recharge = recharge._replace(taken_as=recharge.taken_as - amps.value * dt)
    if not recharge.is_owed or outputs.k2:
        return recharge._replace(waited_s=0.0) if gives else recharge
    if not known or charger.value < ctx.sp.th.charger_present_v:
        return recharge if recharge.waited_s == 0.0 else recharge._replace(waited_s=0.0)
    gap = recharge.gap_v(charger.value, ctx.charger_crept_v, battery.value)
    if gap > _most(recharge.tied, battery.value, ctx.sp.blocks):
        # also while the battery gives: one that is closed would give in its place
        return recharge._replace(waited_s=recharge.waited_s + dt, level_s=0.0)
    if gives:
        return recharge._replace(waited_s=0.0, level_s=0.0)
    if charger.value - battery.value > _least(recharge.tied, battery.value):
        # it cannot be told by the volts
        return recharge if recharge.level_s == 0.0 else recharge._replace(level_s=0.0)
    level_s = recharge.level_s + min(dt, LONGEST_SCAN_S)
    if level_s < LEVEL_S:
        return recharge._replace(level_s=level_s)
    # still above the charger, by an absorption that has just ended: nothing is owed
    return Recharge(tied=recharge.tied)


def _comes_back(recharge: Recharge, charger_v: float, ctx: StepContext) -> Recharge:
    """A charger that was gone, and has its volts within 10 s of the first: no drift does that."""
    if charger_v < ctx.sp.th.unfed_v:
        return recharge if recharge.is_gone else recharge._replace(is_gone=True)
    if recharge.is_gone:
        recharge = recharge._replace(is_gone=False, rose_at=ctx.now)
    is_there = charger_v >= ctx.sp.th.charger_present_v
    if is_there and ctx.now - recharge.rose_at <= BACK_S:
        return recharge._replace(came_back=True)
    return recharge


def _has_risen(recharge: Recharge, charger_v: float, ctx: StepContext) -> bool:
    """What the charger gave has stopped at once, and its volts have risen: it lives, and has been
    parted. One that has died, with a reading that hangs, would look like it without the rise."""
    gave_v = recharge.gave_v
    if ctx.sp.single_source or gave_v is None or recharge.gave_a <= CONDUCTS_A:
        return False
    return charger_v - gave_v > RISE_V * ctx.sp.blocks


def _least(tied: Tied | None, battery_v: float) -> float:
    """V that charger and battery surely read apart when the charger is no higher."""
    return 0.0 if tied is None else tied.gap_v - GAINS * abs(battery_v - tied.battery_v)


def _most(tied: Tied | None, battery_v: float, blocks: int) -> float:
    """V that they can read apart though nothing would flow."""
    if tied is None:
        return APART_V * blocks
    # learnt of a reading that had drifted down it would be the honest ones that are too far apart
    learnt_v = max(tied.gap_v, -APART_V * blocks)
    return learnt_v + KNOWN_V + GAINS * abs(battery_v - tied.battery_v)
