"""Progress: the running sums of one discharge, and when it began and ended by the wall clock.

Time, charge, temperature and the last 5 s of volts come from the process clock. The wall times of
its record are held to what that has measured meanwhile: the wall clock of a unit without a battery
for it begins anywhere and is set at any time.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Inputs
from ...model.discharge import TestRecord
from ..scan.context import StepContext

MEAN_S = 5.0  # cutoff and end voltage are 5 s means (DESIGN section 3)
JUMP_S = 60.0  # what the wall clock may drift from the process clock before it counts as set anew
MARK_NOT_SET = "clock_not_set"


class Progress(NamedTuple):
    """`t0` process clock at K1 on. `charge_as` A s removed; `temp_ks` integral of degC over
    `temp_s` seconds; `window` (process clock, bank volts) of the last 5 s of good readings."""

    t0: float = 0.0
    charge_as: float = 0.0
    seconds: float = 0.0
    temp_ks: float = 0.0
    temp_s: float = 0.0
    window: tuple[tuple[float, float], ...] = ()

    @property
    def mean_a(self) -> float | None:
        """Mean discharge current in A, positive; None before the first reading."""
        return self.charge_as / self.seconds if self.seconds > 0.0 else None

    @property
    def mean_temp(self) -> float | None:
        return self.temp_ks / self.temp_s if self.temp_s > 0.0 else None

    @property
    def charge_ah(self) -> float:
        return self.charge_as / 3600.0

    @property
    def mean_v(self) -> float | None:
        """Mean bank volts of the last 5 s, to the microvolt: six readings of 11.8 V are 11.8 V.

        None without a good reading in them.
        """
        if not self.window:
            return None
        return round(sum(volts for _, volts in self.window) / len(self.window), 6)

    @property
    def window_s(self) -> float:
        """How much time the window spans."""
        return self.window[-1][0] - self.window[0][0] if self.window else 0.0


def advance(progress: Progress, ctx: StepContext) -> Progress:
    """Add one step. A bad current adds neither charge nor time: the mean stays honest."""
    inputs, dt, now = ctx.inputs, ctx.dt, ctx.now
    t0, charge, seconds, temp_ks, temp_s, window = progress
    if inputs.battery_a.good:
        charge -= inputs.battery_a.value * dt
        seconds += dt
    if inputs.temperature.good:
        temp_ks += inputs.temperature.value * dt
        temp_s += dt
    oldest = now - MEAN_S
    if window and window[0][0] < oldest:
        gone = 1  # they rise in time
        while gone < len(window) and window[gone][0] < oldest:
            gone += 1
        window = window[gone:]
    if inputs.battery_v.good:
        window = (*window, (now, inputs.battery_v.value))
    return Progress(t0, charge, seconds, temp_ks, temp_s, window)


def restamped(record: TestRecord, elapsed_s: float, inputs: Inputs) -> TestRecord:
    """`record`, begun `elapsed_s` s ago, by the wall clock as it goes now: where somebody has set
    it since, the newer setting is believed."""
    began = max(0.0, inputs.wall - elapsed_s)
    is_same = abs(began - record.started_at) <= JUMP_S
    return record if is_same else record._replace(started_at=began)


def ended(record: TestRecord, elapsed_s: float, inputs: Inputs) -> TestRecord:
    """`record` with its end now, `elapsed_s` s after its start; marked where no clock is set."""
    record = restamped(record, elapsed_s, inputs)._replace(ended_at=inputs.wall)
    if inputs.clock_ok or MARK_NOT_SET in record.marks:
        return record
    return record._replace(marks=(*record.marks, MARK_NOT_SET))
