"""The link: one syslog server, and whether a message has reached it."""

from __future__ import annotations

import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
import time
from typing import Final, NamedTuple

from ...model.errors import BtrmError
from ...model.settings import Settings
from ...net import host_and_port
from ...retry import RetryPauses
from ..tls import TlsFileError, certificate_words, client_context, ssl_words, wrap

PATIENCE_S: Final = 10.0  # for a connection, and for each message over TCP
VERDICT_S: Final = 1.0  # once a connection: for a server to refuse our certificate
MOST_READS: Final = 64  # of what a server says that has nothing to say, in one look
RENEW_S: Final = 600.0  # a UDP server's name is looked up again
_FIRST_LOOK_S: Final = 0.001
_LONGEST_LOOK_S: Final = 0.05


class SyslogTarget(NamedTuple):
    """Where messages go; `transport` udp, tcp or tls. The PEM files are for tls."""

    host: str
    port: int
    transport: str
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    @classmethod
    def of(cls, settings: Settings) -> SyslogTarget | None:
        """None while syslog is off."""
        if not settings.flag("syslog.enabled"):
            return None
        return cls(
            settings.text("syslog.server"),
            settings.integer("syslog.port"),
            settings.text("syslog.transport"),
            *(settings.text(f"syslog.{name}_file") for name in ("ca", "cert", "key")),
        )

    @property
    def is_stream(self) -> bool:
        """Messages over TCP, in the clear or not."""
        return self.transport != "udp"

    @property
    def where(self) -> str:
        return f"{host_and_port(self.host, self.port)}/{self.transport}"


class SyslogLinkError(BtrmError):
    """A message did not arrive; the text says why."""


class Link:
    """Used by one thread; only `cancel` may come from another."""

    def __init__(self, target: SyslogTarget, patience_s: float = PATIENCE_S) -> None:
        self.target = target
        self._patience_s = patience_s
        self._socket: socket.socket | None = None
        self._opened_at = 0.0  # monotonic s
        self._ended = threading.Event()

    def send(self, message: bytes) -> None:
        """Over TCP it has arrived at the server's machine when this returns; over UDP it has left.

        Raises SyslogLinkError; the link can be used again after it.
        """
        try:
            sock = self._open()
            if self.target.is_stream:
                sock.sendall(b"%d %b" % (len(message), message))
                self._await_arrival(sock)
            else:
                sock.send(message)
        except SyslogLinkError:
            self.close()
            raise
        except TimeoutError as error:
            self.close()
            raise self._silent() from error
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise SyslogLinkError(
                f"the certificate of {self.target.where} is refused: {certificate_words(error)}."
            ) from error
        except ssl.SSLError as error:
            self.close()
            raise SyslogLinkError(
                f"{self.target.where} and this unit find no common TLS: {ssl_words(error)}."
            ) from error
        except OSError as error:
            self.close()
            raise SyslogLinkError(
                f"{self.target.where} cannot be reached: {error.strerror or error}."
            ) from error

    def close(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def cancel(self) -> None:
        """End a `send` that waits, from another thread."""
        self._ended.set()
        sock = self._socket
        if sock is not None:
            try:
                # Below TLS: after a shutdown of its own what follows would go in the clear.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return

    # --- inside --------------------------------------------------------------------------------

    def _open(self) -> socket.socket:
        sock = self._socket
        if sock is not None:
            is_old = time.monotonic() - self._opened_at > RENEW_S
            if self.target.is_stream:
                if _is_alive(sock):
                    return sock
            elif not is_old:
                return sock
            self.close()
        sock = self._connected()
        self._opened_at = time.monotonic()
        return sock

    def _connected(self) -> socket.socket:
        """To the first address that takes it."""
        target = self.target
        if not target.host:
            raise SyslogLinkError("no server is set.")
        kind = socket.SOCK_STREAM if target.is_stream else socket.SOCK_DGRAM
        try:
            found = socket.getaddrinfo(target.host, target.port, type=kind)
        except OSError as error:  # of the resolver too
            raise SyslogLinkError(
                f"the name {target.host} is not found: {error.strerror or error}."
            ) from error
        why: OSError = OSError("no address")
        for family, _, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            self._socket = sock
            sock.settimeout(self._patience_s)
            try:
                sock.connect(address)
            except OSError as error:
                self.close()
                why = error
                continue
            if target.is_stream:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return self._secured(sock) if target.transport == "tls" else sock
        raise why

    def _secured(self, sock: socket.socket) -> ssl.SSLSocket:
        """TLS on `sock`. Raises SyslogLinkError for a file, SSLError and OSError for the peer."""
        target = self.target
        try:
            context = client_context(target.ca_file, target.cert_file, target.key_file)
        except TlsFileError as error:
            raise SyslogLinkError(str(error)) from error
        made = wrap(context, sock, target.host)
        self._socket = made  # `sock` is an empty shell now
        try:
            made.do_handshake()
        except ConnectionError as error:
            raise SyslogLinkError(
                f"{target.where} ends the TLS handshake: {error.strerror or error}; "
                "it may speak no TLS."
            ) from error
        if made.version() == "TLSv1.3":
            # There the server judges our certificate after our side of the handshake is done: what
            # it says next (tickets, as a rule) tells. One that says nothing is taken to agree.
            select.select([made], [], [], VERDICT_S)
            if not _is_alive(made):
                why = "refuse this unit's" if target.cert_file else "want a"
                raise SyslogLinkError(
                    f"{target.where} refused the connection after the TLS handshake; it may {why} "
                    "certificate."
                )
        return made

    def _await_arrival(self, sock: socket.socket) -> None:
        """Syslog has no answers: what counts is that the server's machine has acknowledged every
        octet and has not closed. Until then the message stands in the log as not told."""
        end = time.monotonic() + self._patience_s
        looks = RetryPauses(_FIRST_LOOK_S, _LONGEST_LOOK_S)
        while True:
            left = _unacknowledged(sock)
            if not _is_alive(sock):  # looked at after the count: a reset empties the queue
                raise SyslogLinkError(f"{self.target.where} closed the connection.")
            if not left:
                return
            if time.monotonic() > end:
                raise self._silent()
            if self._ended.wait(looks.next()):
                raise SyslogLinkError("the daemon is stopping.")

    def _silent(self) -> SyslogLinkError:
        return SyslogLinkError(f"{self.target.where} did not answer within {self._patience_s:g} s.")


def _unacknowledged(sock: socket.socket) -> int:
    """Octets the peer has not acknowledged (Linux, SIOCOUTQ)."""
    raw = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", raw)[0])


def _is_alive(sock: socket.socket) -> bool:
    """False when the peer has closed or reset. What it says is of no interest and thrown away."""
    ready = select.poll()
    ready.register(sock, select.POLLIN)
    try:
        for _ in range(MOST_READS):
            if not ready.poll(0):
                break
            if isinstance(sock, ssl.SSLSocket):
                return _is_alive_in_tls(sock)
            if not sock.recv(4096):
                return False
    except OSError:
        return False
    return True


def _is_alive_in_tls(sock: ssl.SSLSocket) -> bool:
    """As above; what can be read may be a ticket for the next time, and no end. Raises OSError."""
    patience_s = sock.gettimeout()
    sock.settimeout(0.0)
    try:
        return all(sock.recv(4096) for _ in range(MOST_READS))
    except ssl.SSLWantReadError:
        return True
    finally:
        sock.settimeout(patience_s)
