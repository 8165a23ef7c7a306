"""Names: the addresses of peers, looked up so that a silent resolver holds nobody up."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Final, NamedTuple

FRESH_S: Final = 600.0  # an answer is asked for again after this
STALE_S: Final = 30.0  # a failure too
FIRST_WAIT_S: Final = 2.0


class HostPort(NamedTuple):
    """One address of a peer, as a datagram socket takes it."""

    family: socket.AddressFamily
    address: tuple[Any, ...]


class NoAddressError(OSError):
    """A name has no address for now; the text says why."""


class AddressPendingError(NoAddressError):
    """The name server has not answered yet."""


class Names:
    """Look-ups for one user, each on a thread of its own. Used by one thread.

    An address needs no look-up. A name that is asked for the first time is waited for at most
    `wait_s`; while its answer is missing nobody waits again. An answer that is old stays in use
    until the next one is here.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], _Asked] = {}

    def find(self, host: str, port: int, wait_s: float = FIRST_WAIT_S) -> HostPort:
        """The first address of `host`. Raises NoAddressError."""
        try:
            return _place(host, port, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            pass
        asked = self._asked.get((host, port))
        if asked is None:
            asked = self._asked[host, port] = _Asked(host, port)
            asked.done.wait(wait_s)
        elif asked.is_due:
            newer = asked.newer or _Asked(host, port)
            asked.newer = newer
            if newer.done.is_set():
                # A failure does not take away the address that served so far.
                kept = asked.place if newer.place is None else newer.place
                newer.place = kept
                asked = self._asked[host, port] = newer
        if asked.place is not None:
            return asked.place
        if not asked.done.is_set():
            raise AddressPendingError(
                f"the name {host} is not found yet: the name server is silent"
            )
        raise NoAddressError(f"the name {host} is not found: {asked.why}")


class _Asked:
    """One question; `place` and `why` hold once `done` is set."""

    def __init__(self, host: str, port: int) -> None:
        self.place: HostPort | None = None
        self.why = ""
        self.done = threading.Event()
        self.newer: _Asked | None = None
        self._host, self._port = host, port
        self._ended = 0.0  # monotonic s
        threading.Thread(target=self._run, name="names", daemon=True).start()

    @property
    def is_due(self) -> bool:
        """It is answered, and so long ago that the answer may have changed."""
        keeps = FRESH_S if not self.why else STALE_S
        return self.done.is_set() and time.monotonic() - self._ended > keeps

    def _run(self) -> None:
        try:
            self.place = _place(self._host, self._port, 0)
        except OSError as error:
            self.why = error.strerror or str(error)
        except UnicodeError:
            self.why = "it is too long"
        self._ended = time.monotonic()
        self.done.set()


def _place(host: str, port: int, flags: int) -> HostPort:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
    family, _, _, _, address = found[0]
    return HostPort(family, address)
