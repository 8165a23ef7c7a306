"""The test window: on which days and hours, and on which dates not, a scheduled test may start."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_DATES: Final = 30
_ITEM: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.\.([0-9]{4}-[0-9]{2}-[0-9]{2}))?")
_SPLIT: Final = re.compile(r"[,;\s]+")


class Window(NamedTuple):
    """Times are UTC, as on every page. `days` 0 = Monday; none = every day. `from_h` 0..23 to
    `to_h` 0..24: an end that is not above the beginning lies on the next day, and 0 to 24 is all
    day. `closed`: first and last of dates on which nothing starts."""

    days: frozenset[int] = frozenset()
    from_h: int = 0
    to_h: int = 24
    closed: tuple[tuple[date, date], ...] = ()

    @property
    def is_always(self) -> bool:
        """True where nothing is restricted."""
        return self == Window()

    def is_open(self, wall: float) -> bool:
        """May a scheduled test start at `wall` (s since 1970)? After midnight the window of the
        evening before goes on, with that evening's day and date."""
        if self.is_always:
            return True
        now = datetime.fromtimestamp(wall, UTC)
        day, hour = now.date(), now.hour
        if self.from_h < self.to_h:
            if not self.from_h <= hour < self.to_h:
                return False
        elif hour < self.to_h:
            day = date.fromordinal(day.toordinal() - 1)
        elif hour < self.from_h:
            return False
        if self.days and day.weekday() not in self.days:
            return False
        return not any(first <= day <= last for first, last in self.closed)


def read_days(text: str) -> frozenset[int]:
    """ "mon, tue" as {0, 1}. Raises ValueError for anything that is no day."""
    return frozenset(DAYS.index(word) for word in _words(text.lower()))


def read_dates(text: str) -> tuple[tuple[date, date], ...]:
    """ "2026-12-24, 2026-12-31..2027-01-06" as first and last days. Raises ValueError."""
    found = []
    for word in _words(text):
        match = _ITEM.fullmatch(word)
        if match is None:
            raise ValueError(f"{word} is no date.")
        first = date.fromisoformat(match[1])
        last = date.fromisoformat(match[2] or match[1])
        if last < first:
            raise ValueError(f"{word} ends before it begins.")
        found.append((first, last))
    if len(found) > MAX_DATES:
        raise ValueError(f"There are more than {MAX_DATES} dates.")
    return tuple(found)


def _words(text: str) -> list[str]:
    return [word for word in _SPLIT.split(text) if word]
