"""What scripts/fuzz-dnp3 throws octets at, and what must hold whatever they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from dnp3_wire import UNCONFIRMED, crc, frame, frames
from fieldbus_snapshot import make_snapshot

from btrmd.bus import Bus
from btrmd.model.commands import Answer
from btrmd.model.events import Event, Kind
from btrmd.model.settings import Settings
from btrmd.servers.fieldbus.context import FieldbusContext
from btrmd.servers.fieldbus.dnp3_connection import Dnp3Connection
from btrmd.servers.fieldbus.dnp3_station import Dnp3Station
from btrmd.servers.fieldbus.listener_config import REOPENED_BY, ListenerConfig, TcpPlace

LONGEST_S = 0.05  # of CPU in one call of the session
SPLIT = b"\x7f\x7f"  # between the pieces of an input


class Bench:
    """A context on the running loop with an owner that says yes to everything."""

    def __init__(self) -> None:
        settings = Settings.defaults().with_changes(
            {"dnp3.unsolicited": True, "dnp3.restart_message": True}
        )
        self.bus = Bus(make_snapshot(settings))
        self.context = FieldbusContext(self.bus)
        self.errors: list[dict[str, Any]] = []
        self.context.loop.set_exception_handler(lambda loop, context: self.errors.append(context))
        plan_settings = {key: settings[key] for key in REOPENED_BY["dnp3"]}
        plan = ListenerConfig("dnp3", "dnp3", TcpPlace("127.0.0.1", 0), plan_settings)
        self.station = Dnp3Station.of(self.context, plan)
        edges = [
            Event(n, 1e9 + n, 0.0, key, Kind.RAISE, None, None, "core", "")
            for n, key in enumerate(("io1", "io2", "battery.low_voltage"), 1)
        ]
        self.bus.publish_events(edges)
        self.longest = 0.0
        self.sent = bytearray()
        self.failed = 0
        self.talk: Dnp3Connection | None = None

    def open(self) -> Dnp3Connection:
        """A conversation as if the daemon had just started, with three events waiting."""
        station = self.station
        station._associations.clear()
        station.feed._cursor = 0
        station.feed.buffers.drop(station.feed.buffers.peek_kind(object))
        station.feed.look()
        self.sent.clear()
        self.failed = 0
        talk = Dnp3Connection(
            self.context,
            station,
            station.association("tcp"),
            "dnp3 fuzz",
            self.sent.extend,
            self._fail,
            read_hold_s=1.0,
            gap_s=5.0,
        )
        for name in ("receive", "initiate", "resume"):
            setattr(talk._session, name, self._timed(getattr(talk._session, name)))
        self.talk = talk
        return talk

    def _fail(self) -> None:
        self.failed += 1

    def _timed(self, call: Callable[..., bytes]) -> Callable[..., bytes]:
        def timed(*words: Any) -> bytes:
            start = time.thread_time()
            try:
                return call(*words)
            finally:
                self.longest = max(self.longest, time.thread_time() - start)

        return timed

    async def feed(self, data: bytes) -> None:
        """Hand the octets over and let the loop and the owner work until all is done."""
        talk = self.talk
        assert talk is not None
        talk.feed(data)
        await asyncio.sleep(0)  # the loop's own callbacks and cancelled timers
        while talk._inbox or talk._is_waiting or talk._is_scheduled:
            for pending in self.bus.take():
                pending.answer.set_result(Answer(True))
            snapshot = self.bus.snapshot
            self.bus.publish(snapshot._replace(seq=snapshot.seq + 1))
            await asyncio.sleep(0)
        assert not self.errors, self.errors

    def close(self) -> tuple[object, ...]:
        """End it; what was answered, checked octet by octet."""
        assert self.talk is not None
        self.talk.close()
        assert not self.failed, "an exception left the session"
        return tuple(_answers(bytes(self.sent))[:4])


def _answers(data: bytes) -> list[tuple[int, ...]]:
    """Control octets of link answers; function and indications of responses."""
    seen: list[tuple[int, ...]] = []
    fragment = b""
    while data:
        assert data[:2] == b"\x05\x64"
        assert data[8:10] == crc(data[:8])
        length, control = data[2] - 5, data[3]
        assert (data[4:6], data[6:8]) == (b"\x01\x00", b"\x0a\x00"), "to the master, from us"
        end = 10 + length + 2 * -(-length // 16)
        blocks, data = data[10:end], data[end:]
        payload = b"".join(blocks[at : at + 18][:-2] for at in range(0, len(blocks), 18))
        assert len(payload) == length
        if not payload:
            seen.append((control,))
            continue
        fragment = payload[1:] if payload[0] & 0x40 else fragment + payload[1:]
        if payload[0] & 0x80:
            assert 4 <= len(fragment) <= 2048
            assert fragment[1] in (0x81, 0x82)
            seen.append(tuple(fragment[1:6]))
    return seen


async def link(bench: Bench, data: bytes) -> object:
    """A line's octets, in two pieces."""
    middle = len(data) // 2
    await bench.feed(data[:middle])
    await bench.feed(data[middle:])
    return bench.close()


async def transport(bench: Bench, data: bytes) -> object:
    """Transport segments, each in a sound link frame."""
    for piece in data.split(SPLIT):
        await bench.feed(frame(UNCONFIRMED, 10, 1, piece[:250]))
    return bench.close()


async def application(bench: Bench, data: bytes) -> object:
    """Application fragments, each in sound segments and frames."""
    for piece in data.split(SPLIT):
        await bench.feed(frames(piece))
    return bench.close()


Target = Callable[[Bench, bytes], Awaitable[object]]
TARGETS: dict[str, Target] = {"link": link, "transport": transport, "application": application}


async def run(name: str, data: bytes, bench: Bench | None = None) -> object:
    """One input; what was seen, as a hashable summary. Raises AssertionError when it is wrong."""
    bench = bench or Bench()
    for _ in range(3):  # a slow machine is slow once, a slow parser always
        bench.open()
        bench.longest = 0.0
        seen = await TARGETS[name](bench, data)
        if bench.longest < LONGEST_S:
            return seen
    raise AssertionError(f"{bench.longest:.3f} s in a parser")
