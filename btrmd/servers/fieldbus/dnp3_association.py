"""A DNP3 association: what is true between outstation and master, whatever the connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from py1815.events import EventBuffers, EventClass

from ...model.readings import Value
from .dnp3_limits import FOR_EVER, RESUME_S, SHORTEST_RETRY_S


@dataclass(frozen=True, slots=True)
class Dnp3Config:
    """The `dnp3.*` settings a session is built with; `retries` None = for ever."""

    address: int
    master: int
    retry_s: float
    retries: int | None
    unsolicited: bool
    restart_message: bool
    event_class: int
    event_index_base: int
    extended: bool

    @classmethod
    def of(cls, settings: Mapping[str, Value]) -> Dnp3Config:
        def number(key: str) -> int:
            return int(str(settings[key]))

        retries = number("dnp3.retries")
        return cls(
            address=number("dnp3.address"),
            master=number("dnp3.master"),
            retry_s=max(float(number("dnp3.retry_s")), SHORTEST_RETRY_S),
            retries=None if retries == FOR_EVER else retries,
            unsolicited=settings["dnp3.unsolicited"] is True,
            restart_message=settings["dnp3.restart_message"] is True,
            event_class=number("dnp3.event_class"),
            event_index_base=number("dnp3.event_index_base"),
            extended=settings["dnp3.extended"] is True,
        )

    @property
    def resume_s(self) -> float:
        return max(RESUME_S, 10.0 * self.retry_s)


class Speaker(Protocol):
    """A conversation, as the association chooses among them. Times on the loop's clock."""

    opened_at: float

    @property
    def heard_at(self) -> float | None:
        """When the last sound frame from the master came."""


@dataclass(slots=True)
class Association:
    """Outlives connections and listener restarts; a daemon restart begins a new one.

    `restart`: IIN1.7 is up; `announced`: the start-up null response was confirmed; `enabled`:
    classes the master wants unsolicited; `switched`: on or off as functions 20 and 21 left it,
    None = as the settings say (R106).
    """

    address: int
    master: int
    restart: bool = True
    announced: bool = False
    switched: bool | None = None
    enabled: set[EventClass] = field(default_factory=set)
    speakers: list[Speaker] = field(default_factory=list)

    @property
    def voice(self) -> Speaker | None:
        """The one conversation that unsolicited responses go to.

        The one the master spoke on last; before it has spoken on any, the newest. A stranger who
        connects and says nothing does not get the master's alarms.
        """
        return max(
            self.speakers,
            key=lambda s: (s.heard_at is not None, s.heard_at or s.opened_at),
            default=None,
        )

    def is_on(self, config: Dnp3Config) -> bool:
        """Events are sent without being asked, for the classes the master has enabled."""
        return config.unsolicited if self.switched is None else self.switched

    def has_news(self, config: Dnp3Config, events: EventBuffers) -> bool:
        """There is something to send that nobody has asked for."""
        if config.restart_message and not self.announced:
            return True
        return self.is_on(config) and any(events.count(cls) for cls in self.enabled)
