"""TLS on a connection that is gone before the handshake: an error, and nothing left open."""

from __future__ import annotations

import select
import socket
import ssl
import struct

import pytest

from btrmd.notify.tls import wrap


def test_a_connection_that_is_gone_is_an_error_and_no_socket_is_left() -> None:
    """A socket that is left to the garbage collector is a ResourceWarning, and fails this test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for _ in range(20):
        with socket.create_server(("127.0.0.1", 0)) as server:
            plain = socket.create_connection(server.getsockname())
            peer, _address = server.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()  # by reset
            select.select([plain], [], [], 5.0)  # the reset has come
            with pytest.raises(OSError, match=r".+"):
                wrap(context, plain, "127.0.0.1")
            plain.close()
