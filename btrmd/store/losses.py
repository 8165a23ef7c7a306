"""Losses: what found no room and was never stored, to be told as one line of the log."""

from __future__ import annotations

from collections import Counter

from ..model.events import Event, EventClass

SOURCES = 4  # told by name; the others together
OTHERS = "other sources"
WORDS = {
    EventClass.ALARMS: "alarms and results",
    EventClass.PEOPLE: "what people did",
    EventClass.ACCESS: "refused logins",
    EventClass.PROTOCOLS: "protocols",
}


class Losses:
    """Counts; whoever uses it holds a lock of its own."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[EventClass, str]] = Counter()
        self._others: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._lines or self._others)

    @property
    def number(self) -> int:
        """Of everything that was lost since it was told last."""
        return self._lines.total() + self._others.total()

    def add_event(self, event: Event) -> None:
        key = (event.event_class, event.source)
        if key not in self._lines and len(self._lines) >= SOURCES:
            key = (event.event_class, OTHERS)
        self._lines[key] += 1

    def add(self, what: str, number: int) -> None:
        """`what`: "minutes of trends" and the like."""
        self._others[what] += number

    def take(self) -> str:
        """One sentence on all of it, which begins anew; "" when nothing was lost."""
        classes: dict[str, list[str]] = {}
        for (kind, source), number in self._lines.most_common():
            classes.setdefault(WORDS[kind], []).append(f"{number} of {source}")
        parts = [f"{number} {what}" for what, number in self._others.most_common()]
        if classes:
            whose = "; ".join(f"{word}: {', '.join(numbers)}" for word, numbers in classes.items())
            parts.insert(0, f"{self._lines.total()} lines of the event log ({whose})")
        self._lines.clear()
        self._others.clear()
        return f"There was no room for {', '.join(parts)}." if parts else ""
