"""A value in a text: a number, a state or a time as people and programs send it, or are told it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .readings import Value

UTC_NAMES: Final = ("", "UTC")  # settings that mean no zone of its own
CLOCK_SANE_S: Final = 1_735_689_600.0  # 2025-01-01: a clock before it was never set
_MAX_NAME: Final = 48  # of a zone
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?"
)


def read_number(text: str) -> float:
    """`text` as a number, which may be infinite ("1e999"). Raises ValueError, also for what float()
    would take beside: digits of other scripts, 1_0, inf, nan, spaces around it."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not a number")
    return float(text)


def format_number(value: float, decimals: int, unit: str = "") -> str:
    """`value` with so many decimals, and its unit behind it; what rounds to nothing has no sign."""
    text = f"{value:.{decimals}f}"
    if text.startswith("-") and not text.strip("-0."):
        text = text[1:]
    return f"{text} {unit}" if unit else text


def format_in_words(value: Value) -> str:
    """A setting's value as a person would say it: unset, on, off, (empty), 20."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "on" if value else "off"
    return plain_value(value) or "(empty)"


def plain_value(value: Value, between: str = ", ") -> str:
    """A point's value for machines: "" when there is none, true or false, six digits, a list."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    return between.join(value) if isinstance(value, tuple) else str(value)


@lru_cache(maxsize=16)
def find_zone(name: str) -> tzinfo | None:
    """The zone of an IANA name such as Europe/Berlin; None where the system knows none."""
    if name in UTC_NAMES:
        return UTC
    # a name is a path below the zone files: nothing else may be opened by it
    if len(name) > _MAX_NAME or not name.isascii() or name.startswith((".", "/")) or ".." in name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def local_time(at: float, name: str) -> datetime:
    """The wall time `at` (s since 1970) in the zone `name`; UTC where it is not known (any more).

    Raises OverflowError, OSError or ValueError for a time that no calendar has.
    """
    return datetime.fromtimestamp(at, find_zone(name) or UTC)


def format_beside(at: float, name: str, form: str, clock: str = "%H:%M") -> str:
    """The wall time `at` by `form` (strftime): "2026-05-17 08:30 UTC", or in a zone of its own
    "2026-05-17 10:30 local (08:30 UTC)"; the UTC date too where it is another one. `clock`: the
    time of day in `form`."""
    utc = datetime.fromtimestamp(at, UTC)
    if name in UTC_NAMES:
        return utc.strftime(f"{form} UTC")
    local = local_time(at, name)
    is_same_day = local.date() == utc.date()
    return f"{local.strftime(form)} local ({utc.strftime(clock if is_same_day else form)} UTC)"


def local_iso(at: float | None, name: str) -> str:
    """ISO 8601 with the distance from UTC, to the second: "2026-05-17T10:30:00+02:00"; "" for
    no time."""
    if at is None or at <= 0:
        return ""
    return local_time(at, name).isoformat(timespec="seconds")
