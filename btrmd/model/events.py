"""An event: one edge worth telling, numbered once and for ever."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .readings import Value


class Kind(Enum):
    RAISE = "raise"
    CLEAR = "clear"
    CHANGE = "change"
    COMMAND = "command"


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
