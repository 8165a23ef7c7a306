"""A DNP3 connection: one line's octets in and out of its session, never blocking the loop."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Sequence
from typing import Final

from ...model.commands import Answer
from .context import FieldbusContext
from .dnp3_association import Association, Dnp3Config
from .dnp3_controls import Ask, Dnp3Controls
from .dnp3_limits import ANSWER_S
from .dnp3_reads import Reads
from .dnp3_session import Dnp3Session
from .dnp3_station import Dnp3Station

log = logging.getLogger(__name__)

SLICE: Final = 512  # octets handled at a time; then the other lines have their turn
INBOX_FULL: Final = 16 * 1024
NOISE_MAX: Final = 16 * 1024  # octets without one sound frame: this is not DNP3
SHORTEST_WAIT_S: Final = 0.005


class Dnp3Connection:
    """Lives on the loop. `send` takes octets for the master and must not wait.

    `fail()` is called when the session has failed on its input, or nothing but noise has come:
    a connection ends, a serial line goes on.
    `gap_s`: a frame whose rest does not come in that time is forgotten.
    """

    def __init__(
        self,
        context: FieldbusContext,
        station: Dnp3Station,
        association: Association,
        source: str,
        send: Callable[[bytes], None],
        fail: Callable[[], None],
        *,
        read_hold_s: float,
        gap_s: float,
    ) -> None:
        self._context = context
        self._loop = context.loop
        self._station = station
        self._association = association
        self._send = send
        self._fail = fail
        self._gap_s = gap_s
        self._inbox = bytearray()
        self._noise = 0
        self._is_closed = False
        self._is_scheduled = False
        self._is_waiting = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.opened_at = self.last_at = self._loop.time()
        config = station.config
        me = weakref.ref(self)  # no cycle: a crowd leaves thousands of connections an hour
        self._session = Dnp3Session(
            config,
            association,
            station.feed.buffers,
            Reads(
                lambda: context.bus.snapshot,
                context.age,
                config.extended,
                lambda: association.switched,
            ),
            Dnp3Controls(context.bus, source, station.count),
            clock=self._loop.time,
            read_hold_s=read_hold_s,
            speaks=lambda: association.voice is not None and association.voice is me(),
            in_trouble=station.in_trouble,
            count=station.count,
        )
        association.speakers.append(self)
        station.conversations.append(self)
        context.connections.add(self)
        self._loop.call_soon(self.pump)

    @property
    def heard_at(self) -> float | None:
        """When the last sound frame from the master came."""
        return self._session.heard_at

    @property
    def is_full(self) -> bool:
        """Take no more from the line for now."""
        return len(self._inbox) >= INBOX_FULL

    def feed(self, data: bytes) -> None:
        """Octets from the line; what comes when the inbox is full is lost."""
        if self._is_closed:
            return
        now = self._loop.time()
        if now - self.last_at > self._gap_s and not self._inbox:
            self._session.forget_part()
        self.last_at = now
        if self.is_full:
            self._station.count("octets_dropped")
            return
        self._inbox += data
        if not self._is_scheduled and not self._is_waiting:
            self._work()

    def adopt(self, config: Dnp3Config) -> None:
        """Go by other settings from now on."""
        if not self._is_closed:
            self._session.adopt(config)
            self._loop.call_soon(self.pump)

    def pump(self) -> None:
        """Send what nobody has asked for, if it is due, and come back when the next is."""
        if self._is_closed or self._is_waiting:
            return
        self._guarded(self._initiate)
        if self._is_closed:
            return
        wait = self._session.initiate_after()
        if wait is None:
            self._stop_timer()
            return
        # Zero after initiate() sent nothing means: not now, whatever the clock says.
        due = self._loop.time() + (max(wait, SHORTEST_WAIT_S) if wait > 0.0 else 1.0)
        # A timer that comes sooner looks again then: none is made anew for every request.
        if self._timer is None or self._timer.when() > due:
            self._stop_timer()
            self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.pump()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Forget the line. A command that waits for the owner is still carried out."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stop_timer()
        self._association.speakers.remove(self)
        self._station.conversations.remove(self)
        self._context.connections.discard(self)
        self._inbox.clear()
        for task in self._tasks:
            task.cancel()

    # --- inside ----------------------------------------------------------------------------------

    def _work(self) -> None:
        """One slice of the inbox."""
        self._is_scheduled = False
        if self._is_closed or self._is_waiting:
            return
        if self._inbox:
            self._guarded(self._receive)
        self._after()

    def _after(self) -> None:
        if self._is_closed:
            return
        if self._session.held is not None:
            self._is_waiting = True
            task = self._loop.create_task(self._ask(self._session.held))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif self._inbox:
            self._is_scheduled = True
            self._loop.call_soon(self._work)
        else:
            self.pump()

    def _receive(self) -> bytes:
        piece = bytes(self._inbox[:SLICE])
        del self._inbox[:SLICE]
        frames = self._session.sound_frames
        out = self._session.receive(piece)
        self._noise = 0 if self._session.sound_frames != frames else self._noise + len(piece)
        if self._noise > NOISE_MAX:
            self._noise = 0
            self._station.count("noise_closed")
            self._inbox.clear()
            self._fail()
        return out

    def _initiate(self) -> bytes:
        return self._session.initiate()

    async def _ask(self, asks: Sequence[Ask]) -> None:
        """Ask the owner, all at once, and give the session the answers."""
        answers = await asyncio.gather(*(self._answer(ask) for ask in asks))
        self._is_waiting = False
        if not self._is_closed:
            self._guarded(lambda: self._session.resume(answers))
            self._after()

    async def _answer(self, ask: Ask) -> Answer:
        if isinstance(ask, Answer):
            return ask
        return await self._context.bus.submit_async(ask, ANSWER_S)

    def _guarded(self, job: Callable[[], bytes]) -> None:
        """No exception of the session leaves this conversation."""
        try:
            out = job()
        except Exception:
            self._station.count("internal_errors")
            log.exception("DNP3 (%s): internal error; the conversation starts anew", self._name)
            self._inbox.clear()
            self._session.connection_reset()
            self._fail()
            return
        if out:
            self._send(out)

    @property
    def _name(self) -> str:
        return f"outstation {self._association.address}"
