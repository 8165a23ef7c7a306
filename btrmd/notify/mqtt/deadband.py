"""The deadband: which points have moved far enough to be published, or are due all the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ...model.points import POINT
from ...model.readings import Quality, Reading, Value

DUE_S: Final = 900.0  # every point is published so often at least
BANDS: Final[Mapping[str, float]] = {
    "V": 0.05,
    "A": 0.1,
    "Ah": 0.1,
    "W": 5.0,
    "s": 60.0,
    "°C": 0.5,
    "%": 1.0,
}
# They move with every second and tell nothing by it.
CLOCKS: Final = frozenset({"system.uptime", "test.next", "test.start_in"})


class SentValue(NamedTuple):
    """What the broker has: value, quality, and the monotonic s of its publication."""

    value: Value
    quality: Quality
    at: float


class Deadband:
    """Remembers what was published. `scale`: times the bands; 0 = every change."""

    def __init__(self) -> None:
        self.scale = 1.0
        self._sent: dict[str, SentValue] = {}

    def forget(self) -> None:
        """The broker has nothing (any more)."""
        self._sent.clear()

    def sent(self, key: str, reading: Reading, now: float) -> None:
        """The broker has acknowledged `reading`, published at `now`."""
        self._sent[key] = SentValue(reading.value, reading.quality, now)

    def due(self, points: Mapping[str, Reading], now: float) -> Iterator[tuple[str, Reading]]:
        """What is to be published now."""
        for key, reading in points.items():
            last = self._sent.get(key)
            if last is None or now - last.at >= DUE_S or self._has_moved(key, last, reading):
                yield key, reading

    def _has_moved(self, key: str, last: SentValue, reading: Reading) -> bool:
        if reading.quality is not last.quality:
            return True
        value, before = reading.value, last.value
        if value == before or key in CLOCKS:
            return False
        if not _is_number(value) or not _is_number(before):
            return True
        point = POINT.get(key)
        if point is None or point.kind != "float":
            return True  # a count, a code
        return abs(value - before) >= self.scale * BANDS.get(point.unit, 0.0) - 1e-9  # type: ignore[operator]


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
