"""A peer that is no good broker: what it says is written by the test."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

WELCOME = b"\x20\x03\x00\x00\x00"  # CONNACK of MQTT 5
Serve = Callable[[socket.socket], None]


def sized(kind: int, body: bytes) -> bytes:
    """A packet: first octet, length (MQTT 5.0, 1.5.5), body."""
    left, length = len(body), b""
    while True:
        left, low = divmod(left, 128)
        length += bytes((low | (128 if left else 0),))
        if not left:
            return bytes((kind,)) + length + body


def message(topic: bytes, payload: bytes, qos: int = 0, number: int = 1) -> bytes:
    """PUBLISH of MQTT 5 without properties."""
    mid = struct.pack(">H", number) if qos else b""
    return sized(0x30 | qos << 1, struct.pack(">H", len(topic)) + topic + mid + b"\0" + payload)


def after_welcome(data: bytes) -> Serve:
    """Welcomes the unit, says `data`, and reads on."""

    def serve(near: socket.socket) -> None:
        near.recv(65536)
        near.sendall(WELCOME + data)
        swallow(near)

    return serve


def instead(data: bytes) -> Serve:
    """Says `data` in place of a welcome."""

    def serve(near: socket.socket) -> None:
        near.recv(65536)
        near.sendall(data)
        swallow(near)

    return serve


def again_and_again(data: bytes, is_reading: bool = True) -> Serve:
    """Welcomes the unit and says `data` without end."""

    def serve(near: socket.socket) -> None:
        near.recv(65536)
        near.sendall(WELCOME)
        if is_reading:
            threading.Thread(target=swallow, args=(near,), daemon=True).start()
        while True:
            near.sendall(data)

    return serve


def swallow(near: socket.socket) -> None:
    with suppress(OSError):
        while near.recv(65536):
            pass


class Peer:
    """`serve` has each connection, in a thread of its own."""

    def __init__(self, serve: Serve) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._serve = serve
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(near)
            threading.Thread(target=self._one, args=(near,), daemon=True).start()

    def _one(self, near: socket.socket) -> None:
        with suppress(OSError):
            self._serve(near)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            one.close()


def forget_most_resident() -> None:
    """Let `most_resident_mb` begin anew: other tests have run in this process (proc(5))."""
    Path("/proc/self/clear_refs").write_text("5")


def most_resident_mb() -> float:
    """The most memory this process has had, MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
