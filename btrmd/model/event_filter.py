"""An event filter: which lines of the log are wanted, by severity and by time."""

from __future__ import annotations

from typing import Final, NamedTuple

from .alarms import SEVERITIES, Severity, alarm_keys, severity_of
from .events import Event, Kind

LVD: Final = "lvd.open"  # its opening is told as a change too


class EventFilter(NamedTuple):
    """`severity`: alarms of that severity and graver ones, their raising and clearing; None = every
    event. `start` and `end` wall s, from and below which an event lies; None = no limit."""

    severity: Severity | None = None
    start: float | None = None
    end: float | None = None

    def fits(self, event: Event) -> bool:
        """Whether `event` is wanted."""
        if self.start is not None and event.at < self.start:
            return False
        if self.end is not None and event.at >= self.end:
            return False
        return self.severity is None or event_severity(event) in at_least(self.severity)


EVERY_EVENT: Final = EventFilter()


def event_severity(event: Event) -> Severity | None:
    """The severity of the alarm that `event` raises or clears; None where it is no alarm's."""
    if event.kind not in (Kind.RAISE, Kind.CLEAR) and event.key != LVD:
        return None
    head, dot, _ = event.key.partition(".")
    is_alarm = event.key in alarm_keys() or (head + dot if dot else "") in alarm_keys()
    return severity_of(event.key) if is_alarm else None


def at_least(severity: Severity) -> tuple[Severity, ...]:
    """`severity` and the graver ones."""
    return SEVERITIES[SEVERITIES.index(severity) :]
