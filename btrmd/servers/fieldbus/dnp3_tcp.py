"""DNP3 over TCP: the listener, its connections, and the call to the master when it is needed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Final

from .access import Access
from .dnp3_association import Association
from .dnp3_conversation import Conversation
from .dnp3_limits import IDLE_S, MOST_CLIENTS, TCP_READ_HOLD_S
from .dnp3_station import Dnp3Station
from .plan import Plan, TcpPlace
from .room import Endpoint, Room

log = logging.getLogger(__name__)

QUIET_S: Final = 30.0  # whoever has not spoken DNP3 by then makes room for the fifth
GAP_S: Final = 5.0
UNREAD_MAX: Final = 256 * 1024  # octets a client has not taken: it is gone or hostile

CALL_S: Final = 10.0
CALL_LOOK_S: Final = 1.0  # a connection that is lost with news left is noticed so late
LONGEST_PAUSE_S: Final = 60.0


class Connection(asyncio.Protocol):
    """One TCP connection, either way round."""

    def __init__(
        self, room: Room, station: Dnp3Station, association: Association, door: Dnp3Tcp
    ) -> None:
        self._room = room
        self._station = station
        self._association = association
        self._door = door
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._is_paused = False
        self.conversation: Conversation | None = None
        self.is_ours = False  # we called

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        if not self._door.admits(host, self):
            transport.abort()
            return
        handle = transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._door.connections.append(self)
        self.conversation = Conversation(
            self._room,
            self._station,
            self._association,
            f"dnp3 {host}",
            self._write,
            self.close,
            read_hold_s=TCP_READ_HOLD_S,
            gap_s=GAP_S,
        )
        self._idle = self._room.loop.call_later(IDLE_S, self._look_idle)

    def data_received(self, data: bytes) -> None:
        if self.conversation is None or self._transport is None:
            return
        self.conversation.feed(data)
        if self.conversation.is_full and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
            self._room.loop.call_later(0.01, self._go_on)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.conversation is not None:
            self.conversation.close()
            self._door.connections.remove(self)
        if self._idle is not None:
            self._idle.cancel()

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
        if self._transport is None or self._transport.is_closing() or self.conversation is None:
            return
        if self.conversation.is_full:
            self._room.loop.call_later(0.01, self._go_on)
            return
        self._is_paused = False
        self._transport.resume_reading()

    def _look_idle(self) -> None:
        if self.conversation is None:
            return
        quiet = self._room.loop.time() - self.conversation.last_at
        if quiet >= IDLE_S:
            self._station.count("idle_closed")
            self.close()
        else:
            self._idle = self._room.loop.call_later(IDLE_S - quiet, self._look_idle)


class Dnp3Tcp(Endpoint):
    """The TCP door: at most four connections, one association."""

    def __init__(self, room: Room, plan: Plan) -> None:
        super().__init__(room, plan)
        self.connections: list[Connection] = []
        self._access = Access(str(plan.settings["dnp3.allow"]))
        self._server: asyncio.Server | None = None
        self._caller: asyncio.Task[None] | None = None
        self._station: Dnp3Station | None = None
        self._here: tuple[str, int] | None = None

    async def start(self) -> str:
        station = Dnp3Station.of(self.room, self.plan)
        association = station.association("tcp")
        place = self.plan.place
        assert isinstance(place, TcpPlace)

        def connection() -> Connection:
            return Connection(self.room, station, association, self)

        server = await self.room.loop.create_server(connection, place.host, place.port)
        self._server = server
        self._station = station
        station.open()
        name = server.sockets[0].getsockname()
        self._here = (str(name[0]), int(name[1]))
        master_ip = str(self.plan.settings["dnp3.master_ip"])
        if master_ip and station.config.initiates:
            target = (master_ip, int(str(self.plan.settings["dnp3.port"])))
            self._caller = self.room.loop.create_task(
                self._call(station, association, target, connection)
            )
        return str(TcpPlace(*self._here))

    async def stop(self) -> None:
        if self._caller is not None:
            self._caller.cancel()
            await asyncio.wait({self._caller})
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close()
        if self._station is not None:
            self._station.close()
            self._station = None

    def admits(self, host: str, connection: Connection) -> bool:
        """May this peer come in? The master that we have called may."""
        station = self._station
        if station is None:
            return False
        if connection.is_ours:
            return True
        if not self._access.allows(host):
            station.count("peers_refused")
            return False
        if len(self.connections) < MOST_CLIENTS:
            return True
        now = self.room.loop.time()
        for other in self.connections:
            talk = other.conversation
            if talk is not None and talk.heard_at is None and now - talk.opened_at > QUIET_S:
                station.count("silent_displaced")
                other.close()
                return True
        station.count("too_many_clients")
        return False

    # --- the call to the master ------------------------------------------------------------------

    async def _call(
        self,
        station: Dnp3Station,
        association: Association,
        target: tuple[str, int],
        connection: Callable[[], Connection],
    ) -> None:
        """Connect to the master when there is news and no master is here (manual 10.1.3)."""

        def outgoing() -> Connection:
            made = connection()
            made.is_ours = True
            return made

        pause = station.config.retry_s
        while target != self._here:  # that would be ourselves
            station.news.clear()
            if self.connections or not association.has_news(station.config, station.feed.buffers):
                timer = self.room.loop.call_later(CALL_LOOK_S, station.news.set)
                await station.news.wait()
                timer.cancel()
                continue
            try:
                await asyncio.wait_for(self.room.loop.create_connection(outgoing, *target), CALL_S)
                pause = station.config.retry_s
                station.count("calls")
            except (OSError, TimeoutError) as error:
                station.count("calls_failed")
                log.debug("DNP3 master %s:%d: %s", *target, error)
                await asyncio.sleep(pause)
                pause = min(2.0 * pause, max(LONGEST_PAUSE_S, station.config.retry_s))
