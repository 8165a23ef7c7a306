"""A real SMTP server (aiosmtpd) on a thread of its own, and a port that answers nothing."""

from __future__ import annotations

import asyncio
import email
import email.policy
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult


class Mail(NamedTuple):
    """What was accepted."""

    sender: str
    to: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return str(self.message.get_content())


class MailServer:
    """`refuse`: recipient -> answer; `answer`: to the message; `hold`: no answer to the message
    until it is False again. `user` and `password`: a login is offered; `context`: its certificate,
    used from the start with `tls`, by STARTTLS without."""

    def __init__(
        self,
        port: int = 0,
        user: str = "",
        password: str = "",
        context: ssl.SSLContext | None = None,
        tls: bool = False,
        sender_answer: str = "",
    ) -> None:
        self.refuse: dict[str, str] = {}
        self.answer = "250 Taken"
        self.held = threading.Event()  # a message has come and waits
        self._is_held = False
        self._let_go = asyncio.Event()  # set in the loop's own thread
        self._sender_answer = sender_answer
        self._login = (user.encode(), password.encode())
        self._context = context
        self._tls = tls
        self._mails: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ending = False
        self._protocols: list[SMTP] = []
        self._socks: list[socket.socket] = []
        self._transports: list[asyncio.Transport] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10.0)

    # --- the test's side -------------------------------------------------------------------------

    @property
    def hold(self) -> bool:
        return self._is_held

    @hold.setter
    def hold(self, is_held: bool) -> None:
        if is_held:
            self._let_go = asyncio.Event()
        else:
            self._loop.call_soon_threadsafe(self._let_go.set)
        self._is_held = is_held

    def take(self, seconds: float = 10.0) -> Mail:
        """The next mail that was accepted."""
        return self._mails.get(timeout=seconds)

    @property
    def is_quiet(self) -> bool:
        return self._mails.empty()

    def all(self) -> list[Mail]:
        """Every mail that waits to be taken."""
        found = []
        while not self._mails.empty():
            found.append(self._mails.get())
        return found

    def close(self) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10.0)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10.0)
            self._loop.close()

    # --- aiosmtpd's side -------------------------------------------------------------------------

    async def _open(self) -> None:
        self._listening = self._loop.create_task(self._accept())

    async def _accept(self) -> None:
        """By hand, so that no connection is out of sight: a handshake that is under way, or one
        the client has given up, belongs to no protocol yet."""
        while True:
            sock, _ = await self._loop.sock_accept(self._listener)
            self._socks.append(sock)
            if self._is_ending:
                return
            self._tasks.add(self._loop.create_task(self._connect(sock)))

    async def _connect(self, sock: socket.socket) -> None:
        context = self._context if self._tls else None
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                self._protocol, sock, ssl=context
            )
        except OSError:
            return  # the client did not like the certificate
        self._transports.append(transport)

    async def _end(self) -> None:
        self._is_ending = True  # not cancelled: that could lose who comes in this very moment
        with socket.create_connection(("127.0.0.1", self.port)):
            await self._listening
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for protocol in self._protocols:  # a handshake that has just ended
            if protocol.transport is not None:
                protocol.transport.abort()
        for transport in self._transports:
            transport.abort()
        me = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not me]
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for _ in range(5):
            await asyncio.sleep(0)  # transports that were aborted hear of it
        for sock in (self._listener, *self._socks):
            sock.close()

    def _protocol(self) -> SMTP:
        options: dict[str, Any] = {}
        if self._login[0]:
            options = {"authenticator": self._judge, "auth_require_tls": False}
        starttls = None if self._tls else self._context
        made = SMTP(self, hostname="mail.test", tls_context=starttls, loop=self._loop, **options)
        self._protocols.append(made)
        return made

    def _judge(self, server: Any, session: Any, envelope: Any, how: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == self._login, handled=False)

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self._sender_answer:
            return self._sender_answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.hold:
            self.held.set()
            await self._let_go.wait()
        if self.answer.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self._mails.put(Mail(envelope.mail_from, tuple(envelope.rcpt_tos), message))
        return self.answer


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@contextmanager
def script(*parts: bytes) -> Iterator[int]:
    """A port that says one part after each line it hears, and at first."""

    def serve(sock: socket.socket) -> None:
        try:
            peer, _ = sock.accept()
        except OSError:
            return
        with peer:
            peer.settimeout(10.0)
            try:
                for part in parts:
                    peer.sendall(part)
                    peer.recv(65536)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=serve, args=(sock,))
        thread.start()
        yield sock.getsockname()[1]
        sock.close()
        thread.join(15.0)


Serve = Callable[..., MailServer]
