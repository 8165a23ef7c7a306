"""Backward: a current that flows against its diode is not believed (DESIGN section 2).

Only the battery's current goes both ways: supply, charger and load stand behind a diode or a load.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model.board import Inputs
from ...model.readings import Measurement
from .plausible_state import CURRENTS, Backward

BACKWARD_A = 0.206  # more than a sensor's +-(1 % + 30 mA)
DECIDE_S = 1.5  # for so long, and it is no spike
WELL_S = 5.0  # forward for so long: believed again


def step_backward(
    memory: Mapping[str, Backward], inputs: Inputs, dt: float
) -> Mapping[str, Backward]:
    """Currents that no diode lets pass (DESIGN section 2: only the battery's goes both ways)."""
    load, charger, supply = inputs.load_a, inputs.charger_a, inputs.supply_a
    least = -BACKWARD_A
    if not (memory or load.value < least or charger.value < least or supply.value < least):
        return memory  # nearly always
    for name, point in CURRENTS.items():
        measured: Measurement = getattr(inputs, name)
        one = memory.get(name)
        if not measured.good:
            made = None
        elif measured.value < -BACKWARD_A:
            made = Backward(WELL_S, one.reason if one else "")
            if one is None:
                made = Backward(dt)
            elif not one.reason:
                made = Backward(one.seconds + dt)
                if made.seconds >= DECIDE_S:
                    reason = (
                        f"The {point.replace('.', ' ')} reads {measured.value:.2f} A, backward "
                        "through a diode: the reading is not believed."
                    )
                    made = Backward(WELL_S, reason)
        elif one is not None and one.seconds > dt:
            made = one._replace(seconds=one.seconds - dt)
        else:
            made = None
        if made is None and one is not None:
            memory = {key: value for key, value in memory.items() if key != name}
        elif made is not None and made != one:
            memory = {**memory, name: made}
    return memory
