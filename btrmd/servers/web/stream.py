"""The stream: one thread that tells every connected page what has changed, once a second."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from btrmd.bus import Bus
from btrmd.model.service import LIMITS
from btrmd.model.snapshot import Snapshot

from ..share import Member, Share
from .card import make_card
from .channel import HttpChannel
from .encode import dumps, encode_alarms, iso_time, point_entry, shown_points
from .flow import make_flow
from .status_page import live_texts
from .stream_gzip import pack
from .verdict import make_verdict
from .wording import use_zone

log = logging.getLogger(__name__)

MAX_CLIENTS: Final = LIMITS["stream"].most
PERIOD_S: Final = 1.0
QUIET_S: Final = 2.0  # something is sent at least this often while the owner loop ticks
COMMENT_S: Final = 15.0
RETRY_MS: Final = 3000
RETRY_AFTER_S: Final = 30  # told to a client for whom there is no place

_Parts = dict[str, object]


class Feed:
    """Keeps up to 8 streams. A new one gets the whole state, then all get the same changes.

    A message is `{"at", "points": {...}}` in the form of /api/v1/points, with what System Status
    writes for a point (`text` in its cell, `flow` in the picture), plus `alarms`, `card` (the test
    in words), `flow` (the power flow), `verdict` and `is_ticking` when they changed; its
    id is the snapshot's seq. A browser that comes back gets the whole state again: nothing it
    missed can matter, so its Last-Event-ID needs no answer of its own.
    """

    def __init__(self, bus: Bus, period_s: float = PERIOD_S) -> None:
        self._bus = bus
        self._period_s = period_s
        self._lock = threading.RLock()
        self._awake = threading.Condition(self._lock)
        self._stopping = threading.Event()
        self._admitted: dict[HttpChannel, Member] = {}
        self.share = Share(LIMITS["stream"])
        self._joined: list[HttpChannel] = []
        self._seq = -1
        self._points: dict[str, tuple[object, str]] = {}  # as the clients last saw them
        self._parts: _Parts = {}
        self._sent_at = self._comment_at = 0.0  # monotonic s
        self._thread = threading.Thread(target=self._run, name="web-stream", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End all streams and the thread."""
        self._stopping.set()
        with self._awake:
            self._awake.notify_all()
            for channel in self._joined:
                channel.drop()
        if self._thread.is_alive():
            self._thread.join(5.0)

    @property
    def clients(self) -> int:
        with self._lock:
            return len(self._admitted)

    def admit(self, channel: HttpChannel) -> bool:
        """Keep a place for `channel`, which may cost another one his; False: there is none."""
        with self._lock:
            if self._stopping.is_set():
                return False
            member = Member(channel.addr[0], channel.drop, channel.is_user)
            if not self.share.enter(member):
                return False
            self.share.heard(member)
            self._admitted[channel] = member
            return True

    def join(self, channel: HttpChannel) -> None:
        """Send `channel` the whole state and, from then on, the changes."""
        with self._awake:
            if channel not in self._admitted:
                return
            snapshot = self._bus.snapshot
            if not self._joined:
                self._seq = snapshot.seq
                self._points = shown_points(snapshot)
                self._parts = _parts(snapshot)
                self._sent_at = self._comment_at = time.monotonic()
            state = _message(b"state", snapshot.seq, state_document(snapshot))
            if channel.feed(pack(state) if channel.is_packed else state):
                self._joined.append(channel)
                self._awake.notify_all()

    def leave(self, channel: HttpChannel) -> None:
        """`channel` is gone; may be told more than once."""
        with self._lock:
            member = self._admitted.pop(channel, None)
            if member is not None:
                self.share.leave(member)
            if channel in self._joined:
                self._joined.remove(channel)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._awake:
                while not self._joined and not self._stopping.is_set():
                    self._awake.wait()
            self._stopping.wait(self._period_s)
            try:
                with self._lock:
                    self._end_forbidden()
                    if self._joined and not self._stopping.is_set():
                        self._send(self._next(self._bus.snapshot, time.monotonic()))
            except Exception:
                # The edge: one snapshot that cannot be sent must not end all streams.
                log.exception("the streams could not be sent a change")

    def _end_forbidden(self) -> None:
        """A login that has ended, a token that was revoked: they read nothing more."""
        for channel in [c for c in self._joined if not c.may_go_on()]:
            self._joined.remove(channel)
            channel.drop()

    def _next(self, snapshot: Snapshot, now: float) -> bytes:
        """What all streams get now; empty for nothing."""
        data = b""
        if snapshot.seq != self._seq:
            shown = shown_points(snapshot)
            points = {
                key: {**point_entry(key, snapshot), **live_texts(key, snapshot)}
                for key, seen in shown.items()
                if self._points.get(key) != seen
            }
            parts = {
                name: part
                for name, part in _parts(snapshot).items()
                if self._parts.get(name) != part
            }
            if points or parts or now - self._sent_at >= QUIET_S:
                change = {"at": iso_time(snapshot.at), "points": points, **parts}
                data = _message(b"change", snapshot.seq, change)
                self._seq, self._points, self._sent_at = snapshot.seq, shown, now
                self._parts.update(parts)
        if now - self._comment_at >= COMMENT_S:
            data += b": still here\n\n"
            self._comment_at = now
        return data

    def _send(self, data: bytes) -> None:
        if not data:
            return
        packed = pack(data) if any(channel.is_packed for channel in self._joined) else b""
        for channel in list(self._joined):
            if not channel.feed(packed if channel.is_packed else data):
                self._joined.remove(channel)  # its place is free once it is closed


def state_document(snapshot: Snapshot) -> _Parts:
    """All that a page shows: what a stream begins with, and /api/v1/state answers."""
    points = {
        key: {**point_entry(key, snapshot), **live_texts(key, snapshot)} for key in snapshot.points
    }
    return {"at": iso_time(snapshot.at), "points": points, **_parts(snapshot)}


def _parts(snapshot: Snapshot) -> _Parts:
    use_zone(snapshot.settings.text("site.timezone"))
    return {
        "is_ticking": snapshot.is_ticking,
        "alarms": encode_alarms(snapshot),
        "card": make_card(snapshot).encode(),
        "flow": make_flow(snapshot).encode(),
        "verdict": make_verdict(snapshot).encode(),
    }


def _message(event: bytes, seq: int, document: _Parts) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, event, dumps(document))
