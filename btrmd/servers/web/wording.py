"""Wording: how values are said on a page."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, NamedTuple

from btrmd.model.points import POINT
from btrmd.model.readings import BAD, GOOD, MISSING, Reading
from btrmd.model.schedule import short_time
from btrmd.model.snapshot import AlarmView, Snapshot
from btrmd.model.value_text import UTC_NAMES, format_beside, format_number, local_time

NOTHING: Final = "—"
CAPACITY_WORDS: Final = {"unknown": "no test yet", "good": "Good", "low": "Low"}  # R29, R192
QUALITIES: Final = {"bad": "no reading", "stale": "not renewed"}
CAPACITY_TONES: Final = {"good": "good", "low": "low"}


class Cell(NamedTuple):
    """One value as the page shows it. `state` good|stale|bad|missing; `note` says it in words;
    `has_missing`: a point that is not there is no fault."""

    key: str
    label: str
    text: str
    unit: str = ""
    state: str = "good"
    note: str = ""
    tone: str = ""
    has_missing: bool = False


def make_cell(key: str, snapshot: Snapshot) -> Cell:
    """The cell of a point that has a place on the status page."""
    point = POINT[key]
    show = point.web
    if show is None:
        raise KeyError(f"{key} has no place on the status page")
    reading = snapshot.points.get(key, Reading(None, MISSING, 0.0))
    unit = point.unit if point.kind in ("float", "int") and key != "system.uptime" else ""
    cell = Cell(
        key,
        show.label.rpartition("/")[2],
        format_reading(key, reading) or show.missing or NOTHING,
        unit,
        has_missing=bool(show.missing),
        tone=CAPACITY_TONES.get(str(reading.value), "") if key == "capacity.state" else "",
    )
    if reading.quality is GOOD or (reading.quality is MISSING and show.missing):
        return cell
    return cell._replace(state=reading.quality.value, note=format_quality(reading, snapshot.at))


def format_reading(key: str, reading: Reading) -> str:
    """The value in words or digits, without its unit; empty when it is not known."""
    value = reading.value
    if value is None or reading.quality is BAD or reading.quality is MISSING:
        return ""
    show = POINT[key].web
    if isinstance(value, bool):
        words = show.words if show is not None and show.words else ("ON", "OFF")
        return words[0] if value else words[1]
    if key == "capacity.state":
        return CAPACITY_WORDS.get(str(value), str(value))
    if key == "system.uptime" and isinstance(value, int | float):
        return format_uptime(value)
    if isinstance(value, int | float):
        return format_number(value, 0 if show is None else show.decimals)
    return str(value)


def format_quality(reading: Reading, at: float) -> str:
    """ "no reading for 3 s", "not renewed for 3 s", "missing": why a reading is not good."""
    words = QUALITIES.get(reading.quality.value, reading.quality.value)
    if reading.quality is MISSING or reading.at <= 0:
        return words
    return f"{words} for {format_age(at - reading.at)}"


def format_age(seconds: float) -> str:
    """An age: 3 s, 5 min, 2 h, 4 d."""
    seconds = max(0.0, seconds)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


def format_uptime(seconds: float) -> str:
    """R35: "7 Days 02:27"."""
    minutes = int(max(0.0, seconds)) // 60
    days, minutes = divmod(minutes, 24 * 60)
    return f"{days} Days {minutes // 60:02}:{minutes % 60:02}"


def format_duration(seconds: float | None) -> str:
    """A run time: "8 h 05 min"; below an hour "42 min"."""
    if seconds is None:
        return NOTHING
    hours, minutes = divmod(int(max(0.0, seconds)) // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


_ZONE: ContextVar[str] = ContextVar("zone", default="")


def use_zone(name: str) -> None:
    """From here on this thread says times in the zone `name` (site.timezone) beside UTC."""
    _ZONE.set("" if name in UTC_NAMES else name)


def site_zone() -> str:
    """The zone that `use_zone` has set on this thread; "" where the site has UTC alone."""
    return _ZONE.get()


def format_time(at: float | None) -> str:
    """A date and time a person reads: "2026-05-17 08:30 UTC", or where the site has a time zone
    "2026-05-17 10:30 local (08:30 UTC)"."""
    if at is None or at <= 0:
        return NOTHING
    return _beside(at, "%Y-%m-%d %H:%M")


def format_clock(at: float) -> str:
    """The time of day: "08:30 UTC" or "10:30 local (08:30 UTC)"."""
    return _beside(at, "%H:%M") if at > 0 else NOTHING


def format_short(at: float, now: float) -> str:
    """ "06:17 UTC" on the day of `now`, else "1 Dec 06:17 UTC"; in the site's zone where it has
    one."""
    zone = _ZONE.get()
    if not zone:
        return short_time(at, now)
    then, today = local_time(at, zone), local_time(now, zone)
    clock = f"{then:%H:%M} local"
    return clock if then.date() == today.date() else f"{then.day} {then:%b} {clock}"


def _beside(at: float, form: str) -> str:
    return format_beside(at, _ZONE.get(), form)


def format_alarm_state(alarm: AlarmView) -> str:
    """Whether an alarm is active, or only latched, and whether somebody has seen it."""
    state = "active" if alarm.active else "latched"
    return f"{state}, acknowledged" if alarm.acknowledged else state
