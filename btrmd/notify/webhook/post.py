"""The post: one HTTPS request from the look-up to the answer, every trouble as a sentence."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Final

from ...model.errors import BtrmError
from ..tls import TlsFileError, certificate_words, client_context, ssl_words, wrap
from .target import PORT, WebhookTarget

PATIENCE_S: Final = 15.0  # for any single step
LIMIT_S: Final = 45.0  # for all of it
READ_MOST: Final = 4096  # octets of an answer
LATER_MOST_S: Final = 3600.0  # of a Retry-After


class PostError(BtrmError):
    """The server did not take it; the text says why. `later_s`: what it asked to wait, 0 = none."""

    def __init__(self, text: str, later_s: float = 0.0) -> None:
        super().__init__(text)
        self.later_s = later_s


class Post:
    """One request. `send` on one thread, `cancel` on any."""

    def __init__(
        self, target: WebhookTarget, patience_s: float = PATIENCE_S, limit_s: float = LIMIT_S
    ) -> None:
        self._target = target
        self._patience_s = patience_s
        self._limit_s = limit_s
        self._ended = ""  # why it was cut off
        self._socket: socket.socket | None = None

    def send(self, body: bytes, headers: Mapping[str, str]) -> None:
        """The server has answered with 2xx when it returns. Raises PostError."""
        if not self._target.url:
            raise PostError("no address is set.")
        timer = threading.Timer(self._limit_s, self._cut_off)
        timer.daemon = True
        timer.start()
        try:
            self._answered(body, headers)
        except PostError as error:
            raise PostError(self._ended, 0.0) if self._ended else error from None
        finally:
            timer.cancel()
            sock, self._socket = self._socket, None
            if sock is not None:
                sock.close()

    def cancel(self, why: str = "the daemon is stopping.") -> None:
        """Cut it off; `send` ends soon."""
        self._ended = self._ended or why
        sock = self._socket
        if sock is not None:
            with suppress(OSError):  # below TLS, which another thread is using
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _cut_off(self) -> None:
        self.cancel(f"{self._target.where} took longer than {self._limit_s:g} s in all.")

    def _answered(self, body: bytes, headers: Mapping[str, str]) -> None:
        where = self._target.where
        try:
            self._connect()
            status, reason, reply, later = self._ask(body, headers)
        except TimeoutError as error:
            raise PostError(f"{where} did not answer within {self._patience_s:g} s.") from error
        except ssl.SSLCertVerificationError as error:
            fault = certificate_words(error)
            raise PostError(f"the certificate of {where} is refused: {fault}.") from error
        except ssl.SSLError as error:
            raise PostError(
                f"{where} and this unit find no common TLS: {ssl_words(error)}."
            ) from error
        except socket.gaierror as error:
            host = self._target.host
            raise PostError(f"the name {host} is not found: {error.strerror}.") from error
        except http.client.RemoteDisconnected as error:
            raise PostError(f"{where} closed the connection without an answer.") from error
        except http.client.HTTPException as error:
            name = type(error).__name__
            raise PostError(f"{where} does not answer as an HTTP server ({name}).") from error
        except OSError as error:
            raise PostError(f"{where} cannot be reached: {error.strerror or error}.") from error
        if not 200 <= status < 300:
            raise PostError(self._words(status, reason, reply), later)

    def _connect(self) -> None:
        target = self._target
        try:
            context = client_context(target.ca_file, target.cert_file, target.key_file)
        except TlsFileError as error:
            raise PostError(str(error)) from error
        plain = socket.create_connection((target.host, target.port), self._patience_s)
        self._socket = plain
        # The handshake is apart, so that `cancel` finds the socket that is in use.
        self._socket = made = wrap(context, plain, target.host)
        if self._ended:
            raise PostError(self._ended)
        made.do_handshake()

    def _ask(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, str, float]:
        """Status, its words, what the body says, and Retry-After in s."""
        connection = http.client.HTTPConnection(self._target.host, self._target.port)
        connection.default_port = PORT  # so that Host is without it
        connection.sock = self._socket
        connection.request("POST", self._target.path, body, {**headers, "Connection": "close"})
        with connection.getresponse() as answer:
            status, reason = answer.status, answer.reason
            later = _seconds(answer.getheader("Retry-After", ""), answer.getheader("Date", ""))
            reply = ""
            if not 200 <= status < 300 and not answer.getheader("Content-Encoding", ""):
                # The status is what counts; a chunk of negative length is a ValueError.
                with suppress(OSError, http.client.HTTPException, ValueError):
                    reply = answer.read(READ_MOST).decode("utf-8", "ignore")
            return status, reason, reply, later

    def _words(self, status: int, reason: str, reply: str) -> str:
        where, masked = self._target.where, self._target.masked
        if 300 <= status < 400:
            return f"{where} sends elsewhere ({status} {masked(reason)}): enter that address."
        text = masked(reply)
        text = f": {text}" if text and "<" not in text else ""  # a page is no sentence
        name = f" {masked(reason)}".rstrip()
        return f"{where} answers {status}{name}{text}".rstrip(".") + "."


def _seconds(text: str, date: str) -> float:
    """Retry-After (RFC 9110, 10.2.3) as s; a date counts from the server's own `date`, since our
    clock may not be set. 0 where it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LATER_MOST_S)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):  # TypeError: only one of them has a zone
        return 0.0
    return min(max(wait.total_seconds(), 0.0), LATER_MOST_S)
