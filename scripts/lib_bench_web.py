"""The web measured: twenty browsers at once, and a year of trends from the disk to the plot."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lib_bench_cpu import cpu_s

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = 20
POLL_S = 5.0  # what static/live.js does where there is no place in the stream
TIER_S = 900
YEAR_S = 365 * 86400


class Pages(NamedTuple):
    """What clients saw that ask as fast as they can, and the server's CPU, ms a page."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def pages(host: str, port: int, pid: int, clients: int = 4, seconds: float = 2.0) -> Pages:
    """System Status on kept connections, by bare sockets: the client must cost next to nothing."""
    request = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    times: list[float] = []

    def client() -> None:
        with socket.create_connection((host, port), 10) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end = time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                sock.sendall(request)
                _read_page(sock)
                times.append(1000.0 * (time.perf_counter() - start))

    time.sleep(2.0)  # what earlier runs have used of the server's allowance comes back
    threads = [threading.Thread(target=client) for _ in range(clients)]
    used = cpu_s(pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = cpu_s(pid) - used
    times.sort()
    count = len(times)
    return Pages(
        count / seconds, times[count // 2], times[int(0.99 * count)], 1000.0 * used / count
    )


def _read_page(sock: socket.socket) -> None:
    found = b""
    while b"\r\n\r\n" not in found:
        found += sock.recv(65536)
    head, _, body = found.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"GET / answered {head[:60]!r}")
    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += sock.recv(65536)


@contextlib.contextmanager
def browsers(host: str, port: int) -> Iterator[list[str]]:
    """Twenty open status pages: each asks for the stream, and polls when there is no place.

    Yields what each of them does, which is complete once the block is left.
    """
    done = threading.Event()
    ways: list[str] = []

    def live() -> None:
        connection = http.client.HTTPConnection(host, port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/api/v1/stream")
            answer = connection.getresponse()
            if answer.status == 200:
                ways.append("stream")
                while not done.is_set() and answer.readline():
                    pass
                return
            answer.read()
            ways.append("poll")
            while not done.wait(POLL_S):
                connection.request("GET", "/api/v1/state", headers={"Accept-Encoding": "gzip"})
                connection.getresponse().read()

    threads = [threading.Thread(target=live, daemon=True) for _ in range(BROWSERS)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    try:
        yield ways
    finally:
        done.set()
        for thread in threads:
            thread.join(10.0)


def fill_year(state: Path) -> int:
    """A year of quarter hours in the history of the daemon on `state`; how many rows."""
    sys.path.insert(0, str(ROOT))
    from btrmd.store.trends import COLUMNS, encode_means

    now = int(time.time()) // TIER_S * TIER_S
    rows = [
        (
            now - TIER_S * i,
            *encode_means(
                {
                    "battery.voltage": 13.4 + (i * 37 % 100) / 500,
                    "load.voltage": 13.2 + (i * 17 % 100) / 2000,
                    "supply.voltage": 13.4 + (i * 29 % 100) / 2000,
                    "charger.voltage": 13.6,
                    "battery.current": -0.05 + (i * 53 % 100) / 900,
                    "load.current": 6.8 + (i * 41 % 100) / 500,
                    "system.temperature": 20 + i % 96 / 8,
                }
            ),
        )
        for i in range(1, YEAR_S // TIER_S)
    ]
    places = ", ".join("?" * (1 + len(COLUMNS)))
    file = sqlite3.connect(state / "history.db", timeout=30.0)
    with contextlib.closing(file), file:
        file.executemany(f"INSERT OR REPLACE INTO trend_{TIER_S} VALUES ({places})", rows)
    return len(rows)


def best(host: str, port: int, path: str, times: int = 5) -> tuple[float, int]:
    """The middle one of a few answers to `path` in ms, and its bytes as they travel."""
    found = []
    for _ in range(times):
        connection = http.client.HTTPConnection(host, port, timeout=30)
        with contextlib.closing(connection):
            start = time.perf_counter()
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            size = len(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"GET {path} answered {answer.status}")
            found.append((1000.0 * (time.perf_counter() - start), size))
    return sorted(found)[times // 2]


def plotted(address: str) -> float | None:
    """ms from the click to the drawn plots in a browser; None where there is no Chromium."""
    sys.path.insert(0, str(ROOT / "tests/web"))
    from web_browser import CHROMIUM, Browser

    if CHROMIUM is None:
        return None
    browser = Browser()
    try:
        browser.open(f"{address}/trends?range=1d")  # styles and scripts are known by then
        browser.wait("document.querySelector('[data-drawn]') !== null", 30.0)
        start = time.perf_counter()
        browser.open(f"{address}/trends?range=1y")
        browser.wait("document.querySelector('[data-drawn]') !== null", 30.0)
        return 1000.0 * (time.perf_counter() - start)
    finally:
        browser.close()
