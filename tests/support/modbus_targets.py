"""What scripts/fuzz-modbus throws bytes at, and what must hold whatever they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fieldbus_snapshot import make_snapshot

from btrmd.bus import Bus
from btrmd.model.commands import Answer
from btrmd.servers.fieldbus.context import FieldbusContext
from btrmd.servers.fieldbus.listener_config import ListenerConfig, SerialLine, TcpPlace
from btrmd.servers.fieldbus.modbus_request import ModbusFault, parse
from btrmd.servers.fieldbus.modbus_rtu import ModbusRtu, crc16, is_frame
from btrmd.servers.fieldbus.modbus_tcp import ModbusTcp, _ModbusClient
from btrmd.servers.fieldbus.modbus_unit import exception

LONGEST_S = 0.05  # of CPU in a parser, for one piece of input


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.written = bytearray()
        self.is_closed = False

    def write(self, data: Any) -> None:
        assert not self.is_closed, "written after the end"
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class Bench:
    """A context on the running loop with an owner that says yes to everything."""

    def __init__(self) -> None:
        self.bus = Bus(make_snapshot())
        self.context = FieldbusContext(self.bus)
        self.errors: list[dict[str, Any]] = []
        self.context.loop.set_exception_handler(lambda loop, context: self.errors.append(context))
        self.tcp = ModbusTcp(
            self.context, ListenerConfig("modbus", "modbus", TcpPlace("127.0.0.1", 0), {})
        )
        line = SerialLine("/dev/null")
        self.rtu = ModbusRtu(self.context, ListenerConfig("serial", "modbus", line, {}))
        self.sent = bytearray()
        self.rtu._port.write = self.sent.extend  # type: ignore[method-assign]
        self.longest = 0.0

    def timed(self, call: Callable[..., Any], *words: Any) -> Any:
        start = time.thread_time()
        result = call(*words)
        took = time.thread_time() - start
        self.longest = max(self.longest, took)
        return result

    async def settle(self, is_busy: Callable[[], bool]) -> None:
        """Let the owner answer until nothing is under way."""
        while True:
            for pending in self.bus.take():
                pending.answer.set_result(Answer(True))
            snapshot = self.bus.snapshot
            self.bus.publish(snapshot._replace(seq=snapshot.seq + 1))
            if not is_busy():
                break
            await asyncio.sleep(0)
        assert not self.errors, self.errors


async def pdu(bench: Bench, data: bytes) -> object:
    """A request: what it means, or an exception code that exists."""
    parse.cache_clear()
    try:
        request = bench.timed(parse, data)
    except ModbusFault as fault:
        check_response(data, exception(data, fault.code))
        return fault.code, data[:1]
    made = bench.timed(bench.tcp.unit.answer, data, "fuzz")
    if not isinstance(made, bytes):
        task = bench.context.loop.create_task(made)
        await bench.settle(lambda: not task.done())
        made = task.result()
    check_response(data, made)
    return type(request).__name__, made[:2]


def give(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Have a connection read `data`, as the loop does."""
    while data:
        buffer = protocol.get_buffer(-1)
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        data = data[size:]
        protocol.buffer_updated(size)


async def mbap(bench: Bench, data: bytes) -> object:
    """A connection's bytes: every answer is a frame, in the order of the requests."""
    transport, client = Transport(), _ModbusClient(bench.tcp)
    client.connection_made(transport)
    middle = len(data) // 2
    for piece in (data[:middle], data[middle:]):
        if not transport.is_closed:
            bench.timed(give, client, piece)
            await bench.settle(lambda: client._task is not None or client._turn is not None)
    answers, seen = bytes(transport.written), []
    while answers:
        size = 6 + int.from_bytes(answers[4:6], "big")
        assert answers[2:4] == b"\0\0"
        assert len(answers) >= size >= 8
        seen.append(answers[7:9])
        answers = answers[size:]
    client.connection_lost(None)
    assert client not in bench.tcp.clients
    return transport.is_closed, tuple(seen[:4])


async def rtu(bench: Bench, data: bytes) -> object:
    """A line's bytes, a frame a piece where a 0x7f7f stands: answers are frames of our unit."""
    bench.sent.clear()
    at = 0.0
    for piece in data.split(b"\x7f\x7f"):
        at += 1.0
        if piece:
            bench.timed(bench.rtu._on_data, piece, at)
            if bench.rtu._silence is not None:
                bench.rtu._silence.cancel()
            bench.timed(bench.rtu._on_silence)
        await bench.settle(lambda: bench.rtu._task is not None)
    sent = bytes(bench.sent)
    if sent:
        assert sent[0] == 1
        assert sent[-2:] == crc16(sent[:-2]) or len(sent) > 8
    return len(bench.sent) > 0, bytes(bench.sent[1:3]), is_frame(data)


def check_response(request: bytes, response: bytes) -> None:
    assert 2 <= len(response) <= 253
    if response[0] & 0x80:
        assert response[0] == (request[0] if request else 0) | 0x80
        assert len(response) == 2
        assert response[1] in (1, 2, 3, 4, 6)
    else:
        assert response[0] == request[0]


Target = Callable[[Bench, bytes], Awaitable[object]]
TARGETS: dict[str, Target] = {"pdu": pdu, "mbap": mbap, "rtu": rtu}


async def run(name: str, data: bytes, bench: Bench | None = None) -> object:
    """One input; what was seen, as a hashable summary. Raises AssertionError when it is wrong."""
    bench = bench or Bench()
    bench.longest = 0.0
    seen = await TARGETS[name](bench, data)
    assert bench.longest < LONGEST_S, f"{bench.longest:.3f} s in a parser"
    return seen
