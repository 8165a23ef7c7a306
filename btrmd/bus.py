"""The bus: the one place where threads meet. Snapshots and events go out, commands come in."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple

from .loop_answers import LoopAnswer, give
from .model.commands import Answer, Command, HostCommand, Note
from .model.errors import BusyError
from .model.events import STRANGERS, Event, is_protocol
from .model.snapshot import Snapshot

INBOX = 64  # commands waiting for the owner; more answers "busy"
INBOX_PROTOCOLS = 40  # of them those of protocols, so that people always find room,
INBOX_SOURCE = 16  # and of one of their sources,
INBOX_STRANGERS = 8  # and notes of what strangers tried
ANSWER_S = 10.0  # a settings change waits for the disk
LOOP_ANSWER_S = 5.0  # masters and managers give up sooner than people
STALL_S = 5.0  # without a snapshot: the loop publishes every second at least
SEEN_S = 1.0  # longest wait for the snapshot that shows what a command did; it is there in a tick
LOOP_SEEN_S = 0.5
STOPPING = Answer(False, "busy", "The daemon is stopping.")
RING = 2000  # events kept in memory for streams; older ones are in the history


class ListenerState(NamedTuple):
    """One listener. `address` HOST:PORT or device, "" = closed; `fault` a sentence or ""."""

    name: str
    address: str
    fault: str = ""


class PendingCommand(NamedTuple):
    """A command in the owner's inbox and the future its sender waits on. `asked_at` monotonic s."""

    command: Command
    answer: Future[Answer]
    asked_at: float = float("inf")


class HeardAnswer(NamedTuple):
    """An answer; snapshots numbered above `seq` show what its command changed."""

    answer: Answer
    seq: int


