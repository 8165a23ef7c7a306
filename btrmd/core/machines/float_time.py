"""Time on float: how long the battery has been there, and since when it was not discharged."""

from __future__ import annotations

from typing import NamedTuple

from ..scan.context import StepContext
from ..scan.due import NO_TIME
from .presence import Presence

FLOAT_S = 24 * 3600.0  # BATTERY, starting conditions
NO_DISCHARGE_S = 48 * 3600.0
DISCHARGE_A = 0.2  # more than the HAT and a sensor's offset


class FloatTime(NamedTuple):
    """Ages in s. `float_s` counts float time without a break; `undischarged_s` None = not known."""

    float_s: float = 0.0
    undischarged_s: float | None = None
    discharging_s: float = 0.0

    def next_due(self, now: float) -> float:
        """Never: it counts what has passed, however long that was."""
        return NO_TIME

    @property
    def is_rested(self) -> bool:
        """On float for 24 h and not discharged for 48 h (or for as long as anyone knows)."""
        return self.float_s >= FLOAT_S and (
            self.undischarged_s is None or self.undischarged_s >= NO_DISCHARGE_S
        )


def step_float_time(
    float_time: FloatTime, presence: Presence, on_battery: bool, ctx: StepContext
) -> FloatTime:
    """Count the ages on by one step. Unknown readings neither break nor extend the float time."""
    inputs, dt = ctx.inputs, ctx.dt
    if on_battery:
        return FloatTime(0.0, 0.0, float_time.discharging_s + dt)
    age = None if float_time.undischarged_s is None else float_time.undischarged_s + dt
    if not (inputs.battery_v.good and inputs.battery_a.good):
        return FloatTime(float_time.float_s, age, 0.0)
    amps = inputs.battery_a.value
    if amps < -DISCHARGE_A:
        gone = float_time.discharging_s + dt
        if gone >= 10.0:
            return FloatTime(0.0, 0.0, gone)
        return FloatTime(float_time.float_s, age, gone)
    tail = max(0.3, 0.01 * (ctx.sp.rated_ah or 0.0))
    charger = presence.charger
    full = amps <= tail and inputs.battery_v.value >= ctx.sp.th.float_v
    if charger.below_since is not None or not full:
        return FloatTime(0.0, age, 0.0)
    return FloatTime(float_time.float_s + (dt if charger.present else 0.0), age, 0.0)
