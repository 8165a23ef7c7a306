"""The HTTPS connection: our HTTP connection over TLS, greeted and served by the same kind of loop.

A handshake, a read and a write never block; a client that does not finish its handshake is closed,
and holds no worker until its request is complete. waitress 3.0.2 has no TLS of its own: what is
overridden is private to it, and the tests in tests/web/test_web_https.py notice a change.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
from typing import Any, Final

from .channel import HttpChannel
from .socket_server import Server

log = logging.getLogger(__name__)

Plain = socket.socket

HANDSHAKE_S: Final = 10.0  # from the connection to the end of the handshake
MAX_READS: Final = 64  # of one connection before the others have their turn
_WAIT: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TlsSocket:
    """A TLS connection on a socket that does not block, as waitress's loop uses one.

    A worker writes while the loop reads: OpenSSL allows one at a time, and so does the lock here.
    """

    def __init__(self, plain: Plain, context: ssl.SSLContext) -> None:
        plain.setblocking(False)
        self._lock = threading.Lock()
        self._tls: ssl.SSLSocket | None = context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False
        )
        self._fd = self._tls.fileno()
        self._is_greeted = False

    def greet(self) -> None:
        """Go on with the handshake. Raises SSLWantReadError, SSLWantWriteError, OSError."""
        with self._lock:
            self._open().do_handshake()
            self._is_greeted = True

    def recv(self, most: int) -> bytes:
        """Raises SSLWantReadError, SSLWantWriteError, OSError."""
        with self._lock:
            return self._open().recv(most)

    def send(self, data: bytes) -> int:
        """Raises SSLWantReadError, SSLWantWriteError, OSError."""
        with self._lock:
            return self._open().send(data)

    def has_more(self) -> bool:
        """True when bytes are decrypted already: the kernel does not announce them again."""
        with self._lock:
            return self._tls is not None and self._tls.pending() > 0

    def close(self) -> None:
        """Say goodbye, without waiting for the answer."""
        with self._lock:
            tls, self._tls = self._tls, None
            if tls is None:
                return
            plain: Plain = tls
            if self._is_greeted:
                with contextlib.suppress(OSError, ValueError):
                    plain = tls.unwrap()
            plain.close()
            tls.close()

    def _open(self) -> ssl.SSLSocket:
        if self._tls is None:
            raise OSError("The connection is closed.")
        return self._tls

    # What waitress asks of a socket beside.

    def fileno(self) -> int:
        return self._fd

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def getsockopt(self, *what: int) -> int:
        with self._lock:
            return int(self._open().getsockopt(*what))

    def getsockname(self) -> Any:
        with self._lock:
            return self._open().getsockname()

    def getpeername(self) -> object:
        with self._lock:
            return self._open().getpeername()


class TlsChannel(HttpChannel):
    """One HTTPS connection."""

    server: TlsServer
    socket: TlsSocket

    def __init__(
        self, server: TlsServer, plain: Plain, addr: Any, adj: Any, map: Any = None
    ) -> None:
        self._is_greeted = False
        self._must_write = False  # the handshake waits for room to write
        self.since = time.monotonic()
        super().__init__(server, TlsSocket(plain, server.context), addr, adj, map)

    @property
    def is_greeted(self) -> bool:
        return self._is_greeted

    @property
    def has_leftover(self) -> bool:
        """True when something can be read that no poll will tell of."""
        return self._is_greeted and self.connected and self.readable() and self.socket.has_more()

    def readable(self) -> bool:
        return super().readable() if self._is_greeted else not self.will_close

    def writable(self) -> bool:
        if self._is_greeted:
            return super().writable()
        return self._must_write or bool(self.will_close)

    def handle_read(self) -> None:
        if not self._is_greeted and not self._greet():
            return
        for _ in range(MAX_READS):
            try:
                data = self.socket.recv(self.adj.recv_bytes)
            except _WAIT:
                return
            except OSError:
                data = b""
            if not data:
                self.handle_close()
                return
            self.active_at = time.monotonic()
            self.received(data)
            if not self.has_leftover:
                return

    def handle_write(self) -> None:
        if self._is_greeted:
            super().handle_write()
        elif self.will_close:
            self.handle_close()
        else:
            self._greet()

    def send(self, data: bytes, do_close: bool = True) -> int:
        """The bytes that were taken; 0 when there is no room, or nobody at the other end."""
        try:
            return self.socket.send(data)
        except _WAIT:
            return 0
        except OSError:
            self.will_close = True
            if do_close:
                self.handle_close()
            return 0

    def _greet(self) -> bool:
        try:
            self.socket.greet()
        except ssl.SSLWantReadError:
            self._must_write = False
            return False
        except ssl.SSLWantWriteError:
            self._must_write = True
            return False
        except OSError as error:  # another protocol, an old TLS version, or gone
            log.debug("https: no handshake with %s: %s", self.addr, error)
            self.handle_close()
            return False
        self._is_greeted, self._must_write = True, False
        self.active_at = time.monotonic()
        return True


class TlsServer(Server):
    """`context` may be replaced at any time; connections that stand keep theirs."""

    channel_class = TlsChannel

    def __init__(self, *args: Any, context: ssl.SSLContext, **kw: Any) -> None:
        self.context = context
        super().__init__(*args, **kw)

    def do_wanted(self) -> None:
        super().do_wanted()
        for channel in list(self.active_channels.values()):
            if channel.has_leftover:
                channel.handle_read()

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        latest = time.monotonic() - HANDSHAKE_S
        for channel in list(self.active_channels.values()):
            if not channel.is_greeted and channel.since < latest:
                channel.drop()
