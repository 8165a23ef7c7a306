"""The trends: minute rows, rolled up into quarter hours and days (UTC), read by range.

Read as rows, or as the lowest and the highest mean of every stretch of time, for plots.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

TREND_SCALES: Final[Mapping[str, int]] = {
    "battery.voltage": 1000,  # mV
    "battery.current": 1000,  # mA, positive while charging
    "load.voltage": 1000,
    "load.current": 1000,
    "supply.voltage": 1000,
    "supply.current": 1000,
    "charger.voltage": 1000,
    "charger.current": 1000,
    "system.temperature": 100,  # 0.01 degC; the chip has 0.0625 degC
    "io1.voltage": 1000,
    "io2.voltage": 1000,
    "io3.voltage": 1000,
    "io4.voltage": 1000,
    "battery.soh": 10,  # 0.1 %
    "runtime.estimate": 1,  # s
    "runtime.estimate_low": 1,
    "ups.on_battery": 1000,  # share of the time, 0..1
    **{f"battery.block{n}.voltage": 1000 for n in range(1, 5)},
}
"""Stored integer = value x scale. A new key needs a migration that adds its column."""

TREND_KEYS: Final = tuple(TREND_SCALES)
SCALES: Final = tuple(TREND_SCALES.values())
COLUMNS: Final = tuple(key.replace(".", "_") for key in TREND_KEYS)

TIERS: Final[Mapping[int, int]] = {
    60: 30 * 24 * 60,  # 1 min x 30 d
    900: 2 * 366 * 96,  # 15 min x 2 years
    86400: 20 * 366,  # 1 day x 20 years
}
"""Seconds a row -> rows kept."""
FINEST_S: Final = min(TIERS)

Minutes = Mapping[int, tuple[int | None, ...]]  # minute's wall time s -> scaled integers

_SOURCE = {900: 60, 86400: 900}  # a tier is the mean of the one below it
_MEANS = ", ".join(f"CAST(round(avg({column})) AS INTEGER)" for column in COLUMNS)
_NAMES = ", ".join(("t", *COLUMNS))
_INSERT = f"INSERT OR REPLACE INTO trend_60 ({_NAMES}) VALUES (?{', ?' * len(COLUMNS)})"
_LIMIT = 2**31 - 1


def encode_means(values: Mapping[str, float | None]) -> tuple[int | None, ...]:
    """Values by point key as scaled integers in column order; unknown keys are left out."""
    return tuple(
        _scaled(values.get(key), scale) for key, scale in zip(TREND_KEYS, SCALES, strict=True)
    )


def _scaled(value: float | None, scale: int) -> int | None:
    if value is None or value != value or abs(value) * scale > _LIMIT:
        return None  # a value that is not a number, or no plausible one, is no value
    return round(value * scale)


@dataclass(slots=True)
class Trends:
    """Rows of one tier; each row is wall time s of its start, then one value (or None) a key."""

    keys: tuple[str, ...]
    tier_s: int
    rows: Sequence[tuple[float | None, ...]] = field(default_factory=list)


class RollUp:
    """Remembers which quarter hours and days have new rows and are not rolled up yet."""

    def __init__(self) -> None:
        self._open: dict[int, set[int]] = {tier: set() for tier in _SOURCE}

    def load(self, connection: sqlite3.Connection) -> None:
        """After a start: the newest row of a tier may not have reached the next one."""
        for tier, source in _SOURCE.items():
            newest = connection.execute(f"SELECT max(t) FROM trend_{source}").fetchone()[0]
            if newest is not None:
                self._open[tier].add(newest // tier * tier)

    def store(self, connection: sqlite3.Connection, minutes: Minutes, is_last: bool) -> None:
        """Store minute rows and roll up whatever is complete (everything if `is_last`)."""
        connection.executemany(_INSERT, [(t, *values) for t, values in minutes.items()])
        newest = max(minutes, default=None)
        for tier, source in _SOURCE.items():
            self._open[tier].update(t // tier * tier for t in minutes)
            for start in sorted(self._open[tier]):
                if is_last or (newest is not None and start != newest // tier * tier):
                    connection.execute(
                        f"INSERT OR REPLACE INTO trend_{tier} ({_NAMES}) SELECT ?, {_MEANS} "
                        f"FROM trend_{source} WHERE t >= ? AND t < ? HAVING count(*) > 0",
                        (start, start, start + tier),
                    )

    def settle(self, minutes: Minutes) -> None:
        """The transaction of `store` is on disk: only what is still growing stays open."""
        if minutes:
            newest = max(minutes)
            for tier in _SOURCE:
                self._open[tier] = {newest // tier * tier}


def trim_trends(connection: sqlite3.Connection, kept: Mapping[int, int] = TIERS) -> int:
    """Delete what exceeds each tier's number of rows; returns how many rows went.

    By number and not by age: a clock that is wrong for an hour must not cost years.
    """
    gone = 0
    for tier, keep in kept.items():
        row = connection.execute(
            f"SELECT t FROM trend_{tier} ORDER BY t DESC LIMIT 1 OFFSET ?", (keep,)
        ).fetchone()
        if row is not None:
            gone += connection.execute(f"DELETE FROM trend_{tier} WHERE t <= ?", row).rowcount
    return gone


def select_trends(
    connection: sqlite3.Connection,
    start: float,
    end: float,
    keys: Sequence[str],
    limit: int,
    waiting: Minutes,
) -> Trends:
    """Rows between the wall times from the finest tier that reaches back far enough and fits.

    `waiting`: minute rows that are not on disk yet.
    """
    columns = [TREND_KEYS.index(key) for key in keys]
    fresh = {t: values for t, values in waiting.items() if start <= t <= end}
    held = held_rows(connection, start, end, fresh)
    if not held:
        return Trends(tuple(keys), FINEST_S)
    tier = finest_tier(held, limit)
    group = -(-held[tier].rows // limit)  # rows to be merged into one
    rows = _read(connection, tier, group, start, end, fresh if tier == FINEST_S else {})
    scaled = [(float(row[0]), *(_value(row[1 + c], SCALES[c]) for c in columns)) for row in rows]
    return Trends(tuple(keys), tier, scaled[-limit:])


class HeldRows(NamedTuple):
    """What a tier has of a stretch of time: the oldest row's wall time and how many rows."""

    oldest: int
    rows: int


