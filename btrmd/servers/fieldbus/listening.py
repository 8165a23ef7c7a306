"""The listening socket of a TCP endpoint: a connection is made only of what its share lets in."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections.abc import Callable
from typing import Final

from ..acceptor import PAUSE_S, Acceptor
from ..share import Share
from ..tcp import bind
from .listener_config import TcpPlace

log = logging.getLogger(__name__)

AT_ONCE: Final = 8  # connections between two looks at the rest of the loop: each makes a session


class Listening:
    """Opens at construction (raises OSError); used on the loop's thread."""

    def __init__(
        self, place: TcpPlace, share: Share, factory: Callable[[], asyncio.BufferedProtocol]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._factory = factory
        self._socket = bind(place.host, place.port)
        self._socket.setblocking(False)
        self._acceptor = Acceptor(self._socket, share, at_once=AT_ONCE)
        self._tasks: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next: asyncio.Handle | None = None  # the look at those who wait in the acceptor
        self._loop.add_reader(self._socket, self._accept)

    @property
    def place(self) -> TcpPlace:
        """Where it really is: what port 0 became."""
        host, port = self._socket.getsockname()[:2]
        return TcpPlace(host, port)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._next is not None:
            self._next.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._acceptor.close()
        for task in self._tasks:
            task.cancel()

    def _accept(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        for sock, *_ in self._acceptor.accepted():
            sock.setblocking(False)
            task = self._loop.create_task(self._make(sock))
            self._tasks.add(task)
            task.add_done_callback(functools.partial(self._made, sock))
        if self._acceptor.has_more:
            self._next = self._loop.call_soon(self._accept)
        if self._timer is None and not self._acceptor.may_accept:
            self._loop.remove_reader(self._socket)
            self._timer = self._loop.call_later(PAUSE_S, self._again)

    def _again(self) -> None:
        self._timer = None
        self._loop.add_reader(self._socket, self._accept)

    def _made(self, sock: socket.socket, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if task.cancelled():  # perhaps before it began: then nothing else closes it
            sock.close()

    async def _make(self, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, sock)
        except OSError as error:  # gone already
            log.debug("a connection was lost at once: %s", error)
            sock.close()
