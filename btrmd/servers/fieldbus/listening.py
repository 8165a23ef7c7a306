"""The listening socket of a TCP endpoint: a connection is made only of what its share lets in."""

from __future__ import annotations

import asyncio
import errno
import functools
import logging
import socket
from collections.abc import Callable
from typing import Final

from ..share import Share
from ..tcp import bind, reset
from .listener_config import TcpPlace

log = logging.getLogger(__name__)

AT_ONCE: Final = 8  # connections between two looks at the rest of the loop: each makes a session
PAUSE_S: Final = 1.0  # when the process has no file descriptor left
_NO_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listening:
    """Opens at construction (raises OSError); used on the loop's thread."""

    def __init__(
        self, place: TcpPlace, share: Share, factory: Callable[[], asyncio.BufferedProtocol]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._share = share
        self._factory = factory
        self._socket = bind(place.host, place.port)
        self._socket.setblocking(False)
        self._tasks: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket, self._accept)

    @property
    def place(self) -> TcpPlace:
        """Where it really is: what port 0 became."""
        host, port = self._socket.getsockname()[:2]
        return TcpPlace(host, port)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for task in self._tasks:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_RESOURCES:
                    raise
                log.error("no connection can be taken: %s; next try in 1 s", error.strerror)
                self._loop.remove_reader(self._socket)
                self._timer = self._loop.call_later(PAUSE_S, self._again)
                return
            if self._share.admits(str(address[0])):
                sock.setblocking(False)
                task = self._loop.create_task(self._make(sock))
                self._tasks.add(task)
                task.add_done_callback(functools.partial(self._made, sock))
            else:
                reset(sock)

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
