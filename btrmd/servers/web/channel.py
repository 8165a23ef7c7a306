"""The HTTP connection: waitress's channel, taught to hand a stream over without holding a worker.

waitress gives a worker thread to each response until its last byte. A server-sent event stream has
no last byte, so eight of them would hold eight workers. Here the worker writes the headers, then
the channel joins a feed, whose one thread writes to all streams (written for waitress 3.0.2; the
overridden names are private to it, the tests in tests/web/test_web_stream.py notice a change).
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, WSGITask

from .headers import SECURITY_HEADERS

TAKE_OVER = "btrmd.take_over"  # environ key: callable(Feed), to be called before the response
LOCAL_ADDRESS = "btrmd.local_address"  # environ key: callable(), the unit's end of the connection
REQUEST_TIMEOUT_S = 30.0  # for the whole head and body of one request
MAX_BACKLOG = 128 * 1024  # bytes a stream client may be behind before it is dropped
BUFFER_KEPT = 16 * 1024  # bytes a stream's buffer may have carried before it is replaced


class StreamFeed(Protocol):
    """What a channel hands itself over to."""

    def admit(self, channel: Channel) -> bool:
        """Keep a place for `channel`; False when all are taken."""

    def join(self, channel: Channel) -> None:
        """The head is written: `channel` wants the stream from now on."""

    def leave(self, channel: Channel) -> None:
        """`channel` is gone; may be told more than once."""


class _JsonErrorTask(ErrorTask):
    """Errors found before the application sees the request: JSON below /api, headers as ever."""

    def execute(self) -> None:
        error = self.request.error
        self.status = f"{error.code} {error.reason}"
        body = json.dumps({"error": "http", "reason": f"{error.reason}: {error.body}"}).encode()
        self.response_headers.extend(
            [("Content-Type", "application/json"), *SECURITY_HEADERS.items()]
        )
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Task(WSGITask):
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[TAKE_OVER] = self.channel.promise
        environ[LOCAL_ADDRESS] = self.channel.local_address
        return environ

    def finish(self) -> None:
        if not self.channel.is_promised:
            super().finish()
            return
        if not self.wrote_header:
            self.write(b"")
        self.channel.hand_over(self.chunked_response)


class Channel(HTTPChannel):
    """One connection. After `promise` and the end of the response's head it is a stream."""

    task_class = _Task
    error_task_class = _JsonErrorTask

    current_outbuf_count: int
    request_since = 0.0  # wall time s since which a request is coming in; 0 = none is

    _feed: StreamFeed | None = None
    _is_joined = False
    _is_chunked = False

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
        return host.removeprefix("::ffff:").partition("%")[0]

    def promise(self, feed: StreamFeed) -> bool:
        """The response that is being made is the head of a stream of `feed`, if that has room."""
        if not feed.admit(self):
            return False
        self._feed = feed
        return True

    def hand_over(self, is_chunked: bool) -> None:
        self._is_chunked = is_chunked
        self._is_joined = True
        if self._feed is not None:
            self._feed.join(self)

    def service(self) -> None:
        super().service()
        feed = self._feed
        if feed is None:
            return
        if not self._is_joined:  # the head could not be written
            self._feed = None
            feed.leave(self)
        elif not self.connected:  # gone before it joined: handle_close had nothing to leave
            feed.leave(self)

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

    def received(self, data: bytes) -> bool:
        return False if self._is_joined else bool(super().received(data))

    def writable(self) -> bool:
        if self._is_joined:
            return bool(self.total_outbufs_len or self.will_close)
        return bool(super().writable())

    def handle_write(self) -> None:
        if not self._is_joined:
            super().handle_write()
            return
        # The feed may be writing: flush under the lock, which super() does for workers only.
        # close_when_flushed was set by service(), which took the end of the head for the end.
        self._flush_exception(self._flush_some_if_lockable)
        if self.will_close:
            self.handle_close()

    def handle_close(self) -> None:
        super().handle_close()
        if self._feed is not None:
            self._feed.leave(self)


class Server(TcpWSGIServer):
    """waitress's server with our channel, and a limit on how long a request may trickle in."""

    channel_class = Channel

    def __init__(self, *args: Any, **kw: Any) -> None:
        self._trigger_lock = threading.Lock()
        self._is_closed = False
        self._wanted: deque[Callable[[], None]] = deque()
        super().__init__(*args, **kw)

    def pull_trigger(self) -> None:
        """Wake the loop, from any thread. Nothing once it is closed: the trigger's descriptor may
        have become another file's by then."""
        with self._trigger_lock:
            if not self._is_closed:
                super().pull_trigger()

    def call_in_loop(self, wanted: Callable[[], None]) -> None:
        """Have the loop's thread call `wanted` soon.

        Not by the trigger's own list: it is worked off under a lock that `wanted` may need.
        """
        self._wanted.append(wanted)
        self.pull_trigger()

    def do_wanted(self) -> None:
        """In the loop's thread, after each of its turns: do what other threads want."""
        while self._wanted:
            self._wanted.popleft()()

    def close(self) -> None:
        with self._trigger_lock:
            self._is_closed = True
            super().close()

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in self.active_channels.values():
            request = channel.request
            if request is None or request.completed or request.empty:
                channel.request_since = 0.0
            elif channel.request_since == 0.0:
                channel.request_since = now
            elif now - channel.request_since > REQUEST_TIMEOUT_S:
                channel.will_close = True
            if channel.will_close:
                channel.drop()
