"""What is known: the value of a point whose reading is good or a little old; else None."""

from __future__ import annotations

from btrmd.model.readings import BAD, MISSING
from btrmd.model.snapshot import Snapshot


def known(snapshot: Snapshot, key: str) -> object:
    """The value of point `key` in its own unit."""
    reading = snapshot.points.get(key)
    if reading is None or reading.quality is BAD or reading.quality is MISSING:
        return None
    return reading.value


def known_number(snapshot: Snapshot, key: str) -> float | None:
    """The same where it is a number."""
    value = known(snapshot, key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
