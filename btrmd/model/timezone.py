"""Time zone: the site's local time beside UTC, where site.timezone names a zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_NAMES: Final = ("", "UTC")
_MAX_NAME: Final = 48
CLOCK_SANE_S: Final = 1_735_689_600.0  # 2025-01-01: a clock before it was never set


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
