"""A receiver: one row of the trap table, told of every event in turn."""

from __future__ import annotations

import random
import socket
from typing import Final, NamedTuple

from ...bus import Bus
from ...model.settings import Settings
from ...model.snapshot import Snapshot
from ..cursor import Cursor
from .message import Telling, confirmed_id, inform_v2c, telling, trap_v1, trap_v2c

NOWHERE: Final = "0.0.0.0"
FIRST_PAUSE_S: Final = 2.0  # before an inform is repeated, or a trap that could not leave
LONGEST_PAUSE_S: Final = 30.0
GIVE_UP_S: Final = 300.0  # for one event; the next one has its own
AT_ONCE: Final = 20  # events of one look, so that the other receiver gets its turn
_ANSWER: Final = 8192


class Target(NamedTuple):
    """Where and how to send. `kind` trap_v1, trap_v2c or inform_v2c."""

    host: str
    port: int
    community: str
    kind: str

    @classmethod
    def of(cls, row: int, settings: Settings) -> Target | None:
        """The receiver of `row`; None while it is off or has no address."""

        def key(name: str) -> str:
            return f"snmp.trap{row}.{name}"

        host = settings.text(key("address"))
        if not settings.flag(key("enabled")) or host == NOWHERE:
            return None
        return cls(
            host,
            settings.integer(key("port")),
            settings.text(key("community")),
            settings.text(key("kind")),
        )

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


class Waiting(NamedTuple):
    """An event that did not get through yet. Times are monotonic s."""

    told: Telling
    target: Target
    request_id: int
    since: float
    due: float
    pause_s: float


class Receiver:
    """Used by one thread. `step` never blocks and never raises for what the network does."""

    def __init__(self, row: int, bus: Bus, cursor: Cursor) -> None:
        self.row = row
        self.cursor = cursor
        self.fault = ""
        self.sent = 0
        self.lost = 0
        self._bus = bus
        self._waiting: Waiting | None = None
        self._socket = udp_socket()

    def close(self) -> None:
        self.cursor.close()
        self._socket.close()

    @property
    def is_waiting(self) -> bool:
        """An inform was sent and is not confirmed yet."""
        return self._waiting is not None

    def step(self, now: float) -> None:
        """Send what is new, repeat what is due, take confirmations."""
        snapshot = self._bus.snapshot
        target = Target.of(self.row, snapshot.settings)
        self._listen()
        if self._waiting is not None:
            self._again(self._waiting, target, snapshot, now)
        if self._waiting is not None:
            return
        for event in self.cursor.fetch(AT_ONCE):
            told = telling(event)
            if told is None or target is None:
                self.cursor.done(event.n, told is not None)
                continue
            self._send(
                Waiting(told, target, random.getrandbits(31), now, now, FIRST_PAUSE_S),
                snapshot,
                now,
            )
            if self._waiting is not None:
                return

    def _send(self, item: Waiting, snapshot: Snapshot, now: float) -> None:
        target = item.target
        try:
            send(self._socket, item.told, target, snapshot, item.request_id)
        except OSError as error:  # no route, no interface: the network may come up
            self.fault = (
                f"SNMP receiver {self.row} at {target.where} cannot be reached:"
                f" {error.strerror or error}."
            )
        else:
            if target.kind != "inform_v2c":
                self._finish(item)
                return
        pause = item.pause_s
        self._waiting = item._replace(due=now + pause, pause_s=min(2 * pause, LONGEST_PAUSE_S))

    def _again(self, item: Waiting, target: Target | None, snapshot: Snapshot, now: float) -> None:
        if target is None:  # switched off meanwhile
            self._waiting, self.fault = None, ""
            self.cursor.done(item.told.event.n, True)
        elif target != item.target:
            self._send(
                Waiting(item.told, target, item.request_id, now, now, FIRST_PAUSE_S), snapshot, now
            )
        elif now - item.since >= GIVE_UP_S:
            self.lost += 1
            self._waiting = None
            self.cursor.done(item.told.event.n, True)
        elif now >= item.due:
            if target.kind == "inform_v2c":
                self.fault = f"SNMP receiver {self.row} at {target.where} does not confirm informs."
            self._send(item, snapshot, now)

    def _listen(self) -> None:
        while True:
            try:
                raw, address = self._socket.recvfrom(_ANSWER)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # what the network says about a datagram that went out
                continue
            item = self._waiting
            is_its = item is not None and address[0] == item.target.host
            if item is not None and is_its and confirmed_id(raw) == item.request_id:
                self._finish(item)

    def _finish(self, item: Waiting) -> None:
        self._waiting, self.fault = None, ""
        self.sent += 1
        self.cursor.done(item.told.event.n, True)


def udp_socket() -> socket.socket:
    """A socket for any receiver; settings hold IPv4 addresses."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def send(
    sock: socket.socket, told: Telling, target: Target, snapshot: Snapshot, request_id: int
) -> None:
    """One datagram. Raises OSError when it cannot leave this machine."""
    if target.kind == "trap_v1":
        raw = trap_v1(told, snapshot, target.community, own_host(target.host))
    elif target.kind == "inform_v2c":
        raw = inform_v2c(told, snapshot, target.community, request_id)
    else:
        raw = trap_v2c(told, snapshot, target.community)
    sock.sendto(raw, (target.host, target.port))


def own_host(peer: str) -> str:
    """The address this machine has towards `peer`. Raises OSError without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))
        return str(probe.getsockname()[0])
