"""One NUT client: its octets in and out, never waiting for it."""

from __future__ import annotations

import selectors
import socket
import time
from typing import Final

from ..share import Member
from .session import NutSession

MOST_LINE: Final = 512  # octets
PIECE: Final = 4096  # octets read at a time
LINES: Final = 8  # answered before the others have their turn
MOST_UNSENT: Final = 16 * 1024  # octets of answers that wait; what has not been read waits then too


class NutClient:
    """Its methods return how many lines they answered, and raise OSError when it is gone or its
    lines are too long."""

    member: Member

    def __init__(self, sock: socket.socket, session: NutSession) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.session = session
        self.stalled_since: float | None = None  # monotonic s since which it takes no answer
        self._buffer = b""
        self._unsent = b""
        self._is_ended = False

    @property
    def has_lines(self) -> bool:
        """True when a whole line waits, and its answer can be kept."""
        return b"\n" in self._buffer and len(self._unsent) < MOST_UNSENT

    @property
    def is_over(self) -> bool:
        """True when nothing is left to say."""
        is_done = self.session.is_over or (self._is_ended and not self.has_lines)
        return is_done and not self._unsent

    @property
    def wants(self) -> int:
        """What the selector has to look for."""
        reads = not self._unsent and not self._is_ended and not self.has_lines
        return (selectors.EVENT_READ if reads else 0) | (
            selectors.EVENT_WRITE if self._unsent or not reads else 0
        )

    def read(self) -> int:
        """Take what has come."""
        try:
            data = self.socket.recv(PIECE)
        except BlockingIOError:
            return 0
        self._is_ended = not data
        self._buffer += data
        return self.work()

    def work(self) -> int:
        """Answer some lines."""
        count = 0
        while self.has_lines and count < LINES and not self.session.is_over:
            line, _, self._buffer = self._buffer.partition(b"\n")
            if len(line) > MOST_LINE:
                raise OSError("a line too long")
            self._unsent += self.session.answer(line.decode(errors="replace")).encode()
            count += 1
        if b"\n" not in self._buffer and len(self._buffer) > MOST_LINE:
            raise OSError("a line too long")
        self.flush()
        return count

    def flush(self) -> int:
        """Send what can be sent now."""
        while self._unsent:
            try:
                sent = self.socket.send(self._unsent)
            except BlockingIOError:
                if self.stalled_since is None:
                    self.stalled_since = time.monotonic()
                return 0
            self._unsent = self._unsent[sent:]
            self.stalled_since = None
        return 0
