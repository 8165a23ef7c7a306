"""The HTTP socket: waitress's server with our channel, its share of connections and its limits."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from waitress.server import TcpWSGIServer

from btrmd.model.service import STALL_S

from ..acceptor import Acceptor
from ..share import Member, Share
from ..tcp import reset
from .channel import REQUEST_TIMEOUT_S, HttpChannel
from .http_head import RequestHead
from .visitors import Visitor

log = logging.getLogger(__name__)

MOST_KEPT: Final = 2 * 1024 * 1024  # octets of requests that are coming in, of all strangers
MOST_UNSENT: Final = 4 * 1024 * 1024  # octets of answers that nobody takes
MOVING_S: Final = 1.0  # who took something so lately is not among them


Identify = Callable[[RequestHead, str], Visitor]


class Server(TcpWSGIServer):
    """`share`: its places. `identify` (head, address) tells who asks; called on the loop."""

    channel_class: type[HttpChannel] = HttpChannel

    def __init__(self, *args: Any, share: Share, identify: Identify, **kw: Any) -> None:
        self._trigger_lock = threading.Lock()
        self._is_closed = False
        self._wanted: deque[Callable[[], None]] = deque()
        self._is_to_accept = False  # when the turn is over
        self._share = share
        self._looks_at = 0.0  # monotonic s of the next look at the connections
        self._identify = identify
        super().__init__(*args, **kw)
        self._acceptor = Acceptor(self.socket, share)

    # --- connections -----------------------------------------------------------------------

    def readable(self) -> bool:
        """Asked at each turn of the loop. waitress's own look at the connections goes by wall time:
        a clock set back would switch it off until that time is reached again."""
        now = time.monotonic()
        if now >= self._looks_at:
            self._looks_at = now + self.adj.cleanup_interval
            self.maintenance(now)
        return self._acceptor.may_accept and bool(self.accepting)

    def handle_accept(self) -> None:
        """Connections are taken when the turn is over: a new one may make an old one end and get
        its descriptor, and what poll(2) has still to say in this turn is about the old one."""
        if not self._is_to_accept:
            self._is_to_accept = True
            self._wanted.append(self._accept_waiting)

    def _accept_waiting(self) -> None:
        self._is_to_accept = False
        if not self.accepting:
            return
        for sock, host, address in self._acceptor.accepted():
            self._take(sock, (host, *address[1:]), host)
        if self._acceptor.has_more:
            self.handle_accept()
            self.pull_trigger()

    def _take(self, sock: Any, address: Any, host: str) -> None:
        made: list[HttpChannel] = []

        def close() -> None:
            for channel in made:
                channel.handle_close()

        member = Member(host, close)
        if not self._share.enter(member):
            reset(sock)
            return
        try:
            self.set_socket_options(sock)
            channel = self.channel_class(self, sock, address, self.adj, map=self._map)
        except (OSError, ValueError) as error:  # gone before anything was made of it
            log.debug("a connection was lost at once: %s", error)
            self._share.leave(member)
            sock.close()
            return
        channel.member = member
        channel.place = member.place
        made.append(channel)

    def left(self, channel: HttpChannel) -> None:
        """A connection has ended."""
        member = getattr(channel, "member", None)
        if member is not None:
            self._share.leave(member)

    def heard(self, channel: HttpChannel) -> None:
        """A whole request has come."""
        self._share.heard(channel.member)

    def judge(self, channel: HttpChannel, head: RequestHead) -> int:
        """Put the request on the account of whoever sends it; octets of body it may have."""
        visitor = self._identify(head, channel.addr[0])
        channel.place = visitor.place
        channel.is_user = channel.member.is_kept = visitor.is_user
        return visitor.most_body

    # --- memory ----------------------------------------------------------------------------

    def has_memory_for(self, channel: HttpChannel) -> bool:
        """May `channel` go on sending a large body? Who has logged in may."""
        if channel.is_user:
            return True
        strangers = [c for c in list(self.active_channels.values()) if not c.is_user]
        return sum(c.kept for c in strangers) <= MOST_KEPT

    def relieve(self) -> None:
        """Before another answer is made: let go whoever leaves most of his answers lying there."""
        channels = list(self.active_channels.values())
        if sum(c.total_outbufs_len for c in channels) <= MOST_UNSENT:
            return
        latest = time.monotonic() - MOVING_S
        stuck = [c for c in channels if c.progress_at < latest and c.total_outbufs_len]
        if stuck:
            self._share.stalled()
            max(stuck, key=lambda c: (not c.is_user, c.total_outbufs_len)).drop()

    # --- the loop --------------------------------------------------------------------------

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
        """In the loop's thread, after each of its turns: do what is wanted by now; what that wants
        in turn waits for the next."""
        for _ in range(len(self._wanted)):
            self._wanted.popleft()()

    def close(self) -> None:
        with self._trigger_lock:
            self._is_closed = True
            super().close()
        self._acceptor.close()

    def maintenance(self, now: float) -> None:
        """End what is silent, trickles in, or is not taken. `now`: monotonic s."""
        silent = now - self._share.limit.idle_s
        for channel in list(self.active_channels.values()):
            request = channel.request
            if request is None or request.completed or request.empty:
                channel.request_since = 0.0
            elif channel.request_since == 0.0:
                channel.request_since = now
            elif now - channel.request_since > REQUEST_TIMEOUT_S:
                self._share.stalled()
                channel.drop()
                continue
            if channel.total_outbufs_len and now - channel.progress_at > STALL_S:
                self._share.stalled()
                channel.drop()
            elif channel.will_close:
                channel.drop()
            elif not channel.requests and channel.active_at < silent:
                self._share.idle_closed += 1
                channel.drop()
