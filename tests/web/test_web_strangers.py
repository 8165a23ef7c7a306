"""Strangers on HTTP: strict reading, and no way to hold workers, memory or places."""

from __future__ import annotations

import contextlib
import gc
import logging
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hostile import address, connect, crowd, is_open
from waiting import wait_until
from web_station import AT, Client, Station

from btrmd.model.events import Event, Kind
from btrmd.servers import acceptor
from btrmd.servers.web import channel as channels
from btrmd.servers.web import socket_server
from btrmd.servers.web.http_head import HeadError, parse_head
from btrmd.servers.web.http_request import HttpRequest

GET = b"GET /healthz HTTP/1.1\r\nHost: btrm\r\n\r\n"
BIG = b"GET /api/v1/events?limit=10000 HTTP/1.1\r\nHost: btrm\r\n\r\n"


def say(client: Client, raw: bytes, *, ends: bool = False) -> bytes:
    """What comes back to `raw` until the unit closes, or the first answer."""
    with socket.create_connection((client.host, client.port), timeout=5) as sock:
        sock.sendall(raw)
        if ends:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            sock.settimeout(2)
            while piece := sock.recv(65536):
                answer += piece
        return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def head(*lines: str, line: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join((line, *lines, "", "")).encode("latin-1")


HOST = "Host: btrm"

REFUSED = [
    # (what RFC 9112 or 9110 has against it, request, status)
    ("3.2: no Host", head(), 400),
    ("3.2: two Hosts", head(HOST, HOST), 400),
    ("3.2: two different Hosts", head(HOST, "Host: evil.example"), 400),
    ("3.2: no host name", head("Host: a b"), 400),
    ("3.2: no host name", head("Host: a/b"), 400),
    ("3.2: no host name", head("Host: u@h"), 400),
    ("3.2: no port", head("Host: h:x"), 400),
    ("3.2: no port", head("Host: h:99999"), 400),
    ("3.2: an address that is none", head("Host: [::1"), 400),
    ("3.2: an address that is none", head("Host: [::g]"), 400),
    ("3.2: an address that is none", head("Host: [:::]"), 400),
    ("an empty Host", head("Host:"), 400),
    ("5.2: a folded line", head(HOST, "X: a", " b"), 400),
    ("5.2: a folded line", head(HOST, "X: a", "\tb"), 400),
    ("2.2: a space before the first field", head(" Host: btrm"), 400),
    ("5.1: a space before the colon", head("Host : btrm"), 400),
    ("5: no colon", head(HOST, "nonsense"), 400),
    ("5: an empty name", head(HOST, ": x"), 400),
    ("2.2: a bare CR", head(HOST, "X: a\rb"), 400),
    ("2.2: a bare LF", head(HOST, "X: a\nb"), 400),
    ("9110 5.5: a zero", head(HOST, "X: a\0b"), 400),
    ("9110 5.5: a control character", head(HOST, "X: a\x1bb"), 400),
    ("6.1: both lengths", head(HOST, "Content-Length: 3", "Transfer-Encoding: chunked"), 400),
    ("6.1: both lengths", head(HOST, "Transfer-Encoding: chunked", "Content-Length: 3"), 400),
    ("6.1: a length for HTTP/1.1 in HTTP/1.0",
     head(HOST, "Transfer-Encoding: chunked", line="POST / HTTP/1.0"), 400),
    ("6.1: twice chunked", head(HOST, "Transfer-Encoding: chunked, chunked"), 501),
    ("6.1: not chunked at last", head(HOST, "Transfer-Encoding: chunked, gzip"), 501),
    ("6.1: another coding", head(HOST, "Transfer-Encoding: gzip"), 501),
    ("6.1: another coding", head(HOST, "Transfer-Encoding: xchunked"), 501),
    ("6.1: another coding", head(HOST, "Transfer-Encoding: \x0bchunked"), 400),
    ("6.1: given twice", head(HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: x"), 400),
    ("6.3: two lengths", head(HOST, "Content-Length: 3", "Content-Length: 4"), 400),
    ("6.3: two lengths", head(HOST, "Content-Length: 3, 3"), 400),
    ("6.3: no length", head(HOST, "Content-Length: -1"), 400),
    ("6.3: no length", head(HOST, "Content-Length: +1"), 400),
    ("6.3: no length", head(HOST, "Content-Length: 0x1"), 400),
    ("6.3: no length", head(HOST, "Content-Length: 1_0"), 400),
    ("6.3: no length", head(HOST, "Content-Length: "), 400),
    ("6.3: no length", head(HOST, "Content-Length: 99999999999999999999"), 400),
    ("6.3: too long", head(HOST, "Content-Length: 999999", line="POST / HTTP/1.1"), 413),
    ("9110 9.1: a method in small letters", head(HOST, line="get / HTTP/1.1"), 501),
    ("9110 9.1: a method in small letters", head(HOST, line="Post / HTTP/1.1"), 501),
    ("3: HTTP/0.9", head(HOST, line="GET /"), 400),
    ("3: two spaces", head(HOST, line="GET  / HTTP/1.1"), 400),
    ("3: a tab", head(HOST, line="GET\t/ HTTP/1.1"), 400),
    ("3: a space at the end", head(HOST, line="GET / HTTP/1.1 "), 400),
    ("3: a space at the beginning", head(HOST, line=" GET / HTTP/1.1"), 400),
    ("3: no method", head(HOST, line="/ HTTP/1.1"), 400),
    ("3: no version", head(HOST, line="GET / HTTP/1"), 400),
    ("2.3: another version", head(HOST, line="GET / HTTP/2.0"), 505),
    ("2.3: another version", head(HOST, line="GET / HTTP/9.9"), 505),
    ("2.3: another spelling", head(HOST, line="GET / http/1.1"), 400),
    ("3.2: an address of nothing", head(HOST, line="GET http://[::1/ HTTP/1.1"), 400),
    ("3.2: an address of nothing", head(HOST, line="GET http:///x HTTP/1.1"), 400),
    ("3.2: another scheme", head(HOST, line="GET ftp://btrm/ HTTP/1.1"), 400),
    ("3.2: a fragment", head(HOST, line="GET /#x HTTP/1.1"), 400),
    ("3.2: no path", head(HOST, line="GET x HTTP/1.1"), 400),
    ("3.2: another form", head(HOST, line="CONNECT btrm:80 HTTP/1.1"), 400),
    ("3.2.4: for OPTIONS only", head(HOST, line="GET * HTTP/1.1"), 400),
    ("3.2: an octet that is no ASCII", head(HOST, line="GET /\xff HTTP/1.1"), 400),
    ("9110 10.1.1: another expectation", head(HOST, "Expect: tea"), 417),
    ("9110 15.5.15: a long target", head(HOST, line=f"GET /{'x' * 9000} HTTP/1.1"), 414),
    ("6585 5: many fields", head(HOST, *("X: y" for _ in range(200))), 431),
    ("6585 5: a long field", head(HOST, f"X: {'y' * 20_000}"), 431),
    ("a cookie twice", head(HOST, "Cookie: a=1", "Cookie: a=2"), 400),
    ("a login twice", head(HOST, "Authorization: Bearer x", "Authorization: Bearer y"), 400),
]  # fmt: skip


@pytest.mark.parametrize(("why", "raw", "status"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_ends(
    shared: tuple[Station, Client], caplog: pytest.LogCaptureFixture, why: str, raw: bytes,
    status: int,
) -> None:  # fmt: skip
    answer = say(shared[1], raw + b"abc" + GET)
    assert status_of(answer) == status, (why, answer[:300])
    assert answer.count(b"Content-Length: ") == 1, "nothing behind it is looked at"
    assert b"Connection: close" in answer
    assert caplog.records == []


@pytest.mark.parametrize(
    "raw",
    [
        GET,
        b"\r\n" + GET,
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET http://btrm/healthz HTTP/1.1\r\nHost: btrm\r\n\r\n",
        b"GET http://btrm:80/healthz?x=1 HTTP/1.1\r\nHost: other\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhOsT:\tbtrm \r\nX-Empty:\r\nX-Odd: \xe9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: [fe80::1]:8080\r\n\r\n",
        b"GET /healthz HTTP/1.7\r\nHost: btrm\r\nConnection: keep-alive, close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: btrm\r\nAccept: a\r\nAccept: b\r\n\r\n",
    ],
)
def test_what_is_right_is_served(client: Client, raw: bytes) -> None:
    assert status_of(say(client, raw)) == 200 or b"HTTP/1.0 200" in say(client, raw)


@pytest.mark.parametrize(
    "raw", [b"GET / HTTP/1.1\nHost: btrm\n\n", b"GET / HTTP/1.1\r\nHost: btrm\n\n"]
)
def test_lines_that_end_with_lf_only_are_refused_at_once(client: Client, raw: bytes) -> None:
    """RFC 9112 2.2; the head would have no end until its 30 s are over."""
    assert status_of(say(client, raw)) == 400
    request = HttpRequest("http")
    for octet in raw:
        request.received(bytes((octet,)), lambda head: 100)
    assert request.error is not None
    assert request.error.code == 400


def test_an_absolute_target_decides_about_the_host(client: Client) -> None:
    raw = b"GET http://evil.example/api/v1/points HTTP/1.1\r\nHost: btrm\r\n\r\n"
    assert status_of(say(client, raw)) == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"2\r\n{}\r\n0\r\n\r\n", 401),
        (b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX: trailer\r\n\r\n", 401),
        (b"2\r\n{}0\r\n\r\n", 400),
        (b"x\r\n{}\r\n0\r\n\r\n", 400),
        (b"-2\r\n{}\r\n0\r\n\r\n", 400),
        (b"0x2\r\n{}\r\n0\r\n\r\n", 400),
        (b" 2\r\n{}\r\n0\r\n\r\n", 400),
        (b"2\n{}\r\n0\r\n\r\n", 400),
        (b"ffffffff\r\n", 413),
        (b"123456789\r\n", 400),
        (b"2" + b";" * 999 + b"\r\n{}\r\n0\r\n\r\n", 400),
        (b"0\r\n" + b"X: y\r\n" * 999 + b"\r\n", 400),
        (b"\r\n2\r\n{}\r\n0\r\n\r\n", 400),
    ],
)
def test_chunks_are_read_as_strictly(client: Client, body: bytes, status: int) -> None:
    """Whole, and an octet at a time."""
    start = b"POST /api/v1/tests HTTP/1.1\r\nHost: btrm\r\nContent-Type: application/json\r\n"
    raw = start + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + body
    assert status_of(say(client, raw)) == status
    request = HttpRequest("http")
    for octet in raw:
        request.received(bytes((octet,)), lambda head: 100)
    if status == 401:
        assert request.error is None
        assert request.get_body_stream().read() == b"{}"
    else:
        assert request.error is not None
        assert request.error.code == status


@pytest.mark.parametrize(
    "raw",
    [
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: btrm\r\nOrigin: http://[::1\r\n\r\n",
        b"POST /api/v1/login HTTP/1.1\r\nHost: btrm\r\nOrigin: http://[::1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: btrm\r\nContent-Length: 9\r\n\r\nabc",
        b"GET /%00%ff/../.. HTTP/1.1\r\nHost: btrm\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: btrm\r\n\r\n",
        b"GET /api/v1/points HTTP/1.1\r\nHost: btrm\r\nCookie: \xff=;;=\x80; btrm_session\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: btrm\r\nSec-Fetch-Site: \xff\r\n\r\n",
    ],
)
def test_nobody_can_write_tracebacks_into_the_log(
    client: Client, caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    """Answered, cut off before the answer, and cut off in the middle."""
    with caplog.at_level(logging.INFO):
        say(client, raw, ends=True)
        for part in (raw, raw[:-3], raw * 5):
            for _ in range(3):
                with socket.create_connection((client.host, client.port), timeout=5) as sock:
                    sock.sendall(part)
        assert client.get("/healthz").status == 200
    assert [record.getMessage() for record in caplog.records] == []


def test_a_head_is_read_the_same_however_it_comes() -> None:
    whole = parse_head(GET[:-4])
    for size in (1, 2, 3, 7, len(GET)):
        request = HttpRequest("http")
        for at in range(0, len(GET), size):
            request.received(GET[at : at + size], lambda head: 100)
        assert request.completed
        assert request.head == whole
    with pytest.raises(HeadError):
        parse_head(b"")


# --- who does not read ----------------------------------------------------------------------------


@pytest.fixture
def full(station: Station) -> Station:
    """With an event log of three megabytes."""
    station.history.event_list = [
        Event(n, AT, 0.0, "io1", Kind.CHANGE, None, None, "core", "x" * 250)
        for n in range(1, 10_001)
    ]
    return station


def deaf(client: Client, raw: bytes, source: str = "127.0.0.1") -> socket.socket:
    """A client that asks and never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.bind((source, 0))
    sock.settimeout(5)
    sock.connect((client.host, client.port))
    sock.sendall(raw)
    return sock


def served(station: Station) -> Iterator[channels.HttpChannel]:
    server = station.server._listeners[0]._server
    assert server is not None
    yield from list(server.active_channels.values())


def test_who_reads_nothing_holds_no_worker_and_little_memory(full: Station) -> None:
    """More of them than there are workers, each with twenty requests one behind the other."""
    client = full.client()
    held = [deaf(client, BIG * 20) for _ in range(8)]
    try:
        wait_until(lambda: sum(c.total_outbufs_len > channels.BEHIND for c in served(full)) == 8)
        for path in ("/healthz", "/", "/api/v1/points"):
            assert client.get(path).status == 200
        for found in served(full):
            assert len(found.requests) <= 2
            assert found.total_outbufs_len < 4 * channels.BEHIND
            assert found.kept < 32 * 1024
    finally:
        for sock in held:
            sock.close()
    wait_until(lambda: not any(c.total_outbufs_len for c in served(full)))


def test_who_reads_slowly_gets_everything(full: Station) -> None:
    client = full.client()
    with deaf(client, BIG * 2 + GET) as sock:
        answer = b""
        while answer.count(b"HTTP/1.1 200 OK") < 1 or not answer.endswith(b"0\r\n\r\n"):
            piece = sock.recv(4096)
            assert piece, "closed before the end"
            answer += piece
    assert answer.count(b'"uptime_s"') == 10_000
    plain = client.ask("GET", "/api/v1/events?limit=10000").json
    zipped = client.ask("GET", "/events/json", headers={"Accept-Encoding": "gzip"})
    assert len(plain["events"]) == 10_000  # type: ignore[arg-type]
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.body) < 300_000


def test_an_answer_that_is_not_taken_ends_its_connection(
    full: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_server, "STALL_S", 0.5)
    client = full.client()
    with deaf(client, BIG) as sock:
        wait_until(lambda: any(c.total_outbufs_len for c in served(full)))
        wait_until(lambda: not any(c.total_outbufs_len for c in served(full)), 10.0)
        with contextlib.suppress(ConnectionError):
            while sock.recv(65536):
                pass
    assert full.server.shares["http"].stalled_closed == 1


def test_answers_nobody_takes_are_bounded_altogether(
    full: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_server, "MOST_UNSENT", 200 * 1024)
    monkeypatch.setattr(socket_server, "MOVING_S", 0.0)
    client = full.client()
    held = [deaf(client, BIG) for _ in range(20)]
    try:
        for _ in range(40):
            assert client.get("/healthz").status == 200
        assert sum(c.total_outbufs_len for c in served(full)) < 400 * 1024
        assert full.server.shares["http"].stalled_closed > 5
    finally:
        for sock in held:
            sock.close()


def test_bodies_that_trickle_in_are_bounded_altogether(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_server, "MOST_KEPT", 200 * 1024)
    client = station.client()
    part = b"POST /api/v1/login HTTP/1.1\r\nHost: btrm\r\nContent-Length: 60000\r\n\r\n"
    held = [deaf(client, part + b"x" * 50_000) for _ in range(20)]
    try:
        wait_until(lambda: sum(c.kept for c in served(station)) < 210 * 1024)
        assert client.log_in().status == 200
    finally:
        for sock in held:
            sock.close()


def is_well(sock: socket.socket, raw: bytes) -> bool:
    """Ask for /healthz on a connection that stands."""
    sock.sendall(raw)
    answer = b""
    while not answer.endswith(b"}"):
        piece = sock.recv(4096)
        assert piece, "closed"
        answer += piece
    return answer.endswith(b'{"status":"ok"}')


# --- crowds ---------------------------------------------------------------------------------------


def test_two_hundred_idle_connections_from_one_address_are_no_hindrance(
    station: Station, client: Client
) -> None:
    """Not even to another connection of the same address."""
    with crowd(client.port, 200, 1) as held:
        held += [socket.create_connection((client.host, client.port)) for _ in range(200)]
        for _ in range(3):
            assert client.get("/healthz").status == 200
            assert client.get("/").status == 200


@pytest.mark.parametrize("raw", [b"", b"GET / HTTP/1.1\r\nHost: b", b"\x00\r\n\r\n", GET])
def test_what_has_ended_is_let_go_without_the_collector_of_cycles(
    station: Station, client: Client, raw: bytes
) -> None:
    """Or a crowd that comes and goes costs megabytes until that comes by."""
    client.get("/healthz")  # what is loaded by the first
    gc.collect()
    before = set(map(id, found_channels()))
    gc.disable()
    try:
        for _ in range(20):
            with socket.create_connection((client.host, client.port), timeout=5) as sock:
                sock.sendall(raw)
                if raw.endswith(b"\r\n\r\n"):
                    assert sock.recv(100)
        # a worker knows the last one that it has served until there is another
        wait_until(lambda: len([c for c in found_channels() if id(c) not in before]) <= 6)
    finally:
        gc.enable()


def found_channels() -> list[channels.HttpChannel]:
    return [one for one in gc.get_objects() if type(one) is channels.HttpChannel]


def test_a_crowd_from_forty_addresses_keeps_nobody_out(
    full: Station, start_station: Callable[..., Station]
) -> None:
    client = full.client()
    with crowd(client.port, 400, 40, BIG) as held:
        began = time.monotonic()
        with connect(client.port, address(200)) as fresh:
            assert is_well(fresh, GET)
        assert time.monotonic() - began < 10.0
        # who came last of the crowd may still wait for another turn while the new one is served
        assert sum(map(is_open, held)) <= 128 + acceptor.WAITING
        wait_until(lambda: sum(map(is_open, held)) <= 128)


def test_who_is_logged_in_keeps_his_connection(station: Station) -> None:
    client = station.client()
    client.log_in()
    cookie = f"Cookie: btrm_session={client.cookies['btrm_session']}\r\n".encode()
    mine = GET[:-2] + cookie + b"\r\n"
    with connect(client.port, address(90)) as sock:
        assert is_well(sock, mine)
        with crowd(client.port, 600, 200, GET):
            assert is_well(sock, mine)
