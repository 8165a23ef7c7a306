"""The history as servers may read it; the store implements it, the daemon hands it in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from .discharge import CurveRow, TestRecord
from .events import EVERY_EVENT, Event, EventFilter, Kind


class TrendRows(Protocol):
    """`keys`: the columns; `tier_s`: 60, 900 or 86400; `rows`: (wall s, value or None, ...)."""

    keys: tuple[str, ...]
    tier_s: int
    rows: Sequence[tuple[float | None, ...]]


class History(Protocol):
    """Thread-safe, read only. Nothing here waits for the owner loop."""

    def events(self, after: int = 0, limit: int = 1000, key: str | None = None) -> list[Event]:
        """Events with n > `after`, by rising n, at most `limit` (1..10000)."""

    def find_events(
        self,
        before: int = 0,
        limit: int = 100,
        key: str = "",
        kind: Kind | None = None,
        chosen: EventFilter = EVERY_EVENT,
    ) -> list[Event]:
        """Newest first: events with n < `before` (0 = from the newest), at most `limit`.

        `key`: that key, and those below it ("io1" finds "io1.voltage" too); empty = every key.
        `chosen`: by severity and time.
        """

    def last_event(self) -> int:
        """The highest event number, 0 when there is none."""

    def tests(self, include_cleared: bool = False, limit: int = 1000) -> list[TestRecord]:
        """Newest first; tests cleared by a data reset only with `include_cleared`."""

    def test(self, n: int) -> TestRecord | None: ...

    def curve(self, n: int) -> Iterator[CurveRow]:
        """The rows of test `n` by rising time; empty when there is none."""

    def trends(
        self, start: float, end: float, keys: Sequence[str] | None = None, limit: int = 2000
    ) -> TrendRows:
        """Rows between the wall times from the finest tier that fits `limit` rows."""

    def trend_ranges(
        self, start: float, end: float, keys: Sequence[str], buckets: int = 500
    ) -> TrendRows:
        """For plots: at most `buckets` rows (start of a stretch, then its lowest and highest mean
        a key); `keys` of the answer name each key twice, `tier_s` is the length of a stretch."""
