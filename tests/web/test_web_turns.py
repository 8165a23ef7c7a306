"""One turn of the HTTP loop after another, by hand: what happens at once in it."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hostile import address, connect

from btrmd.model.service import LIMITS, Limit
from btrmd.servers.acceptor import AT_ONCE
from btrmd.servers.share import Share
from btrmd.servers.web.dispatcher import Dispatcher
from btrmd.servers.web.http_head import RequestHead
from btrmd.servers.web.listener import HttpListener
from btrmd.servers.web.visitors import Visitor

TURNING_S = 10.0
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER (socket(7)): close sends a reset


def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def identify(head: RequestHead, host: str) -> Visitor:
    return Visitor(host, False, 0)


@contextlib.contextmanager
def opened(limit: Limit) -> Iterator[HttpListener]:
    """Not started: the test turns its loop."""
    share = Share(limit)
    workers = Dispatcher(share, lambda place: 0.0)
    made = HttpListener(
        "http", "127.0.0.1:0", app, workers, share, identify, lambda *_: None, lambda: True
    )
    workers.start(1)
    assert made._open()
    yield made
    made._close()
    workers.shutdown(2.0)


@pytest.fixture
def listener() -> Iterator[HttpListener]:
    """One place in all."""
    with opened(LIMITS["http"]._replace(most=1, each=1, yield_s=0.0)) as made:
        yield made


def turn_until(listener: HttpListener, condition: Callable[[], object]) -> None:
    """Not so many turns but so long: while a worker sends, its connection can be written to, and
    the loop turns as often as it can."""
    latest = time.monotonic() + TURNING_S
    while not condition():
        assert time.monotonic() < latest, f"the loop has turned for {TURNING_S} s"
        listener._turn(0.05)


def test_a_newcomer_does_not_end_with_the_connection_whose_place_it_gets(
    listener: HttpListener,
) -> None:
    """A crowd's connections are reset as they make room: what poll(2) had to say of the old one
    is not said of the new one."""
    server = listener._server
    assert server is not None
    first = connect(listener._port, address(1))
    turn_until(listener, lambda: server.active_channels)
    (old,) = server.active_channels.values()
    number = old.socket.fileno()
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    first.close()
    between = connect(listener._port, address(2))
    with between, contextlib.closing(connect(listener._port, address(3))) as newcomer:
        # All are there before the loop looks.
        assert select.select([number, server.socket], [], [], 5.0)[0] == [number, server.socket]
        turn_until(listener, lambda: old not in server.active_channels.values())
        newcomer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        turn_until(listener, lambda: select.select([newcomer], [], [], 0)[0])
        assert newcomer.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_connections_are_made_when_the_turn_is_over(listener: HttpListener) -> None:
    """One that makes an old one end must not get what poll(2) has still to say in this turn."""
    server = listener._server
    assert server is not None
    with connect(listener._port, address(1)):
        assert select.select([server.socket], [], [], 5.0)[0]
        server.handle_accept()
        assert not server.active_channels
        server.do_wanted()
        assert len(server.active_channels) == 1


def test_more_than_a_look_makes_are_all_answered() -> None:
    """The socket is not readable any more when the others have their turn."""
    with opened(LIMITS["http"]) as listener, contextlib.ExitStack() as stack:
        visitors = [
            stack.enter_context(connect(listener._port, address(n))) for n in range(AT_ONCE + 6)
        ]
        for visitor in visitors:
            visitor.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        turn_until(listener, lambda: len(select.select(visitors, [], [], 0)[0]) == len(visitors))
        for visitor in visitors:
            assert visitor.recv(4096).startswith(b"HTTP/1.1 200 ")
