"""DNP3 over TCP: the listener, its connections, and the call to the master when it is needed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Final

from ...model.service import LIMITS, STALL_S
from ...names import AddressPendingError, Names
from ...net import is_same_host, plain_peer
from ...retry import RetryPauses
from ..share import Member, Share
from .access import AllowList
from .context import Endpoint, FieldbusContext
from .dnp3_association import Association, Dnp3Config
from .dnp3_connection import Dnp3Connection
from .dnp3_limits import TCP_READ_HOLD_S
from .dnp3_station import Dnp3Station
from .listener_config import ListenerConfig, TcpPlace, can_adopt
from .listening import Listening

log = logging.getLogger(__name__)

LIMIT: Final = LIMITS["dnp3"]
COST_S: Final = 0.0005  # CPU time of a request, about
GAP_S: Final = 5.0
READ_AT_ONCE: Final = 4096  # octets
UNREAD_MAX: Final = 256 * 1024  # octets a client has not taken: it is gone or hostile

CALL_S: Final = 10.0
CALL_LOOK_S: Final = 1.0  # a connection that is lost with news left is noticed so late
LONGEST_PAUSE_S: Final = 60.0
NAME_LOOK_S: Final = 0.1  # between two looks whether a name is found


class TcpConnection(asyncio.BufferedProtocol):
    """One TCP connection, either way round."""

    def __init__(
        self,
        context: FieldbusContext,
        station: Dnp3Station,
        association: Association,
        endpoint: Dnp3Tcp,
    ) -> None:
        self._context = context
        self._station = station
        self._association = association
        self._endpoint = endpoint
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._unread_since: float | None = None  # loop time since which it takes no answer
        self._heard_at: float | None = None  # of the conversation, as the share was told
        self.member: Member | None = None
        self.dnp3_connection: Dnp3Connection | None = None
        self.is_ours = False  # we called
        self.host = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        host = plain_peer(str(peer[0])) if isinstance(peer, tuple) and peer else ""
        self.host = host
        if not self._endpoint.admit(host, self):
            transport.abort()
            return
        handle = transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._endpoint.connections.append(self)
        self.dnp3_connection = Dnp3Connection(
            self._context,
            self._station,
            self._association,
            f"dnp3 {host}",
            self._write,
            self.close,
            read_hold_s=TCP_READ_HOLD_S,
            gap_s=GAP_S,
        )

    def get_buffer(self, sizehint: int) -> memoryview:
        """One for all connections: it is read out before the loop reads again."""
        return self._endpoint.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.dnp3_connection is None or self._transport is None:
            return
        self.dnp3_connection.feed(bytes(self._endpoint.buffer[:nbytes]))
        heard_at = self.dnp3_connection.heard_at
        if self.member is not None and heard_at != self._heard_at:
            self._heard_at = heard_at
            self._endpoint.share.heard(self.member, COST_S)
        if self.dnp3_connection.is_full and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
            self._context.loop.call_later(0.01, self._go_on)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.dnp3_connection is not None:
            self.dnp3_connection.close()
            self._endpoint.connections.remove(self)
        if self.member is not None:
            self._endpoint.share.leave(self.member)
        self._transport = self.dnp3_connection = None  # they know this one

    def adopt(self, config: Dnp3Config) -> None:
        """Go by other settings from now on."""
        if self.dnp3_connection is not None:
            self.dnp3_connection.adopt(config)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() + len(data) > UNREAD_MAX:
            self._station.count("not_reading")
            transport.abort()
            return
        transport.write(data)

    def _go_on(self) -> None:
        """Read again once the inbox has room."""
        if self._transport is None or self._transport.is_closing() or self.dnp3_connection is None:
            return
        if self.dnp3_connection.is_full:
            self._context.loop.call_later(0.01, self._go_on)
            return
        self._is_paused = False
        self._transport.resume_reading()

    def is_stalled(self, now: float) -> bool:
        """True when nothing of what was written has been taken for 30 s."""
        transport = self._transport
        if transport is None or not transport.get_write_buffer_size():
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        return self._unread_since is not None and now - self._unread_since > STALL_S


class Dnp3Tcp(Endpoint):
    """The TCP listener: at most four connections, one association."""

    def __init__(self, context: FieldbusContext, plan: ListenerConfig) -> None:
        super().__init__(context, plan)
        self.connections: list[TcpConnection] = []
        # asyncio's own reading maps and unmaps 256 KiB for every request: several us of CPU time
        self.buffer = memoryview(bytearray(READ_AT_ONCE))
        self.share = Share(LIMIT, context.loop.time)
        self._access = AllowList(str(plan.settings["dnp3.allow"]))
        self._listening: Listening | None = None
        self._caller: asyncio.Task[None] | None = None
        self._station: Dnp3Station | None = None
        self._here: tuple[str, int] | None = None
        self._names = Names()
        self._master = str(plan.settings["dnp3.master_ip"])  # a name: from the first call on

    async def start(self) -> str:
        station = Dnp3Station.of(self.context, self.plan)
        association = station.association("tcp")
        place = self.plan.place
        assert isinstance(place, TcpPlace)

        def connection() -> TcpConnection:
            return TcpConnection(self.context, station, association, self)

        self._listening = Listening(place, self.share, connection)
        self._station = station
        station.open(self.share)
        self.context.regular.append(self._sweep)
        self._here = (self._listening.place.host, self._listening.place.port)
        master_ip = str(self.plan.settings["dnp3.master_ip"])
        if master_ip:  # function 20 may come at any time
            target = (master_ip, int(str(self.plan.settings["dnp3.port"])))
            self._caller = self.context.loop.create_task(
                self._call(station, association, target, connection)
            )
        return str(TcpPlace(*self._here))

    async def stop(self) -> None:
        if self._caller is not None:
            self._caller.cancel()
            await asyncio.wait({self._caller})
        if self._listening is not None:
            self._listening.close()
        for connection in list(self.connections):
            connection.close()
        if self._station is not None:
            self.context.regular.remove(self._sweep)
            self._station.close(self.share)
            self._station = None

    def adopt(self, plan: ListenerConfig) -> bool:
        """Connections stay, but for peers that are no longer welcome."""
        if self._station is None or not can_adopt(self.plan, plan):
            return False
        self.plan = self.plan._replace(settings=plan.settings)
        config = Dnp3Station.of(self.context, plan).config
        self._access = AllowList(str(plan.settings["dnp3.allow"]))
        for connection in list(self.connections):
            if connection.is_ours or self._access.allows(connection.host):
                connection.adopt(config)
            else:
                connection.close()
        return True

    def admit(self, host: str, connection: TcpConnection) -> bool:
        """A place for this peer, which may cost another one his. The master that we have called,
        and the one of the settings, make room for nobody else."""
        station = self._station
        if station is None:
            return False
        if not connection.is_ours and not self._access.allows(host):
            station.count("peers_refused")
            return False
        is_master = is_same_host(host, self._master)
        is_kept = connection.is_ours or is_master or self._access.names(host)
        member = Member(host, connection.close, is_kept)
        if not self.share.enter(member):
            return False
        connection.member = member
        return True

    def _sweep(self) -> None:
        now = self.context.loop.time()
        for member in self.share.idle():
            member.close()
        for connection in list(self.connections):
            if connection.is_stalled(now):
                self.share.stalled()
                connection.close()

    # --- the call to the master ------------------------------------------------------------------

    async def _call(
        self,
        station: Dnp3Station,
        association: Association,
        target: tuple[str, int],
        connection: Callable[[], TcpConnection],
    ) -> None:
        """Connect to the master when there is news and no master is here (manual 10.1.3)."""

        def outgoing() -> TcpConnection:
            made = connection()
            made.is_ours = True
            return made

        pauses = RetryPauses(station.config.retry_s, LONGEST_PAUSE_S)
        while target != self._here:  # that would be ourselves
            station.news.clear()
            if self.connections or not association.has_news(station.config, station.feed.buffers):
                timer = self.context.loop.call_later(CALL_LOOK_S, station.news.set)
                await station.news.wait()
                timer.cancel()
                continue
            try:
                place = await self._find(target)
                self._master = place[0]
                await asyncio.wait_for(
                    self.context.loop.create_connection(outgoing, *place), CALL_S
                )
                pauses = RetryPauses(station.config.retry_s, LONGEST_PAUSE_S)
                station.count("calls")
            except (OSError, TimeoutError) as error:
                station.count("calls_failed")
                log.debug("DNP3 master %s:%d: %s", *target, error)
                await asyncio.sleep(pauses.next())

    async def _find(self, target: tuple[str, int]) -> tuple[str, int]:
        """The master's address. Raises OSError while its name is not found, TimeoutError."""
        end = self.context.loop.time() + CALL_S
        while True:
            try:
                address = self._names.find(*target, wait_s=0.0).address
            except AddressPendingError:
                if self.context.loop.time() > end:
                    raise TimeoutError(f"no address for {target[0]}") from None
                await asyncio.sleep(NAME_LOOK_S)
                continue
            zone = f"%{address[3]}" if len(address) > 3 and address[3] else ""
            return f"{address[0]}{zone}", target[1]
