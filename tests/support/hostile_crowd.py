"""A crowd of hostile clients as a process of its own: each connection does its worst, for ever.

    python hostile_crowd.py '{"ports": {"http": 8080, ...}, "count": 4000, "addresses": 40,
                              "seconds": 60, "kinds": ["http-deaf", ...], "until_told": false}'

`kinds` [] is all of them. Every connection comes from a loopback address of this machine and goes
to a port of this machine, for so many seconds, and with `until_told` until its standard input ends,
too. It says "ready" when all have been begun, and at the
end a line of JSON: how often each kind connected, and how its connections ended. That it sleeps is
how it attacks: slowly, again and again, or for so long.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from dnp3_wire import LINK_STATUS, frame, frames  # noqa: E402
from hostile import HOST, address  # noqa: E402

from btrmd.snmp import ber  # noqa: E402
from btrmd.snmp.message import encode_message, encode_pdu  # noqa: E402

AGAIN_S = 1.0  # before a connection that was ended is made anew
SMALL = 2048  # octets of a receive buffer that is never read


class Talk:
    """One connection from an address of the crowd."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self.loop = loop
        self.sock = sock

    async def send(self, data: bytes) -> None:
        await self.loop.sock_sendall(self.sock, data)

    async def read(self, seconds: float = 30.0) -> bytes:
        """What comes next; raises ConnectionError at the end."""
        data = await asyncio.wait_for(self.loop.sock_recv(self.sock, 65536), seconds)
        if not data:
            raise ConnectionResetError
        return data

    async def until_closed(self) -> None:
        """Notice the end without reading anything: the first octet of TCP_INFO is the state."""
        while self.sock.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1)[0] == 1:  # established
            await asyncio.sleep(2.0)
        raise ConnectionResetError


