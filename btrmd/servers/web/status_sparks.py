"""Sparklines of System Status: the last hour of each value, drawn once a minute for everybody."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final, NamedTuple

from btrmd.model.history import History
from btrmd.model.points import POINT
from btrmd.model.snapshot import Snapshot
from btrmd.model.value_text import format_number

from .plot_path import Frame, is_known, path, spread
from .wording import format_time

KEYS: Final = (
    "battery.voltage",
    "battery.current",
    "load.current",
    "supply.voltage",
    "system.temperature",
    "io1.voltage",
    "io2.voltage",
    "io3.voltage",
    "io4.voltage",
)
# The plot of Trends that shows each.
_CHARTS: Final = {
    key: {"V": "voltage", "A": "current"}.get(POINT[key].unit, "temperature")
    if not key.startswith("io")
    else "io"
    for key in KEYS
}
SPAN_S: Final = 3600.0
ROWS: Final = 70  # an hour of minutes and a few that overlap
FEWEST: Final = 2
LEAST_S: Final = 1800.0  # a shorter line reads as a minus
WIDTH: Final = 90.0
HEIGHT: Final = 22.0
_MARGIN: Final = 2.0
# A band narrower than this would show nothing but the sensors' noise.
_LEAST_SPAN: Final = {"V": 0.2, "A": 0.2, "°C": 2.0}


class Spark(NamedTuple):
    """`d`: path data in 90 x 22; `text`: what it shows, in words; `trend`: where more of it is."""

    d: str
    text: str
    trend: str


class Sparks:
    """Thread-safe: the sparklines of the present minute are kept, who comes first makes them."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._minute = -1
        self._made: Mapping[str, Spark] = {}

    def get(self, snapshot: Snapshot) -> Mapping[str, Spark]:
        """Key -> sparkline of the hour before `snapshot`; none where there is no half of one."""
        minute = int(snapshot.at // 60)
        if minute != self._minute and self._lock.acquire(blocking=not self._made):
            try:
                if minute != self._minute:
                    self._made = make_sparks(self._history, snapshot.at)
                    self._minute = minute
            finally:
                self._lock.release()
        return self._made


def make_sparks(history: History, at: float) -> dict[str, Spark]:
    """The sparklines of the hour before the wall time `at`."""
    found = history.trends(at - SPAN_S, at, KEYS, ROWS)
    times = [row[0] or 0.0 for row in found.rows]
    sparks = {}
    for column, key in enumerate(found.keys, 1):
        values = [row[column] for row in found.rows]
        limits = spread(values)
        known = [t for t, value in zip(times, values, strict=True) if is_known(value)]
        if limits is None or len(known) < FEWEST or known[-1] - known[0] < LEAST_S:
            continue
        unit = POINT[key].unit
        low, high = limits
        slack = max(_LEAST_SPAN.get(unit, 0.0) - (high - low), 0.0) / 2
        frame = Frame(
            at - SPAN_S, at, low - slack, high + slack,
            _MARGIN, _MARGIN, WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN,
        )  # fmt: skip
        span = f"{format_number(low, 2)} to {format_number(high, 2, unit)}"
        text = f"Last hour, to {format_time(known[-1])}: {span}"
        sparks[key] = Spark(
            path(times, values, frame), text, f"/trends?range=1h#plot-{_CHARTS[key]}"
        )
    return sparks
