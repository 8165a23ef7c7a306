"""Modbus RTU: frames between silences on the serial line, with CRC, for our unit or for all."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final, cast

from .context import Endpoint, FieldbusContext
from .listener_config import ListenerConfig, SerialLine
from .modbus_echo import STRAY, Echo
from .modbus_unit import Unit
from .serial_port import SerialPort

MAX_FRAME: Final = 256
QUEUE: Final = 8  # requests waiting behind a write (a broadcast has no answer to wait for)
_SHORTEST: Final = 4  # unit, function, CRC
_BITS_PER_CHAR: Final = 11  # start, 8 data, parity or second stop, stop
_FAST_BAUD: Final = 19200
_FAST_GAP_S: Final = 0.00175
_BROADCAST: Final = 0
_SOURCE: Final = "modbus serial"


def gap_s(baud: int) -> float:
    """The silence that ends a frame: 3.5 characters, 1.75 ms above 19200 baud (R171)."""
    return _FAST_GAP_S if baud > _FAST_BAUD else 3.5 * _BITS_PER_CHAR / baud


def patience_s(baud: int) -> float:
    """How long a piece that is no frame is kept for the rest of it.

    A UART hands over a full FIFO at once and the odd bytes up to four characters later, so a
    frame without a gap on the wire may reach us with one. Eight characters, at least 4 ms.
    """
    return max(8.0 * _BITS_PER_CHAR / baud, 0.004)


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC: Final = _crc_table()


def crc16(data: bytes) -> bytes:
    """The CRC as it stands on the line, low byte first (Modbus over serial line V1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def is_frame(data: bytes) -> bool:
    """Long enough, short enough, and its CRC is right."""
    return _SHORTEST <= len(data) <= MAX_FRAME and crc16(data[:-2]) == data[-2:]


# function -> length of a request, CRC included (Modbus Application Protocol V1.1b3 section 6)
_LENGTHS: Final = {1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 17: 4, 22: 10, 43: 7}
_COUNTS: Final = {15: 6, 16: 6, 23: 10}  # function -> where the number of data bytes stands


def _length(data: bytes) -> int | None:
    """How long its function says that a request is; None for a function that says nothing."""
    count_at = _COUNTS.get(data[1])
    if count_at is None:
        return _LENGTHS.get(data[1])
    return count_at + 1 + data[count_at] + 2 if count_at < len(data) else 0


def _is_request(data: bytes) -> bool:
    """A frame that is as long as its function says."""
    return len(data) >= _SHORTEST and _length(data) == len(data) and is_frame(data)


def frame_in(data: bytes) -> bytes | None:
    """The frame in a piece: without the zeros that a line adds in front or behind, where that makes
    a request of it. The CRC does not tell: it stays right with a zero more behind it."""
    most_front = min(STRAY, len(data) - len(data.lstrip(b"\0")))
    most_back = min(STRAY, len(data) - len(data.rstrip(b"\0")))
    for front in range(most_front + 1):
        for back in range(most_back + 1):
            cut = data[front : len(data) - back]
            if _is_request(cut):
                return cut
    return data if is_frame(data) else None


class Framer:
    """Pieces of bytes with their times in, whole frames out; pure."""

    def __init__(self, gap: float, patience: float) -> None:
        self.gap = gap
        self._patience = patience
        self._piece = bytearray()
        self._held = b""  # a piece that was no frame
        self._began = self._ended = self._held_until = 0.0
        self.echo = Echo()

    def add(self, data: bytes, at: float) -> bytes | None:
        """Bytes read at `at` (s). The frame before them, if they come after a silence.

        `end` should have been called in that silence. When it was not, the loop was late and the
        silence may be its own: what is there is kept, whether or not it goes on.
        """
        frame = self._finish(at) if self._piece and at - self._ended >= self.gap else None
        if not self._piece:
            self._began = at
        if len(self._piece) <= MAX_FRAME:
            self._piece += data
        self._ended = at
        return frame

    def end(self) -> bytes | None:
        """The line has been silent for `gap` since the last byte; the frame that this ended."""
        return self._finish(self._ended + self.gap + self._patience)

    def _finish(self, keep_until: float) -> bytes | None:
        piece = bytes(self._piece)
        self._piece.clear()
        if not piece:
            return None
        held = self._held if self._began <= self._held_until else b""
        self._held = b""
        for data in (piece, held + piece) if held else (piece,):
            data = self.echo.without(data, self._began)
            if not data:
                return None
            frame = frame_in(data)
            if frame is not None:
                self.echo.heard(frame)
                return frame
        if len(held) + len(piece) <= MAX_FRAME:
            self._held, self._held_until = held + piece, keep_until
        return None


class ModbusRtu(Endpoint):
    """The serial line as a Modbus slave."""

    def __init__(self, context: FieldbusContext, plan: ListenerConfig) -> None:
        super().__init__(context, plan)
        line = cast(SerialLine, plan.place)
        self._unit = Unit(context)
        self._port = SerialPort(line, self._on_data, self.lose)
        self._framer = Framer(gap_s(line.baud), patience_s(line.baud))
        self._silence: asyncio.TimerHandle | None = None
        self._queue: deque[tuple[int, bytes, int]] = deque()  # unit, PDU, serial number
        self._task: asyncio.Task[None] | None = None  # a write that is under way
        self._newest = 0  # number of the newest request to us: its answer alone is waited for

    @property
    def warning(self) -> str:
        return self._port.warning

    async def start(self) -> str:
        self._port.open()
        self.context.connections.add(self)  # a line does not tell whether somebody is there
        return self._port.line.device

    async def stop(self) -> None:
        self.context.connections.discard(self)
        if self._silence is not None:
            self._silence.cancel()
        self._queue.clear()
        self._port.close()

    def _on_data(self, data: bytes, at: float) -> None:
        if self._silence is not None:
            self._silence.cancel()
        frame = self._framer.add(data, at)
        if frame is not None:
            self._take(frame)
        self._silence = self.context.loop.call_later(self._framer.gap, self._on_silence)

    def _on_silence(self) -> None:
        self._silence = None
        frame = self._framer.end()
        if frame is not None:
            self._take(frame)

    def _take(self, frame: bytes) -> None:
        """A whole frame: into the queue if it is for us.

        One of another length than its function has is no request, but an answer that has come
        back, or more zeros than `frame_in` cuts: an exception would only disturb the line.
        """
        if _length(frame) not in (len(frame), None):
            return
        unit, pdu = frame[0], frame[1:-2]
        # A function with its high bit set is some slave's exception response.
        if unit not in (self._unit.address, _BROADCAST) or pdu[0] & 0x80:
            return
        if unit != _BROADCAST:
            self._newest += 1
        if len(self._queue) < QUEUE:
            self._queue.append((unit, pdu, self._newest))
        self._serve()

    def _serve(self) -> None:
        while self._queue and self._task is None:
            unit, pdu, number = self._queue.popleft()
            made = self._unit.answer(pdu, _SOURCE)
            if isinstance(made, bytes):
                self._send(unit, made, number)
            else:
                self._task = self.context.loop.create_task(self._wait_for(unit, made, number))

    async def _wait_for(self, unit: int, made: Coroutine[Any, Any, bytes], number: int) -> None:
        response = await made
        self._task = None
        self._send(unit, response, number)
        self._serve()

    def _send(self, unit: int, pdu: bytes, number: int) -> None:
        """Broadcasts have no answer; nor has a request whose master went on without it."""
        if unit == _BROADCAST or number != self._newest:
            return
        frame = bytes((unit,)) + pdu
        frame += crc16(frame)
        lasts_s = len(frame) * _BITS_PER_CHAR / self._port.line.baud
        self._framer.echo.sent(frame, time.monotonic(), lasts_s)
        self._port.write(frame)
