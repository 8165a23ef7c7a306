"""The acceptor: of what waits at a TCP listener, a connection is made of what its share lets in.

The kernel keeps those who wait in the order they came, so that a master behind a crowd of thousands
would wait until something was made of each of them. They are all taken in at each look, which costs
little; whom nothing was made of yet waits here, and those whose address has had fewest come first.
"""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from ..net import network_of, plain_peer
from .fair_queue import FairQueue, Taken
from .share import Share
from .tcp import BACKLOG, reset

log = logging.getLogger(__name__)

AT_ONCE: Final = 64  # connections made before those that stand have their turn,
WAITING: Final = 64  # and how many may wait for another turn: each has a descriptor,
HELD: Final = 256  # as all have that are held while the others are taken in
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
        self._waiting: FairQueue[Accepted] = FairQueue(_alike, HELD, HELD)

    @property
    def may_accept(self) -> bool:
        """False in a pause: whoever waits for the socket would turn in vain."""
        return self._clock() >= self._accepts_at

    @property
    def has_more(self) -> bool:
        """True while some wait that `accepted` has not told yet: it is to be called again soon,
        whether the socket is readable or not."""
        return len(self._waiting) > 0

    def accepted(self) -> Iterator[Accepted]:
        """What waits, as far as the share admits it; the rest is reset. Raises nothing."""
        self._take_in()
        chosen: list[Taken[Accepted]] = []
        while len(chosen) < self._at_once and (taken := self._waiting.pop()) is not None:
            self._waiting.spent(taken.place, 1.0)
            chosen.append(taken)
        self._let_go(WAITING)
        # Whose address has cost least comes last: when there are not as many places, the others of
        # this look make room. Equals come in their order.
        chosen.sort(key=lambda taken: -round(self._share.cost(taken.place), 4))
        chosen.reverse()  # to be taken from its end
        try:
            while chosen:
                yield chosen.pop().item
        finally:
            for taken in chosen:
                reset(taken.item.sock)

    def close(self) -> None:
        """Reset whoever still waits here; the listening socket is its owner's."""
        while (taken := self._waiting.pop()) is not None:
            reset(taken.item.sock)

    def _take_in(self) -> None:
        """Take in what waits in the kernel."""
        if not self.may_accept:
            return
        for _ in range(BACKLOG):
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
            if not self._share.admits(host):
                reset(sock)
                continue
            if len(self._waiting) == HELD:
                self._let_go(HELD // 2)
            self._waiting.push(network_of(host), Accepted(sock, host, address))

    def _let_go(self, most: int) -> None:
        """Let no more than `most` wait. Of one address the oldest gives way, as in the share: it
        is likely to have gone, and a visitor behind a crowd of his own address is served."""
        for surplus in self._waiting.trim(most):
            self._share.turned_away()
            reset(surplus.item.sock)


def _alike(place: str) -> float:
    """Nobody is preferred for who he is."""
    return 0.0
