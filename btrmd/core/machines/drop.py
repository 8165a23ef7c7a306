"""Drop: the volts lost from the battery's terminals to the load that it feeds.

Both readings are of one node but for a diode and some mOhm, so that at the same current the drop
stays what it was when the discharge began. Where it does not, one of the two hangs, drifts or is
noisy, and a curve drawn from it tells of no battery, long before the two are half a volt a block
apart.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Inputs
from ..scan.due import LONGEST_SCAN_S
from ..scan.flows import Flows
from ..scan.setpoints import Setpoints

LEARNT_S = 60.0  # the drop of a discharge is the mean of its first minute
SMOOTH_S = 10.0
CONFIRM_S = 30.0
FORGOTTEN_S = 10.0  # without a discharge
# The limits. Two sensors at opposite ends of their tolerance used 63 % of MOVES_V, GAINS and OHMS
# together down to 10.5 V a block under loads of 0.5 to 8 A, and for one second all of it where 20 A
# went to 2 A; they scattered by 0.006 V at a steady load and by 0.035 V there (simulated, 17 Ah).
MOVES_V = 0.06  # per block: noise of both sensors, warm contacts, another forward voltage
GAINS = 0.02  # of the volts that the battery has fallen by: two sensors of +-1 %
OHMS = 0.02  # of the way, with another current than at first
SPREAD_V = 0.05  # per block: so far from `now_v` in the mean, at a steady current
ONE_SCAN_V = 0.25  # per block: no more of a scan counts, so that one alone is half of SPREAD_V
STEADY_A, STEADY_PART = 0.1, 0.05  # of the current of the scan before


class Drop(NamedTuple):
    """`first_v` V of the drop at first, at `first_a` A, with `battery_v` and `load_v` V, each a
    mean over `seconds`; `now_v` what it is now, smoothed; `odd_s` how long that has been more than
    the first one explains, or scattered by `spread_v`; `now_a` the current in the scan before;
    `idle_s` how long the battery has not fed the load alone."""

    first_v: float = 0.0
    first_a: float = 0.0
    battery_v: float = 0.0
    load_v: float = 0.0
    seconds: float = 0.0
    now_v: float = 0.0
    odd_s: float = 0.0
    spread_v: float = 0.0
    now_a: float = 0.0
    idle_s: float = 0.0

    @property
    def is_odd(self) -> bool:
        """Battery and load voltage have moved apart: one of the two is wrong."""
        return self.odd_s >= CONFIRM_S - 1e-6


NO_DROP = Drop()


def step_drop(
    drop: Drop, feeds: bool, inputs: Inputs, flows: Flows, sp: Setpoints, dt: float
) -> Drop:
    """One scan on; `feeds`: the battery alone feeds the load. What is not measured says nothing."""
    dt = min(dt, LONGEST_SCAN_S)
    battery, load, amps = inputs.battery_v, inputs.load_v, flows.discharge
    if amps is None or not feeds:
        if drop is NO_DROP:
            return drop  # nearly always
        idle_s = drop.idle_s + dt
        return NO_DROP if idle_s >= FORGOTTEN_S else drop._replace(idle_s=idle_s)
    if not (battery.good and load.good):
        return drop
    gap = battery.value - load.value
    fallen_v = max(abs(battery.value - drop.battery_v), abs(load.value - drop.load_v))
    most_v = MOVES_V * sp.blocks + GAINS * fallen_v + OHMS * abs(amps - drop.first_a)
    if 0.0 < drop.seconds < LEARNT_S and abs(gap - drop.first_v) > most_v:
        drop = NO_DROP  # a reading has begun to lie, or is well again: from here on
    if drop.seconds < LEARNT_S:
        seconds = drop.seconds + dt
        part = dt / seconds if seconds > 0.0 else 1.0
        first_v = drop.first_v + part * (gap - drop.first_v)
        return Drop(
            first_v, drop.first_a + part * (amps - drop.first_a),
            drop.battery_v + part * (battery.value - drop.battery_v),
            drop.load_v + part * (load.value - drop.load_v), seconds, first_v, now_a=amps,
        )  # fmt: skip
    most_far_v = ONE_SCAN_V * sp.blocks
    part = min(dt / SMOOTH_S, 1.0)
    far_v = max(-most_far_v, min(gap - drop.now_v, most_far_v))
    now_v = drop.now_v + part * far_v
    spread_v = drop.spread_v
    if abs(amps - drop.now_a) <= STEADY_A + STEADY_PART * abs(amps):
        spread_v += part * (abs(far_v) - spread_v)
    is_odd = abs(now_v - drop.first_v) > most_v or spread_v > SPREAD_V * sp.blocks
    odd_s = min(drop.odd_s + dt, CONFIRM_S) if is_odd else max(drop.odd_s - dt, 0.0)
    return drop._replace(now_v=now_v, odd_s=odd_s, spread_v=spread_v, now_a=amps, idle_s=0.0)
