"""Odd one: which of two voltages that contradict each other lies, and the reason in words."""

from __future__ import annotations

from ...model.board import Inputs
from ..scan.due import LONGEST_SCAN_S
from ..scan.relations import (
    BATTERY,
    CHARGER,
    CHARGER_SILENT,
    EQUAL,
    LOAD,
    NAMES,
    NEGATIVE_V,
    PAIRS,
    SUPPLY,
    Found,
    Tie,
)
from ..scan.setpoints import Setpoints
from .creep import NOISE_V
from .plausible_state import Odd, Plausible
from .recharge import Recharge

DECIDE_S = 1.5  # broken for so long, and it is clear who lies
DOUBT_S = 5.0  # broken for so long, and it is not
FLOATS_S = 30.0  # a doubt of charger and battery that read alike, and little flows, is over in it
LONGEST_S = 6.0  # what a broken relation counts up to: it is forgiven within twice that
RECENT_S = 10.0
STANDS_S = 50.0  # a contradiction that has gone silent may be decided by what comes after it


def put(values: tuple, place: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*values[:place], value, *values[place + 1 :])


def count(
    memory: Plausible, found: Found, now: float, dt: float, charger_is_off: bool = False
) -> Plausible:
    """How long each relation has been broken; one that is silent is forgotten slowly."""
    seconds, since, at = list(memory.broken_s), list(memory.broken_since), list(memory.broken_at)
    gaps = memory.gap_v
    dt = min(dt, LONGEST_SCAN_S)
    for place, relation in enumerate(found):
        first, second = PAIRS[place]
        odd_first, odd_second = memory.odd[first], memory.odd[second]
        if (odd_first and not odd_first.doubted) or (odd_second and not odd_second.doubted):
            seconds[place] = 0.0  # explained, and no word against the other end afterwards
            at[place] = float("-inf")
        elif relation.broken:
            if seconds[place] == 0.0:
                since[place] = now
            seconds[place] = min(seconds[place] + dt, LONGEST_S)
            at[place] = now
            gaps = put(gaps, place, relation.gap)
        elif relation.broken is False:
            weight = 2.0 if odd_first and odd_second else 0.5
            seconds[place] = max(seconds[place] - weight * dt, 0.0)
            at[place] = float("-inf")
        elif odd_first and odd_second and _agrees_otherwise(found, place):
            seconds[place] = max(seconds[place] - 2.0 * dt, 0.0)
        elif odd_first and odd_second and _floats(found, place):
            seconds[place] = max(seconds[place] - LONGEST_S / FLOATS_S * dt, 0.0)
        elif not (odd_first and odd_second):
            seconds[place] = max(seconds[place] - 0.1 * dt, 0.0)
        elif all(
            memory.witness_at[end] > since[place] or (charger_is_off and end == CHARGER)
            for end in PAIRS[place]
        ):
            # others vouch for both; a charger that is off needs nobody
            seconds[place] = max(seconds[place] - 0.5 * dt, 0.0)
    return memory._replace(
        broken_s=tuple(seconds), broken_since=tuple(since), broken_at=tuple(at), gap_v=gaps
    )


def _agrees_otherwise(found: Found, place: int) -> bool:
    """The same two ends are tied by a current meanwhile, and agree."""
    return any(
        equal and ends == PAIRS[place] and relation.broken is False
        for relation, ends, equal in zip(found, PAIRS, EQUAL, strict=True)
    )


def _floats(found: Found, place: int) -> bool:
    """Charger and battery, and they read alike, though less flows than says that they must."""
    return PAIRS[place] == (CHARGER, BATTERY) and found[CHARGER_SILENT].near


def judge(
    memory: Plausible,
    inputs: Inputs,
    sp: Setpoints,
    now: float,
    is_misfit: bool,
    recharge: Recharge,
    k2_is_faulty: bool,
) -> Plausible:
    """Name the odd one of each relation that has been broken for long enough. Where K2 is faulty,
    or by `recharge` may be open, the relay watch tells of a charger that stands above the
    battery."""
    odd = memory.odd
    is_k2s = (k2_is_faulty or recharge.may_be_open) and _is_k2s(memory, recharge, sp)
    for place, seconds in enumerate(memory.broken_s):
        first, second = PAIRS[place]
        both = odd[first], odd[second]
        if any(one is not None and not one.doubted for one in both):
            continue
        # one that has agreed since, and says nothing now, is no ground for a verdict
        # nor is one of long ago: its cause may have been mended meanwhile
        if seconds >= DECIDE_S and now - memory.broken_at[place] <= STANDS_S:
            liar = _liar(memory, place, inputs, sp, now, is_misfit, recharge.parted, is_k2s)
            if liar == SUPPLY and _has_died(memory, place, sp):
                memory = memory._replace(broken_s=put(memory.broken_s, place, 0.0))
                if all(one is not None and one.doubted for one in both):
                    odd = put(put(odd, first, None), second, None)
                continue
            if liar is not None:
                off_v = _above(memory, liar, place)
                odd = put(odd, liar, Odd(_reason(memory, place, liar), off_v=off_v))
                other = second if liar == first else first
                odd = put(odd, other, None)
                continue
        is_watched = is_k2s and place == CHARGER_SILENT
        if seconds >= DOUBT_S and both == (None, None) and not is_watched:
            doubt = Odd(_both(memory, place), doubted=True)
            odd = put(put(odd, first, doubt), second, doubt)
        elif all(one is not None and one.doubted for one in both):
            ended = [end for end in PAIRS[place] if not _is_weighed(memory, odd, end)]
            for end in ended:
                odd = put(odd, end, None)
    return memory if odd is memory.odd else memory._replace(odd=odd)


