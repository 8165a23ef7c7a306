"""Relations: which voltages must agree under the flows and relays of this scan, and which do not.

A closed path in which current flows ties its two ends together but for a diode and some mOhm; one
in which none flows can only mean that the source is not the higher end (DESIGN section 2).
"""

from __future__ import annotations

from enum import Enum
from math import ceil
from typing import NamedTuple

from ...model.board import Inputs, Outputs
from ...model.chemistry import LEAD_ACID
from .flows import CHARGES_A, CONDUCTS_A, Flows, k2_current
from .setpoints import Setpoints

APART_V = 0.5  # per block: two sensors of +-(1 % + 20 mV), a diode and 25 A in the path
NEAR_V = 0.3  # per block: near enough to be a witness for each other
LOWER_V = 0.36  # per block: two sensors of +-(1 % + 20 mV) at 14.4 V and their noise, no path
MOST_BLOCKS = 4
GUARD_V = 0.15  # per block: 1 % + 20 mV of the level at which the guard closes, and noise
SURELY_A = 0.1  # three times what a sensor may be off by
NEGATIVE_V = -1.0  # more than a sensor is off by: what is gone is at 0 V
SEEN_A = 1.0  # more than the sum of the currents may be off by, the unit's own 0.44 A with it
HAT_PART = 0.6  # of the HAT's 4 W, and still above a sensor's offset at 48 V
HAT_LEAST_A = 0.06  # a sensor may say 0.03 and its noise where nothing flows

POINTS = ("battery.voltage", "load.voltage", "charger.voltage", "supply.voltage")
NAMES = ("battery voltage", "load voltage", "charger voltage", "supply voltage")
BATTERY, LOAD, CHARGER, SUPPLY = range(4)


def lives_a(hat: float) -> float:
    """A that a supply gives which surely feeds the HAT, where that takes `hat` A."""
    return max(HAT_PART * hat, HAT_LEAST_A)


class Tie(Enum):
    """One relation between two voltages; the value is its place in Found."""

    SUPPLY_LOAD = 0  # the supply feeds the load
    BATTERY_LOAD = 1  # battery or charger feed the load
    CHARGER_BATTERY = 2  # the charger delivers
    SUPPLY_SILENT = 3  # S1 is closed, the supply gives nothing: it is not above the load
    SUPPLY_HAT = 4  # the HAT lives on the supply: it is not below the battery
    CHARGER_SILENT = 5  # K2 is released, the charger gives little: it is not above the battery
    SUPPLY_BATTERY = 6  # the supply feeds what the battery is tied to: it is not below the battery
    CHARGER_LOAD = 7  # the charger feeds the load, the battery may float beside it or be cut off


# places in Found that are asked for in each scan
SUPPLY_LOAD, BATTERY_LOAD = Tie.SUPPLY_LOAD.value, Tie.BATTERY_LOAD.value
CHARGER_SILENT = Tie.CHARGER_SILENT.value
PAIRS = (
    (SUPPLY, LOAD), (BATTERY, LOAD), (CHARGER, BATTERY), (SUPPLY, LOAD), (SUPPLY, BATTERY),
    (CHARGER, BATTERY), (SUPPLY, BATTERY), (CHARGER, LOAD),
)  # fmt: skip
FEEDS = (Tie.SUPPLY_LOAD, Tie.BATTERY_LOAD, Tie.CHARGER_LOAD)  # who feeds the load
EQUAL = (True, True, True, False, False, False, False, True)  # agreement proves both ends


class Relation(NamedTuple):
    """`gap` V of the first end above the second; `broken` None: it says nothing in this scan."""

    gap: float = 0.0
    broken: bool | None = None
    near: bool = False


SILENT = Relation()
Found = tuple[Relation, ...]
NOTHING: Found = (SILENT,) * len(Tie)


def voltages(inputs: Inputs) -> tuple[float | None, ...]:
    """The four voltages, None where the hardware gives no good reading."""
    return (
        inputs.battery_v.value if inputs.battery_v.good else None,
        inputs.load_v.value if inputs.load_v.good else None,
        inputs.charger_v.value if inputs.charger_v.good else None,
        inputs.supply_v.value if inputs.supply_v.good else None,
    )


class Look(NamedTuple):
    """One scan, and what the relations are asked by; `find_relations` tells of each."""

    battery: float | None
    load: float | None
    charger: float | None
    supply: float | None
    inputs: Inputs
    flows: Flows
    outputs: Outputs
    has_settled: bool
    battery_is_tied: bool
    k1_is_faulty: bool
    sp: Setpoints
    blocks: int

    def tie(self, first: float | None, second: float | None) -> Relation:
        """Two ends of one closed path, V."""
        if first is None or second is None:
            return SILENT
        gap, apart, near = first - second, APART_V * self.blocks, NEAR_V * self.blocks
        return Relation(gap, not -apart <= gap <= apart, -near <= gap <= near)


