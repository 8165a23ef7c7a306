"""The listener: one TCP listener for HTTP, bound with back-off, served by a loop of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments

from ...net import host_and_port, split_address
from ...retry import RetryPauses
from ..share import Share
from ..tcp import bind, listen_fault
from .dispatcher import Dispatcher
from .socket_server import Identify, Server

log = logging.getLogger(__name__)

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 60.0
DRAIN_S: Final = 1.0  # for answers that are on their way when the listener stops
LOOP_S: Final = 5.0  # the loop is woken by sockets and by its trigger; this is for maintenance
CLEANUP_S: Final = 2  # between two looks for connections that are to be closed
NO_LIMIT: Final = 1_000_000  # of waitress's own: the share and our parser have theirs
STUCK_S: Final = 20.0  # a loop that has not turned for so long will not any more
UNWANTED_S: Final = 2.0  # between two looks whether a closed listener is wanted again

Report = Callable[[str, str], None]  # (address "HOST:PORT" or "", fault sentence or "")


class HttpListener:
    """Binds HOST:PORT (port 0 = any free one) and serves `app` on it.

    `start` makes one attempt in the caller's thread; a failed one is reported and repeated, with
    growing pauses, in the listener's own thread. Nothing here raises into the daemon. While
    `is_wanted` says no, the listener is shut; it is asked every few seconds.
    """

    scheme = "http"

    def __init__(
        self,
        name: str,
        address: str,
        app: Callable[..., Any],
        dispatcher: Dispatcher,
        share: Share,
        identify: Identify,
        report: Report,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._is_wanted = is_wanted
        self._name = name
        self._host, self._port = split_address(address)
        self._app = app
        self._dispatcher = dispatcher
        self._share = share
        self._identify = identify
        self._report = report
        self._stopping = threading.Event()
        self._map: dict[int, Any] = {}
        self._server: Server | None = None
        self._turned_at = 0.0  # monotonic s
        self._thread = threading.Thread(target=self._run, name=f"web-{name}", daemon=True)

    @property
    def is_stuck(self) -> bool:
        """True when the loop should turn and does not."""
        if self._server is None:
            return False
        return not self._thread.is_alive() or time.monotonic() - self._turned_at > STUCK_S

    def start(self) -> None:
        self._turned_at = time.monotonic()
        self._open()
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every connection, from inside the loop; waits for its thread."""
        self._stopping.set()
        server = self._server
        if server is not None:
            server.pull_trigger()
        self._thread.join(DRAIN_S + 5.0)

    def _open(self) -> bool:
        try:
            sock = bind(self._host, self._port)
        except OSError as error:
            fault = listen_fault(self._name, self._host, self._port, error)
            log.error("%s", fault)
            self._report("", fault)
            return False
        adjustments = Adjustments(
            ident="btrmd",
            connection_limit=NO_LIMIT,
            cleanup_interval=CLEANUP_S,
            outbuf_overflow=NO_LIMIT * 64,  # nothing goes into files: a late client's answer waits
            outbuf_high_watermark=NO_LIMIT * 64,
            clear_untrusted_proxy_headers=False,  # nothing here reads them
            url_scheme=self.scheme,
        )
        self._server = self._make_server(
            map=self._map,
            _sock=sock,
            dispatcher=self._dispatcher,
            adj=adjustments,
            bind_socket=False,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
        )
        host, port = sock.getsockname()[:2]
        self._port = port  # a listener that must be opened again opens at the same place
        self._report(host_and_port(host, port), "")
        return True

    def _make_server(self, **how: Any) -> Server:
        return Server(self._app, share=self._share, identify=self._identify, **how)

    def _run(self) -> None:
        pauses = RetryPauses(FIRST_RETRY_S, LONGEST_RETRY_S)
        while not self._stopping.is_set():
            if self._server is None and not self._is_wanted():
                self._report("", "")
                self._stopping.wait(UNWANTED_S)
                continue
            if self._server is None and not self._open():
                self._stopping.wait(pauses.next())
                continue
            try:
                while not self._stopping.is_set() and self._is_wanted():
                    self._turn(LOOP_S)
                    pauses.reset()
                self._drain()
            except Exception as error:
                # The loop is not ours; whatever ends it must not end the web for ever.
                log.exception("%s: the server loop failed and is started again", self._name)
                self._report("", f"{self._name} stopped by an error ({error}) and is restarted.")
                self._stopping.wait(pauses.next())
            finally:
                self._close()

    def _drain(self) -> None:
        """Let answers that are on their way reach their clients."""
        server = self._server
        if server is None:
            return
        server.accepting = False
        deadline = time.monotonic() + DRAIN_S
        while time.monotonic() < deadline and any(
            channel.requests or channel.total_outbufs_len
            for channel in server.active_channels.values()
        ):
            self._turn(0.05)

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)
        if self._server is not None:
            self._server.do_wanted()
        self._turned_at = time.monotonic()

    def _close(self) -> None:
        """In the loop's thread: closing from another one hangs on a keep-alive connection."""
        server, self._server = self._server, None
        if server is None:
            return
        for channel in list(server.active_channels.values()):
            channel.requests = []
            channel.handle_close()
        server.close()
        wasyncore.close_all(self._map, ignore_all=True)
        self._report("", "")