def _is_k2s(memory: Plausible, recharge: Recharge, sp: Setpoints) -> bool:
    """No reading that has crept up or down puts the charger so far above the battery."""
    charger, battery = memory.volts[CHARGER], memory.volts[BATTERY]
    if charger is None or battery is None or max(memory.crept_v, recharge.off_v) <= NOISE_V:
        return True
    return recharge.gap_v(charger, memory.crept_v, battery) > recharge.open_gap_v(sp.blocks)


def _has_died(memory: Plausible, place: int, sp: Setpoints) -> bool:
    """The supply has no volts by now, and feeds nobody: what it had contradicted is over."""
    volts = memory.volts[SUPPLY]
    if memory.found[place].broken is not None or volts is None:
        return False
    return NEGATIVE_V <= volts < sp.th.unfed_v


def _is_weighed(memory: Plausible, odd: tuple[Odd | None, ...], end: int) -> bool:
    """A relation of this end to another one that is doubted is still being weighed."""
    return any(
        seconds > 0.0 and end in ends and all((one := odd[e]) and one.doubted for e in ends)
        for seconds, ends in zip(memory.broken_s, PAIRS, strict=True)
    )


def _liar(
    memory: Plausible, place: int, inputs: Inputs, sp: Setpoints, now: float, is_misfit: bool,
    k2_parted: bool, is_k2s: bool,
) -> int | None:  # fmt: skip
    """Which end of the broken relation lies, by what else is known; None: it cannot be told."""
    first, second = PAIRS[place]
    since = memory.broken_since[place]

    def only(is_first: bool, is_second: bool) -> int | None:
        """The end of which it is true, when it is true of one only."""
        if is_first is is_second:
            return None
        return first if is_first else second

    # nothing is below 0 V: with its poles reversed the unit would not live
    volts = memory.volts[first], memory.volts[second]
    liar = only(*(value is not None and value < NEGATIVE_V for value in volts))
    if liar is not None:
        return liar
    if place == CHARGER_SILENT:
        # as a rule K2 is open then (relay watch), unless one of them has moved as no battery does,
        # or reads what no charger gives
        charger, battery = volts
        if charger is not None and charger > sp.th.mismatch_high_v and not is_misfit:
            return first
        takes = battery is not None and battery < sp.th.charger_present_v
        if k2_parted and takes and not memory.jumped[second]:
            # it takes what any charger gives: were the charger's reading wrong, the charger would
            # be gone as well, and that is two faults. One contact explains it all
            return None
        return only(memory.jumped[first], memory.jumped[second])
    # somebody else vouches for one of them, now
    liar = only(memory.witness_at[first] < since, memory.witness_at[second] < since)
    if liar is not None:
        return liar
    # one of them contradicts somebody else as well
    liar = only(*(_is_broken_elsewhere(memory, end, place, now, is_k2s) for end in PAIRS[place]))
    if liar is not None:
        return liar
    # an idle guard says that the load, and what feeds it now, is above its level
    if second == LOAD and inputs.guard is False and memory.found[place].broken:
        level = sp.th.guard_closed_v
        liar = only(*(value is not None and value < level for value in volts))
        if liar is not None:
            return liar
    if EQUAL[place] and memory.found[place].broken and not is_misfit:
        # nothing that gives or takes current is at volts at which no bank is, empty or overcharged
        low, high = sp.th.unfed_v, sp.th.mismatch_high_v
        liar = only(*(value is not None and not low <= value <= high for value in volts))
        if liar is not None:
            return liar
    if place in (Tie.BATTERY_LOAD.value, Tie.CHARGER_BATTERY.value) and memory.found[place].broken:
        # while current flows both ends move: one that has not changed at all hangs
        hangs, is_left = memory.motion.hangs, memory.motion.is_left_behind
        liar = only(hangs(first, second, now), hangs(second, first, now))
        if liar is None and place == Tie.BATTERY_LOAD.value:
            liar = only(
                is_left(first, second, volts[1], sp.blocks, now),
                is_left(second, first, volts[0], sp.blocks, now),
            )
        if liar is not None:
            return liar
    liar = only(memory.jumped[first], memory.jumped[second])
    if place == Tie.BATTERY_LOAD.value and liar is not None:
        # a bank gives way, too: beside one that hangs it looks as if the other one had jumped
        other = second if liar == first else first
        return liar if memory.motion.has_moved_since(other, liar) else None
    return liar


