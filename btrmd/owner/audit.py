"""The audit: what strangers and protocols cause is told, but it never floods the event log.

The same line of one source within a minute is told once, and then as a number a minute for as long
as it goes on. Of different lines each source may have so many, and all of them together so many;
the rest is told as a number too. Alarms, results and what people do pass as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ..model.events import Event, EventClass, Kind
from ..model.readings import Value

WINDOW_S: Final = 60.0
BURST: Final = 30.0  # lines of one source that are told as they come,
EVERY_S: Final = 20.0  # and one more in so long
CLASS_BURST: Final = 200.0  # of all sources of a class,
CLASS_EVERY_S: Final = 10.0
MOST: Final = 500  # lines that are watched for repeats; and sources
REPEATED: Final = "events.repeated"
OTHERS: Final = "several sources"


class _SourceBucket:
    """So many at once, then one in `every_s`."""

    __slots__ = ("_at", "_every_s", "_left", "_most")

    def __init__(self, most: float, every_s: float, now: float) -> None:
        self._most = self._left = most
        self._every_s = every_s
        self._at = now

    def has_one(self, now: float) -> bool:
        self._left = min(self._most, self._left + (now - self._at) / self._every_s)
        self._at = now
        return self._left >= 1.0

    def take(self) -> None:
        self._left -= 1.0

    @property
    def is_full(self) -> bool:
        return self._left >= self._most


class _Repeat:
    """A line that may come again: since when its window is open, and how often it came."""

    __slots__ = ("count", "last", "since")

    def __init__(self, since: float, event: Event) -> None:
        self.since = since
        self.last = event
        self.count = 0


class _LeftOut(NamedTuple):
    """Lines of a source that were not told. `last`: the newest."""

    number: int
    last: Event


class Audit:
    """Used by the owner's thread. Times are process clock s."""

    def __init__(self) -> None:
        self._repeats: dict[tuple[str, str, Value], _Repeat] = {}
        self._sources: dict[str, _SourceBucket] = {}
        self._classes: dict[EventClass, _SourceBucket] = {}
        self._left: dict[str, _LeftOut] = {}
        self._left_since = 0.0

    def filter(self, events: Iterable[Event], now: float) -> list[Event]:
        """Those of `events` that are told now; the others are counted."""
        reported = []
        for event in events:
            kind = event.event_class
            if kind in (EventClass.ALARMS, EventClass.PEOPLE) or self._is_reported(
                event, kind, now
            ):
                reported.append(event)
        return reported

    def due(self, now: float, wall: float, is_last: bool = False) -> list[Event]:
        """The numbers whose minute is over; all of them when the daemon stops (`is_last`)."""
        reported: list[Event] = []
        for key, repeat in list(self._repeats.items()):
            if now - repeat.since < WINDOW_S and not is_last:
                continue
            if not repeat.count:
                del self._repeats[key]
                continue
            text = f"{repeat.count} more within {now - repeat.since:.0f} s: {repeat.last.text}"
            reported.append(repeat.last._replace(n=0, at=wall, value=repeat.count, text=text))
            repeat.since, repeat.count = now, 0
        if self._left and (is_last or now - self._left_since >= WINDOW_S):
            for source, (number, last) in self._left.items():
                text = f"{number} more lines of {source} were left out. The last: {last.text}"
                reported.append(
                    Event(0, wall, last.uptime_s, REPEATED, Kind.COMMAND, number, None, source,
                          text, False)
                )  # fmt: skip
            self._left.clear()
        return reported

    @property
    def is_idle(self) -> bool:
        """True when nothing waits to be told."""
        return not self._repeats and not self._left

    # --- inside --------------------------------------------------------------------------------

    def _is_reported(self, event: Event, kind: EventClass, now: float) -> bool:
        # A setting that a protocol keeps on changing is one line too, whatever its values.
        is_refusal = event.value is None
        key = (event.key, event.source, event.text if is_refusal else None)
        repeat = self._repeats.get(key)
        if repeat is not None:
            repeat.count += 1
            repeat.last = event
            return False
        source = self._bucket(event.source, now)
        whole = self._classes.get(kind)
        if whole is None:
            whole = self._classes[kind] = _SourceBucket(CLASS_BURST, CLASS_EVERY_S, now)
        if not (source.has_one(now) and whole.has_one(now)) or len(self._repeats) >= MOST:
            self._leave_out(event, now)
            return False
        source.take()
        whole.take()
        self._repeats[key] = _Repeat(now, event)
        return True

    def _bucket(self, source: str, now: float) -> _SourceBucket:
        found = self._sources.get(source)
        if found is None:
            if len(self._sources) >= MOST:
                for name in [n for n, b in self._sources.items() if b.has_one(now) and b.is_full]:
                    del self._sources[name]
            if len(self._sources) >= MOST:
                source = OTHERS
            found = self._sources.setdefault(source, _SourceBucket(BURST, EVERY_S, now))
        return found

    def _leave_out(self, event: Event, now: float) -> None:
        if not self._left:
            self._left_since = now
        source = event.source
        if source not in self._left and len(self._left) >= 8:
            source = OTHERS
        before = self._left.get(source)
        self._left[source] = _LeftOut(1 if before is None else before.number + 1, event)
