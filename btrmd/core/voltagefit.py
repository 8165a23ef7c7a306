"""Voltage fit: may system.voltage become this, with the battery and the supply that are here?"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.board import Inputs
from ..model.chemistry import LEAD_ACID
from ..model.readings import Measurement
from ..model.thresholds import SYSTEM_VOLTAGES, better_system_voltage, fits_system_voltage
from .state import State

PLAINLY_V = 1.0  # per block, of all sources together: so much nearer to another choice


def voltage_refusal(value: int, state: State, inputs: Inputs) -> tuple[str, str]:
    """(sentence, what is allowed), both "" when `value` fits (DESIGN 8b).

    `inputs` as they are believed. The battery must be known; a supply counts where it is present,
    and a bank that battery and supply have shown to be that of the setting stays of it.
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
    found = " and ".join(f"a {name} of {m.value:.2f} V" for name, m in sources)
    readings = [m for _, m in sources]
    allowed = ""
    if fits_better := (better.pop() if len(better) == 1 else 0) or _plainly_better(value, readings):
        allowed = f"{fits_better}, which {found} fit better"
    elif known := _known(value, readings, state):
        allowed = f"{known}, which battery and supply have shown to be right; now there is {found}"
    return (f"{refused} allowed is {allowed}.", allowed) if allowed else ("", "")


def _known(value: int, sources: Sequence[Measurement], state: State) -> int:
    """The setting, where battery and supply have shown for 10 s that it is theirs, and do not both
    show `value` now: another bank may have been put in. 0 = not known."""
    known = state.bank_fit
    if not known.fits or known.system_v == value:
        return 0
    shown = {better_system_voltage(measured.value, known.system_v) for measured in sources}
    return 0 if shown == {value} else known.system_v


def _plainly_better(value: int, sources: Sequence[Measurement]) -> int:
    """The choice that all sources together fit plainly better than `value`; 0 = none."""

    def far_v(choice: int) -> float:
        blocks = choice // LEAD_ACID.nominal_v
        return sum(abs(measured.value / blocks - LEAD_ACID.middle_v) for measured in sources)

    nearest = min(SYSTEM_VOLTAGES, key=far_v)
    return nearest if far_v(nearest) < far_v(value) - PLAINLY_V else 0