class Bus:
    """Thread-safe. The owner publishes and takes; servers read and submit."""

    def __init__(self, first: Snapshot) -> None:
        self._snapshot = first
        self._hung: Snapshot | None = None  # the newest one, once it is no longer fresh
        self._fresh_until = float("inf")  # monotonic s; the first one waits for the loop to begin
        self._changed = threading.Condition()
        self._inbox: deque[PendingCommand] = deque()
        self._inbox_lock = threading.Lock()
        self._from_protocols: dict[str, int] = {}  # how many of each source wait in the inbox
        self._unseen: list[tuple[int, LoopAnswer]] = []  # given with a snapshot above that number
        self._is_together = False
        self._events: deque[Event] = deque(maxlen=RING)
        self._reported = threading.Condition()  # events only: the snapshots come ten times a second
        self._listeners: dict[str, ListenerState] = {}
        self._gauges: Mapping[str, float] = {}
        self._counts: dict[str, Mapping[str, int]] = {}
        self.requests: Counter[str] = Counter()  # by server, each counted on its own thread
        self.reported: dict[str, int] = {}  # notifier -> the last event it has dealt with
        self.start_s: float | None = None  # from this process' start to its open listeners
        self._doers: dict[type[HostCommand], Callable[[Any], Answer]] = {}
        self._closed = False

    # --- out ---------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot. Take the reference once per request. When nothing has come for 5 s
        it says so itself, or whoever asked now would take what was known for what is."""
        snapshot = self._snapshot
        if monotonic() < self._fresh_until or not snapshot.is_ticking:
            return snapshot
        hung = self._hung
        if hung is None or hung.seq != snapshot.seq:
            hung = self._hung = snapshot._replace(is_ticking=False)
        return hung

    @property
    def is_closed(self) -> bool:
        """The daemon ends: no snapshot comes any more."""
        return self._closed

    def publish(self, snapshot: Snapshot) -> None:
        """Owner only: make `snapshot` the newest and wake every waiting stream."""
        with self._changed:
            self._fresh_until = monotonic() + STALL_S  # first: who reads takes no lock
            self._snapshot = snapshot
            self._changed.notify_all()
            seen = self._take_seen() if self._unseen else ()
        give(seen)

    def wait_snapshot(self, after_seq: int, timeout: float) -> Snapshot | None:
        """The newest snapshot once its seq exceeds `after_seq`; None after `timeout` s."""
        with self._changed:
            self._changed.wait_for(lambda: self._snapshot.seq > after_seq or self._closed, timeout)
            return self._snapshot if self._snapshot.seq > after_seq else None

    def publish_events(self, events: Iterable[Event]) -> None:
        """Writer only: events that are on disk (or that the disk refused) become visible."""
        with self._changed:
            self._events.extend(events)
            self._changed.notify_all()
        with self._reported:
            self._reported.notify_all()

    def events_after(self, n: int) -> list[Event]:
        """The ring's events above number `n`, oldest first; each consumer keeps its own cursor."""
        with self._changed:
            return [event for event in self._events if event.n > n]

    def wait_events(self, n: int, timeout: float, stop: threading.Event | None = None) -> bool:
        """True once the ring holds an event above `n`; False after `timeout` s, at close, or when
        `stop` is set and `wake` called."""

        def has_more() -> bool:
            events = self._events
            return bool(events) and events[-1].n > n

        with self._reported:
            self._reported.wait_for(
                lambda: has_more() or self._closed or (stop is not None and stop.is_set()), timeout
            )
            return has_more()

    def wake(self) -> None:
        """Have everyone in `wait_events` look at his `stop`."""
        with self._reported:
            self._reported.notify_all()

    @property
    def last_event(self) -> int:
        """The newest event's number, 0 before the first: is a look into the ring worth it?"""
        try:
            return self._events[-1].n
        except IndexError:
            return 0

    # --- in ----------------------------------------------------------------------------------

    def post(self, command: Command) -> Future[Answer]:
        """Put a command into the owner's inbox. Raises BusyError when it is full or closed."""
        pending = PendingCommand(command, Future(), monotonic())
        source = str(getattr(command, "source", ""))
        is_wire = is_protocol(source)
        with self._inbox_lock:
            if self._closed:
                raise BusyError(STOPPING.text)
            if len(self._inbox) >= INBOX or not self._has_space_for(command, source, is_wire):
                raise BusyError("The owner's inbox is full; try again in a second.")
            self._inbox.append(pending)
            if is_wire:
                self._from_protocols[source] = self._from_protocols.get(source, 0) + 1
        return pending.answer

    def _has_space_for(self, command: Command, source: str, is_wire: bool) -> bool:
        """Under the inbox's lock: protocols (`is_wire`) and strangers have a part of it, no
        more."""
        if isinstance(command, Note) and command.key in STRANGERS:
            notes = [p.command for p in self._inbox if isinstance(p.command, Note)]
            return sum(note.key in STRANGERS for note in notes) < INBOX_STRANGERS
        if not is_wire:
            return True
        waiting = self._from_protocols
        of_all = sum(waiting.values())
        return of_all < INBOX_PROTOCOLS and waiting.get(source, 0) < INBOX_SOURCE

    def submit(self, command: Command, timeout: float = ANSWER_S) -> Answer:
        """The owner's answer, on a thread that may wait for it; never raises.

        What the command has changed, or was refused for, is in `snapshot` when this returns. No
        answer within `timeout` s, or a full inbox, is Answer(False, "busy"); without an answer in
        time the command may still be done.
        """
        heard: Future[HeardAnswer] = Future()
        try:
            self._hear(command, heard.set_result)
            answer, seq = heard.result(timeout)
        except BusyError as error:
            return Answer(False, "busy", str(error))
        except TimeoutError:
            return _too_late(timeout)
        self.wait_snapshot(seq, SEEN_S)
        return answer

    async def submit_async(self, command: Command, timeout: float = LOOP_ANSWER_S) -> Answer:
        """As `submit`, for a loop, which is never held up."""
        heard: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def hear(answer: Answer) -> None:
            if not heard.done():  # given up meanwhile
                heard.set_result(answer)

        self.submit_then(command, hear, timeout)
        return await heard

    def submit_then(
        self, command: Command, then: Callable[[Answer], object], timeout: float = LOOP_ANSWER_S
    ) -> None:
        """As `submit_async`, without a task: `then(answer)` is called on the running loop, at once
        where the inbox is full."""
        waiting = LoopAnswer(
            lambda answer: then(_too_late(timeout) if answer is None else answer),
            timeout, LOOP_SEEN_S,
        )  # fmt: skip
        try:
            self.post(command).add_done_callback(lambda given: self._answered(waiting, given))
        except BusyError as error:
            waiting.cancel()
            then(Answer(False, "busy", str(error)))

    def _answered(self, waiting: LoopAnswer, given: Future[Answer]) -> None:
        """Keep the answer of a loop until what it is about is published."""
        answer = given.result()
        waiting.take(answer)
        with self._changed:
            newest = self._snapshot.seq
            seq = newest if answer.seen_after is None else answer.seen_after
            if (newest <= seq or self._is_together) and not self._closed:
                self._unseen.append((seq, waiting))
                return
        give((waiting,))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Owner only: what is answered within wakes each loop once, at the end."""
        self._is_together = True
        try:
            yield
        finally:
            with self._changed:
                self._is_together = False
                seen = self._take_seen() if self._unseen else ()
            give(seen)

    def _take_seen(self) -> list[LoopAnswer]:
        """Under `_changed`: the answers that the newest snapshot shows, all of them at the end."""
        newest = float("inf") if self._closed else self._snapshot.seq
        seen = [waiting for seq, waiting in self._unseen if seq < newest]
        self._unseen = [(seq, waiting) for seq, waiting in self._unseen if seq >= newest]
        return seen

    def _hear(self, command: Command, hear: Callable[[HeardAnswer], object]) -> None:
        """Post; `hear` is called on the owner's thread or the writer's, maybe before the change is
        published. Whoever gives up leaves the owner's future alone: its set_result would raise
        over there. Raises BusyError."""

        def on_answer(future: Future[Answer]) -> None:
            answer = future.result()
            seq = self._snapshot.seq if answer.seen_after is None else answer.seen_after
            hear(HeardAnswer(answer, seq))

        self.post(command).add_done_callback(on_answer)

    def take(self) -> list[PendingCommand]:
        """Owner only: all commands that wait, oldest first."""
        if not self._inbox:
            return []
        with self._inbox_lock:
            taken = list(self._inbox)
            self._inbox.clear()
            self._from_protocols.clear()
        return taken

    # --- host commands -----------------------------------------------------------------------

    def offer(self, kind: type[HostCommand], doer: Callable[[Any], Answer]) -> None:
        """Who carries out commands of `kind`; `doer` is called on any thread and raises nothing."""
        self._doers[kind] = doer

    def perform(self, host_command: HostCommand) -> Answer:
        """Have a host command carried out that is no business of the owner's, on this thread."""
        doer = self._doers.get(type(host_command))
        if doer is None:
            return Answer(False, "unknown", "This part of the station is not running.")
        return doer(host_command)

    # --- listeners ---------------------------------------------------------------------------

    def report_listener(self, name: str, address: str, fault: str = "") -> None:
        """A server tells where it listens, or why it does not."""
        with self._changed:
            self._listeners[name] = ListenerState(name, address, fault)

    @property
    def listeners(self) -> dict[str, ListenerState]:
        """A copy: name -> listener."""
        with self._changed:
            return dict(self._listeners)

    # --- gauges ------------------------------------------------------------------------------

    @property
    def gauges(self) -> Mapping[str, float]:
        """Figures of the daemon itself, by name with its unit, for metrics."""
        return self._gauges

    def report_gauges(self, gauges: Mapping[str, float]) -> None:
        """Owner only: replace all gauges."""
        self._gauges = dict(gauges)

    # --- counts ------------------------------------------------------------------------------

    @property
    def counts(self) -> dict[str, Mapping[str, int]]:
        """What the servers count, by server: frames, refusals, what was ignored. A copy."""
        return dict(self._counts)

    def asked(self, server: str) -> None:
        """Count a request, where several threads of one server may."""
        with self._inbox_lock:
            self.requests[server] += 1

    def report_counts(self, name: str, counts: Mapping[str, int]) -> None:
        """A server replaces its counts; `counts` is not changed afterwards."""
        self._counts[name] = counts

    def close(self) -> None:
        """Wake every waiter; answer whatever still waits with "busy"."""
        with self._inbox_lock:
            self._closed = True
            left = list(self._inbox)
            self._inbox.clear()
            self._from_protocols.clear()
        for pending in left:
            pending.answer.set_result(STOPPING)
        with self._changed:
            self._changed.notify_all()
            seen = self._take_seen()
        give(seen)
        with self._reported:
            self._reported.notify_all()


def _too_late(timeout: float) -> Answer:
    return Answer(False, "busy", f"The owner did not answer within {timeout:g} s.")
