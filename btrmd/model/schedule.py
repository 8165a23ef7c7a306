"""A scheduled test: on which days and hours it may start, and why one that is due has not begun."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_DATES: Final = 30
HOUR_S: Final = 3600.0
NEEDS_FLOAT_H: Final = 24
NEEDS_REST_H: Final = 48
_ITEM: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.\.([0-9]{4}-[0-9]{2}-[0-9]{2}))?")
_SPLIT: Final = re.compile(r"[,;\s]+")

FormatTime = Callable[[float, float], str]


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
    return frozenset(DAYS.index(word) for word in _items(text.lower()))


def read_dates(text: str) -> tuple[tuple[date, date], ...]:
    """ "2026-12-24, 2026-12-31..2027-01-06" as first and last days. Raises ValueError."""
    found = []
    for word in _items(text):
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


def _items(text: str) -> list[str]:
    return [word for word in _SPLIT.split(text) if word]


class StartWait(NamedTuple):
    """A scheduled test that was due at `due_at`. All times are wall time, s since 1970.

    `is_unrested`: the battery is waited for; `float_s` and `discharged_s` s on float and since
    the last discharge (None = none is known). `latest_at`: until when it is waited for, and then
    the test begins all the same; one that `is_extra` is given up then. `window_at`: when the test
    window opens, None = it is open or never opens; `is_shut`: it is closed now. `busy`: what else
    is under way ("a test", "an outage"). `refused`: why its start was refused at `due_at`, tried
    again at `next_at` for the `retry`-th time of `retries`.
    """

    due_at: float
    is_unrested: bool = False
    float_s: float = 0.0
    discharged_s: float | None = None
    latest_at: float | None = None
    is_extra: bool = False
    is_shut: bool = False
    window_at: float | None = None
    busy: str = ""
    refused: str = ""
    next_at: float | None = None
    retry: int = 0
    retries: int = 0


class StartRefusal(NamedTuple):
    """The last start of a test that was refused: its sentence, and when (wall s)."""

    text: str
    at: float


def short_time(at: float, now: float) -> str:
    """ "06:17 UTC" on the day of `now`, else "1 Dec 06:17 UTC"; both wall time s."""
    then, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC)
    clock = then.strftime("%H:%M UTC")
    if then.date() == today.date():
        return clock
    year = "" if abs(at - now) < 300 * 86400 else f" {then.year}"
    return f"{then.day} {then:%b}{year} {clock}"


def format_waiting(waiting: StartWait, now: float, format_time: FormatTime = short_time) -> str:
    """Why the test has not begun, plain ASCII. `format_time` writes a time as seen at `now`."""
    at = format_time(waiting.due_at, now)
    if waiting.refused:
        text = f"Could not start at {at}: {waiting.refused}"
        if waiting.next_at is None:
            return text
        tries = f" (retry {waiting.retry} of {waiting.retries})" if waiting.retries else ""
        return f"{text} Next try {format_time(waiting.next_at, now)}{tries}."
    if waiting.busy:
        return f"Due since {at}; waits until {waiting.busy} is over."
    reasons = []
    if waiting.is_unrested:
        reasons.append(f"a rested battery ({_rest(waiting)})")
    if waiting.is_shut:
        opens = (
            "" if waiting.window_at is None else f" (opens {format_time(waiting.window_at, now)})"
        )
        reasons.append(f"the test window{opens}")
    text = f"Due since {at}; waits for {' and '.join(reasons) or 'the end of the self-test'}"
    if waiting.is_unrested and waiting.latest_at is not None:
        word = "given up" if waiting.is_extra else "latest"
        text += f", {word} {format_time(waiting.latest_at, now)}"
    return f"{text}."


def _rest(waiting: StartWait) -> str:
    parts = [f"float {int(waiting.float_s // HOUR_S)} of {NEEDS_FLOAT_H} h"]
    gone = waiting.discharged_s
    if gone is not None and gone < NEEDS_REST_H * HOUR_S:
        parts.append(f"{int(gone // HOUR_S)} of {NEEDS_REST_H} h since the last discharge")
    if waiting.float_s >= NEEDS_FLOAT_H * HOUR_S and len(parts) > 1:
        del parts[0]
    return ", ".join(parts)