def _is_broken_elsewhere(memory: Plausible, end: int, place: int, now: float, is_k2s: bool) -> bool:
    """`end` has lately contradicted a third voltage too, which the other end has not: else the
    third may be the one that lies. `is_k2s`: a K2 that is open, or may be, explains what a charger
    that gives nothing reads: no word against anybody, unless it was doubted before."""
    opposite = _partner(place, end)
    for other, ends in enumerate(PAIRS):
        if end not in ends or ends == PAIRS[place]:
            continue
        # one that lies is wrong by the same to both; between the two of them it may be right
        if _above(memory, end, other) * _above(memory, end, place) < 0.0:
            continue
        both = {opposite, _partner(other, end)}
        if _is_lately_broken(memory, other, now, is_k2s) and not any(
            set(PAIRS[third]) == both and _is_lately_broken(memory, third, now, is_k2s)
            for third in range(len(PAIRS))
        ):
            return True
    return False


def _is_lately_broken(memory: Plausible, place: int, now: float, is_k2s: bool) -> bool:
    """Not for a scan only: where currents jump with a step of the battery, a single scan may find
    flows that are none. A doubt that stands, with a source that has gone since, is as good as
    lately, as long as nobody has vouched for one of the two since."""
    at = memory.broken_at[place]
    stands = memory.broken_s[place] > 0.0 and all(
        (odd := memory.odd[one]) is not None and odd.doubted and memory.witness_at[one] <= at
        for one in PAIRS[place]
    )
    is_k2 = is_k2s and place == CHARGER_SILENT
    return at > memory.broken_since[place] and (stands or (now - at <= RECENT_S and not is_k2))


def _partner(place: int, end: int) -> int:
    """The other end of a relation."""
    first, second = PAIRS[place]
    return second if end == first else first


def _above(memory: Plausible, end: int, place: int) -> float:
    """V of `end` above the other end of a relation, when that was broken last."""
    return memory.gap_v[place] if PAIRS[place][0] == end else -memory.gap_v[place]


# --- in words ------------------------------------------------------------------------------------


def _volts(memory: Plausible, place: int) -> float:
    return memory.volts[place] or 0.0


def _reason(memory: Plausible, place: int, liar: int) -> str:
    first, second = PAIRS[place]
    other = second if liar == first else first
    reads = f"The {NAMES[liar]} reads {_volts(memory, liar):.2f} V"
    at = f"{_volts(memory, other):.2f} V"
    what = {
        Tie.SUPPLY_LOAD: f"the supply feeds the load and the {NAMES[other]} is {at}",
        Tie.BATTERY_LOAD: f"the battery feeds the load and the {NAMES[other]} is {at}",
        Tie.CHARGER_BATTERY: f"the charger delivers and the {NAMES[other]} is {at}",
        Tie.SUPPLY_SILENT: f"the supply gives nothing to a load at {at}",
        Tie.CHARGER_SILENT: f"the charger gives little or nothing and the {NAMES[other]} is {at}",
        Tie.SUPPLY_BATTERY: f"the supply feeds the load and the {NAMES[other]} is {at}",
        Tie.CHARGER_LOAD: f"the charger feeds the load and the {NAMES[other]} is {at}",
        Tie.SUPPLY_HAT: f"this unit lives on the supply and the {NAMES[other]} is {at}",
    }[Tie(place)]
    if Tie(place) is Tie.SUPPLY_SILENT and liar == LOAD:
        what = f"the supply is at {at} and gives nothing"
    return f"{reads}, but {what}: the reading is not believed."


def _both(memory: Plausible, place: int) -> str:
    first, second = PAIRS[place]
    ends = (
        f"The {NAMES[first]} ({_volts(memory, first):.2f} V) and the {NAMES[second]} "
        f"({_volts(memory, second):.2f} V)"
    )
    if place == CHARGER_SILENT:
        return (
            f"{ends} contradict each other, and the charger gives little or nothing: one of them "
            "is wrong, or relay K2 is open; it cannot be told which."
        )
    return f"{ends} contradict each other; it cannot be told which is wrong."