def http(method: str, path: str, body: bytes = b"", more: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def deaf(talk: Talk, n: int) -> None:
    """Twenty large answers asked for, none of them read."""
    await talk.send(http("GET", "/api/v1/events?limit=10000") * 20)
    await talk.until_closed()


async def silent(talk: Talk, n: int) -> None:
    await talk.until_closed()


async def trickle(talk: Talk, n: int) -> None:
    for octet in http("GET", "/", more="X: " + "x" * 500 + "\r\n"):
        await talk.send(bytes((octet,)))
        await asyncio.sleep(3.0)


async def guess(talk: Talk, n: int) -> None:
    while True:
        word = json.dumps({"username": "admin", "password": f"guess-{random.random()}"}).encode()
        await talk.send(http("POST", "/api/v1/login", word))
        await talk.read()


async def pages(talk: Talk, n: int) -> None:
    """The dearest pages, as fast as they come."""
    paths = ("/events.csv", "/api/v1/events?limit=10000", "/discharges", "/trends", "/metrics")
    while True:
        await talk.send(http("GET", paths[n % len(paths)]))
        await talk.read()
        n += 1


async def stream(talk: Talk, n: int) -> None:
    await talk.send(http("GET", "/api/v1/stream"))
    await talk.until_closed()


async def broken(talk: Talk, n: int) -> None:
    bad = (
        b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x00" * 3000,
        b"GET / HTTP/1.1\r\n" * 500,
        http("POST", "/login", b"x" * 10, "Transfer-Encoding: chunked\r\n"),
        http("GET", "/", more="Origin: http://[::1\r\n"),
        b"POST / HTTP/1.1\r\nContent-Length: 9",
    )
    await talk.send(bad[n % len(bad)])
    with contextlib.suppress(TimeoutError):
        while True:
            await talk.read(0.5)


async def hello(talk: Talk, n: int) -> None:
    """A TLS handshake that is begun and never ended."""
    await talk.send(bytes.fromhex("1603010200010001fc0303") + random.randbytes(100))
    await talk.until_closed()


async def coil(talk: Talk, n: int) -> None:
    """Start and stop a test without end."""
    while True:
        on = b"\xff\x00" if n % 2 else b"\x00\x00"
        await talk.send(bytes.fromhex("00010000000601050003") + on)
        await talk.read()
        n += 1


async def register(talk: Talk, n: int) -> None:
    """Change a setting without end: the interval of tests."""
    while True:
        value = 300 + n % 50
        await talk.send(bytes.fromhex("0001000000060106") + (0).to_bytes(2) + value.to_bytes(2))
        await talk.read()
        n += 1


async def poll(talk: Talk, n: int) -> None:
    """Read once a minute, so as never to be idle."""
    while True:
        await talk.send(bytes.fromhex("000100000006010400000001"))
        await talk.read()
        await asyncio.sleep(60.0)


async def link(talk: Talk, n: int) -> None:
    await talk.send(frame(LINK_STATUS, 10, 1))
    await talk.until_closed()


async def dnp3(talk: Talk, n: int) -> None:
    """Integrity polls without end, as the master or as somebody else."""
    while True:
        await talk.send(frames(bytes.fromhex("c0013c02063c03063c04063c0106"), 10, 1 + n % 3))
        await talk.read()


async def nut(talk: Talk, n: int) -> None:
    while True:
        await talk.send(b"USERNAME mon\nPASSWORD x\nLOGIN btrm\nLIST UPS\n")
        await talk.read()


TCP: dict[str, tuple[str, Callable[[Talk, int], Awaitable[None]], int]] = {
    "http-deaf": ("http", deaf, 10),
    "http-silent": ("http", silent, 10),
    "http-trickle": ("http", trickle, 5),
    "http-login": ("http", guess, 8),
    "http-pages": ("http", pages, 8),
    "http-stream": ("http", stream, 5),
    "http-broken": ("http", broken, 5),
    "https-hello": ("https", hello, 5),
    "https-silent": ("https", silent, 5),
    "modbus-coil": ("modbus", coil, 6),
    "modbus-register": ("modbus", register, 6),
    "modbus-poll": ("modbus", poll, 8),
    "modbus-silent": ("modbus", silent, 4),
    "dnp3-link": ("dnp3", link, 5),
    "dnp3-poll": ("dnp3", dnp3, 4),
    "nut-login": ("nut", nut, 5),
    "nut-silent": ("nut", silent, 4),
}
"""Kind -> listener, what it does, how many of a hundred do it."""


def snmp(version: int, community: bytes, tag: int, most: int) -> bytes:
    """A request for what follows 1.3.6.1; `most` repetitions where it is a GETBULK."""
    row = ber.sequence((ber.oid((1, 3, 6, 1)), b"\x05\x00"))
    pdu = encode_pdu(tag, 7, ber.sequence((row,)), 0, most)
    return encode_message(version, community, pdu)


SNMP = (
    snmp(1, b"public", ber.GET_BULK, 100),
    snmp(0, b"guessed", ber.GET, 0),
    snmp(1, b"private", ber.GET_BULK, 2**31 - 1),
    b"\x30\x84\xff\xff\xff\xff",
)


async def one(kind: str, n: int, source: str, port: int, seen: Counter[str]) -> None:
    """Connect, do the worst, and again."""
    loop = asyncio.get_running_loop()
    _, worst, _ = TCP[kind]
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if "deaf" in kind or "stream" in kind:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        try:
            sock.bind((source, 0))
            await asyncio.wait_for(loop.sock_connect(sock, (HOST, port)), 30.0)
            seen[f"{kind} connected"] += 1
            await worst(Talk(loop, sock), n)
        except (OSError, TimeoutError) as error:
            seen[f"{kind} {type(error).__name__}"] += 1
        finally:
            sock.close()
        await asyncio.sleep(AGAIN_S)


async def datagrams(source: str, port: int, seen: Counter[str]) -> None:
    """SNMP requests, some hundred a second."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((source, 0))
    while True:
        for data in SNMP:
            with contextlib.suppress(OSError):
                sock.sendto(data, (HOST, port))
                seen["snmp sent"] += 1
        with contextlib.suppress(OSError):
            while sock.recv(65536):
                seen["snmp answered"] += 1
        await asyncio.sleep(0.05)


async def attack(wanted: dict[str, object]) -> None:
    started = time.monotonic()
    ports: dict[str, int] = wanted["ports"]  # type: ignore[assignment]
    kinds = [kind for kind in wanted["kinds"] or (*TCP, "snmp")]  # type: ignore[attr-defined]
    kinds = [kind for kind in kinds if ports.get(TCP[kind][0] if kind in TCP else kind)]
    count, addresses = int(wanted["count"]), int(wanted["addresses"])  # type: ignore[call-overload]
    seen: Counter[str] = Counter()
    tasks = []
    weighted = [kind for kind in kinds if kind in TCP for _ in range(TCP[kind][2])]
    random.shuffle(weighted)
    for n in range(count if weighted else 0):
        kind = weighted[n % len(weighted)]
        port = ports[TCP[kind][0]]
        tasks.append(asyncio.create_task(one(kind, n, address(n % addresses), port, seen)))
        if n % 50 == 49:
            await asyncio.sleep(0.02)
    if "snmp" in kinds:
        tasks += [asyncio.create_task(datagrams(address(n), ports["snmp"], seen))
                  for n in range(addresses)]  # fmt: skip
    print("ready", flush=True)
    await asyncio.sleep(float(wanted["seconds"]))  # type: ignore[arg-type]
    if wanted.get("until_told"):
        await asyncio.to_thread(sys.stdin.read)
    said = {"seconds": time.monotonic() - started, **dict(sorted(seen.items()))}
    print(json.dumps(said), flush=True)
    os._exit(0)  # thousands of tasks are not waited for


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    random.seed(15)
    wanted = json.loads(sys.argv[1])
    signal.alarm(int(wanted["seconds"]) + 60)  # whatever happens, it ends
    asyncio.run(attack(wanted))


if __name__ == "__main__":
    main()
