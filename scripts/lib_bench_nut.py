"""The NUT part of the bench: CPU time of a server for LIST VAR and GET VAR, ours or NUT's upsd."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lib_bench_cpu import cpu_s, least
from lib_bench_peer import program

UPS = "btrm"
LIST_VAR = f"LIST VAR {UPS}\n".encode()
GET_VAR = f"GET VAR {UPS} ups.status\n".encode()
LIST_END = f"END LIST VAR {UPS}\n".encode()
LINE = re.compile(rf'^VAR {UPS} (\S+) "(.*)"$')
ASKS = 300  # requests a run
PAUSE_S = 0.6  # between runs: the server may use 0.3 of a core on the long run
PACKAGES = "nut-server"
PROGRAMS = "/lib/nut"  # Debian's upsd on the PATH is a script that starts it by nut.conf
STARTED_S = 15.0  # at most, until upsd answers with the driver's data


class Costs(NamedTuple):
    """us CPU of the server for a request; `variables`: how many LIST VAR brought."""

    list_us: float
    get_us: float
    variables: int


def measure(address: str, pid: int) -> Costs:
    """One client on one connection, a request at a time."""
    with _connected(address) as client:
        found = variables(client)
        list_us = _least_us(client, pid, LIST_VAR, LIST_END)
        return Costs(list_us, _least_us(client, pid, GET_VAR, b"\n"), len(found))


def read_variables(address: str) -> dict[str, str]:
    """What LIST VAR brings, with the values as they are quoted on the wire."""
    with _connected(address) as client:
        return variables(client)


def variables(client: socket.socket) -> dict[str, str]:
    client.sendall(LIST_VAR)
    lines = _answer(client, LIST_END).decode().splitlines()
    return {found[1]: found[2] for line in lines if (found := LINE.match(line))}


@contextlib.contextmanager
def upsd(values: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """NUT's server with its dummy-ups driver holding `values`, which are as on the wire: the
    address and pid of the server. Raises PeerMissingError without them, OSError when they do not
    start.
    """
    server, driver = (program(name, PACKAGES, PROGRAMS) for name in ("upsd", "dummy-ups"))
    with tempfile.TemporaryDirectory(prefix="btrmd-bench-") as name:
        folder = Path(name)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        # What the driver tells of itself cannot be set.
        kept = {key: value for key, value in values.items() if not key.startswith("driver.")}
        texts = {
            "btrm.dev": "".join(f"{key}: {value}\n" for key, value in kept.items()),
            "ups.conf": f"[{UPS}]\n driver = dummy-ups\n port = {folder}/btrm.dev\n",
            "upsd.conf": f"LISTEN 127.0.0.1 {port}\nMAXAGE 15\n",
            "upsd.users": "",
        }
        for path, text in texts.items():
            (folder / path).write_text(text)
            (folder / path).chmod(0o640)
        environment = {**os.environ, "NUT_CONFPATH": name, "NUT_STATEPATH": name,
                       "NUT_ALTPIDPATH": name, "NUT_PIDPATH": name}  # fmt: skip
        processes = []
        commands = [driver, "-a", UPS, "-u", "root", "-D"], [server, "-u", "root", "-F"]
        try:
            with (folder / "log").open("wb") as log:
                for command in commands:
                    processes.append(
                        subprocess.Popen(
                            command,
                            env=environment,
                            start_new_session=True,
                            stdin=subprocess.DEVNULL,
                            stdout=log,
                            stderr=log,
                        )
                    )
                    _wait_for(lambda: any(folder.glob("dummy-ups-*")), folder)
            address = f"127.0.0.1:{port}"
            _wait_for(lambda: _has(address, len(kept)), folder)
            yield address, processes[-1].pid
        finally:
            for process in reversed(processes):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for(condition: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + STARTED_S
    while not condition():
        if time.monotonic() > end:
            raise OSError(f"it does not start: {(folder / 'log').read_text()[-300:]}")
        time.sleep(0.05)


def _has(address: str, count: int) -> bool:
    try:
        return len(read_variables(address)) >= count
    except OSError:
        return False


@contextlib.contextmanager
def _connected(address: str) -> Iterator[socket.socket]:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 5.0) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def _answer(client: socket.socket, end: bytes) -> bytes:
    """The whole answer. Raises OSError for an error or the end of the connection."""
    data = b""
    while not data.endswith(end):
        got = client.recv(65536)
        data += got
        if not got or data.startswith(b"ERR"):
            raise OSError(f"not the answer that was asked for: {data.decode().strip()!r}")
    return data


def _least_us(client: socket.socket, pid: int, request: bytes, end: bytes) -> float:
    def once() -> float:
        time.sleep(PAUSE_S)
        used = cpu_s(pid)
        for _ in range(ASKS):
            client.sendall(request)
            _answer(client, end)
        return 1e6 * (cpu_s(pid) - used) / ASKS

    return least(once, float)
