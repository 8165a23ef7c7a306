"""The DNP3 station: what all DNP3 lines share: events, associations, counts, a regular look."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, Protocol

from ...model.errors import BtrmError
from ..share import Share
from .dnp3_association import Association, Dnp3Config
from .dnp3_events import EventFeed
from .dnp3_reads import STALE_S
from .plan import Plan
from .room import Room

WATCH_S: Final = 0.1  # one tick of the control loop
_SHARED: Final = "dnp3"


class Pumped(Protocol):
    """Whoever has something to do when events have come."""

    def pump(self) -> None: ...


class Dnp3Station:
    """One a room; it stays when listeners come and go. Lives on the loop."""

    def __init__(self, room: Room, config: Dnp3Config) -> None:
        self._room = room
        self.config = config
        self.feed = EventFeed(room.bus)
        self.counts: Counter[str] = Counter()
        self.conversations: list[Pumped] = []
        self._associations: dict[str, Association] = {}
        self._users = 0
        self._share: Share | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reported: dict[str, int] = {}
        self.news = asyncio.Event()  # set whenever there may be something to tell a master

    @classmethod
    def of(cls, room: Room, plan: Plan) -> Dnp3Station:
        """The room's station, with the plan's settings. Raises BtrmError."""
        config = Dnp3Config.of(plan.settings)
        if config.address == config.master:
            raise BtrmError(
                f"dnp3.address and dnp3.master are both {config.address}: allowed are two "
                "different addresses of 0..65519."
            )
        station = room.shared.get(_SHARED)
        if not isinstance(station, cls):
            station = room.shared[_SHARED] = cls(room, config)
        station.config = config
        station.feed.configure(config.event_class, config.event_index_base, config.extended)
        return station

    def association(self, name: str) -> Association:
        """TCP and the serial line are two associations; a new address begins a new one."""
        found, config = self._associations.get(name), self.config
        if found is None or (found.address, found.master) != (config.address, config.master):
            found = self._associations[name] = Association(config.address, config.master)
        return found

    def count(self, name: str) -> None:
        self.counts[name] += 1

    # --- the regular look ------------------------------------------------------------------------

    def open(self, share: Share | None = None) -> None:
        """A listener has come, a TCP one with its share; with the first the looking begins."""
        self._share = share or self._share
        self._users += 1
        if self._users == 1:
            self._room.regular.append(self.look)
            self._watch()
            self.look()

    def close(self, share: Share | None = None) -> None:
        """A listener has gone."""
        if share is self._share:
            self._share = None
        self._users -= 1
        if self._users == 0:
            self._room.regular.remove(self.look)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def in_trouble(self) -> bool:
        """IIN1.6: the control loop does not tick."""
        return not self._room.bus.snapshot.is_ticking or self._room.age() >= STALE_S

    def look(self) -> None:
        """Take over new events, tell the conversations; and the counts, where they have changed."""
        counts = dict(self.counts)
        if self._share is not None:
            counts |= self._share.counts
        if counts != self._reported:
            self._reported = counts
            self._room.bus.report_counts("dnp3", counts)
        if self.feed.look():
            self.news.set()
            for conversation in list(self.conversations):
                conversation.pump()

    def _watch(self) -> None:
        """Points that are no alarms have no line in the event log: compare every snapshot."""
        self._timer = None
        if self.feed.watches:
            self._timer = self._room.loop.call_later(WATCH_S, self._watch)
            self.look()
