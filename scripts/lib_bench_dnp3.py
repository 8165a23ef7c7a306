"""The DNP3 part of the bench: polls a second and their p99, beside an opendnp3 outstation."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from dnp3_wire import frames
from lib_bench_cpu import cpu_s
from lib_bench_peer import PeerMissingError

INTEGRITY = bytes.fromhex("01 3C 02 06 3C 03 06 3C 04 06 3C 01 06")
ONE_POINT = bytes.fromhex("01 1E 04 00 00 00")
POINTS = 28  # of the manual; the other outstation has as many, in the same four groups


class Load(NamedTuple):
    """What a load run saw: polls a second, p50 and p99 in ms, CPU of the server in us each."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float

    def __str__(self) -> str:
        return (
            f"{self.per_s:.0f}/s, p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms,"
            f" {self.cpu_us:.0f} us CPU each"
        )


def drive(address: str, pid: int, seconds: float, request: bytes = INTEGRITY) -> Load:
    """One master, one request after the other, as fast as the answers come."""
    host, _, port = address.rpartition(":")
    times: list[float] = []
    with socket.create_connection((host, int(port)), 5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = [frames(bytes([0xC0 | n]) + request) for n in range(16)]
        used, start = cpu_s(pid), time.perf_counter()
        now, end = start, start + seconds
        while now < end:
            sequence = len(times) & 15
            sock.sendall(asked[sequence])
            answer = b""
            while not is_whole(answer):
                got = sock.recv(4096)
                if not got:
                    raise ConnectionError("the outstation closed the connection")
                answer += got
            if answer[11] & 0x0F != sequence or answer[12] != 0x81:
                raise ValueError(f"not the answer that was asked for: {answer.hex()}")
            done = time.perf_counter()
            times.append(done - now)
            now = done
        used = cpu_s(pid) - used
    times.sort()
    count = len(times)
    return Load(
        count / (now - start),
        1000.0 * times[count // 2],
        1000.0 * times[int(0.99 * count)],
        1e6 * used / count,
    )


def is_whole(data: bytes) -> bool:
    """One link frame is there (these responses fit one)."""
    if len(data) < 10:
        return False
    length = data[2] - 5
    return len(data) >= 10 + length + 2 * -(-length // 16)


@contextlib.contextmanager
def opendnp3_outstation() -> Iterator[tuple[str, int]]:
    """An opendnp3 outstation in a process of its own: address and pid. Raises PeerMissingError."""
    if find_spec("opendnp3") is None:
        raise PeerMissingError("opendnp3 is missing, pip install -r requirements/dev.txt (x86-64)")

    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise PeerMissingError("the opendnp3 outstation did not start")
        yield address, process.pid
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def serve() -> None:
    """opendnp3 with as many points as the manual has, until stdin ends."""
    import opendnp3

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    manager = opendnp3.DNP3Manager(1)
    channel = manager.AddTCPServer(
        "bench", opendnp3.levels.NOTHING, opendnp3.ServerAcceptMode.CloseExisting,
        opendnp3.IPEndpoint("127.0.0.1", port), None,
    )  # fmt: skip
    database = opendnp3.DatabaseConfig(POINTS // 4)
    for other in (
        "counter",
        "double_binary",
        "frozen_counter",
        "octet_string",
        "time_and_interval",
    ):
        setattr(database, other, {})
    config = opendnp3.OutstationStackConfig(database)
    config.link.LocalAddr, config.link.RemoteAddr = 10, 1
    outstation = channel.AddOutstation(
        "bench", opendnp3.ICommandHandler(), opendnp3.IOutstationApplication(), config
    )
    outstation.Enable()
    print(f"127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    manager.Shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--drive", metavar="HOST:PORT")
    parser.add_argument("--pid", type=int, default=os.getpid())
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    if args.serve:
        serve()
    else:
        print(drive(args.drive, args.pid, args.seconds))
