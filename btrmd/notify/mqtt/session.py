"""The session: what goes out over one connection, most important first, never more than fits.

Nothing is queued here: events come from the log by their cursor, tests and trends from the history,
points from the newest snapshot. What is not acknowledged when the link breaks is sent again.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from ...bus import Bus
from ...model.events import Event
from ...model.readings import Reading
from ...model.snapshot import Snapshot
from ..cursor import Cursor
from .backfill import Backfill
from .commands import Commands
from .connection import MqttConnection, OnAck, TooLargeError
from .deadband import Deadband
from .discovery import discovery_payload
from .finished import Finished
from .payload import (
    alarms_payload,
    event_payload,
    info_payload,
    point_payload,
    test_payload,
    trend_payload,
)
from .target import ONLINE, MqttTarget

# A broker that was killed has lost its subscribers too, until they come back.
SETTLE_S: Final = 3.0  # so long nothing but retained messages is sent to one without our session,
RETURN_S: Final = 60.0  # and so long it is sent again while nobody is subscribed,
AGAIN_S: Final = 2.0  # so often
SAVE_S: Final = 0.2  # in a row of events; what a power cut then doubles, by its numbers
POINTS_EVERY_S: Final = 1.0
DISCOVERY_EVERY_S: Final = 86400.0
MOST_COMMANDS: Final = 8  # of one look


class Sources(NamedTuple):
    """What the sessions of one publisher share."""

    bus: Bus
    events: Cursor
    tests: Finished
    trends: Backfill
    deadband: Deadband
    retained: dict[str, tuple[bytes, float]]  # topic -> what the broker has, and since when
    on_sent: Callable[[], None]


class MqttSession:
    """One connection's."""

    def __init__(self, connection: MqttConnection, target: MqttTarget, sources: Sources) -> None:
        self._connection = connection
        self._target = target
        self._sources = sources
        self._commands = Commands(sources.bus, f"mqtt {target.host}")
        self._queue: deque[Event] = deque()
        self._answers: deque[bytes] = deque()  # that wait for room
        self._free_at = dict.fromkeys(("event", "test", "trend"), 0.0)  # when the next may go
        self._on_way: set[str] = set()  # topics of retained messages that are on the way
        self._points_at = self._kept_at = float("-inf")
        self._described: tuple[tuple[str, str], bytes] | None = None
        self._heard_at = self._began_at = self._saved_at = 0.0
        self._notes: dict[str, str] = {}  # topic -> a sentence

    @property
    def note(self) -> str:
        """What the broker does not take although all else goes on."""
        notes = list(self._notes.values())
        if self._connection.deaf:
            topic = self._target.topic("command")
            notes.append(
                f"The MQTT broker refuses the subscription to {topic}, so no command arrives: "
                f"{self._connection.deaf}."
            )
        return " ".join(notes)

    def begin(self, wall: float) -> None:
        """Say who is there. `wall`: now."""
        sources, target, connection = self._sources, self._target, self._connection
        self._began_at = time.monotonic()
        if not connection.has_session:  # the broker has lost, or never had, what is retained
            sources.deadband.forget()
            sources.retained.clear()
            self._free_at = dict.fromkeys(self._free_at, self._began_at + SETTLE_S)
        sources.trends.connected(wall)
        sources.tests.look()
        self._send(target.topic("status"), ONLINE.encode(), _nothing, retain=True)
        topic = target.topic("command")
        if target.commands:
            connection.listen(topic)
        elif connection.has_session:
            connection.ignore(topic)

    def turn(self, snapshot: Snapshot) -> float:
        """Hand over what there is room for; s until the next look is due."""
        self._answer()
        now = time.monotonic()
        self._retained(snapshot, now)
        self._event()
        self._test()
        self._points(snapshot, now)
        self._trend(snapshot)
        if self._connection.heard_at != self._heard_at and not self._connection.owed:
            self._heard_at = self._connection.heard_at
            self._sources.trends.covered(snapshot.at)
        return 0.05 if self._commands.is_busy else 0.5

    # --- one kind each -------------------------------------------------------------------------

    @property
    def _has_space(self) -> bool:
        return self._connection.has_space

    def _send(self, topic: str, payload: bytes, on_ack: OnAck, retain: bool = False) -> None:
        self._connection.publish(topic, payload, on_ack, retain)
        self._sources.on_sent()

    def _answer(self) -> None:
        """Commands that came, answers that are ready; no more than the broker acknowledges."""
        if not self._answers:
            messages = self._connection.messages
            self._connection.messages = messages[MOST_COMMANDS:]  # the others at the next look
            for message in messages[:MOST_COMMANDS]:
                if not message.is_retained and message.topic == self._target.topic("command"):
                    self._commands.take(message.payload)
        self._answers.extend(self._commands.answers())
        while self._answers and self._has_space:
            self._send(self._target.topic("answer"), self._answers.popleft(), _nothing)

    def _retained(self, snapshot: Snapshot, now: float) -> None:
        """What describes the unit, when it has changed."""
        if now - self._kept_at < POINTS_EVERY_S or not self._has_space:
            return
        self._kept_at = now
        target = self._target
        self._keep(target.topic("info"), info_payload(snapshot, target), now)
        self._keep(target.topic("alarms"), alarms_payload(snapshot), now)
        if target.discovery:
            self._discover(snapshot, now)
        elif self._sources.retained.get(target.discovery_topic, (b"",))[0]:
            self._keep(target.discovery_topic, b"", now)  # Home Assistant forgets the unit

    def _discover(self, snapshot: Snapshot, now: float) -> None:
        settings = snapshot.settings
        words = (settings.text("site.name"), settings.text("site.location"))
        if self._described is None or self._described[0] != words:
            self._described = (words, discovery_payload(snapshot, self._target))
        topic, payload = self._target.discovery_topic, self._described[1]
        self._keep(topic, payload, now, DISCOVERY_EVERY_S, is_optional=True)

    def _keep(
        self, topic: str, payload: bytes, now: float, every_s: float = 0.0,
        is_optional: bool = False,
    ) -> None:  # fmt: skip
        kept, since = self._sources.retained.get(topic, (None, 0.0))
        is_due = every_s > 0.0 and now - since > every_s
        if (payload == kept and not is_due) or topic in self._on_way or not self._has_space:
            return

        def arrived(is_read: bool = True) -> None:
            self._on_way.discard(topic)
            self._sources.retained[topic] = (payload, now)

        def refused(why: str) -> None:
            arrived()  # not again before it changes
            self._notes[topic] = f"The MQTT broker refuses the topic {topic}: {why}."

        self._on_way.add(topic)
        try:
            self._connection.publish(
                topic, payload, arrived, retain=True, on_refused=refused if is_optional else None
            )
        except TooLargeError as error:
            if not is_optional:
                raise
            arrived()
            self._notes[topic] = f"The MQTT broker {error}"
        self._sources.on_sent()

    def _event(self) -> None:
        """In order, one on the way at a time: a break can double one at most, under its number."""
        cursor = self._sources.events
        if not self._may_send("event"):
            return
        if not self._queue:
            self._queue.extend(cursor.fetch())
            if not self._queue:
                return
            self._sources.tests.look()
        event = self._queue[0]

        def done() -> None:
            self._queue.popleft()
            now = time.monotonic()
            is_due = not self._queue or now - self._saved_at >= SAVE_S
            self._saved_at = now if is_due else self._saved_at
            cursor.done(event.n, is_due)

        self._send_once("event", event_payload(event), done)

    def _test(self) -> None:
        record = self._sources.tests.next() if self._may_send("test") else None
        if record is not None:
            self._send_once(
                "test", test_payload(record), partial(self._sources.tests.done, record.n)
            )

    def _trend(self, snapshot: Snapshot) -> None:
        chunk = self._sources.trends.next(snapshot.at) if self._may_send("trend") else None
        if chunk is not None:
            payload = trend_payload(chunk.rows)
            self._send_once("trend", payload, partial(self._sources.trends.done, chunk))

    def _may_send(self, name: str) -> bool:
        return time.monotonic() >= self._free_at[name] and self._has_space

    def _send_once(self, name: str, payload: bytes, done: Callable[[], None]) -> None:
        """What is not retained: `done()` when it has arrived, also with the subscribers as long as
        these may still be on their way back."""

        def arrived(is_read: bool) -> None:
            now = time.monotonic()
            if is_read or now >= self._began_at + RETURN_S:
                self._free_at[name] = now
                done()
            else:
                self._free_at[name] = now + AGAIN_S

        self._free_at[name] = math.inf  # one on the way
        self._send(self._target.topic(name), payload, arrived)

    def _points(self, snapshot: Snapshot, now: float) -> None:
        if now - self._points_at < POINTS_EVERY_S:
            return
        deadband = self._sources.deadband
        scale = snapshot.settings.number("mqtt.deadband")
        deadband.scale = 1.0 if scale is None else scale
        for key, reading in deadband.due(snapshot.points, now):
            if not self._has_space:
                return  # the rest as soon as there is room
            topic = self._target.point_topic(key)
            if topic in self._on_way:
                continue

            self._on_way.add(topic)
            self._send(
                topic, point_payload(key, reading),
                partial(self._point_arrived, topic, key, reading, now), retain=True,
            )  # fmt: skip
        self._points_at = now

    def _point_arrived(
        self, topic: str, key: str, reading: Reading, now: float, is_read: bool
    ) -> None:
        self._on_way.discard(topic)
        self._sources.deadband.sent(key, reading, now)


def _nothing(is_read: bool) -> None:
    """For messages of which it does not matter when they arrive."""
