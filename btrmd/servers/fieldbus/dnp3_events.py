"""DNP3 events: changes of binary inputs with their time, kept until a master confirms them."""

from __future__ import annotations

from typing import Final

from py1815.events import BinaryEvent, EventBuffers, EventClass
from py1815.objects import BinaryPoint, BinaryQuality

from ...bus import Bus
from ...model.alarms import ALARMS
from ...model.events import Event, Kind
from ...model.point import BinaryInput
from ...model.points import dnp3_map
from ...model.snapshot import Snapshot
from .dnp3_limits import CAPACITY

# Points whose changes the event log carries as an alarm, with the time of the edge. The points of
# the extended profile that are no alarms are compared from snapshot to snapshot.
_ALARMS: Final = {alarm.point: alarm.key for alarm in ALARMS if alarm.point and not alarm.is_silent}
_EDGES: Final = {Kind.RAISE: True, Kind.CLEAR: False}


class EventFeed:
    """The one owner of all DNP3 events; it outlives listeners and connections.

    `buffers` is shared by all sessions: an event that one master has confirmed is done with.
    Lives on the fieldbus loop.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._cursor = 0
        self._class = EventClass.CLASS_2
        self._base = 0
        self._indices: dict[str, int] = {}
        self._watched: dict[str, int] = {}
        self._states: dict[str, bool] = {}
        self._seen: Snapshot | None = None
        self.buffers = EventBuffers(capacity=CAPACITY)

    def configure(self, event_class: int, index_base: int, extended: bool) -> None:
        """`event_class` 1..3, `index_base` 0 or 1 (C1). What waits already moves along.

        No session may be using `buffers` when class or base change: they are new ones then.
        """
        new_class = EventClass(event_class)
        if (new_class, index_base) != (self._class, self._base):
            waiting = [event for cls in EventClass for event in self.buffers.peek(cls)]
            shift = index_base - self._base
            self._class, self._base = new_class, index_base
            self.buffers = EventBuffers(capacity=CAPACITY)
            for event in sorted(waiting, key=lambda event: event.order):
                if isinstance(event, BinaryEvent):
                    self._keep(event.index + shift, event.point.state, event.timestamp_ms)
        points = {
            point.key: index
            for index, (point, binding) in dnp3_map(BinaryInput, extended).items()
            if binding.event
        }
        self._indices = {_ALARMS[key]: i for key, i in points.items() if key in _ALARMS}
        self._watched = {key: i for key, i in points.items() if key not in _ALARMS}
        self._states = {key: on for key, on in self._states.items() if key in self._watched}

    @property
    def watches(self) -> bool:
        """Some points have to be compared from snapshot to snapshot."""
        return bool(self._watched)

    def look(self) -> bool:
        """Take over what has happened since the last look; True when there is something new."""
        before = self.buffers.recorded
        if self._bus.last_event > self._cursor:
            for event in self._bus.events_after(self._cursor):
                self._cursor = event.n
                self._take(event)
        if self._watched:
            self._compare(self._bus.snapshot)
        return self.buffers.recorded != before

    def _take(self, event: Event) -> None:
        index, state = self._indices.get(event.key), _EDGES.get(event.kind)
        if index is not None and state is not None:
            self._keep(index + self._base, state, round(event.at * 1000.0))

    def _compare(self, snapshot: Snapshot) -> None:
        if snapshot is self._seen:
            return
        self._seen = snapshot
        for key, index in self._watched.items():
            state = snapshot.points[key].value
            if not isinstance(state, bool):
                continue
            if self._states.get(key, state) is not state:
                self._keep(index + self._base, state, round(snapshot.at * 1000.0))
            self._states[key] = state

    def _keep(self, index: int, state: bool, at_ms: int) -> None:
        online = int(BinaryQuality.ONLINE)
        # Every edge of the log is an event, also a second raise after a reset.
        self.buffers.prime_binary(index, BinaryPoint(not state, online))
        self.buffers.record_binary(
            index, BinaryPoint(state, online), event_class=self._class, timestamp_ms=at_ms
        )
