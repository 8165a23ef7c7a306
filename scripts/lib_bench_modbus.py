"""The Modbus part of the bench: requests a second and their p99, beside servers of others."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lib_bench_cpu import cpu_s
from lib_bench_peer import PeerMissingError, compiled

REGISTERS = 18


class Read(NamedTuple):
    """A read of one of the four tables: function 1..4, how many coils, inputs or registers."""

    function: int
    count: int

    @property
    def request(self) -> bytes:
        """Behind the number of the transaction."""
        return bytes((0, 0, 0, 6, 1, self.function, 0, 0, 0, self.count))

    @property
    def answer_size(self) -> int:
        return 9 + (2 * self.count if self.function > 2 else -(-self.count // 8))


INPUTS = Read(4, REGISTERS)
READS = (Read(1, 4), Read(2, 11), Read(3, 6), INPUTS)


class Load(NamedTuple):
    """What a load run saw: requests a second, p50 and p99 in ms, CPU of the server in us each."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float

    def __str__(self) -> str:
        return (
            f"{self.per_s:.0f}/s, p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms,"
            f" {self.cpu_us:.0f} us CPU each"
        )


def drive(
    address: str, pid: int, seconds: float, clients: int, rate: float = 0.0, read: Read = INPUTS
) -> Load:
    """`clients` connections, one request on its way on each; `rate` a second each, 0 = at once."""
    host, port = address.rsplit(":", 1)
    poll = select.epoll()
    socks: dict[int, socket.socket] = {}
    asked: dict[int, float] = {}
    due: list[tuple[float, int]] = []
    times: list[float] = []
    request, size = read.request, read.answer_size
    try:
        for _ in range(clients):
            sock = socket.create_connection((host, int(port)), 5)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            socks[sock.fileno()] = sock
            poll.register(sock.fileno(), select.EPOLLIN)
        transaction = 0
        used, start = cpu_s(pid), time.perf_counter()
        end = start + seconds
        # With a rate the clients are spread over its period.
        due = [(start + (n / clients / rate if rate else 0.0), fd) for n, fd in enumerate(socks)]
        now = start
        while now < end:
            while due and due[0][0] <= now:
                fd = due.pop(0)[1]
                transaction = (transaction + 1) & 0xFFFF
                asked[fd] = time.perf_counter()
                socks[fd].send(transaction.to_bytes(2, "big") + request)
            wait = max(0.0, due[0][0] - now) if due else 1.0
            for fd, _ in poll.poll(min(wait, max(end - now, 0.0))):
                answer = socks[fd].recv(512)
                now = time.perf_counter()
                if len(answer) != size or answer[7] != read.function:
                    raise ValueError(f"not the answer that was asked for: {answer.hex()}")
                began = asked.pop(fd)
                times.append(now - began)
                due.append((began + 1.0 / rate if rate else now, fd))
            now = time.perf_counter()
        took = now - start
        used = cpu_s(pid) - used
    finally:
        poll.close()
        for sock in socks.values():
            sock.close()
    times.sort()
    count = max(len(times), 1)
    return Load(
        len(times) / took,
        1000.0 * times[count // 2],
        1000.0 * times[int(0.99 * count)],
        1e6 * used / count,
    )


def read_once(address: str) -> None:
    """One request, one answer."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 5) as sock:
        sock.sendall(b"\0\1" + INPUTS.request)
        answer = sock.recv(512)
    if len(answer) != INPUTS.answer_size:
        raise ValueError(f"not the answer that was asked for: {answer.hex()}")


@contextlib.contextmanager
def bare_server() -> Iterator[tuple[str, int]]:
    """A pymodbus server as its documentation has it, in a process of its own: address and pid."""
    with _serving([sys.executable, __file__, "--serve"]) as found:
        yield found


@contextlib.contextmanager
def libmodbus_server() -> Iterator[tuple[str, int]]:
    """A server of libmodbus (C): address and pid. Raises PeerMissingError without it."""
    with tempfile.TemporaryDirectory(prefix="btrmd-bench-") as folder:
        packages = "gcc libc6-dev libmodbus-dev"
        server = compiled("modbus_server.c", "modbus", packages, Path(folder))
        with _serving([str(server)]) as found:
            yield found


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[tuple[str, int]]:
    """A process that writes HOST:PORT when it listens."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise PeerMissingError(f"{Path(command[-1]).name} does not start")
        yield address, process.pid
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def serve() -> None:
    """The bare server: the same 18 registers with fixed values, any free port, told on stdout."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    device = SimDevice(1, SimData(0, values=[13390] * REGISTERS, datatype=DataType.REGISTERS))
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listening = server.transport
    host, port = listening.sockets[0].getsockname()[:2]
    print(f"{host}:{port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--drive", metavar="HOST:PORT")
    parser.add_argument("--pid", type=int, default=os.getpid())
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.0)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve())
    else:
        print(drive(args.drive, args.pid, args.seconds, args.clients, args.rate))
