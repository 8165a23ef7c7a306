"""A Modbus request: what a PDU asks for, or the exception it deserves at first sight."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

# Exception codes, Modbus Application Protocol V1.1b3 section 7.
ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
DEVICE_FAILURE: Final = 4
DEVICE_BUSY: Final = 6

MAX_PDU: Final = 253
DEVICE_ID_MEI: Final = 0x0E

# function -> most items a request may name (section 6)
MOST: Final = {1: 2000, 2: 2000, 3: 125, 4: 125, 15: 1968, 16: 123}
MOST_READ_23: Final = 125
MOST_WRITTEN_23: Final = 121

_TWO: Final = struct.Struct(">xHH")  # address and count, or address and value
_THREE: Final = struct.Struct(">xHHH")
_FOUR: Final = struct.Struct(">xHHHH")


class ModbusFault(Exception):  # noqa: N818 - an exception response is no error of ours
    """The request is answered by an exception response with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Read(NamedTuple):
    """Functions 1 to 4: `number` bits or registers from `address`."""

    function: int
    address: int
    number: int


class WriteCoils(NamedTuple):
    """Functions 5 and 15."""

    address: int
    values: tuple[int, ...]


class WriteRegisters(NamedTuple):
    """Functions 6 and 16; with `read`, which follows the write, function 23."""

    address: int
    values: tuple[int, ...]
    read: Read | None = None


class MaskWrite(NamedTuple):
    """Function 22: new = (old AND and_mask) OR (or_mask AND NOT and_mask)."""

    address: int
    and_mask: int
    or_mask: int


class ReportServer(NamedTuple):
    """Function 17."""


class ReadIdentity(NamedTuple):
    """Function 43/14: `access` 1 basic, 2 regular, 3 extended (streams), 4 one object."""

    access: int
    first: int


Request = Read | WriteCoils | WriteRegisters | MaskWrite | ReportServer | ReadIdentity


# The grammar is eight fixed layouts, so it is read here: a general decoder costs more for each
# new request, and about 1 MB resident. scripts/cross-check compares the two.


@lru_cache(maxsize=256)  # masters ask the same few questions all day
def parse(pdu: bytes) -> Request:
    """What `pdu` (function code and data) asks for.

    Raises ModbusFault: 1 for a function there is none of, 3 for a count or length that is wrong.
    The order of the checks is that of the specification's flow charts: function, quantity; the
    address is looked up later.
    """
    build = _BUILD.get(pdu[0]) if pdu else None
    if build is None:
        raise ModbusFault(ILLEGAL_FUNCTION)
    _need(len(pdu) <= MAX_PDU)
    return build(pdu)


def _need(is_right: bool) -> None:
    if not is_right:
        raise ModbusFault(ILLEGAL_VALUE)


def _read(pdu: bytes) -> Request:
    _need(len(pdu) == 5)
    address, count = _TWO.unpack(pdu)
    _need(1 <= count <= MOST[pdu[0]])
    return Read(pdu[0], address, count)


def _write_coil(pdu: bytes) -> Request:
    # Only FF00 and 0000 are allowed (6.5).
    _need(len(pdu) == 5 and pdu[3] in (0x00, 0xFF) and pdu[4] == 0)
    address, value = _TWO.unpack(pdu)
    return WriteCoils(address, (int(value != 0),))


def _write_register(pdu: bytes) -> Request:
    _need(len(pdu) == 5)
    address, value = _TWO.unpack(pdu)
    return WriteRegisters(address, (value,))


def _write_coils(pdu: bytes) -> Request:
    _need(len(pdu) > 6)
    address, count = _TWO.unpack_from(pdu)
    _need(1 <= count <= MOST[15] and pdu[5] == (count + 7) // 8 == len(pdu) - 6)
    bits = int.from_bytes(pdu[6:], "little")
    return WriteCoils(address, tuple(bits >> k & 1 for k in range(count)))


def _write_registers(pdu: bytes) -> Request:
    _need(len(pdu) > 6)
    address, count = _TWO.unpack_from(pdu)
    _need(1 <= count <= MOST[16] and pdu[5] == 2 * count == len(pdu) - 6)
    return WriteRegisters(address, struct.unpack(f">{count}H", pdu[6:]))


def _mask_write(pdu: bytes) -> Request:
    _need(len(pdu) == 7)
    return MaskWrite(*_THREE.unpack(pdu))


def _read_write(pdu: bytes) -> Request:
    _need(len(pdu) > 10)
    read_at, read_count, write_at, count = _FOUR.unpack_from(pdu)
    _need(1 <= read_count <= MOST_READ_23 and 1 <= count <= MOST_WRITTEN_23)
    _need(pdu[9] == 2 * count == len(pdu) - 10)
    values = struct.unpack(f">{count}H", pdu[10:])
    return WriteRegisters(write_at, values, Read(3, read_at, read_count))


def _report_server(pdu: bytes) -> Request:
    _need(len(pdu) == 1)
    return ReportServer()


def _read_identity(pdu: bytes) -> Request:
    if len(pdu) > 1 and pdu[1] != DEVICE_ID_MEI:
        raise ModbusFault(ILLEGAL_FUNCTION)
    _need(len(pdu) == 4 and 1 <= pdu[2] <= 4)
    return ReadIdentity(pdu[2], pdu[3])


_BUILD: Final[dict[int, Callable[[bytes], Request]]] = {
    1: _read,
    2: _read,
    3: _read,
    4: _read,
    5: _write_coil,
    6: _write_register,
    15: _write_coils,
    16: _write_registers,
    17: _report_server,
    22: _mask_write,
    23: _read_write,
    43: _read_identity,
}
