"""The acceptor and the pauses: one policy for every listener, whatever loop it has."""

from __future__ import annotations

import errno
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import pytest
from hostile import connect

from btrmd.model.service import Limit
from btrmd.retry import RetryPauses, keep_running
from btrmd.servers.acceptor import AT_ONCE, HELD, PAUSE_S, WAITING, Acceptor
from btrmd.servers.share import OWN_BURST, Member, Share
from btrmd.servers.tcp import bind, listen_fault

FAST = Limit("connections", 1000, 1000, 60.0, 1000.0, "nobody")


class Listener:
    """A real listening socket; its clients are connected when `come` returns."""

    def __init__(self, limit: Limit = FAST) -> None:
        self.now = 100.0
        self.socket = bind("127.0.0.1", 0)
        self.socket.setblocking(False)
        self.share = Share(limit, lambda: self.now)
        self.acceptor = Acceptor(self.socket, self.share, lambda: self.now)
        self.clients: list[socket.socket] = []

    def come(self, count: int) -> None:
        place = self.socket.getsockname()[:2]
        self.clients += [socket.create_connection(place, 5.0) for _ in range(count)]

    def take(self) -> list[str]:
        """The hosts of those that are accepted now."""
        found = list(self.acceptor.accepted())
        self.clients += [one.sock for one in found]
        return [one.host for one in found]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.acceptor.close()
    for sock in (made.socket, *made.clients):
        sock.close()


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_so_many_at_once_then_those_that_stand_have_their_turn(listener: Listener) -> None:
    listener.come(AT_ONCE + 3)
    assert listener.take() == ["127.0.0.1"] * AT_ONCE
    assert listener.take() == ["127.0.0.1"] * 3
    assert listener.take() == []
    assert listener.acceptor.may_accept


