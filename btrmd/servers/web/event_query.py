"""The event query: what the Event Log's address asks for, read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import urlencode

from btrmd.model.alarms import SEVERITIES
from btrmd.model.events import EventFilter, Kind

MAX_KEY: Final = 100
LARGEST_N: Final = 2**63 - 1
FORM: Final = "YYYY-MM-DD or YYYY-MM-DDTHH:MM in UTC, from 1970 on"
NAMES: Final = ("key", "kind", "severity", "from", "to")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?", re.ASCII)
DAY_S: Final = 86400.0
MINUTE_S: Final = 60.0


class EventQuery(NamedTuple):
    """`typed`: every field as it was given; `errors`: one sentence a field that cannot be read."""

    typed: Mapping[str, str]
    key: str
    kind: Kind | None
    before: int
    chosen: EventFilter
    errors: Mapping[str, str]

    @property
    def text(self) -> str:
        """The query without the place in the list, for the links of the page."""
        return urlencode({name: text for name, text in self.typed.items() if text})


def read_query(asked: Mapping[str, str]) -> EventQuery:
    """What is asked for. A kind that there is none of is no filter (an old link stays good)."""
    typed = {name: asked.get(name, "").strip()[:MAX_KEY] for name in NAMES}
    errors: dict[str, str] = {}
    kind = next((kind for kind in Kind if kind.value == typed["kind"]), None)
    severity = next((name for name in SEVERITIES if name == typed["severity"]), None)
    if typed["severity"] and severity is None:
        errors["severity"] = _refusal("Severity", typed["severity"], ", ".join(SEVERITIES))
    start, _ = _moment(typed["from"], "From", errors)
    _, end = _moment(typed["to"], "To", errors)
    if start is not None and end is not None and start >= end:
        errors["to"] = f"To: {typed['to']} lies before From, {typed['from']}; give a later time."
    before = asked.get("before", "0")
    is_number = before.isascii() and before.isdigit() and len(before) <= 19
    if not is_number or int(before) > LARGEST_N:
        errors["before"] = _refusal("Before", before, f"0..{LARGEST_N}")
    number = 0 if "before" in errors else int(before)
    return EventQuery(typed, typed["key"], kind, number, EventFilter(severity, start, end), errors)


def _refusal(label: str, value: str, allowed: str) -> str:
    return f"{label}: {value[:40]!r} cannot be read; allowed is {allowed}."


def _moment(text: str, label: str, errors: dict[str, str]) -> tuple[float | None, float | None]:
    """The first second of the day or minute that is named, and the first one after it."""
    if not text:
        return None, None
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError
        at = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        if at < 0.0:
            raise ValueError
    except ValueError:
        errors[label.lower()] = _refusal(label, text, FORM)
        return None, None
    return at, at + (MINUTE_S if "T" in text else DAY_S)
