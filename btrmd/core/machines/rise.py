"""Rise: a voltage that rises while the battery gives, which no battery does, lies.

Where a battery begins to give, its volts fall; while it gives no less than before they go on
falling, but for the first dip, from which 79 measured and simulated discharges come back by 0.1 V a
block at most. Once it gives less it recovers, for how long nobody knows: then nothing is asked
before it has rested. The load's volts fall with the battery's; they fall to them from those of a
supply that is above every battery that gives.
"""

from __future__ import annotations

from typing import NamedTuple

from ..scan.relations import BATTERY, LOAD

RISES_V = 0.25  # per block
WITH_V = 0.1  # per block: where both have risen by so much it is the battery that has
RESTS_A = 0.05  # gives no more, by a sensor of +-(1 % + 30 mA)
LESS_A, LESS_PART = 0.1, 0.1  # gives so much less, and recovers
SETTLES_S = 3.0  # until then the bus may be between two sources
SCAN_S = 2.0  # after a longer pause it may have been charged meanwhile


class Rise(NamedTuple):
    """`battery_v`, `load_v`: what they cannot be above, V, by the least they have read since the
    battery gives, or what they stood at before; None: nothing is asked. `most_a`: the most that it
    has given, A; it has fed the load for `seconds`."""

    battery_v: float | None = None
    load_v: float | None = None
    most_a: float = 0.0
    seconds: float = 0.0


NOT_ASKED = Rise()


def step_rise(
    was: Rise, before: tuple[float | None, ...], volts: tuple[float | None, ...],
    battery_a: float | None, feeds: bool, above_v: float, blocks: int, dt: float,
) -> tuple[Rise, int | None]:  # fmt: skip
    """(memory, the place of the one that has risen in a discharge, None: neither). `before`,
    `volts`: the four voltages in the scan before, and in this one, V; `feeds`: the battery feeds
    the load, and not only this unit; `above_v` (V): what a charger is at, and hardly a battery that
    gives."""
    battery_v, load_v = volts[BATTERY], volts[LOAD]
    if battery_a is None or battery_v is None or load_v is None:
        return NOT_ASKED, None
    gives_a = -battery_a
    is_above = load_v >= above_v
    if gives_a <= RESTS_A:
        return Rise(battery_v, load_v if is_above else None), None
    if was.battery_v is None or dt > SCAN_S:
        return NOT_ASKED, None
    if gives_a < was.most_a - LESS_A - LESS_PART * was.most_a:
        return NOT_ASKED, None
    rises_v = battery_v - was.battery_v
    load_rises_v = load_v - was.load_v if feeds and was.load_v is not None else 0.0
    together_v = _least_rise(before, volts)
    if max(min(rises_v, load_rises_v), together_v) > WITH_V * blocks:
        return NOT_ASKED, None  # another battery, or one that was charged unseen
    risen = None
    most_a, seconds = max(was.most_a, gives_a), was.seconds + dt if feeds else 0.0
    if max(rises_v, load_rises_v) > RISES_V * blocks:
        if seconds > SETTLES_S and abs(battery_v - load_v) <= WITH_V * blocks:
            # one has come back to the other: it had read too little, and does no more
            return Rise(battery_v, load_v, most_a, seconds), None
        risen = BATTERY if rises_v > load_rises_v else LOAD
    if seconds > SETTLES_S:
        least_v = load_v if was.load_v is None else min(was.load_v, load_v)
        return Rise(min(was.battery_v, battery_v), least_v, most_a, seconds), risen
    stood_v = was.load_v
    if not feeds:  # this unit alone may live on the battery while a supply feeds the load
        stood_v = min(stood_v, load_v) if stood_v is not None and is_above else None
    return Rise(was.battery_v, stood_v, most_a, seconds), risen


def _least_rise(before: tuple[float | None, ...], volts: tuple[float | None, ...]) -> float:
    """V by which battery and load have both risen in this scan; 0 where one is not known."""
    steps = [
        0.0 if new is None or old is None else new - old
        for new, old in ((volts[place], before[place]) for place in (BATTERY, LOAD))
    ]
    return min(steps)
