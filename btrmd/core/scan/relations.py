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
from .flows import CHARGES_A, CONDUCTS_A, Flows
from .setpoints import Setpoints

APART_V = 0.5  # per block: two sensors of +-(1 % + 20 mV), a diode and 25 A in the path
NEAR_V = 0.3  # per block: near enough to be a witness for each other
LOWER_V = 0.36  # per block: two sensors of +-(1 % + 20 mV) at 14.4 V and their noise, no path
MOST_BLOCKS = 4
HAT_PART = 0.6  # of the HAT's 4 W, and still above a sensor's offset at 48 V
HAT_LEAST_A = 0.06  # a sensor may say 0.03 and its noise where nothing flows

POINTS = ("battery.voltage", "load.voltage", "charger.voltage", "supply.voltage")
NAMES = ("battery voltage", "load voltage", "charger voltage", "supply voltage")
BATTERY, LOAD, CHARGER, SUPPLY = range(4)


class Tie(Enum):
    """One relation between two voltages; the value is its place in Found."""

    SUPPLY_LOAD = 0  # the supply feeds the load
    BATTERY_LOAD = 1  # battery or charger feed the load
    CHARGER_BATTERY = 2  # the charger delivers
    SUPPLY_SILENT = 3  # S1 is closed, the supply gives nothing: it is not above the load
    SUPPLY_HAT = 4  # the HAT lives on the supply: it is not below the battery
    CHARGER_SILENT = 5  # K2 is released, the charger gives nothing: it is not above the battery
    SUPPLY_BATTERY = 6  # the supply feeds what the battery is tied to: it is not below the battery
    CHARGER_LOAD = 7  # the charger feeds the load, the battery may float beside it or be cut off


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


def find_relations(
    volts: tuple[float | None, ...],
    inputs: Inputs,
    flows: Flows,
    outputs: Outputs,
    has_settled: bool,
    battery_is_tied: bool,
    is_misfit: bool,
    sp: Setpoints,
) -> Found:
    """Every relation of this scan. `has_settled`: the coils `outputs` have been so for a while;
    `battery_is_tied`: K1 is energised, and what is seen says that S2 is closed too;
    `is_misfit`: `system.voltage` is known not to be that of bank and supply.
    """
    battery, load, charger, supply = volts
    blocks = _blocks_of(volts) if is_misfit else sp.blocks
    apart, near = APART_V * blocks, NEAR_V * blocks

    def tie(first: float | None, second: float | None) -> Relation:
        if first is None or second is None:
            return SILENT
        gap = first - second
        return Relation(gap, not -apart <= gap <= apart, -near <= gap <= near)

    # with the guard idle and K1 released S2 is open: what comes through it all the same says that
    # K1's contacts are not where its coil is
    follows = outputs.k1 or inputs.guard is not False or not flows.carries
    s1_closed = inputs.guard is True or (not outputs.k1 and follows)
    # a joined source feeds the load by way of the charger path while K1 is on
    through_s1 = flows.supplies and (s1_closed or not sp.single_source)
    supply_load = tie(supply, load) if through_s1 else SILENT
    battery_load = tie(battery, load) if flows.carries and flows.uses_battery else SILENT
    by_path = sp.single_source and outputs.k1 and has_settled and flows.supplies
    if by_path and supply is not None and load is not None and supply - load < -apart:
        # a joined source feeds the load by way of K2 and S2, and cannot be below it
        supply_load = Relation(supply - load, True)
        beside = tie(battery, load)
        if battery_is_tied and beside.near:  # both hang on that way, whatever the currents tell
            battery_load = beside
    charges = inputs.charger_a.good and inputs.charger_a.value > CONDUCTS_A and not outputs.k2
    feeds = charges and flows.carries and not sp.single_source and not outputs.k3
    charger_load = tie(charger, load) if feeds else SILENT
    # the battery may balance what charger and load do, and still be the node they share
    shares = flows.carries and battery is not None and load is not None
    shares = shares and abs((battery or 0.0) - (load or 0.0)) <= near
    charges = charges and (flows.uses_battery or shares)
    charger_battery = tie(charger, battery) if charges else SILENT
    if flows.balanced is False:
        # a current lies: what flows is not sure, but two volts that agree where the coils have
        # closed the path still vouch for each other
        charger_battery = charger_battery._replace(broken=None)
        if outputs.k1 and not outputs.k3:
            battery_load = tie(battery, load)._replace(broken=None)
        elif not outputs.k1 and inputs.guard is False:
            supply_load = tie(supply, load)._replace(broken=None)
    supply_silent = supply_hat = charger_silent = SILENT
    gives_nothing = inputs.charger_a.good and inputs.charger_a.value < CHARGES_A
    # below its level there is no charger, and nothing to be told of it
    both = charger is not None and charger >= sp.th.charger_present_v and battery is not None
    if both and gives_nothing and not outputs.k2 and has_settled and not sp.single_source:
        gap = (charger or 0.0) - (battery or 0.0)
        charger_silent = Relation(gap, gap > apart)
    supply_battery = SILENT
    # asked only where supply and load contradict each other: it tells which of them lies
    if supply_load.broken and flows.balanced and battery is not None:
        assert supply is not None
        # of two sources at one node the higher one gives; a joined source is all that charges
        is_charged = flows.charge is not None and flows.charge > 0.0
        if is_charged if sp.single_source else battery_is_tied:
            gap = supply - battery
            # beside a battery that gives nothing it is surely no lower: only sensors may differ
            supply_battery = Relation(gap, gap < (-APART_V if flows.carries else -LOWER_V) * blocks)
    amps = inputs.supply_a
    if amps.good and supply is not None and has_settled:
        hat_lives = max(HAT_PART * flows.hat, HAT_LEAST_A)
        if s1_closed and load is not None and amps.value < hat_lives:
            gap = supply - load
            supply_silent = Relation(gap, gap > apart)
        # with S1 open nothing but the HAT takes of the supply
        s1_open = outputs.k1 and inputs.guard is False and not sp.single_source
        if s1_open and battery is not None:
            lives = hat_lives <= amps.value <= 2.0 * flows.hat
            # battery and charger give what the load takes, and no more
            alone = inputs.battery_a.good and inputs.load_a.good and inputs.charger_a.good
            given = inputs.charger_a.value - inputs.battery_a.value
            alone = alone and given - inputs.load_a.value < 0.5 * flows.hat
            if lives and alone and flows.carries:
                gap = supply - battery
                supply_hat = Relation(gap, gap < -apart)
    return (
        supply_load, battery_load, charger_battery, supply_silent, supply_hat, charger_silent,
        supply_battery, charger_load,
    )  # fmt: skip


def _blocks_of(volts: tuple[float | None, ...]) -> int:
    """The blocks of a bank and its sources that read `volts`, by the last but one of the readings:
    one of them may lie. Sensors are off by a part of what they read, whatever the setting is."""
    known = sorted(value for value in volts if value is not None)
    each = known[-2] if len(known) > 1 else 0.0
    return min(max(ceil(each / LEAD_ACID.fits_high_v), 1), MOST_BLOCKS)


def delivers(inputs: Inputs) -> bool:
    """The charger gives current, whatever its volts."""
    return inputs.charger_a.good and inputs.charger_a.value > CHARGES_A
