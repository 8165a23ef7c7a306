"""The weakest block: where the voltage of each block is known, the one that ends the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..model.chemistry import LEAD_ACID
from ..model.discharge import CurveRow, Estimate
from .enough import NotEnough
from .run_time import MEASURED, estimate
from .trees import TABLES

METHOD = "weakest block"
LEAST_APART_V = 0.06  # below the mean of the others: blocks of one age are not farther apart
SHORTED_APART_V = 1.4  # a cell without voltage from the first minute on
LATE_PART = 0.1  # of the rows, at the end or start: their mean says how far a block is below
NAMED_PART = 0.85  # of the run time of the others: a block that ends before is named
# When the bank is at its cutoff the others still hold 12 V and more, so the weak block is far below
# 11 V by then, deep in its knee: the bank ends so much later, a block more. Chosen by eye on about
# fifteen simulated banks (scripts/bench_blocks, seeds 0 to 14), not measured on batteries.
LATER_PART = 0.017
LATER_MOST = 0.03


def weakest(
    rows: Sequence[CurveRow],
    bank: Estimate,
    blocks: int,
    rated_ah: float | None,
    cutoff_v_block: float = LEAD_ACID.cutoff_v,
    tables: Path = TABLES,
) -> Estimate:
    """`bank`, or what the weakest block says where one stands out; its number is `weak_block`.

    `rows` as for estimate(), `bank` what it said of them. Never raises: what cannot be told of the
    blocks leaves the estimate of the bank as it is.
    """
    known = [row for row in rows if len(row.block_v) == blocks and None not in row.block_v]
    if blocks < 2 or len(known) < len(rows) // 2 or len(known) < 2:
        return bank
    late = known[-max(1, int(LATE_PART * len(known))) :]
    block, apart_v = _lowest(late, blocks)
    if apart_v > -LEAST_APART_V:
        return bank
    early = known[: max(1, int(LATE_PART * len(known)))]
    shorted, early_v = _lowest(early, blocks)
    if early_v < -SHORTED_APART_V:  # it does not run out, it was never there: the bank ends as told
        return bank._replace(weak_block=shorted)
    found = _of(_rows_of(known, block), rated_ah, cutoff_v_block, tables)
    others = _of(_rows_of_others(known, block), rated_ah, cutoff_v_block, tables)
    if found is None or others is None:
        return bank
    if found.ert_s > NAMED_PART * others.ert_s or found.high_s > others.ert_s:
        return bank
    if bank.method == MEASURED:
        return bank._replace(weak_block=block)
    more, seen_s = blocks - 1, rows[-1].time_s  # the bank still gives what is asked of it
    return bank._replace(
        ert_s=max(found.ert_s * (1.0 + LATER_PART * more), seen_s),
        low_s=max(found.low_s, seen_s),
        high_s=max(found.high_s, seen_s) * (1.0 + LATER_MOST * more),
        method=METHOD,
        is_knee=bank.is_knee or found.is_knee,
        weak_block=block,
    )


def _lowest(rows: Sequence[CurveRow], blocks: int) -> tuple[int, float]:
    """The block farthest below the mean of the others, and by how many V (< 0)."""
    means = [sum(row.block_v[i] or 0.0 for row in rows) / len(rows) for i in range(blocks)]
    block = min(range(blocks), key=lambda i: means[i])
    others = (sum(means) - means[block]) / (blocks - 1)
    return block + 1, means[block] - others


def _rows_of(rows: Sequence[CurveRow], block: int) -> list[CurveRow]:
    return [row._replace(battery_v=row.block_v[block - 1] or 0.0, block_v=()) for row in rows]


def _rows_of_others(rows: Sequence[CurveRow], block: int) -> list[CurveRow]:
    """The mean of the other blocks as one."""
    found = []
    for row in rows:
        volts = [v or 0.0 for n, v in enumerate(row.block_v, 1) if n != block]
        found.append(row._replace(battery_v=sum(volts) / len(volts), block_v=()))
    return found


def _of(
    rows: Sequence[CurveRow], rated_ah: float | None, cutoff_v: float, tables: Path
) -> Estimate | None:
    try:
        return estimate(rows, 1, rated_ah, cutoff_v, tables)
    except NotEnough:
        return None
