"""Voltage fit: may system.voltage become this, with the battery and the supply that are here?"""

from __future__ import annotations

from ..model.board import Inputs
from ..model.chemistry import LEAD_ACID
from ..model.thresholds import better_system_voltage, fits_system_voltage
from .state import State


def voltage_refusal(value: int, state: State, inputs: Inputs) -> tuple[str, str]:
    """(sentence, what is allowed), both "" when `value` fits (DESIGN 8b).

    `inputs` as they are believed. The battery must be known; a supply counts where it is present.
    """
    blocks = value // LEAD_ACID.nominal_v
    low, high = LEAD_ACID.fits_low_v * blocks, LEAD_ACID.fits_high_v * blocks
    refused = f"system.voltage = {value} is refused:"
    sources = [("battery", inputs.battery_v)]
    if state.presence.supply.present and inputs.supply_v.good:
        sources.append(("supply", inputs.supply_v))
    better = set()
    for name, measured in sources:
        if not (measured.good and fits_system_voltage(measured.value, value)):
            found = f"{measured.value:.2f} V" if measured.good else "not known"
            allowed = f"a {name} of {low:g} to {high:g} V; it is {found}"
            return f"{refused} allowed with {allowed}.", allowed
        better.add(better_system_voltage(measured.value, value))
    if len(better) == 1 and 0 not in better:
        found = " and ".join(f"a {name} of {m.value:.2f} V" for name, m in sources)
        allowed = f"{better.pop()}, which {found} fit better"
        return f"{refused} allowed is {allowed}.", allowed
    return "", ""
