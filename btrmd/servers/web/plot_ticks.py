"""Plot ticks: round numbers, durations and times for the axes of a plot."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final, NamedTuple

from btrmd.model.value_text import local_time

DAY_S: Final = 86400
_CLOCK_STEPS: Final = (
    60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY_S, 2 * DAY_S, 7 * DAY_S,
    14 * DAY_S, 30 * DAY_S, 60 * DAY_S, 91 * DAY_S, 182 * DAY_S, 365 * DAY_S,
)  # fmt: skip

Ticks = list[tuple[float, str]]


class TimeTick(NamedTuple):
    """A place (s) on an axis of time and its words; `beside`, where those are a site's own: UTC's
    clock there, or how far the site is from it ("UTC+1") where the step is a day or more."""

    at: float
    text: str
    beside: str = ""


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


def time_ticks(
    start: float, end: float, is_clock: bool, zone: str = "", most: int = 6
) -> list[TimeTick]:
    """At most `most` places between two times (s): wall times, or times elapsed. Those of a clock
    are round in `zone`, UTC where it is ""."""
    step = _step(end - start, _CLOCK_STEPS if is_clock else (1, 5, 15, 30, *_CLOCK_STEPS), most)
    if is_clock and zone:
        return _local_ticks(start, end, step, zone)[: 2 * most]
    first, last = math.ceil(start / step), math.floor(end / step)
    places = [float(i * step) for i in range(first, last + 1)][: 2 * most]
    if not is_clock:
        return [TimeTick(at, format_elapsed(at, step)) for at in places]
    return [TimeTick(at, _clock(datetime.fromtimestamp(at, UTC), step)) for at in places]


def _step(span: float, steps: tuple[int, ...], most: int) -> int:
    return next((step for step in steps if span / step < most), steps[-1])


def _local_ticks(start: float, end: float, step: int, zone: str) -> list[TimeTick]:
    """Places that are round on the site's clock, which jumps twice a year."""
    ticks: list[TimeTick] = []
    first = math.floor((start + _ahead(start, zone)) / step)
    last = math.ceil((end + _ahead(end, zone)) / step)
    for i in range(first, last + 1):
        shown = float(i * step)  # of the site's clock, as if it were UTC
        at = shown - _ahead(shown - _ahead(shown, zone), zone)
        local = local_time(at, zone)
        is_skipped = local.replace(tzinfo=UTC).timestamp() != shown  # no clock there shows it
        if is_skipped or not start <= at <= end:
            continue
        utc = datetime.fromtimestamp(at, UTC).strftime("%H:%M")
        beside = format_offset(_ahead(at, zone)) if step >= DAY_S else utc
        ticks.append(TimeTick(at, _clock(local, step), beside))
    return ticks


def format_offset(ahead_s: float) -> str:
    """ "UTC+1", "UTC-3:30", "UTC"."""
    if not ahead_s:
        return "UTC"
    hours, minutes = divmod(round(abs(ahead_s) / 60.0), 60)
    return f"UTC{'+' if ahead_s > 0 else '-'}{hours}{f':{minutes:02}' if minutes else ''}"


def _ahead(at: float, zone: str) -> float:
    """Seconds that the site's clock is ahead of UTC."""
    ahead = local_time(at, zone).utcoffset()
    return ahead.total_seconds() if ahead is not None else 0.0


def format_elapsed(seconds: float, step: int = 60) -> str:
    """ "0:42" in hours and minutes; below a minute's step with seconds."""
    whole = int(seconds)
    text = f"{whole // 3600}:{whole // 60 % 60:02}"
    return text if step >= 60 else f"{text}:{whole % 60:02}"


def _clock(moment: datetime, step: int) -> str:
    if step < DAY_S:
        is_midnight = not (moment.hour or moment.minute or moment.second)
        return moment.strftime("%d %b" if is_midnight else "%H:%M")
    return moment.strftime("%d %b" if step < 91 * DAY_S else "%b %Y")
