"""Modbus TCP: the MBAP front, its clients and their limits."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Coroutine
from typing import Any, Final, cast

from ...model.service import LIMITS, STALL_S
from ...net import plain_peer
from ..share import Member, Share
from .access import AllowList
from .context import Endpoint, FieldbusContext
from .listener_config import ListenerConfig, TcpPlace
from .listening import Listening
from .modbus_unit import Unit

log = logging.getLogger(__name__)

LIMIT: Final = LIMITS["modbus"]
COST_S: Final = 0.0002  # CPU time of a request, about
TURN: Final = 32  # requests of one client before the others have their turn
TURN_PAUSE_S: Final = 0.002  # and for each client that has more than that waiting
_WRITE_HIGH: Final = 64 * 1024
READ_AT_ONCE: Final = 4096  # octets

_HEAD: Final = 7  # transaction (2), protocol (2), length (2), unit (1)
_LENGTH_LOW, _LENGTH_HIGH = 2, 254  # unit and 1..253 bytes of PDU
_ANY_UNIT: Final = (0, 255)  # over TCP both mean "whoever is here" (C22)


class ModbusTcp(Endpoint):
    """The listener and its clients."""

    def __init__(self, context: FieldbusContext, plan: ListenerConfig) -> None:
        super().__init__(context, plan)
        self.unit = Unit(context)
        self.clients: set[_ModbusClient] = set()
        # asyncio's own reading makes 256 KiB for every request; with daemon/memory_trim.py
        # that seems to be a map, a page fault and an unmap each: 26 us CPU a request against 11.
        self.buffer = memoryview(bytearray(READ_AT_ONCE))
        self.hurried = 0  # clients that have more than one turn waiting
        self.share = Share(LIMIT, context.loop.time)
        self._allow = ""
        self._access = AllowList("")
        self._listening: Listening | None = None
        self._reported: dict[str, int] = {}
        self._strangers = 0  # who is not in modbus.allow

    async def start(self) -> str:
        place = cast(TcpPlace, self.plan.place)
        self._listening = Listening(place, self.share, lambda: _ModbusClient(self))
        self.context.regular.append(self._sweep)
        return str(self._listening.place)

    async def stop(self) -> None:
        if self._listening is not None:
            self.context.regular.remove(self._sweep)
            self._listening.close()
        for client in list(self.clients):
            client.drop()

    def admit(self, client: _ModbusClient) -> Member | None:
        """A place for this client, which may cost another one his; None: it has to go."""
        self._look()
        if not self._access.allows(client.peer):
            self._strangers += 1
            return None
        member = Member(client.peer, client.drop, self._access.names(client.peer))
        if not self.share.enter(member):
            return None
        self.clients.add(client)
        self.context.connections.add(client)
        return member

    def dismiss(self, client: _ModbusClient) -> None:
        """It is gone, or never came in."""
        if client.member is not None:
            self.share.leave(client.member)
        self.clients.discard(client)
        self.context.connections.discard(client)

    def _look(self) -> None:
        """Follow modbus.allow."""
        allow = str(self.context.bus.snapshot.settings["modbus.allow"])
        if allow != self._allow:
            self._allow, self._access = allow, AllowList(allow)
            for client in self.clients:
                if client.member is not None:
                    client.member.is_kept = self._access.names(client.peer)

    def _sweep(self) -> None:
        self._look()
        latest = self.context.loop.time() - STALL_S
        for client in list(self.clients):
            if not self._access.allows(client.peer):
                client.drop()
            elif client.full_since is not None and client.full_since < latest:
                self.share.stalled()
                client.drop()
        for member in self.share.idle():
            member.close()
        counts = {**self.share.counts, "not_allowed": self._strangers}
        if counts != self._reported:
            self._reported = counts
            self.context.bus.report_counts("modbus", counts)


class _ModbusClient(asyncio.BufferedProtocol):
    """One connection. Requests are answered one after the other, in their order."""

    def __init__(self, endpoint: ModbusTcp) -> None:
        self._endpoint = endpoint
        self._loop = endpoint.context.loop
        self._unit = endpoint.unit
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None  # a write that is under way
        self._turn: asyncio.TimerHandle | None = None
        self.full_since: float | None = None  # loop time since which it does not read our answers
        self._is_held = False  # we do not read its requests for now
        self._is_ended = False  # it will send no more
        self._is_lost = False  # its stream is out of step
        self.peer = ""
        self.source = ""
        self.member: Member | None = None

    # --- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        name = self._transport.get_extra_info("peername") or ("",)
        self.peer = plain_peer(str(name[0]))
        self.source = f"modbus {self.peer}"
        self.member = self._endpoint.admit(self)
        if self.member is None:
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
        self._endpoint.dismiss(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """One for all clients: what is in it is taken out before the loop reads again."""
        return self._endpoint.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._buffer += self._endpoint.buffer[:nbytes]
        self._serve()

    def eof_received(self) -> bool:
        """A half-closed client still gets the answers to what it has asked."""
        self._is_ended = True
        self._serve()
        return self._transport is not None and self._is_waiting

    def pause_writing(self) -> None:
        self.full_since = self._loop.time()
        self._hold()

    def resume_writing(self) -> None:
        self.full_since = None
        self._serve()

    # --- requests --------------------------------------------------------------------------------

    @property
    def _is_waiting(self) -> bool:
        return self._task is not None or self._turn is not None or self.full_since is not None

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
            self._endpoint.hurried += 1
            self._turn = self._loop.call_later(TURN_PAUSE_S * self._endpoint.hurried, self._again)
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
            if self.member is not None:
                self._endpoint.share.heard(self.member, COST_S)
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
            self._endpoint.hurried -= 1

    def _hold(self) -> None:
        if self._transport is not None and not self._is_held:
            self._is_held = True
            self._transport.pause_reading()

    def drop(self) -> None:
        """Close; what has been written goes out, unless the client does not take it."""
        transport, self._transport = self._transport, None
        self._leave_queue()
        self._buffer.clear()
        self._endpoint.dismiss(self)
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()


def _adu(frame: bytes, pdu: bytes) -> bytes:
    """The response's frame: the request's transaction and unit, the new length."""
    return frame[:4] + (len(pdu) + 1).to_bytes(2, "big") + frame[6:7] + pdu
