"""The webhook meets servers that are none: each is a sentence, and none an error of our own."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from mail_tls import Authority
from webhook_fixtures import WebhookBench

from btrmd.notify.webhook import post

Wait = Callable[..., None]
OOPS = b"HTTP/1.1 500 Oops\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\n"
NO_HTTP = "does not answer as an HTTP server"


class RawServer:
    """Says `reply` to every request over TLS, then `endless` again and again."""

    def __init__(self, authority: Authority, reply: bytes, endless: bytes = b"") -> None:
        self._context = authority.context()
        self._reply, self._endless = reply, endless
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), self._context.wrap_socket(near, server_side=True) as secure:
                asked = b""
                while not (b"\r\n\r\n" in asked and asked.endswith(b"}")):  # the body is JSON
                    asked += secure.recv(65536)
                secure.sendall(self._reply)
                while self._endless:
                    secure.sendall(self._endless)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5.0)


@pytest.fixture
def answering(authority: Authority) -> Iterator[Callable[..., RawServer]]:
    made: list[RawServer] = []

    def start(reply: bytes, endless: bytes = b"") -> RawServer:
        made.append(RawServer(authority, reply, endless))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.mark.parametrize(
    ("reply", "endless", "words"),
    [
        (b"220 mail.example.com ESMTP\r\n", b"", NO_HTTP),
        (b"hello", b"", NO_HTTP),
        (b"HTTP/1.1 abc no\r\n\r\n", b"", NO_HTTP),
        (b"HTTP/1.1 99999 no\r\n\r\n", b"", NO_HTTP),
        (OOPS, b"X: y\r\n" * 1000, NO_HTTP),
        (OOPS + b"X: ", b"y" * 65536, NO_HTTP),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, "took longer than 1.5 s in all."),
        (b"HTTP/1.1 101 Switching\r\n\r\n", b"", "answers 101 Switching."),
        (b"HTTP/1.1 503\r\n\r\n", b"", "answers 503."),
        (OOPS + b"\r\n", b"x " * 32768, "answers 500 Oops: x x x"),
        (OOPS + b"Content-Length: -7\r\n\r\nwhy", b"", "answers 500 Oops: why."),
        (OOPS + b"Content-Length: abc\r\n\r\nwhy", b"", "answers 500 Oops: why."),
        (OOPS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"", "answers 500 Oops."),
        (OOPS + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", b"", "answers 500 Oops."),
        (
            OOPS + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 10_000_000), b"",
            "answers 500 Oops.",
        ),
        (OOPS + b"\r\n\x00\x1b[31mwhy\xff\xfe", b"", "answers 500 Oops: [31mwhy."),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_a_sentence(
    hook: WebhookBench, answering: Callable[..., RawServer], wait_until: Wait,
    reply: bytes, endless: bytes, words: str,
) -> None:  # fmt: skip
    server = answering(reply, endless)
    hook.limit_s = 1.5
    hook.to(f"https://127.0.0.1:{server.port}/")
    hook.start()
    n = hook.tell()
    wait_until(lambda: hook.hook_fault)
    assert words in hook.hook_fault
    assert hook.reported is not None
    assert hook.reported < n


def test_a_success_whose_body_never_ends_is_a_success(
    hook: WebhookBench, answering: Callable[..., RawServer], wait_until: Wait
) -> None:
    server = answering(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)
    hook.to(f"https://127.0.0.1:{server.port}/")
    hook.start()
    n = hook.tell()
    wait_until(lambda: hook.reported == n)
    assert not hook.hook_fault


@pytest.mark.parametrize(
    ("after", "date", "seconds"),
    [
        ("120", "", 120.0),
        (" 7 ", "", 7.0),
        ("9" * 5000, "", 3600.0),
        ("-5", "", 0.0),
        ("1.5", "", 0.0),
        ("nan", "", 0.0),
        ("", "", 0.0),
        ("Sun, 29 Nov 2026 16:10:00 GMT", "Sun, 29 Nov 2026 16:00:00 GMT", 600.0),
        ("Sun, 29 Nov 2026 15:10:00 GMT", "Sun, 29 Nov 2026 16:00:00 GMT", 0.0),
        ("Sun, 29 Nov 2099 16:10:00 GMT", "Sun, 29 Nov 2026 16:00:00 GMT", 3600.0),
        ("Sun, 29 Nov 2026 16:10:00 GMT", "", 0.0),  # by whose clock?
        ("Sun, 29 Nov 2026 16:10:00 GMT", "Sun, 29 Nov 2026 16:00:00 -0000", 0.0),
        ("soon", "Sun, 29 Nov 2026 16:00:00 GMT", 0.0),
    ],
)
def test_how_long_a_server_asks_to_wait(
    hook: WebhookBench, answering: Callable[..., RawServer],
    after: str, date: str, seconds: float,
) -> None:  # fmt: skip
    head = b"".join(
        f"{name}: {value}\r\n".encode()
        for name, value in (("Retry-After", after), ("Date", date)) if value
    )  # fmt: skip
    server = answering(BUSY + head + b"\r\n")
    hook.to(f"https://127.0.0.1:{server.port}/")
    target = post.WebhookTarget.of(hook.settings)
    assert target is not None
    with pytest.raises(post.PostError) as caught:
        post.Post(target).send(b"{}", {})
    assert caught.value.later_s == seconds
