"""Load source: what feeds the load now, told from the currents, not from what was commanded.

One answer for everybody: picture, sentence, pre-check and protocols. A relay may be welded, a
supply may be there and give nothing, and the guard closes both ways: only the currents know.
"""

from __future__ import annotations

from typing import Final

from ...model.board import Inputs, Outputs
from ...model.discharge import LEAST_LOAD_A, LEAST_LOAD_PART
from .flows import hat_amps
from .setpoints import Setpoints

SUPPLY: Final = "supply"
BATTERY: Final = "battery"
CHARGER: Final = "charger"  # by the battery's path, and the battery itself gives nothing
SHARED: Final = "shared"  # the supply gives a part, battery or charger the rest
NONE: Final = "none"  # the load has no power
SOURCES: Final = (NONE, SUPPLY, BATTERY, CHARGER, SHARED)  # as model.encoding.LOAD_SOURCES

SURE_A = 0.1  # what sensors are off at small currents (DESIGN section 2: 30 mA each)
LEAST_A = LEAST_LOAD_A  # with a smaller load the contacts tell
MOST_PART, LEAST_PART = 0.75, LEAST_LOAD_PART  # of the load: more is all of it, less is nothing


def load_source(inputs: Inputs, outputs: Outputs, sp: Setpoints, is_misfit: bool) -> str | None:
    """One of SOURCES; None where it cannot be told. `outputs`: the coils in force in this scan.

    `is_misfit`: `system.voltage` is known not to be that of the bank, which may be one block.
    """
    load_v, load_a = inputs.load_v, inputs.load_a
    if load_v.good and load_v.value < sp.th.dark_v / (sp.blocks if is_misfit else 1):
        return NONE
    if load_a.good and load_a.value >= LEAST_A:
        by_current = _by_currents(inputs, sp)
        if by_current is not None:
            return by_current
    if not load_v.good:
        return None
    return _by_contacts(inputs, outputs, sp)


def _by_currents(inputs: Inputs, sp: Setpoints) -> str | None:
    """From what flows out of battery and charger; None where a current is not known."""
    battery, charger, load = inputs.battery_a, inputs.charger_a, inputs.load_a.value
    if not battery.good or not (charger.good or sp.single_source):
        return None
    into = charger.value if charger.good and not sp.single_source else 0.0
    path = into - battery.value  # to the load by K3 and S2, and to the HAT where it lives there
    supply = inputs.supply_a
    gives = supply.value if supply.good and not sp.single_source else None
    if gives is None or gives >= SURE_A / 2 or path <= SURE_A:
        beside = path - (hat_amps(inputs) if _is_hat_on_battery(inputs) else 0.0)
        if beside <= LEAST_PART * load + SURE_A:
            return SUPPLY
        if beside < MOST_PART * load - SURE_A:
            # of two witnesses that do not agree the one that carries the load is believed
            is_carried = gives is not None and gives >= MOST_PART * load - SURE_A
            return SUPPLY if is_carried else SHARED
    return CHARGER if -battery.value < LEAST_PART * load else BATTERY


def _is_hat_on_battery(inputs: Inputs) -> bool:
    """The HAT lives on the higher of the two (DESIGN section 2: a diode OR)."""
    battery, supply = inputs.battery_v, inputs.supply_v
    return battery.good and supply.good and battery.value > supply.value


def _by_contacts(inputs: Inputs, outputs: Outputs, sp: Setpoints) -> str | None:
    """From what the coils and the guard close, where the load is too small for the currents."""
    guard = inputs.guard is True
    by_s1 = not outputs.k1 or guard
    by_s2 = (outputs.k1 or guard) and not outputs.k3
    if by_s1 and by_s2:
        if not inputs.supply_v.good:
            return None
        return SUPPLY if inputs.supply_v.value >= sp.th.supply_present_v else BATTERY
    if by_s2:
        return BATTERY
    return SUPPLY if by_s1 else None
