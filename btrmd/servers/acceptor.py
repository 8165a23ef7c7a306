"""The acceptor: of what waits at a TCP listener, a connection is made of what its share lets in."""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from ..net import plain_peer
from .share import Share
from .tcp import reset

log = logging.getLogger(__name__)

AT_ONCE: Final = 64  # connections taken before those that stand have their turn,
LOOKS: Final = 256  # and how many more may be turned away meanwhile: that costs little
NO_RESOURCES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
PAUSE_S: Final = 1.0  # when the process has no file descriptor left: the kernel keeps them waiting


class Accepted(NamedTuple):
    """A new connection; `host` is its peer as it is shown and compared, `address` as the kernel
    tells it."""

    sock: socket.socket
    host: str
    address: tuple[Any, ...]


class Acceptor:
    """Used by one thread, on a listening socket that does not block."""

    def __init__(
        self,
        listening: socket.socket,
        share: Share,
        clock: Callable[[], float] = time.monotonic,
        at_once: int = AT_ONCE,
    ) -> None:
        self._listening = listening
        self._share = share
        self._clock = clock
        self._at_once = at_once
        self._accepts_at = 0.0  # s of `clock` before which no connection is taken

    @property
    def may_accept(self) -> bool:
        """False in a pause: whoever waits for the socket would turn in vain."""
        return self._clock() >= self._accepts_at

    def accepted(self) -> Iterator[Accepted]:
        """What waits, as far as the share admits it; the rest is reset. Raises nothing."""
        taken = 0
        for _ in range(LOOKS):
            if taken == self._at_once:
                return
            try:
                sock, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in NO_RESOURCES:
                    return  # of that connection only (accept(2): "error handling")
                self._accepts_at = self._clock() + PAUSE_S
                log.error(
                    "no connection can be taken: %s; next try in %g s", error.strerror, PAUSE_S
                )
                return
            host = plain_peer(str(address[0]))
            if self._share.admits(host):
                taken += 1
                yield Accepted(sock, host, address)
            else:
                reset(sock)
