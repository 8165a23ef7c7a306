"""Edges of one GPIO line, straight from the kernel (linux/gpio.h, uAPI v2).

lgpio has edges too, but its thread looks 2,000 times a second whether anything moves or not, which
costs a small Pi some percent of a core for ever. A thread that sleeps in `poll` costs nothing until
the line moves.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import struct
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

GET_LINE = 0xC250B407  # GPIO_V2_GET_LINE_IOCTL
GET_VALUES = 0xC010B40E  # GPIO_V2_LINE_GET_VALUES_IOCTL
INPUT, RISING, FALLING = 1 << 2, 1 << 4, 1 << 5  # enum gpio_v2_line_flag
BIAS = {"up": 1 << 8, "down": 1 << 9, "floating": 1 << 10}
# struct gpio_v2_line_request: offsets, consumer; config: flags, no attributes; lines, buffer, fd
REQUEST = struct.Struct("=64I32sQ264xII20xi")
VALUES = struct.Struct("=QQ")  # bits, mask
EVENT_SIZE = 48  # struct gpio_v2_line_event
EVENTS_A_READ = 16
# A line that chatters is looked at 500 times a second at most. (The kernel's own debounce counts in
# jiffies: 4 to 8 ms on a Pi, too long to wait with the load.)
APART_S = 0.002


def request_line(chip: str, line: int, pull: str) -> int:
    """A descriptor that tells the edges of `line` (0..) of `chip` (a path), with `pull` up, down or
    floating. Raises OSError: the line is taken, or the kernel knows no such requests (5.10)."""
    asked = REQUEST.pack(
        line, *(0,) * 63, b"btrmd edge", INPUT | RISING | FALLING | BIAS[pull], 1, EVENTS_A_READ, 0
    )  # fmt: skip
    buffer = bytearray(asked)
    chip_fd = os.open(chip, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(chip_fd, GET_LINE, buffer)
    finally:
        os.close(chip_fd)
    return int(REQUEST.unpack(buffer)[-1])


class LineEvents:
    """Owns the descriptor of a requested line; calls `moved` on a thread of its own."""

    def __init__(self, fd: int, moved: Callable[[], None]) -> None:
        """`moved` is called after every edge, or after several that came together."""
        self._fd = fd
        self._moved = moved
        self._end, self._ending = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="gpio-edge", daemon=True)
        self._thread.start()

    def level(self) -> bool:
        """The line's level now, True = high. Raises OSError."""
        buffer = bytearray(VALUES.pack(0, 1))
        fcntl.ioctl(self._fd, GET_VALUES, buffer)
        return bool(VALUES.unpack(buffer)[0] & 1)

    def close(self) -> None:
        """End the thread and give the line back. Not from `moved`."""
        os.close(self._ending)
        self._thread.join()
        os.close(self._end)
        os.close(self._fd)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._end in ready:
                return
            try:
                gone = not os.read(self._fd, EVENT_SIZE * EVENTS_A_READ)
            except OSError as error:
                log.warning("The GPIO line tells no more edges: %s.", error)
                return
            if gone:
                return
            try:
                self._moved()
            except Exception:
                # The edge: the next one must be acted on, whatever became of this one.
                log.exception("an edge of the GPIO line could not be acted on")
            time.sleep(APART_S)
