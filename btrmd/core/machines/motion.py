"""Motion: how each voltage has moved lately, and which of them hangs in its chip.

A live chip has noise, and its reading moves up and down in most scans: one that did so hangs when
it stands for more scans than chance allows. On a quiet board a true reading may stand on one count
for minutes, where little changes: that alone proves nothing. But no voltage of battery or load
stands through the load's coming to the battery, or its leaving, nor while the battery gives a part
of its charge: a lead-acid block of 12 V falls by some 12 mV for each hundredth of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from ...model.board import NO_DROPS
from ..scan.relations import BATTERY, LOAD

FROZEN_S = 4.0  # without the least change while the other end moves
MOVES = 5  # so many more changes than standstills of the last eight scans
MOST_MOVES = 8  # scans that are looked back on
USUAL_S = 200.0  # what is usual is the mean of about so long
LIVELY = 0.3  # of the scans
# part of the scans in which it turns back: noise does in two of three moves, a charge or a
# discharge that moves it in each scan does not
SWINGS, MOVES_A_SWING = 0.2, 1.5
MOST_LIVELY = 0.95  # nobody knows a chip better
CHANCE = 1e-6  # that a live chip reads the same for so many scans
ROUNDING_V = 1e-12
GIVES_PART = 0.05  # of its charge: by 60 mV a block, and by 4 mV if it is rated at a 15th
UNBROKEN = 600  # scans: a fall that moves a reading in each of so many does not end at once
UNRATED_S = 36000.0  # a battery without a rating is taken to last so long
LEAP_V = 0.3  # per block, from one scan to the next: no battery or charger moves so for long
# per block, and not sooner: so does a bank that gives way; a good one falls by 0.05 V in 2 min
# under a load that empties it in an hour
SINKS_V, SINKS_S = 0.15, 30.0

NEVER = (float("-inf"),) * 4

T = TypeVar("T")
Volts = tuple[float | None, ...]


class Motion(NamedTuple):
    """Lists of four are by voltage."""

    drops_v: tuple[float, ...] = NO_DROPS  # of the shunts, in the voltages
    moved_at: tuple[float, ...] = (0.0,) * 4  # process clock of the last change
    moves: tuple[int, ...] = (0,) * 4  # of the last scans, more changes than standstills
    # part (0..1) of the scans in which it moved, up to its last move: for how long it may have hung
    # since is no word on what is usual
    lively: tuple[float, ...] = (0.0,) * 4
    rises: tuple[bool, ...] = (False,) * 4  # by its last move
    swung_at: tuple[float, ...] = (0.0,) * 4  # process clock: it has turned back
    swings: tuple[float, ...] = (0.0,) * 4  # part of the scans in which it did, up to the last time
    unbroken: tuple[int, ...] = (0,) * 4  # scans, one after the other, up to its last move
    stands: tuple[int, ...] = (0,) * 4  # scans since its last move
    leapt_at: tuple[float, ...] = NEVER  # process clock of the last leap
    leapt_before: tuple[float, ...] = NEVER  # ... and of the one before
    leapt_v: Volts = (None,) * 4  # what each read after its last leap
    discharges: bool = False
    turned_at: float = float("-inf")  # process clock: the load has come to the battery, or left it
    given: tuple[float, ...] = (0.0,) * 4  # part of its charge that the battery has given since

    def hangs(self, end: int, other: int, now: float) -> bool:
        """`end` stands still as no true reading does, while `other` moves."""
        at, turned_at = self.moved_at[end], self.turned_at
        if now - at < FROZEN_S:
            return False
        if end in (BATTERY, LOAD) and at < turned_at <= now - FROZEN_S:
            return self.moved_at[other] >= turned_at
        if end in (BATTERY, LOAD) and self.given[end] >= GIVES_PART:
            return self.moved_at[other] > at
        is_unbroken = self.unbroken[end] >= UNBROKEN
        if {end, other} == {BATTERY, LOAD} and is_unbroken and self.moves[other] >= MOVES:
            return True
        swings = self.swings[end]
        lively = min(self.lively[end], MOVES_A_SWING * swings, MOST_LIVELY)
        if lively < LIVELY or swings < SWINGS or self.moves[other] < MOVES:
            return False
        chance: float = (1.0 - lively) ** self.stands[end]
        return chance <= CHANCE

    def is_left_behind(
        self, end: int, other: int, volts: float | None, blocks: int, now: float
    ) -> bool:
        """`end` has stood still since before the last leap of `other`, which is at `volts` now and
        has sunk on since, as a bank does that gives way."""
        from_v, leapt_at = self.leapt_v[other], self.leapt_at[other]
        if from_v is None or volts is None or self.moved_at[end] >= leapt_at:
            return False
        return now - leapt_at >= SINKS_S and from_v - volts >= SINKS_V * blocks

    def has_moved_since(self, end: int, leapt: int) -> bool:
        """`end` has moved in or after the scan in which `leapt` moved by far, and so lives."""
        return self.moved_at[end] >= self.leapt_at[leapt]


def part_given(amps: float, rated_ah: float | None, dt: float) -> float:
    """Part (0..1) of its charge that a battery gives in `dt` s at `amps` A; `rated_ah` (Ah, 20 h
    figure) None: not known."""
    if amps <= 0.0:
        return 0.0
    return dt / UNRATED_S if rated_ah is None else amps * dt / 3600.0 / rated_ah


def step_motion(
    motion: Motion, before: Volts, volts: Volts, drops_v: tuple[float, ...],
    discharges: bool, given: float, blocks: int, now: float, dt: float,
) -> Motion:  # fmt: skip
    """What has moved since the scan before. A reading that hangs goes on being corrected for the
    drop at its shunt: what that accounts for is no motion. `discharges`: the battery feeds the
    load; `given`: the part of its charge that went there in this scan."""
    moved_at, moves, lively = motion.moved_at, motion.moves, motion.lively
    leapt_at, leapt_before, leapt_v = motion.leapt_at, motion.leapt_before, motion.leapt_v
    stands = tuple([count + 1 for count in motion.stands])
    gave = tuple([part + given for part in motion.given]) if given else motion.given
    rises, swung_at, swings = motion.rises, motion.swung_at, motion.swings
    unbroken = motion.unbroken
    if volts == before:
        if any(moves):
            moves = tuple([max(count - 1, 0) for count in moves])
    else:
        moved = [
            value is None or old is None or abs(value - old) > abs(drop - was) + ROUNDING_V
            for value, old, drop, was in zip(volts, before, drops_v, motion.drops_v, strict=True)
        ]
        # lists: tuples made from generators take twice as long, and this is done in each scan
        lively = tuple([
            _usual(part, now - at, dt) if one else part
            for part, at, one in zip(lively, moved_at, moved, strict=True)
        ])  # fmt: skip
        ups = [
            value is not None and old is not None and value > old
            for value, old in zip(volts, before, strict=True)
        ]
        swung = [one and up is not was for one, up, was in zip(moved, ups, rises, strict=True)]
        if True in swung:
            swings = tuple([
                _usual(part, now - at, dt) if one else part
                for part, at, one in zip(swings, swung_at, swung, strict=True)
            ])  # fmt: skip
            swung_at = _fill(swung_at, swung, now)
        rises = _merge(rises, moved, ups)
        unbroken = tuple([
            count if not one else 1 if stood else min(count + 1, UNBROKEN)
            for count, one, stood in zip(unbroken, moved, motion.stands, strict=True)
        ])  # fmt: skip
        gave, stands = _fill(gave, moved, 0.0), _fill(stands, moved, 0)
        moved_at = _fill(moved_at, moved, now)
        moves = tuple([
            min(count + 1, MOST_MOVES) if one else max(count - 1, 0)
            for count, one in zip(moves, moved, strict=True)
        ])  # fmt: skip
        leaps = [
            value is not None and old is not None and abs(value - old) > LEAP_V * blocks
            for value, old in zip(volts, before, strict=True)
        ]
        if True in leaps:
            leapt_before = _merge(leapt_before, leaps, leapt_at)
            leapt_at = _fill(leapt_at, leaps, now)
            leapt_v = _merge(leapt_v, leaps, volts)
    turned_at = motion.turned_at if discharges is motion.discharges else now
    return Motion(
        drops_v, moved_at, moves, lively, rises, swung_at, swings, unbroken, stands, leapt_at,
        leapt_before, leapt_v, discharges, turned_at, gave,
    )  # fmt: skip


def _fill(values: tuple[T, ...], which: list[bool], value: T) -> tuple[T, ...]:
    return tuple([value if one else was for was, one in zip(values, which, strict=True)])


def _merge(values: tuple[T, ...], which: list[bool], new: Sequence[T]) -> tuple[T, ...]:
    return tuple([
        value if one else was for was, value, one in zip(values, new, which, strict=True)
    ])  # fmt: skip


def _usual(lively: float, still_s: float, dt: float) -> float:
    """`lively` (or how often it turns back) with one more after `still_s`, of which the last `dt`
    was the scan that saw it."""
    if still_s <= 0.0:
        return lively
    return lively + (min(dt / still_s, 1.0) - lively) * min(still_s / USUAL_S, 1.0)
