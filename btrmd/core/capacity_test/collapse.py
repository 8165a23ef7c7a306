"""Collapse: a bank whose volts fall at once under the same load, as one does that loses a cell.

The curve before it is of another battery: nothing that was estimated from it holds any more.
"""

from __future__ import annotations

from typing import NamedTuple

from ..scan.context import StepContext

CELL_V = 1.2  # of the whole bank: a cell that shorts takes 2 V, a knee 0.2 V a block in 2 s
LOAD_PART = 0.8  # of it the load has lost as well: else a reading lies
SAME_A, SAME_PART = 0.2, 0.05  # of the current: no other load has pulled it down
EACH_S = 2.0  # how old what it is compared with may be: nothing that falls slowly is a collapse
CONFIRM_S = 3.0


class Level(NamedTuple):
    """Bank and load V and the bank's A, `at` a time of the process clock, that later scans are
    compared with; `fell_since` they have been so much lower."""

    battery_v: float
    load_v: float
    amps: float
    at: float
    fell_since: float | None = None


def step_level(level: Level | None, ctx: StepContext) -> tuple[Level | None, str]:
    """(what the next scan is compared with, why the curve tells of nothing any more, "" as a rule).
    A scan in which something is not measured says nothing."""
    inputs, now = ctx.inputs, ctx.now
    battery, load, current = inputs.battery_v, inputs.load_v, inputs.battery_a
    if not (battery.good and load.good and current.good):
        return level, ""
    fresh = Level(battery.value, load.value, current.value, now)
    if level is None:
        return fresh, ""
    fell_v = level.battery_v - battery.value
    if fell_v <= CELL_V:
        is_old = now - level.at >= EACH_S - 1e-6
        return (fresh if is_old else level._replace(fell_since=None)), ""
    since = now if level.fell_since is None else level.fell_since
    if now - since < CONFIRM_S - 1e-6:
        return level._replace(fell_since=since), ""
    is_same = abs(current.value - level.amps) <= SAME_A + SAME_PART * abs(level.amps)
    if not is_same or level.load_v - load.value <= LOAD_PART * fell_v:
        return fresh, ""  # another load, or a reading that has fallen alone
    return fresh, (
        f"No verdict: the battery fell from {level.battery_v:.2f} V to {battery.value:.2f} V at "
        "once under the same load; a cell has failed, or a connection."
    )
