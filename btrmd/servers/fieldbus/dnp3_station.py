"""The DNP3 station: what all DNP3 lines share: events, associations, counts, a regular look."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, Protocol

from ...model.errors import BtrmError
from ..share import Share
from .context import FieldbusContext
from .dnp3_association import Association, Dnp3Config
from .dnp3_events import EventFeed
from .dnp3_reads import STALE_S
from .listener_config import ListenerConfig

WATCH_S: Final = 0.1  # one tick of the control loop
_SHARED: Final = "dnp3"


class Pumped(Protocol):
    """Whoever has something to do when events have come."""

    def pump(self) -> None: ...


class Dnp3Station:
    """One a context; it stays when listeners come and go. Lives on the loop."""

    def __init__(self, context: FieldbusContext, config: Dnp3Config) -> None:
        self._context = context
        self.config = config
        self.feed = EventFeed(context.bus)
        self.counts: Counter[str] = Counter()
        self.conversations: list[Pumped] = []
        self._associations: dict[str, Association] = {}
        self._users = 0
        self._share: Share | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reported: dict[str, int] = {}
        self.news = asyncio.Event()  # set whenever there may be something to tell a master

    @classmethod
    def of(cls, context: FieldbusContext, plan: ListenerConfig) -> Dnp3Station:
        """The context's station, with the plan's settings. Raises BtrmError."""
        config = Dnp3Config.of(plan.settings)
        if config.address == config.master:
            raise BtrmError(
                f"dnp3.address and dnp3.master are both {config.address}: allowed are two "
                "different addresses of 0..65519."
            )
        station = context.shared.get(_SHARED)
        if not isinstance(station, cls):
            station = context.shared[_SHARED] = cls(context, config)
        station.adopt(config)
        station.feed.configure(config.event_class, config.event_index_base, config.extended)
        return station

    def adopt(self, config: Dnp3Config) -> None:
        """The settings are these now. A tick that was set or taken away is the page's word: what
        the master has switched before counts no more (R106)."""
        before, self.config = self.config, config
        if before.unsolicited is config.unsolicited:
            return
        for association in self._associations.values():
            association.switched = None
            if not config.unsolicited:
                association.enabled.clear()

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
            self._context.regular.append(self.look)
            self._watch()
            self.look()

    def close(self, share: Share | None = None) -> None:
        """A listener has gone."""
        if share is self._share:
            self._share = None
        self._users -= 1
        if self._users == 0:
            self._context.regular.remove(self.look)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def in_trouble(self) -> bool:
        """IIN1.6: the control loop does not tick."""
        return not self._context.bus.snapshot.is_ticking or self._context.age() >= STALE_S

    def look(self) -> None:
        """Take over new events, tell the conversations; and the counts, where they have changed."""
        counts = dict(self.counts)
        if self._share is not None:
            counts |= self._share.counts
        if counts != self._reported:
            self._reported = counts
            self._context.bus.report_counts("dnp3", counts)
        if self.feed.look():
            self.news.set()
            for dnp3_connection in list(self.conversations):
                dnp3_connection.pump()

    def _watch(self) -> None:
        """Points that are no alarms have no line in the event log: compare every snapshot."""
        self._timer = None
        if self.feed.watches:
            self._timer = self._context.loop.call_later(WATCH_S, self._watch)
            self.look()
