"""The control socket: JSON lines on a unix socket, for the commands of this machine.

One request `{"verb": ..., ...}` a line, one answer a line: `{"ok": true, ...}` or
`{"ok": false, "code": ..., "text": one sentence, ...}`. Who may connect is a matter of file
permissions (0660); who did connect is asked of the kernel and becomes the source of the command.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pwd
import select
import socket
import stat
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..bus import Bus
from ..model.errors import BtrmError, SettingError
from ..model.history import History
from ..model.service import Service
from .control_verbs import NO_EXTRAS, ControlExtras, ControlVerbs, refusal
from .socket_name import socket_name

__all__ = ["ControlExtras", "ControlServer"]

log = logging.getLogger(__name__)

MAX_LINE = 1 << 20  # bytes of one request
MAX_CLIENTS = 32
BACKLOG = 128
IDLE_S = 600.0  # a client that completes no request for so long is let go
SEND_S = 30.0  # a client that does not take its answer for so long is let go
STOP_S = 1.0  # for verbs in progress
PEERCRED = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED


class ControlServer(Service, name="control"):
    """Serves `path` from threads of its own. start() and stop() may be called once each.

    `idle_s` and `max_clients` are there for the tests; the defaults are the promised ones.
    """

    def __init__(
        self,
        bus: Bus,
        history: History,
        path: Path,
        extras: ControlExtras = NO_EXTRAS,
        *,
        idle_s: float = IDLE_S,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        self._path = Path(path)
        self._verbs = ControlVerbs(bus, history, extras)
        self._idle_s = idle_s
        self._max_clients = max_clients
        self._lock = threading.Lock()
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._listener: socket.socket | None = None
        self._inode = 0
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._thread = threading.Thread(target=self._accept_loop, name="control", daemon=True)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def clients(self) -> int:
        """How many are connected."""
        with self._lock:
            return len(self._clients)

    def start(self) -> None:
        """Bind and begin to serve. Raises BtrmError (one sentence) when the path cannot be bound.

        A stale socket file is replaced: the lock on the state folder has already made sure that no
        other daemon uses it.
        """
        try:
            self._listener = self._bind()
        except OSError as error:
            raise BtrmError(
                f"The control socket {self._path} cannot be made: {error.strerror or error}."
            ) from error
        self._wake = socket.socketpair()
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every client, wait for the threads, remove the socket file."""
        if self._wake is None:
            return
        self._wake[0].send(b"x")
        self._thread.join()
        with self._lock:
            clients = dict(self._clients)
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + STOP_S
        for thread in clients.values():
            # A verb in progress may wait for the owner for longer than a stop should take.
            thread.join(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(OSError):
            if self._path.stat(follow_symlinks=False).st_ino == self._inode:
                self._path.unlink()
        for end in self._wake:
            end.close()
        self._wake = None

    # --- the listener ----------------------------------------------------------------------------

    def _bind(self) -> socket.socket:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.is_dir():
            raise IsADirectoryError(0, "there is a folder of that name")
        # Bound under another name, then renamed: the real name never exists with wide permissions,
        # and a client that connects to it always finds a listener.
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with socket_name(new) as name:
                listener.bind(name)
            os.chmod(new, stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP)
            listener.listen(BACKLOG)
            self._inode = new.stat().st_ino
            os.rename(new, self._path)
        except OSError:
            listener.close()
            new.unlink(missing_ok=True)
            raise
        listener.setblocking(False)
        return listener

    def _accept_loop(self) -> None:
        listener, wake = self._listener, self._wake
        assert listener is not None
        assert wake is not None
        with listener:
            while True:
                ready, _, _ = select.select([listener, wake[1]], [], [])
                if wake[1] in ready:
                    return
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                except OSError as error:
                    log.warning("control socket: %s; next try in 1 s", error)
                    if select.select([wake[1]], [], [], 1.0)[0]:
                        return
                    continue
                self._admit(client)

    def _admit(self, client: socket.socket) -> None:
        with self._lock:
            is_full = len(self._clients) >= self._max_clients
            if not is_full:
                thread = threading.Thread(
                    target=self._serve, args=(client,), name="control-client", daemon=True
                )
                self._clients[client] = thread
        if is_full:
            text = f"{self._max_clients} clients use the control socket already; try again later."
            client.settimeout(0.0)
            with contextlib.suppress(OSError):
                client.send(encode_line(refusal("busy", text)))
            client.close()
            return
        try:
            thread.start()
        except RuntimeError as error:  # the machine gives no more threads
            log.warning("control socket: %s", error)
            with self._lock:
                del self._clients[client]
            client.close()

    # --- one client --------------------------------------------------------------------------

    def _serve(self, client: socket.socket) -> None:
        try:
            source = f"cli {peer_name(client)}"
            for line in read_lines(client, self._idle_s):
                answer = self._answer(line, source)
                client.settimeout(SEND_S)
                client.sendall(encode_line(answer))
        except TooLongError:
            with contextlib.suppress(OSError):
                client.settimeout(SEND_S)
                text = f"A request may have at most {MAX_LINE} bytes."
                client.sendall(encode_line(refusal("too_long", text)))
        except OSError as error:
            log.debug("control client left: %s", error)
        finally:
            with self._lock:
                self._clients.pop(client, None)
            client.close()

    def _answer(self, line: bytes, source: str) -> dict[str, object]:
        try:
            request = json.loads(line, object_pairs_hook=once)
        except TwiceError as error:
            return refusal("syntax", f"A request names {error.key[:60]!r} twice.")
        except (ValueError, RecursionError):
            return refusal("syntax", "A request is one JSON object on one line.")
        if not isinstance(request, dict) or not isinstance(request.get("verb"), str):
            return refusal("syntax", 'A request is one JSON object with a text "verb".')
        try:
            return self._verbs.answer(request, source)
        except SettingError as error:
            facts = {"key": error.key, "value": str(error.value), "allowed": error.allowed}
            return refusal("range", str(error), facts)
        except BtrmError as error:
            return refusal("refused", str(error))
        except Exception:
            # The edge: a bug in one verb must not take the other clients' listener with it.
            log.exception("control verb %s failed", request["verb"])
            text = f"The daemon failed at {request['verb']!r}; its log tells more."
            return refusal("internal", text)


class TwiceError(Exception):
    """A request gives a name two values."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """The pairs of a JSON object; raises TwiceError, where JSON itself would keep the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise TwiceError(key)
            seen.add(key)
    return made


class TooLongError(Exception):
    """A request grew beyond MAX_LINE without an end of line."""


def read_lines(client: socket.socket, idle_s: float) -> Iterator[bytes]:
    """The lines a client sends; ends when it closes or completes none within `idle_s` seconds.

    Raises TooLongError, and OSError when the connection breaks.
    """
    buffer = bytearray()
    deadline = time.monotonic() + idle_s
    searched = 0
    while True:
        end = buffer.find(b"\n", searched)
        if end >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            searched = 0
            if line.strip():
                yield line
                deadline = time.monotonic() + idle_s
            continue
        searched = len(buffer)
        if searched > MAX_LINE:
            raise TooLongError
        left = deadline - time.monotonic()
        if left <= 0:
            return
        client.settimeout(left)
        try:
            data = client.recv(65536)
        except TimeoutError:
            return
        if not data:
            return
        buffer += data


def encode_line(answer: dict[str, object]) -> bytes:
    """One answer as a JSON line."""
    return json.dumps(answer, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def peer_name(client: socket.socket) -> str:
    """The user at the other end by name, by number where it has none."""
    raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEERCRED.size)
    uid = PEERCRED.unpack(raw)[1]
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
