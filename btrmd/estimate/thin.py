"""Make a long discharge curve short without losing its charge or its load steps."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.discharge import CurveRow

STEPPED = 0.15  # spread of the current within a bucket, of its mean, above which it has two levels


def thin(rows: Sequence[CurveRow], limit: int = 400) -> list[CurveRow]:
    """At most `limit` (>= 5) rows that stand for `rows`; rows few enough come back as they are.

    First and last row stay. Between them equal buckets of time become their mean; a bucket in
    which the load stepped becomes two rows, the lower level before the higher, each with the time
    it took, so that a row's current times the time since the row before it keeps the charge.
    """
    if len(rows) <= limit:
        return list(rows)
    first, last = rows[0], rows[-1]
    buckets = max(1, (limit - 2) // 2)
    span = (last.time_s - first.time_s) / buckets
    thinned = [first]
    times = [row.time_s for row in rows]
    start, at, most = first.time_s, 1, len(rows) - 1
    for number in range(buckets):
        end = last.time_s if number == buckets - 1 else first.time_s + (number + 1) * span
        stop = at
        while stop < most and times[stop] <= end:
            stop += 1
        if stop > at:
            # the bucket ends where its last row does, so that gaps in the curve keep their place
            edge = times[stop - 1]
            thinned.extend(_levels(rows[at:stop], start, edge))
            start, at = edge, stop
    thinned.append(last)
    return thinned


def _levels(bucket: Sequence[CurveRow], start: float, end: float) -> list[CurveRow]:
    """One or two rows for the bucket's rows, which cover `start`..`end` s."""
    amps = [row.battery_a for row in bucket]
    low, high = min(amps), max(amps)
    mean = sum(amps) / len(amps)
    if high - low <= STEPPED * abs(mean) or len(bucket) < 2 or end <= start:
        return [_mean(bucket, end)]
    middle = (low + high) / 2.0
    light = [row for row in bucket if row.battery_a > middle]  # discharging is negative
    heavy = [row for row in bucket if row.battery_a <= middle]
    if not light:  # between two neighbouring numbers there is none
        return [_mean(bucket, end)]
    edge = start + (end - start) * len(light) / len(bucket)
    return [_mean(light, edge), _mean(heavy, end)]


def _mean(rows: Sequence[CurveRow], time_s: float) -> CurveRow:
    temperatures = [row.temp_c for row in rows if row.temp_c is not None]
    loads = [row.load_a for row in rows if row.load_a is not None]
    return CurveRow(
        time_s,
        sum([row.battery_v for row in rows]) / len(rows),
        sum([row.battery_a for row in rows]) / len(rows),
        sum(temperatures) / len(temperatures) if temperatures else None,
        sum(loads) / len(loads) if loads else None,
        _mean_blocks(rows) if rows[0].block_v else (),
    )


def _mean_blocks(rows: Sequence[CurveRow]) -> tuple[float | None, ...]:
    """The mean of each block over the rows that know it."""
    count = len(rows[0].block_v)
    found: list[float | None] = []
    for i in range(count):
        volts = [row.block_v[i] for row in rows if len(row.block_v) == count]
        known = [v for v in volts if v is not None]
        found.append(sum(known) / len(known) if known else None)
    return tuple(found)
