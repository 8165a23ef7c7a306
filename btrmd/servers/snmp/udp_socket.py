"""One UDP socket on the agent's loop, read no faster than the station can afford."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, Final

from ...model.service import LIMITS
from ...net import host_and_port, look_up_form, network_of, plain_peer
from ..allowance import Allowance
from ..fair_queue import FairQueue
from ..share import MOST_PLACES, Share

PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)  # ip(7); missing in Python before 3.14
_IN: Final = 65535  # the largest datagram; larger ones than we read are refused by the handler
_AT_ONCE: Final = 64  # datagrams taken from the socket,
_ANSWERED: Final = 8  # and answered, between two looks at the rest of the loop
_BURST_S: Final = 0.2  # work that may be done without a pause, in s of this thread's CPU time
_SHARE: Final = 0.25  # of one core, on the long run
_PAUSE_S: Final = 0.02
_LARGEST: Final = 8192  # octets of a datagram that may wait
_BUFFER: Final = 256 * 1024  # octets of the kernel for what comes meanwhile

Handler = Callable[[bytes, "Sender"], None]
Address = tuple[Any, ...]
Ancillary = list[tuple[int, int, bytes]]  # cmsg(3): level, kind, data


class Sender:
    """Who sent a datagram, and the way back: from the address it was sent to."""

    __slots__ = ("_udp_socket", "_way", "address")

    def __init__(self, udp_socket: UdpSocket, address: Address, way: Ancillary) -> None:
        self._udp_socket = udp_socket
        self.address = address
        self._way = way

    @property
    def host(self) -> str:
        """The address without its port; an IPv4 one behind an IPv6 socket as IPv4."""
        return plain_peer(str(self.address[0]))

    def send(self, raw: bytes) -> None:
        """Send an answer; a peer that cannot be reached is no concern of ours."""
        self._udp_socket.send(raw, self.address, self._way)


class UdpSocket:
    """Opens at construction (raises OSError), `close` on the loop's thread."""

    def __init__(self, host: str, port: int, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._allowance = Allowance(_SHARE, _BURST_S)
        limit = LIMITS["snmp"]
        self.share = Share(limit)
        self._queue: FairQueue[tuple[bytes, Sender]] = FairQueue(
            lambda place: 0.0, limit.most, limit.each
        )
        self._places: dict[str, str] = {}
        # Read into: making 64 KiB for each of a few dozen octets takes longer than reading them.
        self._buffer = memoryview(bytearray(_IN))
        self._ancillary: Ancillary = []  # of the last datagram,
        self._way: Ancillary = []  # and the way back that it tells
        self._timer: asyncio.TimerHandle | None = None
        self._is_reading = True
        family, kind, proto, _, place = socket.getaddrinfo(
            look_up_form(host), port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )[0]
        self._socket = socket.socket(family, kind, proto)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
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
        return host_and_port(host, port)

    def send(self, raw: bytes, address: Address, way: Ancillary) -> None:
        """One datagram; a full buffer or an unreachable peer loses it, as UDP may."""
        try:
            self._socket.sendmsg([raw], way, 0, address)
        except OSError:
            return

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_reading:
            self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        began = time.thread_time()
        for _ in range(_AT_ONCE):
            try:
                size, ancillary, _, address = self._socket.recvmsg_into((self._buffer,), 64)
            except (BlockingIOError, ConnectionError):
                break
            place = self._place(address[0])
            if self._queue.is_full(place):  # a flood has to be thrown away fast
                self.share.refused += 1
                continue
            raw = bytes(self._buffer[:size])
            if ancillary != self._ancillary:  # nearly all come to the same address of ours
                self._ancillary, self._way = ancillary, _way_back(ancillary)
            sender = Sender(self, address, self._way)
            if len(raw) > _LARGEST:
                self._handler(raw, sender)  # is refused at its length
            elif self._queue.push(place, (raw, sender)) is not None:
                self.share.refused += 1
        self._allowance.use(time.thread_time() - began)
        self._work()

    def _place(self, host: str) -> str:
        """What counts as one address; remembered, as most datagrams come from a few."""
        found = self._places.get(host)
        if found is None:
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            found = self._places[host] = network_of(host)
        return found

    def _work(self) -> None:
        """Answer some of what waits; whoever floods us waits in the queue, then in none."""
        is_shared = self._queue.places > 1
        began = ended = time.thread_time()
        place = ""
        for _ in range(_ANSWERED):
            taken = self._queue.pop()
            if taken is None:
                break
            place = taken.place
            self._handler(*taken.item)
            if is_shared:  # whose turn is next depends on what this one has cost
                before, ended = ended, time.thread_time()
                self._queue.spent(place, ended - before)
        if place and not is_shared:
            ended = time.thread_time()
            self._queue.spent(place, ended - began)
        self._allowance.use(ended - began)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        is_pausing = self._allowance.is_used_up
        if is_pausing and self._is_reading:
            self._loop.remove_reader(self._socket)
        elif not is_pausing and not self._is_reading:
            self._loop.add_reader(self._socket, self._readable)
        self._is_reading = not is_pausing
        if is_pausing or len(self._queue):
            self._timer = self._loop.call_later(_PAUSE_S if is_pausing else 0.0, self._work)


def _way_back(ancillary: Ancillary) -> Ancillary:
    """From the address that a datagram was sent to, by its IP_PKTINFO (ip(7))."""
    return [
        (level, kind, info[:4].ljust(4, b"\0") + info[4:8] + b"\0" * 4)
        for level, kind, info in ancillary
        if level == socket.IPPROTO_IP and kind == PKTINFO and len(info) >= 12
    ]
