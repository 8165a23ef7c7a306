"""Hostile clients: connections from many addresses of this machine, each doing its worst."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"


def address(n: int) -> str:
    """The n-th address of a crowd on the loopback network; none of them is 127.0.0.1."""
    return f"127.0.{1 + n // 250}.{1 + n % 250}"


def connect(port: int, source: str, timeout: float = 5.0, host: str = HOST) -> socket.socket:
    """A connection from `source`. Raises OSError."""
    return socket.create_connection((host, port), timeout, source_address=(source, 0))


def hold(port: int, count: int, addresses: int, first: bytes = b"") -> list[socket.socket]:
    """`count` connections from `addresses` addresses that have said `first`; those that were
    turned away are in the list too."""
    held = []
    for n in range(count):
        with contextlib.suppress(OSError):
            sock = connect(port, address(n % addresses))
            held.append(sock)
            sock.sendall(first)
    return held


@contextlib.contextmanager
def crowd(
    port: int, count: int, addresses: int, first: bytes = b""
) -> Iterator[list[socket.socket]]:
    """As `hold`, for the time of a block."""
    held = hold(port, count, addresses, first)
    try:
        yield held
    finally:
        for sock in held:
            sock.close()


def is_open(sock: socket.socket) -> bool:
    """True while the other end has not closed it; what has come is thrown away."""
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False