def find_relations(
    volts: tuple[float | None, ...],
    inputs: Inputs,
    flows: Flows,
    outputs: Outputs,
    has_settled: bool,
    battery_is_tied: bool,
    s1_held: bool,
    k1_is_faulty: bool,
    is_misfit: bool,
    sp: Setpoints,
) -> Found:
    """Every relation of this scan. `has_settled`: the coils `outputs` have been so for a while;
    `battery_is_tied`: K1 is energised, and what is seen says that S2 is closed too;
    `s1_held`: the guard was active as K1 was energised, and holds S1 until it is not;
    `k1_is_faulty`: it is not known by which way a joined source feeds the load;
    `is_misfit`: `system.voltage` is known not to be that of bank and supply.
    """
    battery, load, charger, supply = volts
    blocks = _blocks_of(volts) if is_misfit else sp.blocks
    look = Look(
        battery, load, charger, supply, inputs, flows, outputs, has_settled, battery_is_tied,
        k1_is_faulty, sp, blocks,
    )  # fmt: skip
    s1_closed = _is_s1_closed(look, s1_held)
    supply_load, battery_load = _by_joined_path(look, *_feeding(look))
    charger_battery, charger_load = _charging(look)
    is_fed = charger_battery is not SILENT
    if flows.balanced is False:
        # a current lies: what flows is not sure, but two volts that agree where the coils have
        # closed the path still vouch for each other
        charger_battery = charger_battery._replace(broken=None)
        if outputs.k1 and not outputs.k3:
            battery_load = look.tie(battery, load)._replace(broken=None)
        elif not outputs.k1 and inputs.guard is False:
            supply_load = look.tie(supply, load)._replace(broken=None)
    supply_silent, supply_hat = _idle_supply(look, s1_closed)
    return (
        supply_load, battery_load, charger_battery, supply_silent, supply_hat,
        _silent_charger(look, is_fed), _supply_beside_battery(look, supply_load), charger_load,
    )  # fmt: skip


def _is_s1_closed(look: Look, s1_held: bool) -> bool:
    outputs, guard = look.outputs, look.inputs.guard
    if guard and outputs.k1 and not s1_held:
        # it closes S1 beside an energised K1 at its level only; else its line may lie
        level = look.sp.th.supply_absent_v + GUARD_V * look.sp.blocks
        return look.load is not None and look.load < level
    # with the guard idle and K1 released S2 is open: what comes through it all the same says that
    # K1's contacts are not where its coil is
    follows = outputs.k1 or guard is not False or not look.flows.carries
    return guard is True or (not outputs.k1 and follows)


def _feeding(look: Look) -> tuple[Relation, Relation]:
    """Supply and load, battery and load: whoever feeds the load is at its volts."""
    flows = look.flows
    # a joined source feeds the load by way of the charger path while K1 is on, and a guard that
    # holds S1 beside it is not seen: its line may lie. By either way it is at its own volts while
    # the battery takes and gives nothing, and an open K3 leaves but one
    by_either = look.k1_is_faulty and flows.uses_battery and not look.outputs.k3
    by_k2 = look.sp.single_source and (by_either or not _is_s1_closed(look, False))
    through_s1 = flows.supplies and not by_k2
    supply_load = look.tie(look.supply, look.load) if through_s1 else SILENT
    feeds = flows.carries or (look.outputs.k1 and look.has_settled and flows.trickles())
    # behind an open K3 the load hangs on nothing, whatever its capacitor still gives it
    feeds = feeds and flows.uses_battery and not look.outputs.k3
    return supply_load, look.tie(look.battery, look.load) if feeds else SILENT


def _by_joined_path(
    look: Look, supply_load: Relation, battery_load: Relation
) -> tuple[Relation, Relation]:
    """A joined source feeds the load by way of K2 and S2, and cannot be below it: what the way
    takes is on its side, and only sensors may differ."""
    supply, load = look.supply, look.load
    by_path = look.sp.single_source and look.outputs.k1 and look.has_settled
    if not (by_path and look.flows.supplies) or supply is None or load is None:
        return supply_load, battery_load
    if supply - load >= -LOWER_V * look.blocks:
        return supply_load, battery_load
    beside = look.tie(look.battery, load)
    if look.battery_is_tied and beside.near:  # both hang on that way, whatever the currents tell
        battery_load = beside
    return Relation(supply - load, True), battery_load


def _charging(look: Look) -> tuple[Relation, Relation]:
    """Charger and battery, charger and load: what the charger delivers to is at its volts."""
    flows, is_joined = look.flows, look.sp.single_source
    amps = k2_current(look.inputs, is_joined)
    if look.outputs.k2:
        return SILENT, SILENT
    if not amps.good:
        # what the battery takes comes by K2 as well
        taken = flows.charge
        is_tied = taken is not None and taken > CONDUCTS_A
        return look.tie(look.charger, look.battery) if is_tied else SILENT, SILENT
    takes = flows.charge is not None and flows.charge > 0.0
    two_tell = takes and not is_joined  # else by the same current twice
    is_negative = look.charger is not None and look.charger < NEGATIVE_V
    is_there = two_tell or is_negative or has_volts(look.inputs, look.sp)
    if amps.value < SEEN_A and not is_there:
        return SILENT, SILENT  # it may be gone, and its current an error that the sum does not show
    if amps.value <= CONDUCTS_A:
        # so little may be an error of one of them; but two say so, what is given and what is taken
        taken = two_tell and look.inputs.battery_a.good
        if amps.value <= SURELY_A or not taken:
            return SILENT, SILENT
        return look.tie(look.charger, look.battery), SILENT
    feeds = flows.carries and not is_joined and not look.outputs.k3
    charger_load = look.tie(look.charger, look.load) if feeds else SILENT
    # the battery may balance what charger and load do, and still be the node they share
    shares = flows.carries and look.tie(look.battery, look.load).near
    is_tied = flows.uses_battery or shares
    return look.tie(look.charger, look.battery) if is_tied else SILENT, charger_load


