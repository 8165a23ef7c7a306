"""Modbus TCP: the MBAP front, its clients and their limits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Coroutine
from typing import Any, Final, cast

from .access import Access, plain_address
from .modbus_unit import Unit
from .plan import Plan, TcpPlace
from .room import Endpoint, Room

log = logging.getLogger(__name__)

MAX_CLIENTS: Final = 64
IDLE_S: Final = 600.0
YIELDS_S: Final = 60.0  # silent for so long, a client makes room for a new one
CLOSE_S: Final = 1.0
TURN: Final = 32  # requests of one client before the others have their turn
TURN_PAUSE_S: Final = 0.002  # and for each client that has more than that waiting
_WRITE_HIGH: Final = 64 * 1024

_HEAD: Final = 7  # transaction (2), protocol (2), length (2), unit (1)
_LENGTH_LOW, _LENGTH_HIGH = 2, 254  # unit and 1..253 bytes of PDU
_ANY_UNIT: Final = (0, 255)  # over TCP both mean "whoever is here" (C22)


class ModbusTcp(Endpoint):
    """The listener and its clients."""

    def __init__(self, room: Room, plan: Plan) -> None:
        super().__init__(room, plan)
        self.unit = Unit(room)
        self.clients: set[_Client] = set()
        self.hurried = 0  # clients that have more than one turn waiting
        self._allow = ""
        self._access = Access("")
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        place = cast(TcpPlace, self.plan.place)
        self._server = await self.room.loop.create_server(
            lambda: _Client(self), place.host, place.port, backlog=MAX_CLIENTS
        )
        self.room.regular.append(self._sweep)
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(TcpPlace(host, port))

    async def stop(self) -> None:
        if self._server is not None:
            self.room.regular.remove(self._sweep)
            self._server.close()
        for client in list(self.clients):
            client.drop()
        if self._server is not None:  # from Python 3.12 on it waits for the connections too
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), CLOSE_S)

    def welcome(self, client: _Client) -> bool:
        """May this client stay? A full house turns out who has been silent longest, after 60 s."""
        self._look()
        if not self._access.allows(client.peer):
            log.info("modbus: %s is not in modbus.allow", client.peer)
            return False
        if len(self.clients) >= MAX_CLIENTS:
            oldest = min(self.clients, key=lambda other: other.heard)
            if self.room.loop.time() - oldest.heard < YIELDS_S:
                log.info("modbus: %s is turned away, %d are here", client.peer, MAX_CLIENTS)
                return False
            oldest.drop()
        self.clients.add(client)
        self.room.guests.add(client)
        return True

    def dismiss(self, client: _Client) -> None:
        """It is gone, or never came in."""
        self.clients.discard(client)
        self.room.guests.discard(client)

    def _look(self) -> None:
        """Follow modbus.allow."""
        allow = str(self.room.bus.snapshot.settings["modbus.allow"])
        if allow != self._allow:
            self._allow, self._access = allow, Access(allow)

    def _sweep(self) -> None:
        self._look()
        now = self.room.loop.time()
        for client in list(self.clients):
            if now - client.heard > IDLE_S or not self._access.allows(client.peer):
                client.drop()


class _Client(asyncio.Protocol):
    """One connection. Requests are answered one after the other, in their order."""

    def __init__(self, door: ModbusTcp) -> None:
        self._door = door
        self._loop = door.room.loop
        self._unit = door.unit
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None  # a write that is under way
        self._turn: asyncio.TimerHandle | None = None
        self._is_full = False  # it does not read our answers
        self._is_held = False  # we do not read its requests for now
        self._is_ended = False  # it will send no more
        self._is_lost = False  # its stream is out of step
        self.peer = ""
        self.source = ""
        self.heard = 0.0  # loop time of the last whole request

    # --- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        name = self._transport.get_extra_info("peername") or ("",)
        self.peer = str(plain_address(str(name[0])) or name[0])
        self.source = f"modbus {self.peer}"
        self.heard = self._loop.time()
        if not self._door.welcome(self):
            self._transport.abort()
            self._transport = None
            return
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH)
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._leave_queue()
        self._buffer.clear()
        self._door.dismiss(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._serve()

    def eof_received(self) -> bool:
        """A half-closed client still gets the answers to what it has asked."""
        self._is_ended = True
        self._serve()
        return self._transport is not None and self._is_waiting

    def pause_writing(self) -> None:
        self._is_full = True
        self._hold()

    def resume_writing(self) -> None:
        self._is_full = False
        self._serve()

    # --- requests --------------------------------------------------------------------------------

    @property
    def _is_waiting(self) -> bool:
        return self._task is not None or self._turn is not None or self._is_full

    def _serve(self) -> None:
        """Answer what is in the buffer, up to one turn; hold the sender while something waits."""
        if self._transport is None or self._is_waiting:
            return
        answers = bytearray()
        for _ in range(TURN):
            frame = self._next()
            if frame is None:
                break
            made = self._unit.answer(frame[7:], self.source)
            if isinstance(made, bytes):
                answers += _adu(frame, made)
            else:
                self._task = self._loop.create_task(self._wait_for(frame, made))
                break
        else:
            self._door.hurried += 1
            self._turn = self._loop.call_later(TURN_PAUSE_S * self._door.hurried, self._again)
        if answers:
            self._transport.write(bytes(answers))
        if self._is_waiting:
            self._hold()
        elif self._is_ended or self._is_lost:
            self.drop()
        elif self._is_held:
            self._is_held = False
            self._transport.resume_reading()

    def _next(self) -> bytes | None:
        """The next whole frame that is for us; None when there is none yet."""
        buffer = self._buffer
        while len(buffer) >= _HEAD and not self._is_lost:
            size = 6 + int.from_bytes(buffer[4:6], "big")
            if not 6 + _LENGTH_LOW <= size <= 6 + _LENGTH_HIGH:
                self._is_lost = True  # there is no way to find the next frame
                return None
            if len(buffer) < size:
                return None
            frame = bytes(buffer[:size])
            del buffer[:size]
            self.heard = self._loop.time()
            # Another protocol's frame or another unit's request: no answer, and go on.
            if frame[2:4] == b"\0\0" and (frame[6] in _ANY_UNIT or frame[6] == self._unit.address):
                return frame
        return None

    async def _wait_for(self, frame: bytes, made: Coroutine[Any, Any, bytes]) -> None:
        response = await made
        self._task = None
        if self._transport is not None:
            self._transport.write(_adu(frame, response))
            self._serve()

    def _again(self) -> None:
        self._leave_queue()
        self._serve()

    def _leave_queue(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
            self._door.hurried -= 1

    def _hold(self) -> None:
        if self._transport is not None and not self._is_held:
            self._is_held = True
            self._transport.pause_reading()

    def drop(self) -> None:
        """Close; what has been written goes out, unless the client does not take it."""
        transport, self._transport = self._transport, None
        self._leave_queue()
        self._buffer.clear()
        self._door.dismiss(self)
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()


def _adu(frame: bytes, pdu: bytes) -> bytes:
    """The response's frame: the request's transaction and unit, the new length."""
    return frame[:4] + (len(pdu) + 1).to_bytes(2, "big") + frame[6:7] + pdu
