"""The DNP3 station: what all DNP3 lines share: events, associations, counts, and a regular look."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, Protocol

from ...model.errors import BtrmError
from .dnp3_association import Association, Dnp3Config
from .dnp3_events import EventFeed
from .dnp3_reads import STALE_S
from .plan import Plan
from .room import Room

LOOK_S: Final = 0.1  # between two looks for new events: one tick of the control loop
COUNTS_EVERY: Final = 10  # looks
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
        self._timer: asyncio.TimerHandle | None = None
        self._looks = 0
        self._seq = -1
        self._ticked_at = room.loop.time()

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

    def open(self) -> None:
        """A listener has come; with the first the looking begins."""
        self._users += 1
        if self._users == 1:
            self._look()

    def close(self) -> None:
        """A listener has gone."""
        self._users -= 1
        if self._users == 0 and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def age(self) -> float:
        """Seconds since the control loop's last tick, as far as looked."""
        if self._room.bus.snapshot.seq != self._seq:
            return 0.0
        return self._room.loop.time() - self._ticked_at

    def in_trouble(self) -> bool:
        """IIN1.6: the control loop does not tick."""
        return not self._room.bus.snapshot.is_ticking or self.age() >= STALE_S

    def _look(self) -> None:
        self._timer = self._room.loop.call_later(LOOK_S, self._look)
        seq = self._room.bus.snapshot.seq
        if seq != self._seq:
            self._seq, self._ticked_at = seq, self._room.loop.time()
        self._looks += 1
        if self._looks % COUNTS_EVERY == 0:
            self._room.bus.report_counts("dnp3", dict(self.counts))
        if self.feed.look():
            for conversation in list(self.conversations):
                conversation.pump()