def _silent_charger(look: Look, is_fed: bool) -> Relation:
    """With K2 released a charger that gives little or nothing, so that it is not surely tied to
    the battery (`is_fed`), is not above it; one that gives a little is not below it either. Where
    the two read alike they hold each other."""
    charger, battery = look.charger, look.battery
    amps = k2_current(look.inputs, look.sp.single_source)
    if charger is None or battery is None or is_fed or look.outputs.k2 or not look.has_settled:
        return SILENT
    if not (amps.good and amps.value <= CONDUCTS_A):
        return SILENT
    gives = amps.value > SURELY_A and has_volts(look.inputs, look.sp)
    # below its level there is no charger, and nothing to be told of it
    if charger < look.sp.th.charger_present_v and not gives:
        return SILENT
    gap, apart, near = charger - battery, APART_V * look.blocks, NEAR_V * look.blocks
    return Relation(gap, gap > apart or (gives and gap < -apart), -near <= gap <= near)


def _supply_beside_battery(look: Look, supply_load: Relation) -> Relation:
    """Asked only where supply and load contradict each other: it tells which of them lies."""
    flows = look.flows
    if not (supply_load.broken and flows.balanced) or look.battery is None:
        return SILENT
    assert look.supply is not None
    # of two sources at one node the higher one gives; a joined source is all that charges
    is_charged = flows.charge is not None and flows.charge > 0.0
    if not (is_charged if look.sp.single_source else look.battery_is_tied):
        return SILENT
    gap = look.supply - look.battery
    # beside a battery that gives nothing it is surely no lower: only sensors may differ
    return Relation(gap, gap < (-APART_V if flows.carries else -LOWER_V) * look.blocks)


def _idle_supply(look: Look, s1_closed: bool) -> tuple[Relation, Relation]:
    """What a supply that gives the load nothing is not: above a load that S1 ties it to; below the
    battery, where this unit lives on it."""
    inputs, flows, supply = look.inputs, look.flows, look.supply
    supply_silent = supply_hat = SILENT
    amps = inputs.supply_a
    if not amps.good or supply is None or not look.has_settled:
        return SILENT, SILENT
    hat_lives = lives_a(flows.hat)
    if s1_closed and look.load is not None and amps.value < hat_lives:
        gap = supply - look.load
        # what has no volts to feed a load with contradicts no dark one
        is_alive = supply >= look.sp.th.unfed_v
        supply_silent = Relation(gap, is_alive and gap > APART_V * look.blocks)
    # with S1 open nothing but the HAT takes of the supply
    s1_open = look.outputs.k1 and inputs.guard is False and not look.sp.single_source
    if s1_open and look.battery is not None:
        lives = hat_lives <= amps.value <= 2.0 * flows.hat
        # battery and charger give what the load takes, and no more
        alone = inputs.battery_a.good and inputs.load_a.good and inputs.charger_a.good
        given = inputs.charger_a.value - inputs.battery_a.value
        alone = alone and given - inputs.load_a.value < 0.5 * flows.hat
        if lives and alone and flows.carries:
            gap = supply - look.battery
            supply_hat = Relation(gap, gap < -APART_V * look.blocks)
    return supply_silent, supply_hat


def _blocks_of(volts: tuple[float | None, ...]) -> int:
    """The blocks of a bank and its sources that read `volts`, by the last but one of the readings:
    one of them may lie. Sensors are off by a part of what they read, whatever the setting is."""
    known = sorted(value for value in volts if value is not None)
    each = known[-2] if len(known) > 1 else 0.0
    return min(max(ceil(each / LEAD_ACID.fits_high_v), 1), MOST_BLOCKS)


def delivers(inputs: Inputs, sp: Setpoints) -> bool:
    """The charger gives current, also below its level. Without volts it gives none, whatever its
    current reads; volts that are belied by what flows are not good."""
    amps = inputs.charger_a
    return amps.good and amps.value > CHARGES_A and has_volts(inputs, sp)


def has_volts(inputs: Inputs, sp: Setpoints) -> bool:
    """The charger is at volts at which a battery may be, or at this one's whatever the setting
    says, or its volts are not known."""
    charger, battery = inputs.charger_v, inputs.battery_v
    if not charger.good or charger.value >= sp.th.unfed_v:
        return True
    return battery.good and charger.value >= battery.value - APART_V * sp.blocks
