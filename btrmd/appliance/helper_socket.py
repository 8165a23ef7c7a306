"""The helper's socket: a unix socket, one request a connection, one answer, one at a time."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ..model.errors import BtrmError

log = logging.getLogger(__name__)

MAX_REQUEST: Final = 8 * 1024  # bytes of a line
TALK_S: Final = 5.0  # for a client to say what it wants, and to take the answer
SD_FIRST: Final = 3  # sd_listen_fds(3)
_PEERCRED: Final = struct.Struct("3i")  # pid, uid, gid: unix(7)


class HelperReply(NamedTuple):
    """`facts` goes into the answer; `job` is done after the client has it."""

    facts: Mapping[str, object]
    job: Callable[[], None] | None = None


Handler = Callable[[Mapping[str, object]], HelperReply]


def passed_socket() -> socket.socket | None:
    """The listening socket that systemd hands over, None when there is none."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=SD_FIRST)


def bound_socket(path: Path) -> socket.socket:
    """A listening socket at `path`, 0660. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(16)
    return listener


class HelperSocket:
    """Serves on the calling thread. `users`: the uids that may ask; the kernel says who does."""

    def __init__(self, listener: socket.socket, handle: Handler, users: Collection[int]) -> None:
        self._listener = listener
        self._handle = handle
        self._users = frozenset(users)
        self._wake, self._waker = socket.socketpair()
        self._is_open = True

    def stop(self) -> None:
        """End `serve` soon; may be called by a signal handler."""
        self._is_open = False
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    def serve(
        self,
        look: Callable[[], None],
        wait_s: Callable[[], float | None],
        idle_s: float | None,
    ) -> None:
        """Until stopped, or until nobody has asked for `idle_s` s and nothing waits.

        `look` is called after each turn, `wait_s` tells when the next look is due (None: never).
        """
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            idle_since = time.monotonic()
            while self._is_open:
                due = wait_s()
                if due is not None:
                    idle_since = time.monotonic()
                elif idle_s is not None:
                    due = idle_s - (time.monotonic() - idle_since)
                    if due <= 0.0:
                        return
                ready = selector.select(due)
                if ready and self._is_open and ready[0][0].fileobj is self._listener:
                    self._one()
                    idle_since = time.monotonic()
                look()

    def _one(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it has gone again
        job = None
        with client:
            client.settimeout(TALK_S)
            try:
                reply = self._answer(client)
                job = reply.job
                client.sendall(json.dumps(reply.facts).encode() + b"\n")
            except OSError as error:
                log.info("a client went away: %s", error)
        if job is not None:
            job()

    def _answer(self, client: socket.socket) -> HelperReply:
        raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
        pid, uid, _ = _PEERCRED.unpack(raw)
        try:
            line = _line(client)  # read even of strangers: closing on unread bytes eats the answer
        except ValueError:
            return _refused("The request is too long.")
        if uid not in self._users:
            log.warning("refused process %d of user %d", pid, uid)
            return _refused("This user may not ask the helper.")
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return _refused("The request is not one line of JSON.")
        if not isinstance(request, dict):
            return _refused("The request is not a JSON object.")
        try:
            return self._handle(request)
        except (BtrmError, OSError) as error:
            log.warning("%s refused: %s", str(request.get("verb"))[:40], error)
            return _refused(str(error))
        except Exception:
            # The edge: a request that breaks something must not end the helper.
            log.exception("%s failed", str(request.get("verb"))[:40])
            return _refused("The helper met an error of its own; it is in the log.")


def _refused(text: str) -> HelperReply:
    return HelperReply({"ok": False, "text": text})


def _line(client: socket.socket) -> bytes:
    """The request, up to its newline. Raises ValueError when it is too long, OSError."""
    data = b""
    deadline = time.monotonic() + TALK_S
    while b"\n" not in data:
        if time.monotonic() > deadline:
            raise TimeoutError("too slow")
        piece = client.recv(4096)
        if not piece:
            raise ConnectionResetError("no whole line")
        data += piece
        if len(data) > MAX_REQUEST:
            raise ValueError("too long")
    return data.partition(b"\n")[0]
