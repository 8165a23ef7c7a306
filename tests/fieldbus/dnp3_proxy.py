"""A line that loses what the outstation sends unasked: a TCP proxy before a DNP3 listener."""

from __future__ import annotations

import contextlib
import socket
import threading
import time


class LossyLine:
    """Passes everything on but the next `losses` unsolicited responses that carry objects.

    `lost` holds the monotonic times of those. One connection, `place` HOST:PORT for the master.
    """

    def __init__(self, outstation: str, losses: int) -> None:
        self._outstation = outstation
        self._losses = losses
        self.lost: list[float] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        host, port = self._listener.getsockname()
        self.place = f"{host}:{port}"
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> LossyLine:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10.0)
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        try:
            master, _ = self._listener.accept()
        except OSError:
            return  # nobody came
        host, _, port = self._outstation.rpartition(":")
        station = socket.create_connection((host, int(port)), 10.0)
        station.settimeout(None)
        self._ends = [master, station]
        self._threads.append(threading.Thread(target=self._pass_on, args=(master, station, False)))
        self._threads.append(threading.Thread(target=self._pass_on, args=(station, master, True)))
        for thread in self._threads[1:]:
            thread.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_lossy: bool) -> None:
        buffer = b""
        with contextlib.suppress(OSError):
            while got := source.recv(4096):
                buffer += got
                while len(buffer) >= 10 and len(buffer) >= (size := _size(buffer)):
                    frame, buffer = buffer[:size], buffer[size:]
                    if is_lossy and self._is_lost(frame):
                        self.lost.append(time.monotonic())
                    else:
                        target.sendall(frame)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _is_lost(self, frame: bytes) -> bool:
        """Header 10 octets, transport, control, function 130, indications, then objects."""
        return len(self.lost) < self._losses and frame[12:13] == b"\x82" and len(frame) > 17


def _size(buffer: bytes) -> int:
    """Octets of the link frame at the start: what it says of its length, and the CRCs."""
    length = buffer[2] - 5
    return 10 + length + 2 * -(-length // 16)
