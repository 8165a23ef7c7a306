"""An event: one edge worth telling, numbered once and for ever; a filter says which are wanted."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from .alarms import SEVERITIES, Severity, graded_keys, severity_of
from .readings import Value

PROTOCOLS: Final = ("modbus", "dnp3", "snmp", "nut")
NOBODY: Final = "web nobody "  # a page or the API without a login, where that is allowed
LVD: Final = "lvd.open"  # its opening is told as a change too, and is an alarm's


def is_protocol(source: str) -> bool:
    """True for "modbus 10.0.0.5" and the like: no login is behind it, or one in plain text."""
    return source.partition(" ")[0] in PROTOCOLS


def is_person(source: str) -> bool:
    """True for "web admin 10.0.0.5" and "cli root": somebody who has logged in."""
    return source.startswith(("web ", "cli ")) and not source.startswith(NOBODY)


class Kind(Enum):
    RAISE = "raise"
    CLEAR = "clear"
    CHANGE = "change"
    COMMAND = "command"


class EventClass(Enum):
    """What kind of line it is; each has room of its own in the log, and pushes out no other.

    ALARMS: alarms, results and whatever the station does by itself. PEOPLE: what somebody did who
    has logged in, or sits at the unit. ACCESS: refused logins and whatever anybody may do without
    one. PROTOCOLS: what Modbus, DNP3, SNMP and NUT have written, or tried to.
    """

    ALARMS = 0
    PEOPLE = 1
    ACCESS = 2
    PROTOCOLS = 3


# Keys of what strangers can cause without limit.
STRANGERS: Final = frozenset({"web.login_refused", "web.lockout", "nut.login_refused"})


class Event(NamedTuple):
    """One line of the event log (DESIGN section 8).

    `n` rises by one and is never reused; 0 = not numbered yet (the store numbers it).
    `at` wall time (s since 1970), `uptime_s` process clock since start. `key` is a point, alarm or
    setting key. `source` says who asked ("core", "cli root", "web admin 10.0.0.5").
    `notify` False: log, DNP3 and state only, no trap and no e-mail (R86 start-up suppression).
    """

    n: int
    at: float
    uptime_s: float
    key: str
    kind: Kind
    value: Value
    threshold: float | None
    source: str
    text: str
    notify: bool = True

    @property
    def event_class(self) -> EventClass:
        """Whose room in the log it takes."""
        if self.key in STRANGERS or self.source.startswith(NOBODY):
            return EventClass.ACCESS
        if is_protocol(self.source):
            is_outcome = self.kind is not Kind.COMMAND and self.value != "aborted"
            return EventClass.ALARMS if is_outcome else EventClass.PROTOCOLS
        if self.kind is Kind.COMMAND and is_person(self.source):
            return EventClass.PEOPLE
        return EventClass.ALARMS


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
    """The severity of the alarm that `event` raises or clears, or of an outage that begins or ends;
    None where it is neither's. Log, traps, mail, syslog and webhook all have it from here."""
    if event.kind not in (Kind.RAISE, Kind.CLEAR) and event.key != LVD:
        return None
    head, dot, _ = event.key.partition(".")
    keys = graded_keys()
    is_graded = event.key in keys or (head + dot if dot else "") in keys
    return severity_of(event.key) if is_graded else None


def raised_severity(event: Event) -> Severity | None:
    """That severity where `event` raises, as the opening of the LVD does; None where it clears,
    changes or is no alarm's."""
    is_on = event.kind is Kind.RAISE or (event.kind is Kind.CHANGE and event.value is True)
    return event_severity(event) if is_on else None


def at_least(severity: Severity) -> tuple[Severity, ...]:
    """`severity` and the graver ones."""
    return SEVERITIES[SEVERITIES.index(severity) :]
