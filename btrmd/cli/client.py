"""The client of the control socket: one question, one answer, one sentence when it fails."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..model.errors import BtrmError
from ..servers.socket_name import socket_name
from .place import Folders

TIMEOUT_S = 30.0


class NoDaemonError(BtrmError):
    """Nobody answers at the control socket."""


class CommandRefusedError(BtrmError):
    """The daemon said no: `code` is short, the text is its sentence, `facts` the whole answer."""

    def __init__(self, code: str, text: str, facts: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.code = code
        self.facts = facts


class ControlClient:
    """Connects at the first question and stays connected; a context manager."""

    def __init__(self, place: Folders, timeout: float = TIMEOUT_S) -> None:
        self._place = place
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._buffer = b""

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, verb: str, **fields: object) -> dict[str, Any]:
        """The answer to `verb`. Raises NoDaemonError or RefusedError."""
        line = json.dumps({"verb": verb, **fields}).encode() + b"\n"
        connection = self._connect()
        try:
            with suppress(BrokenPipeError):  # turned away at the listener: the reason can be read
                connection.sendall(line)
            answer = json.loads(self._read_line(connection))
        except TimeoutError as error:
            self.close()
            text = f"btrmd on {self._place.state_dir} did not answer within {self._timeout:g} s."
            raise NoDaemonError(text) from error
        except (OSError, ValueError) as error:
            self.close()
            raise NoDaemonError(f"btrmd on {self._place.state_dir} went away.") from error
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            facts = answer if isinstance(answer, dict) else {}
            text = facts.get("text") or "The daemon refused without a reason."
            raise CommandRefusedError(str(facts.get("code", "")), text, facts)
        return answer

    def _connect(self) -> socket.socket:
        if self._socket is not None:
            return self._socket
        place = self._place
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            with socket_name(place.socket) as name:
                _connect(connection, name, self._timeout)
        except PermissionError as error:
            connection.close()
            text = f"You may not use {place.socket}: become root or a member of its group."
            raise BtrmError(text) from error
        except OSError as error:
            connection.close()
            text = f"No btrmd is running on {place.state_dir} (no answer at {place.socket})."
            raise NoDaemonError(text) from error
        self._socket = connection
        self._buffer = b""
        return connection

    def _read_line(self, connection: socket.socket) -> bytes:
        parts = [self._buffer]
        while b"\n" not in parts[-1]:
            data = connection.recv(65536)
            if not data:
                raise ConnectionResetError
            parts.append(data)
        line, _, self._buffer = b"".join(parts).partition(b"\n")
        return line


def _connect(connection: socket.socket, name: str, timeout: float) -> None:
    """Connect; where too many knock at once, try again until `timeout` s have passed."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return connection.connect(name)
        except BlockingIOError:  # unix(7): a full backlog is EAGAIN to a socket with a time-out
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