def held_rows(
    connection: sqlite3.Connection, start: float, end: float, fresh: Minutes
) -> dict[int, HeldRows]:
    """Tier, the finest first -> what it has between the wall times; tiers without a row are left
    out. `fresh`: rows of the finest tier that are not on disk yet."""
    held: dict[int, HeldRows] = {}
    for tier in TIERS:
        oldest, count = connection.execute(
            f"SELECT min(t), count(*) FROM trend_{tier} WHERE t >= ? AND t <= ?", (start, end)
        ).fetchone()
        if tier == FINEST_S and fresh:
            oldest, count = min(oldest or min(fresh), min(fresh)), count + len(fresh)
        if count:
            held[tier] = HeldRows(oldest, count)
    return held


def finest_tier(held: Mapping[int, HeldRows], most: int) -> int:
    """The finest tier that reaches as far back as any and has `most` rows at the most; else the
    coarsest. `held` is not empty."""
    tiers = list(held)
    for i, tier in enumerate(tiers):
        oldest = held[tier].oldest
        if held[tier].rows <= most and all(
            held[other].oldest + other > oldest for other in tiers[i + 1 :]
        ):
            return tier
    return tiers[-1]


def _read(
    connection: sqlite3.Connection, tier: int, group: int, start: float, end: float, fresh: Minutes
) -> Iterable[tuple[int, *tuple[int | None, ...]]]:
    if group > 1:
        return connection.execute(
            f"SELECT min(t), {_MEANS} FROM trend_{tier} WHERE t >= ? AND t <= ? "
            "GROUP BY t / ? ORDER BY 1",
            (start, end, tier * group),
        ).fetchall()
    rows = connection.execute(
        f"SELECT {_NAMES} FROM trend_{tier} WHERE t >= ? AND t <= ? ORDER BY t", (start, end)
    ).fetchall()
    if not fresh:
        return rows
    merged: dict[int, tuple[int, *tuple[int | None, ...]]] = {row[0]: row for row in rows}
    merged.update((t, (t, *values)) for t, values in fresh.items())
    return [merged[t] for t in sorted(merged)]


def _value(stored: int | None, scale: int) -> float | None:
    return None if stored is None else stored / scale


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
