"""The I2C bus: CircuitPython's bus interface over an smbus2.SMBus-like object.

Register reads and writes of two bytes, which is nearly all the HAT's chips need, travel as SMBus
word transfers with swapped bytes: the same bytes on the wire as a write-then-read, and accepted by
adapters that refuse I2C_RDWR (i2c-stub and some USB adapters). Every transfer is tried a bounded
number of times; a bus on which nothing works any more is closed and opened again.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from smbus2 import i2c_msg

from ...model.errors import BusError

log = logging.getLogger(__name__)

T = TypeVar("T")

REOPEN_AFTER = 12  # failed transfers in a row, none good between: it is the bus, not a chip
TIMEOUTS = 2  # timed-out transfers in a row: the bus hangs; going on would stall the owner
REOPEN_EVERY = 1.0  # s between attempts to open a bus that is closed
DEAD_AFTER = 3  # failed transfers in a row at one address: from then on one attempt each


class SMBusLike(Protocol):
    """The part of smbus2.SMBus that is used."""

    def read_word_data(self, i2c_addr: int, register: int, force: bool | None = None) -> int: ...

    def write_word_data(
        self, i2c_addr: int, register: int, value: int, force: bool | None = None
    ) -> None: ...

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None: ...

    def close(self) -> None: ...


class I2CBus:
    """One bus, used by one thread. `errors` counts failed transfers by address."""

    def __init__(self, opener: Callable[[], SMBusLike], attempts: int = 3) -> None:
        """`opener` opens the bus and raises OSError when it cannot; it is called by `tend`."""
        self._opener = opener
        self._attempts = attempts
        self._smbus: SMBusLike | None = None
        self._tried_at: float | None = None
        self._in_a_row = 0
        self._timeouts = 0
        self._down: dict[int, int] = {}
        self._locked = False
        self.errors: dict[int, int] = {}
        self.fault = "The I2C bus has not been opened yet."

    # --- open and close ----------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._smbus is not None

    def tend(self, now: float) -> None:
        """Once a scan: open a closed bus (at most once a second) and renew one that went dead.

        `now` is the process clock in seconds. Never raises: the reason is in `fault`.
        """
        if self._smbus is not None:
            if self._in_a_row < REOPEN_AFTER:
                return
            self._drop("The I2C bus answers no more; it is being opened again.")
        if self._tried_at is not None and 0.0 <= now - self._tried_at < REOPEN_EVERY:
            return
        self._tried_at = now
        try:
            self._smbus = self._opener()
        except OSError as error:
            self._note(f"The I2C bus cannot be opened: {error.strerror or error}.")
            return
        self._in_a_row = 0
        self._timeouts = 0
        self._note("")

    def _drop(self, why: str) -> None:
        smbus, self._smbus = self._smbus, None
        self._note(why)
        if smbus is not None:
            try:
                smbus.close()
            except OSError as error:
                log.debug("closing the I2C bus: %s", error)

    def _note(self, fault: str) -> None:
        if fault != self.fault:
            if fault:
                log.warning("%s", fault)
            else:
                log.info("The I2C bus is open.")
        self.fault = fault

    def close(self) -> None:
        """Release the bus; later transfers raise BusError."""
        self._drop("The I2C bus is closed.")

    # --- two-byte registers ------------------------------------------------------------------

    def read_register(self, address: int, register: int) -> int:
        """The big-endian 16-bit `register` of the chip at `address`, 0..65535. Raises BusError."""
        smbus = self._smbus
        if smbus is None:
            raise BusError(self.fault)
        try:
            word = smbus.read_word_data(address, register)
        except OSError as error:
            word = self._again(address, error, lambda bus: bus.read_word_data(address, register))
        if self._down:
            self._succeeded(address)
        return (word & 0xFF) << 8 | word >> 8

    def write_register(self, address: int, register: int, value: int) -> None:
        """Write the big-endian 16-bit `register` of the chip at `address`. Raises BusError."""
        smbus = self._smbus
        if smbus is None:
            raise BusError(self.fault)
        word = (value & 0xFF) << 8 | value >> 8
        try:
            smbus.write_word_data(address, register, word)
        except OSError as error:
            self._again(address, error, lambda bus: bus.write_word_data(address, register, word))
        if self._down:
            self._succeeded(address)

    # --- CircuitPython's interface ------------------------------------------------------------

    def try_lock(self) -> bool:
        """Take the bus; False when it is taken."""
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self) -> None:
        self._locked = False

    def writeto(
        self, address: int, buffer: bytes | bytearray, *, start: int = 0, end: int | None = None
    ) -> None:
        """Write buffer[start:end]; an empty write is a probe, a read of register 0.

        Raises BusError.
        """
        stop = len(buffer) if end is None else end
        size = stop - start
        if size == 3:
            value = buffer[start + 1] << 8 | buffer[start + 2]
            self.write_register(address, buffer[start], value)
        elif size <= 0:
            # a zero-length write is not possible on every adapter; every chip has a register 0
            self.read_register(address, 0)
        else:
            message = i2c_msg.write(address, list(buffer[start:stop]))
            self._transfer(address, message)

    def readfrom_into(
        self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None
    ) -> None:
        """Fill buffer[start:end] from the chip's current register. Raises BusError."""
        stop = len(buffer) if end is None else end
        message = i2c_msg.read(address, stop - start)
        self._transfer(address, message)
        buffer[start:stop] = bytes(message)

    def writeto_then_readfrom(
        self,
        address: int,
        out_buffer: bytes | bytearray,
        in_buffer: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        """Write, repeated start, read. Raises BusError."""
        out_stop = len(out_buffer) if out_end is None else out_end
        in_stop = len(in_buffer) if in_end is None else in_end
        if out_stop - out_start == 1 and in_stop - in_start == 2:
            value = self.read_register(address, out_buffer[out_start])
            in_buffer[in_start] = value >> 8
            in_buffer[in_start + 1] = value & 0xFF
            return
        write = i2c_msg.write(address, list(out_buffer[out_start:out_stop]))
        read = i2c_msg.read(address, in_stop - in_start)
        self._transfer(address, write, read)
        in_buffer[in_start:in_stop] = bytes(read)

    def _transfer(self, address: int, *messages: i2c_msg) -> None:
        smbus = self._smbus
        if smbus is None:
            raise BusError(self.fault)
        try:
            smbus.i2c_rdwr(*messages)
        except OSError as error:
            self._again(address, error, lambda bus: bus.i2c_rdwr(*messages))
        if self._down:
            self._succeeded(address)

    # --- retries -----------------------------------------------------------------------------

    def _succeeded(self, address: int) -> None:
        self._in_a_row = 0
        self._timeouts = 0
        self._down.pop(address, None)

    def _again(self, address: int, error: OSError, transfer: Callable[[SMBusLike], T]) -> T:
        """A transfer failed with `error`: try again, within bounds. Raises BusError."""
        tries = 1 if self._down.get(address, 0) >= DEAD_AFTER else self._attempts
        for _ in range(tries - 1):
            if self._smbus is None or error.errno == errno.ETIMEDOUT:
                break  # a timeout has cost its time already
            try:
                return transfer(self._smbus)
            except OSError as another:
                error = another
        self._in_a_row += 1
        self._down[address] = self._down.get(address, 0) + 1
        self.errors[address] = self.errors.get(address, 0) + 1
        if error.errno == errno.ETIMEDOUT:
            self._timeouts += 1
            if self._timeouts >= TIMEOUTS:
                self._drop("The I2C bus hangs (a line is held low); it is being opened again.")
        raise BusError(
            error.errno, f"The chip at 0x{address:02x} does not answer ({error.strerror or error})."
        ) from error
