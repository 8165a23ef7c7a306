"""The SMTP client: look-up and connection with a limit in time, smtplib on a given socket."""

from __future__ import annotations

import smtplib
import socket
import threading
from ipaddress import ip_address
from typing import Any, Final

MOST_OCTETS: Final = 65_536  # of all answers of one mail; a server that says more is broken

Found = tuple[Any, ...]  # a row of getaddrinfo


class LookUp:
    """A name look-up on a thread of its own: the resolver has no limit in time."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._done = threading.Event()
        self._found: list[Found] = []
        self._error: OSError | UnicodeError | None = None

    def wait(self, seconds: float) -> list[Found]:
        """Raises OSError when the name is not known, TimeoutError after `seconds`."""
        threading.Thread(target=self._run, name="mail-dns", daemon=True).start()
        if not self._done.wait(seconds):
            raise TimeoutError("no answer")
        if isinstance(self._error, UnicodeError):
            raise OSError("the name is too long") from self._error
        if self._error is not None:
            raise self._error
        return self._found

    def cancel(self) -> None:
        """The waiting thread goes on with a failure."""
        self._error = OSError("cancelled")
        self._done.set()

    def _run(self) -> None:
        try:
            self._found = list(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            self._error = error
        self._done.set()


class _Answers:
    """The answers of a server, as smtplib reads them, bounded."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = MOST_OCTETS

    def readline(self, most: int = -1) -> bytes:
        line: bytes = self._file.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the server says too much")
        return line

    def close(self) -> None:
        self._file.close()


class SmtpClient(smtplib.SMTP):
    """smtplib on a socket that is connected; `host` is the name of the settings."""

    def __init__(self, sock: socket.socket, host: str, port: int, timeout: float) -> None:
        self._given = sock
        # A name of one's own would be looked up, which may take for ever.
        own = ip_address(sock.getsockname()[0].partition("%")[0])
        name = f"[{own}]" if own.version == 4 else f"[IPv6:{own}]"
        super().__init__(host, port, local_hostname=name, timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._given

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Answers(self.sock.makefile("rb"))
        return super().getreply()

    def use(self, sock: socket.socket) -> None:
        """Go on over TLS; what was said in the clear before is forgotten (RFC 3207 4.2)."""
        self.sock = sock
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
