"""TCP sockets of the listeners: bound alike, with buffers that many strangers cannot fill."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Final

from ..net import host_and_port, look_up_form

BACKLOG: Final = 1024  # a crowd must not fill it while a loop is at work; the kernel may cap it
BUFFER: Final = 64 * 1024  # octets of a connection in the kernel, each way; else up to 6 MB
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, keep nothing of it


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; "" = every interface, "::" IPv4 too, port 0 = any free one.

    Raises OSError.
    """
    family, kind, proto, _, place = socket.getaddrinfo(
        look_up_form(host) or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit these.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(place)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def listen_fault(name: str, host: str, port: int, error: OSError) -> str:
    """What people are told of a listener that cannot be opened; it is tried again."""
    return f"{name} cannot listen on {host_and_port(host, port)}: {error.strerror or error}."


def reset(sock: socket.socket) -> None:
    """Close a connection nobody has seen yet, without a trace on this side."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()
