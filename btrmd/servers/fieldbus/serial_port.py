"""The serial port: bytes in with their time, bytes out, on the fieldbus loop, never blocking it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import termios
import time
from collections.abc import Callable
from typing import Final

import serial

from .listener_config import SerialLine

log = logging.getLogger(__name__)

_PARITY: Final = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
}
_READ_SIZE: Final = 4096
_PENDING_MAX: Final = 64 * 1024  # a line that takes nothing: drop rather than grow
_EMPTY_MAX: Final = 8  # reads in a row without a byte: nobody is there any more


class SerialPort:
    """`on_data(bytes, time)` with time.monotonic() of the read; `on_lost(sentence)` once.

    Callbacks come on the loop. After `on_lost` or `close` there are none.
    """

    def __init__(
        self,
        line: SerialLine,
        on_data: Callable[[bytes, float], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.line = line
        self.warning = ""
        self._on_data = on_data
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._port: serial.Serial | None = None
        self._fd = -1
        self._pending = bytearray()
        self._empty = 0

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def open(self) -> None:
        """Raises OSError. A port that refuses the parity (a pty) runs without, see `warning`."""
        line = self.line
        try:
            port = self._opened(_PARITY[line.parity])
            refused = line.parity != "none" and not _has_parity(port.fileno())
        except (OSError, termios.error) as error:
            if line.parity == "none" or not os.path.exists(line.device):
                raise _as_os_error(error) from error
            try:
                port = self._opened(serial.PARITY_NONE)
            except (OSError, termios.error) as again:
                raise _as_os_error(again) from again
            refused = True
        if refused:
            self.warning = f"{line.device} refuses {line.parity} parity and runs without."
            log.warning("%s", self.warning)
        # Some USB adapters keep bytes back for 16 ms otherwise.
        with contextlib.suppress(OSError, ValueError, AttributeError, NotImplementedError):
            port.set_low_latency_mode(True)
        self._port = port
        self._fd = port.fileno()
        self._loop.add_reader(self._fd, self._readable)

    def _opened(self, parity: str) -> serial.Serial:
        return serial.Serial(
            self.line.device,
            self.line.baud,
            bytesize=serial.EIGHTBITS,
            parity=parity,
            stopbits=serial.STOPBITS_ONE,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )

    def write(self, data: bytes) -> None:
        """Send now what the port takes, the rest as soon as it can."""
        if self._port is None:
            return
        if self._pending:
            if len(self._pending) + len(data) <= _PENDING_MAX:
                self._pending += data
            return
        sent = self._send(data)
        if self._port is not None and sent < len(data):
            self._pending += data[sent:]
            self._loop.add_writer(self._fd, self._writable)

    def close(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._pending.clear()
        with contextlib.suppress(OSError, termios.error):
            port.close()

    # --- what the loop calls ---------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if data:
            self._empty = 0
            self._on_data(data, time.monotonic())
            return
        # With VMIN 0 nothing to read looks like the end of file: ask the port itself.
        self._empty += 1
        try:
            termios.tcgetattr(self._fd)
        except termios.error as error:
            self._lose(_as_os_error(error).strerror or str(error))
            return
        if self._empty >= _EMPTY_MAX:
            self._lose("nothing is connected to it any more")

    def _writable(self) -> None:
        sent = self._send(bytes(self._pending))
        del self._pending[:sent]
        if self._port is not None and not self._pending:
            self._loop.remove_writer(self._fd)

    def _send(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lose(error.strerror or str(error))
            return len(data)

    def _lose(self, reason: str) -> None:
        self.close()
        self._on_lost(f"Serial port {self.line.device} is lost: {reason}.")


def _has_parity(fd: int) -> bool:
    return bool(termios.tcgetattr(fd)[2] & termios.PARENB)


def _as_os_error(error: Exception) -> OSError:
    """termios.error is no OSError; pyserial's SerialException is one, with the number in it."""
    if isinstance(error, termios.error):
        return OSError(*error.args)
    number = getattr(error, "errno", None)
    if isinstance(number, int):
        return OSError(number, os.strerror(number))
    return error if isinstance(error, OSError) else OSError(str(error))
