"""The door: one UDP socket on the agent's loop, read no faster than the station can afford."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any, Final

PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)  # ip(7); missing in Python before 3.14
_IN: Final = 65535  # the largest datagram; larger ones than we read are refused by the handler
_AT_ONCE: Final = 8  # datagrams between two looks at the rest of the loop
_BURST_S: Final = 0.2  # work that may be done without a pause, in s of this thread's CPU time
_SHARE: Final = 0.4  # of one core, on the long run
_PAUSE_S: Final = 0.02

Handler = Callable[[bytes, "Sender"], None]
Address = tuple[Any, ...]


class Sender:
    """Who sent a datagram, and the way back: from the address it was sent to."""

    __slots__ = ("_door", "_way", "address")

    def __init__(self, door: Door, address: Address, way: list[tuple[int, int, bytes]]) -> None:
        self._door = door
        self.address = address
        self._way = way

    @property
    def host(self) -> str:
        """The address without its port; an IPv4 one behind an IPv6 socket as IPv4."""
        return str(self.address[0]).removeprefix("::ffff:")

    def send(self, raw: bytes) -> None:
        """Send an answer; a peer that cannot be reached is no concern of ours."""
        self._door.send(raw, self.address, self._way)


class Door:
    """Opens at construction (raises OSError), `close` on the loop's thread."""

    def __init__(self, host: str, port: int, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._left_s = _BURST_S
        self._counted = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        family, kind, proto, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )[0]
        self._socket = socket.socket(family, kind, proto)
        try:
            self._socket.setblocking(False)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            else:
                self._socket.setsockopt(socket.IPPROTO_IP, PKTINFO, 1)
            self._socket.bind(place)
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._readable)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def send(self, raw: bytes, address: Address, way: list[tuple[int, int, bytes]]) -> None:
        """One datagram; a full buffer or an unreachable peer loses it, as UDP may."""
        with contextlib.suppress(OSError):
            self._socket.sendmsg([raw], way, 0, address)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        start = time.thread_time()
        for _ in range(_AT_ONCE):
            try:
                raw, ancillary, _, address = self._socket.recvmsg(_IN, 64)
            except (BlockingIOError, ConnectionError):
                break
            way = [
                (level, kind, info[:4].ljust(4, b"\0") + info[4:8] + b"\0" * 4)
                for level, kind, info in ancillary
                if level == socket.IPPROTO_IP and kind == PKTINFO and len(info) >= 12
            ]
            self._handler(raw, Sender(self, address, way))
        self._pay(time.thread_time() - start)

    def _pay(self, used_s: float) -> None:
        """Whoever floods us waits in the socket's buffer, then in none."""
        now = time.monotonic()
        self._left_s = min(self._left_s + (now - self._counted) * _SHARE, _BURST_S) - used_s
        self._counted = now
        if self._left_s < 0.0:
            self._loop.remove_reader(self._socket)
            self._timer = self._loop.call_later(_PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._loop.add_reader(self._socket, self._readable)
