"""Plot ticks: round numbers, durations and times for the axes of a plot."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

DAY_S: Final = 86400
_CLOCK_STEPS: Final = (
    60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY_S, 2 * DAY_S, 7 * DAY_S,
    14 * DAY_S, 30 * DAY_S, 60 * DAY_S, 91 * DAY_S, 182 * DAY_S, 365 * DAY_S,
)  # fmt: skip
_YEAR_S: Final = 365 * DAY_S

Ticks = list[tuple[float, str]]


def number_ticks(low: float, high: float, most: int = 6) -> Ticks:
    """At most `most` round numbers from `low` to `high`, with just the decimals they need."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [(low, f"{low:g}")]
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if span / (step * factor) < most)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(i * step, f"{i * step:.{decimals}f}") for i in range(first, last + 1)]


def time_ticks(start: float, end: float, is_clock: bool, most: int = 6) -> Ticks:
    """At most `most` places between two times (s): wall times in UTC, or times elapsed."""
    steps = _CLOCK_STEPS if is_clock else (1, 5, 15, 30, *_CLOCK_STEPS)
    span = end - start
    step = next((step for step in steps if span / step < most), steps[-1])
    first, last = math.ceil(start / step), math.floor(end / step)
    write = _clock if is_clock else format_elapsed
    return [(float(i * step), write(i * step, step)) for i in range(first, last + 1)][: 2 * most]


def format_elapsed(seconds: float, step: int = 60) -> str:
    """ "0:42" in hours and minutes; below a minute's step with seconds."""
    whole = int(seconds)
    text = f"{whole // 3600}:{whole // 60 % 60:02}"
    return text if step >= 60 else f"{text}:{whole % 60:02}"


def _clock(at: float, step: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if step < DAY_S:
        return moment.strftime("%d %b" if at % DAY_S == 0 else "%H:%M")
    return moment.strftime("%d %b" if step < 91 * DAY_S else "%b %Y")
