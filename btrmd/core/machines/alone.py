"""Alone: the one witness of a battery's volts that is left, while the other is not believed.

No battery falls at once under the same current: a witness that does is not believed until it is
back, or goes on falling as no good battery does, or there are two again; nor is one that has jumped
and for which nobody has vouched since. But where both have fallen, and the other is as wrong as it
was, they tell of the battery.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.readings import Measurement
from ..scan.context import StepContext
from ..scan.relations import BATTERY, LOAD
from .motion import SINKS_S, SINKS_V

# per block: less than a lie that matters, more than noise and what a battery falls by in a second
# under the same current, which may differ by so many A and this part
STEP_V, SAME_A, SAME_PART = 0.25, 0.2, 0.1
# what the other reading is wrong by is what it was: so many V a block, or this part
SAME_ERROR_V, SAME_ERROR = 0.1, 0.01
WATCH_S = 120.0
SCAN_S = 2.0  # after a longer pause it may have fallen as far


class Alone(NamedTuple):
    """What the witness read last, V, and what the battery gave then, A (of the flows; None: too few
    currents are known); `beside_v` what the other one read, which is not believed (None: it is not
    there), and `before_v` a scan before that. `watched_since`: it has stepped down, and was at
    `from_v` then; `is_proven`: it has jumped, and has sunk since as a battery does.
    """

    volts: float
    amps: float | None
    beside_v: float | None = None
    before_v: float | None = None
    watched_since: float | None = None
    from_v: float = 0.0
    is_proven: bool = False


def witness(ctx: StepContext) -> Measurement:
    """The battery's voltage as far as the LVD may know it: also from a load on it whose reading has
    jumped, where that is all that is left; `step_alone` tells when it is believed."""
    return _jumped_load(ctx) or ctx.battery


def _jumped_load(ctx: StepContext) -> Measurement | None:
    if ctx.battery.good or not (ctx.battery_is_odd and ctx.jumped[LOAD]):
        return None
    return ctx.battery_by_load


def step_alone(was: Alone | None, feeds: bool, ctx: StepContext) -> tuple[Alone | None, bool]:
    """(memory, whether the witness has stepped down alone); `feeds`: the battery feeds the load."""
    inputs, battery = ctx.inputs, witness(ctx)
    if not feeds or (inputs.battery_v.good and inputs.load_v.good) or not battery.good:
        return None, False
    beside_v = ctx.read_v[LOAD if inputs.battery_v.good else BATTERY]
    before_v = beside_v if was is None else was.beside_v
    now = Alone(battery.value, ctx.flows.discharge, beside_v, before_v)
    if _jumped_load(ctx) is not None or (inputs.battery_v.good and ctx.jumped[BATTERY]):
        if was is not None and was.is_proven:
            return now._replace(is_proven=True), False
        made, is_watched = _watched(was or now, now, ctx)
        return made._replace(is_proven=not is_watched), is_watched
    if was is None or was.amps is None or now.amps is None or ctx.dt > SCAN_S:
        return now, False  # another current may explain what it fell by
    is_same = abs(now.amps - was.amps) <= SAME_A + SAME_PART * abs(was.amps)
    fell_v = was.volts - now.volts
    if not is_same or fell_v <= STEP_V * ctx.sp.blocks:
        return now, False
    if _is_as_wrong(was, now, ctx.sp.blocks):
        return now, False
    return _watched(was, now, ctx)


def _is_as_wrong(was: Alone, now: Alone, blocks: int) -> bool:
    """The other reading has fallen too, and is off the witness by as much, or by the same part."""
    if was.before_v is None or now.beside_v is None or now.beside_v >= was.before_v:
        return False
    before_v, after_v = was.before_v - was.volts, now.beside_v - now.volts
    if abs(after_v - before_v) <= SAME_ERROR_V * blocks:
        return True
    return abs(now.beside_v * was.volts - was.before_v * now.volts) <= (
        SAME_ERROR * was.before_v * now.volts
    )


def _watched(was: Alone, now: Alone, ctx: StepContext) -> tuple[Alone, bool]:
    """As above, of one that has stepped down: is it still not believed?"""
    since = was.watched_since
    if since is None or ctx.now - since > WATCH_S:
        return was._replace(watched_since=ctx.now, from_v=now.volts), True
    sinks = was.from_v - now.volts >= SINKS_V * ctx.sp.blocks
    if sinks and ctx.now - since >= SINKS_S - 1e-6:
        return now, False
    return was, True
