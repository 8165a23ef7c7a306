"""Starts `btrmd` in a tenth of the time: a process that has imported all of it forks for each.

What runs is a process as any other: a pid, a working folder, an environment, signals, descriptors
and an exit code of its own. Only the start of the interpreter and the imports are saved. One server
belongs to each process of pytest and ends with it. Only pytest forks (tests/conftest.py), and
BTRMD_FORK=0 makes it start `python -m btrmd` as everybody else does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import math
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 200_000  # bytes of a request: the words and the environment
NUMBER = struct.Struct("<q")  # the pid, then the return code as subprocess has it
NOT_IMPORTED = ("btrmd.__main__", "btrmd.appliance")  # what starts something; another program


_is_enabled = False


def enable() -> None:
    """Fork from now on; in scripts, which measure, a process is started as on a unit."""
    global _is_enabled
    _is_enabled = os.environ.get("BTRMD_FORK", "1") != "0"


def is_enabled() -> bool:
    """Whether processes are forked."""
    return _is_enabled


class ForkedProcess:
    """What tests use of subprocess.Popen, for a child of the server."""

    def __init__(self, pid: int, status: int, words: Sequence[str], stdout: IO[str] | None) -> None:
        self.pid = pid
        self.args = words
        self.stdout = stdout
        self.returncode: int | None = None
        self._status = status  # the end of a pipe on which the return code comes

    def poll(self) -> int | None:
        """The return code, None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The return code, minus the number of the signal that ended it. Raises TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            code = self._look(left)
            if code is not None:
                return code
            if left == 0.0:
                assert timeout is not None
                raise subprocess.TimeoutExpired(list(self.args), timeout)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended; as with subprocess, it may have just now."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and _is_readable(self._status, seconds):
            number = os.read(self._status, NUMBER.size)
            os.close(self._status)
            assert number, "the server of the forked processes has died"
            self.returncode = NUMBER.unpack(number)[0]
        return self.returncode


def _is_readable(descriptor: int, seconds: float | None) -> bool:
    waiting = select.poll()  # select() takes no descriptor above 1023
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else math.ceil(1000.0 * seconds)))


class ForkServer:
    """The server's client. Its process ends when the one that made it does."""

    def __init__(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * LONGEST)
        with its:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(its.fileno())],
                pass_fds=(its.fileno(),), stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self._socket = ours
        self._pid = os.getpid()
        atexit.register(self.close)

    def close(self) -> None:
        """End the server; what it has started is left to those who asked for it."""
        self._socket.close()
        if os.getpid() != self._pid:  # this process was forked from its owner
            return
        self._process.kill()
        self._process.wait()

    def start(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str],
        stdin: int, stdout: int, stderr: int,
    ) -> tuple[int, int]:  # fmt: skip
        """Start `btrmd WORDS` with these descriptors; its pid, and where its return code comes."""
        status, writing = os.pipe()
        try:
            request = json.dumps({"words": [*words], "cwd": str(cwd), "env": dict(env)}).encode()
            assert len(request) < LONGEST
            socket.send_fds(self._socket, [request], [stdin, stdout, stderr, writing])
        finally:
            os.close(writing)
        pid = os.read(status, NUMBER.size)
        assert pid, "the server of the forked processes has died"
        return NUMBER.unpack(pid)[0], status


def server() -> ForkServer:
    """The one of this process."""
    return _server_of(os.getpid())


@cache
def _server_of(pid: int) -> ForkServer:
    return ForkServer()


def spawn(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], stderr: IO[Any]
) -> ForkedProcess:
    """`btrmd WORDS`, its output on a pipe, its errors in `stderr`, nothing to read."""
    read, write = os.pipe()
    try:
        with open(os.devnull, "rb") as nothing:
            pid, status = server().start(words, cwd, env, nothing.fileno(), write, stderr.fileno())
    finally:
        os.close(write)
    return ForkedProcess(pid, status, words, open(read, encoding="utf-8"))


def run(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """`btrmd WORDS` to its end. Raises TimeoutExpired, and kills it then."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin.encode())
        given.seek(0)
        pid, status = server().start(words, cwd, env, given.fileno(), out.fileno(), err.fileno())
        process = ForkedProcess(pid, status, words, None)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
        return subprocess.CompletedProcess(words, code, *texts)


# --- the server ----------------------------------------------------------------------------------


def import_all() -> None:
    """All modules of btrmd and what they use, and the templates of its pages."""
    package = importlib.import_module("btrmd")
    for module in pkgutil.walk_packages(package.__path__, "btrmd."):
        if not module.name.startswith(NOT_IMPORTED):
            import_if_possible(module.name)
    importlib.import_module("btrmd.servers.web.template_cache").compile_all()


def import_if_possible(name: str) -> None:
    """Import a module, unless a library of the board is not there: who needs it will say so."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] == "btrmd":
            raise


def serve(listening: socket.socket) -> dict[str, Any] | None:
    """Fork for every request; returns it in the child, and None when nobody can ask any more."""
    running: dict[int, int] = {}  # pid -> where its return code goes
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([listening, wake_read], [], [])[0]
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap(running)
        if listening not in ready:
            continue
        request, fds, _, _ = socket.recv_fds(listening, LONGEST, 4)
        if not request:
            return None
        writing = fds[3]
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for ours, its in enumerate(fds[:3]):
                os.dup2(its, ours)
            listening.detach()
            os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)
            return dict(json.loads(request))
        os.write(writing, NUMBER.pack(pid))
        running[pid] = writing
        for descriptor in fds[:3]:
            os.close(descriptor)


def reap(running: dict[int, int]) -> None:
    """Tell whoever waits what became of the children that have ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        writing = running.pop(pid)
        with suppress(BrokenPipeError):  # nobody waits
            os.write(writing, NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os.close(writing)


def open_streams() -> None:
    """The streams of a new process on the descriptors 0, 1 and 2, buffered as Python does it."""
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)
    line_by_line = 1 if os.isatty(1) else -1
    sys.stdout = sys.__stdout__ = os.fdopen(
        1, "w", encoding="utf-8", buffering=line_by_line, closefd=False
    )
    sys.stderr = sys.__stderr__ = os.fdopen(
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


def main(descriptor: int) -> int:
    """The server until nobody can ask any more; in each child, `btrmd`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    import_all()
    del sys.path[0]  # the folder of this file
    gc.collect()
    gc.freeze()  # the pages of what is imported stay shared
    request = serve(socket.socket(fileno=descriptor))
    if request is None:
        return 0
    open_streams()
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.path.insert(0, request["cwd"])
    sys.argv = ["btrmd", *request["words"]]
    from btrmd.cli.main import main as run_btrmd

    return run_btrmd()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
