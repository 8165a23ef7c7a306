"""Plausible: which reading contradicts the others, which one is the odd one, and what is left.

A reading that the relays and the currents belie is made bad, so that no machine decides on it. What
cannot be told apart stays and is doubted: no test starts on it, and none goes on.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model.board import Inputs, Outputs
from ..scan.due import LONGEST_SCAN_S
from ..scan.flows import Flows
from ..scan.relations import (
    APART_V,
    BATTERY,
    BATTERY_LOAD,
    CHARGER,
    CHARGER_SILENT,
    EQUAL,
    FEEDS,
    LOAD,
    NEAR_V,
    PAIRS,
    SUPPLY,
    Found,
    Relation,
    Tie,
    find_relations,
    voltages,
)
from ..scan.setpoints import Setpoints
from .backward import step_backward
from .creep import step_creep
from .drop import Drop, step_drop
from .lines import InputLines, step_lines
from .motion import Motion, part_given, step_motion
from .odd_one import count, judge, put
from .plausible_state import NONE_ODD, Backward, Odd, Plausible, without_backward
from .presence import Presence
from .recharge import Recharge
from .reinstate import WEAK_S, is_charger_off, reinstate
from .relaywatch import SETTLE_S
from .rise import RESTS_A, step_rise

JUMP_V = 1.0  # per block, from one scan to the next


def step_plausible(
    memory: Plausible,
    inputs: Inputs,
    flows: Flows,
    outputs: Outputs,
    settled_s: float,
    presence: Presence,
    sp: Setpoints,
    now: float,
    dt: float,
    is_misfit: bool,
    recharge: Recharge,
    faulty: tuple[str, ...],
    supply_is_weak: bool,
) -> Plausible:
    """Judge one scan. `outputs` are the coils in force, for `settled_s` seconds now; `is_misfit`:
    `system.voltage` is known not to be that of the bank; `recharge`: what the charger owes, after
    the scan before; `faulty`: the relays that the relay watch has told of;
    `supply_is_weak`: the guard has lately had to help it often."""
    backward = step_backward(memory.backward, inputs, dt)
    if backward:
        inputs = without_backward(inputs, backward)  # a current that lies vouches for nobody
    volts = voltages(inputs)
    found = find_relations(
        volts, inputs, flows, outputs, settled_s >= SETTLE_S,
        memory.battery_is_tied and outputs.k1,  # a K1 that was let go ties nothing any more
        memory.lines.s1_held, "k1" in faulty, is_misfit, sp,
    )  # fmt: skip
    # a battery that gives, or a guard that has closed: S2 is closed, and stays so with K1
    closed = found[BATTERY_LOAD].broken is False or inputs.guard is True
    tied = outputs.k1 and inputs.batt_path is not False and (memory.battery_is_tied or closed)
    # with S1 open the load hangs on the battery's node, also where it takes too little to be seen
    by_k1 = outputs.k1 and not outputs.k3 and inputs.guard is False and settled_s >= SETTLE_S
    feeds = flows.discharges or by_k1
    drop = step_drop(memory.drop, feeds, inputs, flows, sp, dt)
    battery, load = volts[BATTERY], volts[LOAD]
    if drop.is_odd and feeds and battery is not None and load is not None:
        found = put(found, BATTERY_LOAD, Relation(battery - load, True))
    # a charge may leave a battery above its charger, but it does not jump there
    gap = found[CHARGER_SILENT].gap
    if memory.jumped[BATTERY] and gap < -APART_V * sp.blocks:
        found = put(found, CHARGER_SILENT, Relation(gap, True))
    lines = step_lines(
        memory.lines, inputs, flows, outputs, settled_s, presence, memory.odd[SUPPLY] is not None,
        supply_is_weak, sp, now, dt,
    )  # fmt: skip
    is_held = settled_s >= SETTLE_S and not outputs.k2 and recharge.gave_v is None
    crept_v = step_creep(
        memory.crept_v, memory.volts[CHARGER], volts[CHARGER], is_held, inputs, sp, dt
    )
    battery_a = inputs.battery_a.value if inputs.battery_a.good else None
    # on its way between the two it may stand at the border of what is sure for long
    gives = memory.motion.discharges and battery_a is not None and battery_a < -RESTS_A
    discharge_a = flows.discharge if flows.discharges and flows.discharge is not None else 0.0
    motion = step_motion(
        memory.motion, memory.volts, volts, inputs.drops_v, flows.discharges or gives,
        part_given(discharge_a, sp.rated_ah, min(dt, LONGEST_SCAN_S)), sp.blocks, now, dt,
    )  # fmt: skip
    rise, risen = step_rise(
        memory.rise, memory.volts, volts, battery_a, flows.discharges, sp.th.charger_present_v,
        sp.blocks, dt,
    )  # fmt: skip
    before = memory
    memory = _remember(
        memory, motion, lines, backward, crept_v, tied, drop, volts, found, outputs,
        flows.supplies or flows.carries, sp, now, dt,
    )  # fmt: skip
    memory = _risen(memory._replace(rise=rise), risen, now)
    if True in [relation.broken for relation in found] or any(memory.broken_s):
        memory = count(memory, found, now, dt, is_charger_off(memory, inputs, sp))
        memory = judge(memory, inputs, sp, now, is_misfit, recharge, "k2" in faulty)
    if memory.odd != NONE_ODD:
        memory = reinstate(before, memory, inputs, outputs, sp, dt)
    return memory


def doubted_s(memory: Plausible, now: float) -> float:
    """For how long (s) the supply alone has fed the load, though its volts and the load's
    contradict each other and it cannot be told who lies; 0.0 = it does not."""
    supply, load, since = memory.odd[SUPPLY], memory.odd[LOAD], memory.lines.alone_since
    if supply is None or load is None or not (supply.doubted and load.doubted) or since is None:
        return 0.0
    return now - since


def _remember(
    memory: Plausible,
    motion: Motion,
    lines: InputLines,
    backward: Mapping[str, Backward],
    crept_v: float,
    battery_is_tied: bool,
    drop: Drop,
    volts: tuple[float | None, ...],
    found: Found,
    outputs: Outputs,
    is_fed: bool,
    sp: Setpoints,
    now: float,
    dt: float,
) -> Plausible:
    """Who jumped, and who is vouched for by whom in this scan; `motion`, `lines`, `backward`,
    `crept_v`, `battery_is_tied` and `drop` as judged; `is_fed`: the currents tell who feeds the
    load."""
    before, odd = memory.volts, memory.odd
    agreed_s = memory.agreed_s
    jumped = memory.jumped
    if volts != before:
        limit = JUMP_V * sp.blocks
        for place, (value, old) in enumerate(zip(volts, before, strict=True)):
            if value is None or old is None or -limit <= value - old <= limit:
                continue
            if not _same_regime(memory.found, found) or _goes_along(place, volts, memory, sp):
                continue
            if _comes_nearer(place, memory.found, found):
                continue
            if place in SWITCHED and _may_jump(place, value, old, memory.found, found, sp):
                continue
            if place == LOAD and not is_fed and _is_unfed(found):
                continue
            if place == BATTERY and outputs.k3 and not _is_at_charger(old, before[CHARGER], sp):
                continue  # cut off from load and charger, empty as a rule: it may be another one
            jumped, agreed_s = put(jumped, place, True), put(agreed_s, place, 0.0)
    witnesses = list(memory.witness_at)
    for relation, (first, second), equal in zip(found, PAIRS, EQUAL, strict=True):
        if relation.near and equal:
            if odd[second] is None:
                witnesses[first] = now
                jumped = put(jumped, first, False) if jumped[first] else jumped
            if odd[first] is None:
                witnesses[second] = now
                jumped = put(jumped, second, False) if jumped[second] else jumped
    if any(jumped):
        jumped, agreed_s = _long_agreed(jumped, agreed_s, found, odd, dt)
    return Plausible(
        volts=volts, motion=motion, jumped=jumped, agreed_s=agreed_s,
        witness_at=tuple(witnesses), found=found, broken_s=memory.broken_s,
        broken_since=memory.broken_since, broken_at=memory.broken_at, gap_v=memory.gap_v,
        odd=odd, backward=backward, lines=lines, crept_v=crept_v, battery_is_tied=battery_is_tied,
        drop=drop,
    )  # fmt: skip


def _risen(memory: Plausible, place: int | None, now: float) -> Plausible:
    """With one that has risen in a discharge taken for one that has jumped, unless somebody vouches
    for it."""
    if place is None or memory.witness_at[place] == now:
        return memory
    return memory._replace(
        jumped=put(memory.jumped, place, True), agreed_s=put(memory.agreed_s, place, 0.0)
    )


def _comes_nearer(place: int, before: Found, found: Found) -> bool:
    """What it has contradicted it contradicts less, or no more: so does a bus that has just been
    handed over, and no lie that begins."""
    return any(
        equal and place in ends and was.broken and abs(relation.gap) < abs(was.gap)
        for was, relation, ends, equal in zip(before, found, PAIRS, EQUAL, strict=True)
        if relation.broken is not None
    )


def _goes_along(
    place: int, volts: tuple[float | None, ...], memory: Plausible, sp: Setpoints
) -> bool:
    """One that a closed path ties it to as a rule has moved by as much in the same scan, whether
    that is seen to be closed or not: two readings do not jump alike."""

    def step_of(end: int) -> float | None:
        value, old = volts[end], memory.volts[end]
        return None if value is None or old is None else value - old

    for ends, equal in zip(PAIRS, EQUAL, strict=True):
        if not equal or place not in ends:
            continue
        first, second = step_of(ends[0]), step_of(ends[1])
        if first is None or second is None:
            continue
        if abs(first - second) <= NEAR_V * sp.blocks:
            return True
    return False


def _long_agreed(
    jumped: tuple[bool, ...],
    agreed_s: tuple[float, ...],
    found: Found,
    odd: tuple[Odd | None, ...],
    dt: float,
) -> tuple[tuple[bool, ...], tuple[float, ...]]:
    """Two sensors at opposite ends of their tolerance are never near, and vouch more slowly; so do
    two that float beside each other."""
    for place, has_jumped in enumerate(jumped):
        if not has_jumped:
            continue
        broken = [
            relation.broken
            for relation, ends, equal in zip(found, PAIRS, EQUAL, strict=True)
            if (equal or relation.near)
            and place in ends
            and odd[ends[0] if place == ends[1] else ends[1]] is None
        ]
        if True in broken:
            agreed_s = put(agreed_s, place, 0.0)
        elif False in broken:
            agreed_s = put(agreed_s, place, agreed_s[place] + dt)
            if agreed_s[place] >= WEAK_S:
                jumped = put(jumped, place, False)
    return jumped, agreed_s


SWITCHED = (CHARGER, SUPPLY)


def _may_jump(
    place: int, value: float, old: float, before: Found, found: Found, sp: Setpoints
) -> bool:
    """A source that is switched, or a charger that K2 has parted from the battery, jumps by
    right."""
    tie = Tie.CHARGER_BATTERY if place == CHARGER else Tie.SUPPLY_LOAD
    delivered = before[tie.value].broken is not None
    delivers = found[tie.value].broken is not None
    level = sp.th.charger_present_v if place == CHARGER else sp.th.supply_present_v
    return delivered is not delivers or (not delivers and min(value, old) < level)


def _is_at_charger(battery: float, charger: float | None, sp: Setpoints) -> bool:
    """Battery and charger read alike: a battery that had been taken away would not be held."""
    return charger is not None and abs(charger - battery) <= NEAR_V * sp.blocks


def _is_unfed(found: Found) -> bool:
    """Nobody is seen to feed the load: its bus falls as fast as its capacitor lets it."""
    return all(found[tie.value].broken is None for tie in FEEDS)


def _same_regime(before: Found, found: Found) -> bool:
    """The same source feeds the load as in the scan before."""
    return all(
        (before[tie.value].broken is None) is (found[tie.value].broken is None) for tie in FEEDS
    )
