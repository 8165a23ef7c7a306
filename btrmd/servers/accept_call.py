"""accept(2) and close(2) for a crowd: called without giving up Python's lock.

The socket module gives the lock up for each of its calls and then waits until every thread that
wants it has had a turn, half a millisecond each. Between busy threads that is a hundred times what
the two calls themselves take, neither of which waits for anything here; a thousand strangers who
are only turned away held a listener for seconds.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Any, Final

_LONGEST: Final = 128  # octets of a struct sockaddr_storage
_IPV4: Final = struct.Struct("!2xH4s")  # port, address (ip(7))
_IPV6: Final = struct.Struct("!2xHI16s")  # port, flow, address (ipv6(7)); the scope is native
_SCOPE: Final = struct.Struct("=24xI")
_libc: Final = ctypes.PyDLL(None, use_errno=True)  # PyDLL: the lock is kept


def accept(listening: socket.socket) -> tuple[socket.socket, tuple[Any, ...]]:
    """As `listening.accept()` of a listening IP socket that does not block. Raises OSError."""
    place = ctypes.create_string_buffer(_LONGEST)
    size = ctypes.c_uint32(_LONGEST)
    found = _libc.accept4(listening.fileno(), place, ctypes.byref(size), socket.SOCK_CLOEXEC)
    if found < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    sock = socket.socket(listening.family, listening.type, listening.proto, found)
    return sock, peer_of(listening.family, place.raw)


def peer_of(family: int, place: bytes) -> tuple[Any, ...]:
    """What the kernel wrote of a peer, as the socket module tells it."""
    if family == socket.AF_INET:
        port, address = _IPV4.unpack_from(place)
        return socket.inet_ntoa(address), port
    port, flow, address = _IPV6.unpack_from(place)
    (scope,) = _SCOPE.unpack_from(place)
    host = socket.inet_ntop(socket.AF_INET6, address)
    if scope:
        host = f"{host}%{_interface(scope)}"
    return host, port, flow, scope


def close(sock: socket.socket) -> None:
    """As `sock.close()`; for one that has nothing left to send, else it may wait."""
    descriptor = sock.detach()
    if descriptor >= 0:
        _libc.close(descriptor)


def _interface(scope: int) -> str:
    try:
        return socket.if_indextoname(scope)
    except OSError:  # it is gone already
        return str(scope)