def test_without_a_descriptor_there_is_a_pause_and_nobody_is_lost(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.come(2)
    with no_descriptor_left():
        assert listener.take() == []
    assert "no connection can be taken: Too many open files; next try in 1 s" in caplog.text
    assert not listener.acceptor.may_accept
    listener.now += PAUSE_S
    assert listener.acceptor.may_accept
    assert listener.take() == ["127.0.0.1"] * 2


def test_whom_the_share_does_not_admit_is_reset(listener: Listener) -> None:
    slow = Limit("connections", 1000, 1000, 60.0, 1.0, "nobody")
    listener.share = Share(slow, lambda: listener.now)
    listener.acceptor = Acceptor(listener.socket, listener.share, lambda: listener.now)
    count = int(OWN_BURST) + 4
    listener.come(count)
    clients = list(listener.clients)
    taken = len(listener.take())
    assert OWN_BURST <= taken < count
    assert listener.share.refused == count - taken
    for client in clients[taken:]:
        with pytest.raises(ConnectionResetError):
            client.recv(1)


@pytest.mark.parametrize("new_s", [0.0, 1000.0])
def test_who_has_come_least_is_taken_first_whoever_came_before(
    listener: Listener, new_s: float
) -> None:
    """In the order of the kernel a new master waits until something is made of all before it."""
    limit = Limit("connections", 1000, 1000, 60.0, new_s, "nobody")
    listener.share = Share(limit, lambda: listener.now)
    listener.acceptor = Acceptor(listener.socket, listener.share, lambda: listener.now, at_once=8)
    listener.come(int(OWN_BURST) + 100)
    port = listener.socket.getsockname()[1]
    with connect(port, "127.0.0.9"):
        assert listener.take() == [*["127.0.0.1"] * 7, "127.0.0.9"]
        assert listener.acceptor.has_more
    with connect(port, "127.0.0.8"):
        assert listener.take() == [*["127.0.0.1"] * 7, "127.0.0.8"]


def test_who_has_come_least_is_not_ended_by_those_who_came_in_the_same_look(
    listener: Listener,
) -> None:
    """Four places, as DNP3 has, eight of a crowd, a master in the midst of them."""
    limit = Limit("connections", 4, 4, 60.0, 1000.0, "nobody")
    listener.share = Share(limit, lambda: listener.now)
    listener.acceptor = Acceptor(listener.socket, listener.share, lambda: listener.now, at_once=8)
    port = listener.socket.getsockname()[1]
    crowd = [f"127.0.0.{n % 4 + 1}" for n in range(8)]
    hosts = [*crowd[:6], "127.0.0.9", *crowd[6:]]
    listener.clients += [connect(port, host) for host in hosts]
    ended: list[str] = []
    while True:
        for sock, host, _ in listener.acceptor.accepted():
            listener.clients.append(sock)
            listener.share.enter(Member(host, partial(ended.append, host)))
        if not listener.acceptor.has_more:
            break
    assert listener.share.count == 4
    assert "127.0.0.9" not in ended


def test_however_many_come_so_many_are_held_and_the_last_is_seen_in_the_first_look(
    listener: Listener,
) -> None:
    listener.come(2 * HELD)
    with connect(listener.socket.getsockname()[1], "127.0.0.9"):
        assert listener.take()[-1] == "127.0.0.9"
    assert listener.share.refused == 2 * HELD + 1 - AT_ONCE - WAITING


def test_of_a_crowd_only_so_many_wait_and_its_oldest_are_reset(listener: Listener) -> None:
    listener.acceptor = Acceptor(listener.socket, listener.share, lambda: listener.now, at_once=0)
    listener.come(WAITING + 9)
    crowd = list(listener.clients)
    with connect(listener.socket.getsockname()[1], "127.0.0.9"):
        assert listener.take() == []
        assert listener.share.refused == 10
        for client in crowd[:10]:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    listener.acceptor.close()
    assert not listener.acceptor.has_more
    with pytest.raises(ConnectionResetError):
        crowd[10].recv(1)


def test_pauses_double_up_to_the_longest_and_begin_again_after_a_success() -> None:
    pauses = RetryPauses(0.5, 3.0)
    assert [pauses.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    pauses.reset()
    assert pauses.next() == 0.5
    assert [RetryPauses(90.0, 60.0).next() for _ in range(2)] == [90.0, 90.0]


class _Ending(threading.Event):
    """Does not wait; ends what runs after so many waits."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) == self.most:
            self.set()
        return self.is_set()


def test_what_ends_by_an_error_is_started_again_after_growing_pauses() -> None:
    now, ended = 100.0, list[str]()

    def run() -> None:
        nonlocal now
        now += 11.0 if len(ended) == 3 else 1.0  # the fourth has worked for a while
        raise RuntimeError(f"error {len(ended)}")

    stopping = _Ending(5)
    keep_running(run, stopping, lambda e: ended.append(str(e)), RetryPauses(1.0, 60.0), lambda: now)
    assert ended == [f"error {n}" for n in range(5)]
    assert stopping.waits == [1.0, 2.0, 4.0, 1.0, 2.0]


def test_a_port_that_is_taken_is_told_with_its_address(listener: Listener) -> None:
    port = listener.socket.getsockname()[1]
    with pytest.raises(OSError, match="in use") as error:
        bind("127.0.0.1", port)
    told = listen_fault("NUT", "127.0.0.1", port, error.value)
    assert told == f"NUT cannot listen on 127.0.0.1:{port}: Address already in use."
    assert listen_fault("http", "::1", 80, OSError(13, "No")).endswith(" on [::1]:80: No.")


def test_an_error_of_one_connection_is_no_pause(listener: Listener) -> None:
    """accept(2) may report what is already wrong with the connection it would have given."""

    class Broken:
        def accept(self) -> None:
            raise OSError(errno.EPROTO, "Protocol error")

    listener.acceptor = Acceptor(cast("socket.socket", Broken()), listener.share)
    assert listener.take() == []
    assert listener.acceptor.may_accept
