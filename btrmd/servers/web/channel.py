"""The HTTP connection: waitress's channel, taught to hold neither a worker nor much memory.

waitress gives a worker thread to each response until its last byte is taken. Four clients that read
nothing would hold all four workers, and eight event streams eight. Here a worker stops as soon as a
client is behind, and goes on when it has caught up; a stream's channel joins a feed, whose one
thread writes to all of them (written for waitress 3.0.2; the overridden names are private to it,
the tests in tests/web/test_web_stream.py and test_web_strangers.py notice a change).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from waitress.channel import ClientDisconnected, HTTPChannel

from btrmd.model.service import PIPELINED
from btrmd.net import plain_peer

from ..share import Member
from .http_head import RequestHead
from .http_request import HttpRequest
from .tasks import RefusalTask, Task
from .visitors import is_hashing

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S: Final = 30.0  # for the whole head and body of one request
MAX_BACKLOG: Final = 128 * 1024  # octets a stream client may be behind before it is dropped
BUFFER_KEPT: Final = 16 * 1024  # octets a stream's buffer may have carried before it is replaced
BEHIND: Final = 32 * 1024  # octets a client is behind when its answer waits for it
SLICE_S: Final = 0.02  # CPU time of an answer before others have their turn
SMALL_BODY: Final = 4 * 1024  # octets of a body that need no leave


class StreamFeed(Protocol):
    """What a channel hands itself over to."""

    def admit(self, channel: HttpChannel) -> bool:
        """Keep a place for `channel`; False when there is none."""

    def join(self, channel: HttpChannel) -> None:
        """The head is written: `channel` wants the stream from now on."""

    def leave(self, channel: HttpChannel) -> None:
        """`channel` is gone; may be told more than once."""


class ChannelServer(Protocol):
    """The server of a listener, as its connections see it."""

    def relieve(self) -> None: ...

    def pull_trigger(self) -> None: ...

    def add_task(self, task: Any) -> None: ...

    def call_in_loop(self, wanted: Callable[[], None]) -> None: ...

    def heard(self, channel: HttpChannel) -> None: ...

    def judge(self, channel: HttpChannel, head: RequestHead) -> int: ...

    def has_memory_for(self, channel: HttpChannel) -> bool: ...

    def left(self, channel: HttpChannel) -> None: ...


class HttpChannel(HTTPChannel):
    """One connection. After `promise` and the end of the response's head it is a stream."""

    connected: bool
    current_outbuf_count: int
    request: HttpRequest | None
    requests: list[HttpRequest]
    server: ChannelServer
    member: Member  # of the listener's share; set by the server

    def __init__(
        self, server: ChannelServer, sock: Any, addr: Any, adj: Any, map: Any = None
    ) -> None:
        self.place = str(addr[0])  # whose account its requests are on
        self.is_user = False  # its last request came from somebody who has logged in
        self.request_since = 0.0  # monotonic s since which a request is coming in; 0 = none is
        self.progress_at = 0.0  # monotonic s when octets were last taken, or began to wait
        # waitress's own last_activity is wall time, which somebody may set.
        self.active_at = time.monotonic()
        self._rest = b""  # read, and not looked at yet
        self._task: Task | RefusalTask | None = None  # under way
        self._is_parked = False  # it goes on when the client has caught up
        self.may_go_on: Callable[[], bool] = lambda: True  # asked again and again as a stream
        self._feed: StreamFeed | None = None
        self._is_joined = False
        self._is_chunked = False
        self.is_packed = False  # its stream is compressed
        super().__init__(server, sock, addr, adj, map)

    @property
    def kept(self) -> int:
        """Octets of requests that are kept for it."""
        waiting = list(self.requests)
        coming = self.request
        return len(self._rest) + sum(r.size for r in waiting) + (coming.size if coming else 0)

    @property
    def is_login(self) -> bool:
        """True when a password has to be checked for the next request."""
        if self._task is not None or not self.requests or self.requests[0].error:
            return False
        request = self.requests[0]
        return is_hashing(request.command, f"/{request.path.lstrip('/')}")

    def refuse(self, text: str, retry_after_s: int) -> None:
        """The next request is answered with "busy" and nothing else is done for it."""
        self.requests[0].refuse(503, text, retry_after_s)

    # --- in the worker's thread -----------------------------------------------------------

    @property
    def is_promised(self) -> bool:
        return self._feed is not None

    def local_address(self) -> str:
        """The address of this unit that the client connected to, "" when it has gone."""
        try:
            host = str(self.socket.getsockname()[0])
        except OSError:
            return ""
        return plain_peer(host).partition("%")[0]

    def promise(self, feed: StreamFeed, is_packed: bool, may_go_on: Callable[[], bool]) -> bool:
        """The response that is being made is the head of a stream of `feed`, if that has room;
        `is_packed`: of the compressed one (stream_gzip.py). It ends once `may_go_on` says no."""
        if not feed.admit(self):
            return False
        self.may_go_on = may_go_on
        self._feed = feed
        self.is_packed = is_packed
        return True

    def write_soon(self, data: bytes) -> int:
        if not self.total_outbufs_len:
            self.progress_at = time.monotonic()
        return int(super().write_soon(data))

    def hand_over(self, is_chunked: bool) -> None:
        self._is_chunked = is_chunked
        self._is_joined = True
        if self._feed is not None:
            self._feed.join(self)

    def service(self) -> None:
        """Answer the next request, or go on with its answer, as far as the client takes it."""
        if not self.requests:
            return
        task = self._task
        if task is None:
            self.server.relieve()
            request = self.requests[0]
            make = RefusalTask if request.error else Task
            task = self._task = make(self, request)
        if not self._go_on(task):
            self._park()
            return
        self._task = None
        self._ended(task)
        feed = self._feed
        if feed is not None and not self._is_joined:  # the head could not be written
            self._feed = None
            feed.leave(self)
        elif feed is not None and not self.connected:  # gone before it joined
            feed.leave(self)
        self.active_at = time.monotonic()

    def cancel(self) -> None:
        """The server stops: nothing more is answered."""
        if self._task is not None:
            self._task.abandon()
        super().cancel()

    def _go_on(self, task: Task | RefusalTask) -> bool:
        """False when the client has to catch up first, or others have their turn."""
        latest = time.thread_time() + SLICE_S

        def has_to_stop() -> bool:
            return self.total_outbufs_len > BEHIND or time.thread_time() > latest

        try:
            if not self.connected:
                raise ClientDisconnected
            return task.go_on(has_to_stop)
        except ClientDisconnected:
            pass  # gone in the middle, as people go
        except Exception:
            # The edge: what no view foresaw. The connection is of no more use.
            log.exception("an answer to %s failed", task.request.path)
            self._apologize(task)
        task.abandon()
        task.close_on_finish = True
        return True

    def _apologize(self, task: Task | RefusalTask) -> None:
        if task.wrote_header:
            return
        task.request.refuse(500, "The server met an error of its own; it is in the log.")
        try:
            RefusalTask(self, task.request).go_on(lambda: False)
        except ClientDisconnected:
            return

    def _park(self) -> None:
        with self.outbuf_lock:
            self._is_parked = self.total_outbufs_len > BEHIND and self.connected
            is_parked = self._is_parked
        if is_parked:
            self.server.pull_trigger()
        else:
            self.server.add_task(self)

    def _ended(self, task: Task | RefusalTask) -> None:
        with self.requests_lock:
            if task.close_on_finish or not self.connected:
                self.close_when_flushed = True
                self._rest = b""
                waiting, self.requests = self.requests, []
            else:
                waiting = self.requests[:1]
                self.requests = self.requests[1:]
                if self.current_outbuf_count > 0:  # the next answer begins a buffer of its own
                    self.current_outbuf_count = self.adj.outbuf_high_watermark
                has_next = bool(self.requests)
                self._parse()
                if has_next:
                    self._park()
        for request in waiting:
            request.close()
        if self.connected:
            self.server.pull_trigger()

    # --- in the feed's thread -------------------------------------------------------------

    def feed(self, data: bytes) -> bool:
        """Send a piece of the stream; never blocks. False when the client is gone or too slow."""
        if self.total_outbufs_len > MAX_BACKLOG:
            self.drop()
            return False
        if self.current_outbuf_count > BUFFER_KEPT:
            self.current_outbuf_count = self.adj.outbuf_high_watermark  # begin a new buffer
        if self._is_chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        try:
            self.write_soon(data)
        except ClientDisconnected:
            return False
        return True

    def drop(self) -> None:
        """Close the connection, from the loop's thread.

        Not by will_close: that waits until the socket can be written to, which may be never.
        """
        self.server.call_in_loop(self.handle_close)

    # --- in the loop's thread -------------------------------------------------------------

    def readable(self) -> bool:
        if self._is_joined:
            return not self.will_close  # so that the client's end is noticed at once
        return bool(super().readable())

    def handle_read(self) -> None:
        try:
            data = self.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return  # nothing there after all (select(2), BUGS)
        except OSError:
            self.handle_close()  # timed out, unreachable: no news of this unit
            return
        if data:
            self.active_at = time.monotonic()
            self.received(data)
        else:
            self.connected = False

    def received(self, data: bytes) -> bool:
        if self._is_joined:
            return False
        with self.requests_lock:
            # A worker may have found meanwhile that this connection ends.
            if self.will_close or self.close_when_flushed:
                return False
            self._rest += data
            self._parse()
        return True

    def _parse(self) -> None:
        """Make requests of what was read, at most two that wait; under `requests_lock`."""
        while self._rest and len(self.requests) < PIPELINED:
            if self.request is None:
                self.request = HttpRequest(self.adj.url_scheme)
            request = self.request
            taken = request.received(self._rest, self._most_body)
            self._rest = self._rest[taken:]
            if not request.completed:
                self._look_at_body(request)
            if not request.completed:
                if request.expect_continue and not self.requests:
                    self.send_continue()
                if not taken:
                    return
                continue
            self.request = None
            self.sent_continue = False
            if request.connection_close:
                self._rest = b""  # whatever follows is not for us
            if not request.empty:
                self.server.heard(self)
                self.requests.append(request)
                if len(self.requests) == 1:
                    self.server.add_task(self)

    def send_continue(self) -> None:
        if self.sent_continue or self.request is None:
            return
        super().send_continue()
        self.request.completed = False

    def _most_body(self, head: RequestHead) -> int:
        """The head of a request is there: who asks, and how much may he send?"""
        return self.server.judge(self, head)

    def _look_at_body(self, request: HttpRequest) -> None:
        if request.size > SMALL_BODY and not self.server.has_memory_for(self):
            text = "Too many large requests are coming in: try again in 5 s."
            request.refuse(503, text, 5)

    def writable(self) -> bool:
        if self._is_joined:
            return bool(self.total_outbufs_len or self.will_close)
        return bool(super().writable())

    def handle_write(self) -> None:
        if self._is_joined:
            # The feed may be writing: flush under the lock, which super() does for workers only.
            # close_when_flushed was set by service(), which took the end of the head for the end.
            self._flush_exception(self._flush_some_if_lockable)
            if self.will_close:
                self.handle_close()
            return
        if self._is_parked:  # no worker writes now
            self._flush_exception(self._flush_some_if_lockable)
            with self.outbuf_lock:
                goes_on = self._is_parked and self.total_outbufs_len <= BEHIND
                self._is_parked = self._is_parked and not goes_on
            if goes_on:
                self.server.add_task(self)
            if self.will_close:
                self.handle_close()
            return
        super().handle_write()

    def _flush_some(self, do_close: bool = True) -> bool:
        if self.socket is None:  # a reset was read in this round of the loop already
            return False
        is_moving = bool(super()._flush_some(do_close))
        if is_moving or not self.total_outbufs_len:
            self.progress_at = time.monotonic()
        if is_moving:
            self.active_at = self.progress_at
        return is_moving

    def handle_close(self) -> None:
        super().handle_close()
        self.server.left(self)
        if self._feed is not None:
            self._feed.leave(self)
        if self._is_parked:
            self._is_parked = False
            self.server.add_task(self)  # so that what makes the answer is let go
