"""The server: binding, failing to, binding later, stopping."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import wait_until
from web_station import Client, MemoryHistory, MemoryStore, Station, make_snapshot

from btrmd.bus import Bus
from btrmd.daemon.tls_file import TlsFile
from btrmd.model.settings import Settings
from btrmd.net import split_address
from btrmd.servers.web import WebServer
from btrmd.servers.web.channel import REQUEST_TIMEOUT_S
from btrmd.servers.web.listener import STUCK_S


def make_server(http_address: str) -> tuple[Bus, WebServer]:
    bus = Bus(make_snapshot())
    return bus, WebServer(bus, MemoryHistory(), MemoryStore(), http_address)


def test_port_0_is_any_free_one_and_is_reported(station: Station) -> None:
    host, _, port = station.address.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0
    assert station.bus.listeners["http"].fault == ""


def test_none_is_off() -> None:
    bus, server = make_server("none")
    server.start()
    assert bus.listeners == {}
    server.stop()


def test_a_taken_port_is_a_fault_and_is_served_once_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bus, server = make_server(f"127.0.0.1:{port}")
        server.start()
        listener = bus.listeners["http"]
        assert listener.address == ""
        assert f"127.0.0.1:{port}" in listener.fault
    try:
        wait_until(lambda: bus.listeners["http"].address == f"127.0.0.1:{port}")
        assert bus.listeners["http"].fault == ""
        assert Client(f"127.0.0.1:{port}").get("/metrics").status == 200
    finally:
        server.stop()
        bus.close()


@pytest.mark.parametrize("address", ["no-such-host.invalid:80", "203.0.113.1:0"])
def test_a_host_that_is_not_here_is_a_fault_and_stops_at_once(address: str) -> None:
    bus, server = make_server(address)
    server.start()
    assert bus.listeners["http"].fault
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 2.0


def test_it_stops_although_connections_and_streams_are_open(
    start_station: Callable[..., Station],
) -> None:
    before = set(threading.enumerate())
    station = start_station()
    client = station.client()
    kept = http.client.HTTPConnection(client.host, client.port, timeout=5)
    kept.request("GET", "/healthz")
    kept.getresponse().read()
    stream = http.client.HTTPConnection(client.host, client.port, timeout=5)
    stream.request("GET", "/api/v1/stream")
    answer = stream.getresponse()
    began = time.monotonic()
    station.server.stop()
    assert time.monotonic() - began < 2.0
    assert station.bus.listeners["http"].address == ""
    with pytest.raises(OSError, match=r"refused|reset"):
        client.get("/healthz")
    answer.close()
    kept.close()
    stream.close()
    station.owner.stop()
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_kept_connection_serves_one_request_after_another(client: Client) -> None:
    connection = http.client.HTTPConnection(client.host, client.port, timeout=5)
    for path in ("/healthz", "/api/v1/points", "/", "/api/v1/nothing", "/healthz"):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.read()
        assert not answer.will_close
    connection.close()


def test_a_request_that_is_no_http_is_answered_and_closed(client: Client) -> None:
    for junk in (b"\x00\xff\r\n\r\n", b"GET / HTTP/9.9\r\nA: b\r\n\r\n", b"GET\r\n\r\n"):
        with socket.create_connection((client.host, client.port), timeout=5) as connection:
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.makefile("rb").read()
        assert b"Traceback" not in answer
    assert client.get("/healthz").status == 200


def test_a_head_that_is_too_long_is_refused(client: Client) -> None:
    reply = client.ask("GET", "/", headers={"X-Long": "x" * 20_000})
    assert reply.status == 431
    assert reply.json["reason"]


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:80", ("::1", 80)),
        (":80", ("0.0.0.0", 80)),
        ("*:0", ("0.0.0.0", 0)),
    ],
)
def test_an_address_is_host_and_port(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize("address", ["", "80", "host", "host:", "host:http", "host:65536", "h:-1"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        split_address(address)


def test_a_request_that_trickles_in_for_ever_is_cut_off(station: Station, client: Client) -> None:
    server = station.server._listeners[0]._server
    assert server is not None
    with socket.create_connection((client.host, client.port), timeout=5) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: bt")
        wait_until(lambda: any(c.request for c in list(server.active_channels.values())))
        now = time.monotonic()
        for later in (0, REQUEST_TIMEOUT_S - 1, REQUEST_TIMEOUT_S + 1):
            server.call_in_loop(lambda later=later: server.maintenance(now + later))
        assert slow.recv(100) == b""
    assert client.get("/healthz").status == 200


def test_the_pages_say_what_is_wrong_with_them_without_a_socket(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = station.server
    assert web.fault() == ""
    monkeypatch.setattr(web.app, "view_functions", {})
    assert web.fault() == "/healthz answers 500."
    listener = web._listeners[0]
    thread, listener._thread = listener._thread, threading.Thread(target=int)
    assert web.fault() == f"The loop of http has not turned for {STUCK_S:g} s."
    listener._thread = thread
    _, closed = make_server("none")
    assert closed.fault() == ""


@pytest.mark.parametrize(
    ("http", "https", "setting", "names"),
    [
        ("127.0.0.1:0", "none", "on", ["http"]),
        ("127.0.0.1:0", "none", "off", ["http"]),  # nobody is to be locked out
        ("127.0.0.1:0", "127.0.0.1:0", "redirect", ["http", "https"]),
        ("127.0.0.1:0", "127.0.0.1:0", "off", ["https"]),
        ("none", "127.0.0.1:0", "off", ["https"]),
        ("none", "none", "on", []),
    ],
)
def test_the_station_waits_for_the_ports_that_are_to_be_open(
    http: str, https: str, setting: str, names: list[str], tmp_path: Path
) -> None:
    bus = Bus(make_snapshot(settings=Settings.defaults().with_changes({"web.http": setting})))
    made = WebServer(
        bus, MemoryHistory(), MemoryStore(), http, https=https, certificates=TlsFile(tmp_path)
    )
    assert list(made.listeners) == names
