"""Waiting: why a scheduled test that is due has not begun, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

HOUR_S: Final = 3600.0
NEEDS_FLOAT_H: Final = 24
NEEDS_REST_H: Final = 48

FormatTime = Callable[[float, float], str]


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
