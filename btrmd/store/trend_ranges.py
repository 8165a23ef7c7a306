"""Trend ranges: the lowest and the highest mean of every stretch of time, for plots."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence

from .trend_keys import COLUMNS, FINEST_S, SCALES, TREND_KEYS
from .trends import Minutes, Trends, finest_tier, held_rows

# A plot may look at so many rows: a week of minutes, a year of quarter hours.
MOST_ROWS = 40_000


def select_ranges(
    connection: sqlite3.Connection,
    start: float,
    end: float,
    keys: Sequence[str],
    buckets: int,
    waiting: Minutes,
) -> Trends:
    """At most `buckets` rows (start of the stretch, then low and high a key) between wall times.

    From the finest tier that reaches back far enough and has at most 40,000 rows there. `keys` of
    the result name every key twice. `waiting`: minute rows that are not on disk yet.
    """
    names = tuple(name for key in keys for name in (key, key))
    columns = [TREND_KEYS.index(key) for key in keys]
    fresh = {t: values for t, values in waiting.items() if start <= t <= end}
    held = held_rows(connection, start, end, {})
    tier = finest_tier(held, MOST_ROWS) if held else FINEST_S
    # Stretches begin at multiples of their length, so one more than fits may be touched.
    width = tier * max(1, math.ceil((end - start) / tier / max(buckets - 1, 1)))
    parts = ", ".join(f"min({COLUMNS[c]}), max({COLUMNS[c]})" for c in columns) or "NULL"
    found: dict[int, list[int | None]] = {
        row[0] * width: list(row[1:])
        for row in connection.execute(
            f"SELECT t / ?, {parts} FROM trend_{tier} WHERE t >= ? AND t <= ? GROUP BY 1",
            (width, start, end),
        )
    }
    for t, values in fresh.items():
        _widen(found, t // width * width, [values[c] for c in columns])
    scales = [SCALES[c] for c in columns for _ in (0, 1)]
    rows = [
        (
            float(t),
            *(
                None if stored is None else stored / scale
                for stored, scale in zip(found[t], scales, strict=False)
            ),
        )
        for t in sorted(found)
    ]
    return Trends(names, width if rows else tier, rows[-buckets:])


def _widen(found: dict[int, list[int | None]], start: int, values: Sequence[int | None]) -> None:
    """Let the stretch that begins at `start` hold `values` too."""
    held = found.setdefault(start, [None] * (2 * len(values)))
    for i, value in enumerate(values):
        if value is None:
            continue
        low, high = held[2 * i], held[2 * i + 1]
        held[2 * i] = value if low is None else min(low, value)
        held[2 * i + 1] = value if high is None else max(high, value)
