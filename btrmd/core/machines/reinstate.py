"""Reinstate: when a reading that was named, or doubted, is believed again."""

from __future__ import annotations

from ...model.board import Inputs, Outputs
from ..scan.flows import CHARGES_A, k2_current
from ..scan.relations import (
    APART_V,
    BATTERY,
    CHARGER,
    EQUAL,
    NEAR_V,
    PAIRS,
    SUPPLY,
    Found,
)
from ..scan.setpoints import Setpoints
from .backward import WELL_S
from .odd_one import put
from .plausible_state import Odd, Plausible

WEAK_S = 30.0  # as WELL_S, where agreement proves less
WEAKEST_S = 60.0  # ... and least


def reinstate(
    before: Plausible,
    memory: Plausible,
    inputs: Inputs,
    outputs: Outputs,
    sp: Setpoints,
    dt: float,
) -> Plausible:
    """`memory` with those believed again that have agreed with a believed reading for long enough,
    or have come back to where they were; `before` it, one scan of `dt` s ago."""
    odd, found, jumped, broken_s = memory.odd, memory.found, memory.jumped, memory.broken_s
    for place, one in enumerate(odd):
        if one is None:
            continue
        if memory.volts[place] is None:  # the hardware says so itself
            # a battery that was named has gone on to its chip's end: what it is tied to goes on
            # speaking for it. Nothing is known where the chip is silent first
            if one.doubted or place != BATTERY:
                odd = put(odd, place, None)
                # one that comes and goes is doubted for what it contradicts then, not once a scan
                broken_s = tuple([
                    0.0 if place in ends else seconds
                    for seconds, ends in zip(broken_s, PAIRS, strict=True)
                ])  # fmt: skip
            continue
        if one.doubted:
            # two are doubted by each other; with the other one named, or gone, nothing is left
            if not _is_doubted_by_another(place, memory.odd):
                odd = put(odd, place, None)
            continue
        if _has_come_back(before, memory, place, sp):
            odd, jumped = put(odd, place, None), put(jumped, place, False)
            continue
        if one.well_s > 0.0 and _has_lost_its_partner(before, memory, place):
            odd = put(odd, place, None)
            continue
        weight = _agreement(place, memory, found, outputs, sp)
        if weight == 0.0 and place == CHARGER and is_charger_off(memory, inputs, sp):
            weight = 1.0
        well = 0.0 if weight < 0.0 else one.well_s + weight * dt
        if well >= WELL_S:
            odd = put(odd, place, None)
        elif well != one.well_s:
            odd = put(odd, place, one._replace(well_s=well))
    return memory._replace(odd=odd, jumped=jumped, broken_s=broken_s)


def _has_come_back(before: Plausible, memory: Plausible, place: int, sp: Setpoints) -> bool:
    """While nothing ties it to anything, it has moved back at once by as much as it was off when it
    was named: it has been mended, and is believed until it contradicts anybody again."""
    one, value, old = memory.odd[place], memory.volts[place], before.volts[place]
    if one is None or value is None or old is None or abs(one.off_v) <= APART_V * sp.blocks:
        return False
    for found in (before.found, memory.found):
        for relation, ends, equal in zip(found, PAIRS, EQUAL, strict=True):
            if equal and place in ends and relation.broken is not None:
                return False
    return abs(value - old + one.off_v) <= NEAR_V * sp.blocks


def _has_lost_its_partner(before: Plausible, memory: Plausible, place: int) -> bool:
    """It had just agreed again with one that jumps away in this scan: that one is to be told of."""
    for was, relation, ends in zip(before.found, memory.found, PAIRS, strict=True):
        if place in ends and was.near and relation.broken:
            partner = ends[0] if place == ends[1] else ends[1]
            return memory.jumped[partner] and not before.jumped[partner]
    return False


def _is_doubted_by_another(place: int, odd: tuple[Odd | None, ...]) -> bool:
    others = {end for ends in PAIRS if place in ends for end in ends if end != place}
    return any((one := odd[end]) is not None and one.doubted for end in others)


def is_charger_off(memory: Plausible, inputs: Inputs, sp: Setpoints) -> bool:
    """A charger that has no volts and gives nothing contradicts nobody: it is off."""
    amps, volts = k2_current(inputs, sp.single_source), memory.volts[CHARGER]
    return volts is not None and volts < sp.th.unfed_v and amps.good and amps.value < CHARGES_A


def _agreement(
    place: int, memory: Plausible, found: Found, outputs: Outputs, sp: Setpoints
) -> float:
    """How much this scan speaks for voltage `place`.

    1 fully, less where it proves less, -1 against it, 0 nothing.
    """
    best = 0.0
    for relation, ends, equal in zip(found, PAIRS, EQUAL, strict=True):
        if place not in ends:
            continue
        if relation.broken:
            return -1.0
        partner = ends[0] if place == ends[1] else ends[1]
        if equal and relation.broken is False and memory.odd[partner] is None:
            # two sensors at opposite ends of their +-1 % agree, but prove less
            best = max(best, 1.0 if relation.near else WELL_S / WEAK_S)
        elif equal and relation.broken is False and _are_fed(memory, ends, sp):
            # both were named, each by somebody else: two that lie do not lie alike
            best = max(best, WELL_S / WEAK_S if relation.near else WELL_S / WEAKEST_S)
        elif relation.broken is False and not equal and place == SUPPLY:
            best = max(best, 1.0)
    if best == 0.0 and place in (BATTERY, CHARGER) and not outputs.k2:
        battery, charger = memory.volts[BATTERY], memory.volts[CHARGER]
        other = memory.odd[CHARGER if place == BATTERY else BATTERY]
        if battery is not None and charger is not None and other is None:
            apart = abs(charger - battery)
            best = WELL_S / WEAK_S if apart < 0.3 * sp.blocks else 0.0
    return best


def _are_fed(memory: Plausible, ends: tuple[int, int], sp: Setpoints) -> bool:
    """Both voltages are such that they can feed something."""
    return all((volts := memory.volts[end]) is not None and volts >= sp.th.unfed_v for end in ends)
