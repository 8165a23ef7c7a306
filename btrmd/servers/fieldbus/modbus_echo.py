"""The echo: what a line gives back of the frames that were sent into it; pure.

A two-wire adapter that leaves its receiver on while it sends hands every answer back to the unit.
The answer to a write is the request itself: obeyed again, one write becomes forty in four seconds.
"""

from __future__ import annotations

from typing import Final

LATE_S: Final = 0.05  # how much later than it was sent an adapter on USB hands a frame back
STRAY: Final = 3  # zeros that a line may add where its driver is switched on or off
DOUBTS: Final = 2  # times in a row that a line without an echo may repeat a frame at once


class Echo:
    """Knows the frame that was sent last, and whether this line gives back what is sent.

    A frame that equals it and comes right behind it is swallowed, once. On a line that has been
    heard to give nothing back it is a master who writes the same again, unless it goes on so.
    """

    def __init__(self) -> None:
        self._sent = b""  # not come back yet
        self._until = 0.0  # monotonic s; what begins later is no echo
        self._is_there: bool | None = None  # None = nothing has been sent and followed yet
        self._doubts = 0

    def sent(self, frame: bytes, at: float, lasts_s: float) -> None:
        """`frame` goes into the line at `at`, for `lasts_s` s."""
        self._sent, self._until = frame, at + lasts_s + LATE_S

    def without(self, data: bytes, began: float) -> bytes:
        """`data`, which began to come in at `began`, without the echo at its front."""
        sent = self._sent
        front = min(len(data) - len(data.lstrip(b"\0")), STRAY)
        if not sent or began > self._until or not data.startswith(sent, front):
            return data
        self._sent = b""
        if self._is_there is False and self._doubts < DOUBTS:
            self._doubts += 1
            return data
        self._is_there = True
        return data[front + len(sent) :]

    def heard(self, frame: bytes) -> None:
        """`frame` has come in; if the last one sent has not come back, none will."""
        if self._sent and frame != self._sent:
            self._is_there, self._doubts = False, 0
        self._sent = b""
