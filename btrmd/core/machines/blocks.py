"""Blocks: the voltage of each block of the bank, where taps are wired, and the one that differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ...model.block_taps import ORDER_V, block_volts, check_tap_volts
from ...model.board import Inputs
from ...model.commands import EstimateReady
from ...model.discharge import TestRecord
from ...model.result_words import weak_block
from ..scan.context import StepContext
from ..scan.due import NO_TIME
from ..scan.setpoints import Setpoints
from .float_time import FloatTime

FLOAT_V = 0.35  # from the mean of the blocks, on float: more is no spread of healthy blocks
FLOAT_CLEAR_V = 0.30
FLOAT_S = 24 * 3600.0
SHUNT_OHM = 0.002  # DESIGN section 2: the low-side shunt between Battery- and the star ground
HITS = 5  # estimates a minute apart that name the same block, before the discharge is over


class Blocks(NamedTuple):
    """`over_s` s on float with a deviation beyond FLOAT_V, block by block, () without taps;
    `worst` the block that deviates most of those that have for FLOAT_S, 0 = none, by `worst_v` V.
    `weak` the block that the last discharge has named, 0 = none.
    `hits`: so many estimates in a row of the discharge under way have named `hit_block`."""

    over_s: tuple[float, ...] = ()
    worst: int = 0
    worst_v: float = 0.0
    weak: int = 0
    hit_block: int = 0
    hits: int = 0

    def next_due(self, now: float) -> float:
        """Never: it counts what has passed, however long that was."""
        return NO_TIME

    @property
    def is_imbalanced(self) -> bool:
        return self.worst > 0 or self.weak > 0


NO_BLOCKS: Final = Blocks()


def channel_volts(inputs: Inputs) -> Mapping[str, float | None]:
    """The IO channels that may be taps, V above Battery-.

    They are measured against the star ground: what the battery's shunt drops comes off, as it does
    from the battery's own voltage.
    """
    pairs = (("ch2", inputs.io2_v), ("ch3", inputs.io3_v), ("ch4", inputs.io4_v))
    drop = SHUNT_OHM * inputs.battery_a.value if inputs.battery_a.good else 0.0
    return {
        name: None if not m.good else m.value - drop if m.value > ORDER_V else m.value
        for name, m in pairs
    }


def measure_blocks(inputs: Inputs, sp: Setpoints) -> tuple[float | None, ...]:
    """V of each block from the lowest, () without taps; None where it is not known.

    Nothing is told of blocks whose taps cannot be in this order: then the wiring is wrong.
    """
    if not sp.taps:
        return ()
    bank = inputs.battery_v.value if inputs.battery_v.good else None
    volts = channel_volts(inputs)
    # a wire that is not there reads nothing; the block above it would get what it lacks
    if check_tap_volts(sp.taps, volts, bank) is not None or _has_open_wire(sp, volts):
        return (None,) * sp.blocks
    return block_volts(sp.taps, volts, bank)


def _has_open_wire(sp: Setpoints, volts: Mapping[str, float | None]) -> bool:
    found = [volts.get(tap) for tap in sp.taps]
    return any(v is not None and v < ORDER_V for v in found)


def deviations(found: tuple[float | None, ...], bank_v: float | None) -> tuple[float | None, ...]:
    """V of each block above the mean of all blocks."""
    if bank_v is None or not found:
        return (None,) * len(found)
    mean = bank_v / len(found)
    return tuple(None if v is None else v - mean for v in found)


def step_blocks(blocks: Blocks, float_time: FloatTime, ctx: StepContext) -> Blocks:
    """Count the time that a block deviates on float; elsewhere the count stands still."""
    sp, inputs = ctx.sp, ctx.inputs
    if not sp.taps:
        return blocks if blocks == NO_BLOCKS else NO_BLOCKS
    over = blocks.over_s
    if len(over) != sp.blocks:
        blocks = Blocks(over_s=(0.0,) * sp.blocks, weak=blocks.weak)
        over = blocks.over_s
    if float_time.float_s <= 0.0:
        return blocks
    bank = inputs.battery_v.value if inputs.battery_v.good else None
    apart = deviations(measure_blocks(inputs, sp), bank)
    made = tuple(
        s if v is None
        else s + ctx.dt if abs(v) > FLOAT_V
        else 0.0 if abs(v) < FLOAT_CLEAR_V
        else s
        for s, v in zip(over, apart, strict=True)
    )  # fmt: skip
    far = [n for n, s in enumerate(made, 1) if s >= FLOAT_S - 1e-6]
    worst, worst_v = 0, 0.0
    for n in far:
        v = apart[n - 1]
        if v is not None and abs(v) > abs(worst_v):
            worst, worst_v = n, v
    if far and not worst:  # not known now: what was known stays
        worst, worst_v = blocks.worst, blocks.worst_v
    return blocks._replace(over_s=made, worst=worst, worst_v=worst_v)


def take_estimate(blocks: Blocks, ready: EstimateReady) -> Blocks:
    """One more estimate of the discharge under way: a block that is named again and again is
    told before the discharge is over."""
    made = ready.estimate
    if made is None:
        return blocks
    block = made.weak_block
    hits = blocks.hits + 1 if block == blocks.hit_block else 1
    if not block:
        return blocks if not blocks.hit_block else blocks._replace(hit_block=0, hits=0)
    blocks = blocks._replace(hit_block=block, hits=hits)
    return blocks._replace(weak=block) if hits >= HITS else blocks


def take_record(blocks: Blocks, record: TestRecord, has_blocks: bool) -> Blocks:
    """A discharge is over: the block it has named, or none; nothing where it saw no blocks."""
    if not has_blocks or record.estimate_s is None:
        return blocks._replace(hit_block=0, hits=0)
    named = weak_block(record)
    return blocks._replace(weak=named, hit_block=0, hits=0)


def format_imbalance(blocks: Blocks) -> str:
    """What the alarm battery.block_imbalance says."""
    if blocks.weak:
        return f"Block {blocks.weak} is weak: it will end the run."
    if not blocks.worst:
        return "A block of the battery differs from the others."
    side = "below" if blocks.worst_v < 0.0 else "above"
    return f"Block {blocks.worst} is {side} the mean of the blocks on float by more than 0.35 V."
