"""A Modbus request: what a PDU asks for, or the exception it deserves at first sight."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pymodbus.pdu import DecodePDU, ModbusPDU

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

# It dumps every bad frame in hex otherwise: on a noisy line that is a log full of noise.
logging.getLogger("pymodbus.logging").setLevel(logging.ERROR)


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


class _Decoder(DecodePDU):
    """pymodbus's decoder for requests."""

    def __init__(self) -> None:
        super().__init__(True)


_DECODER: Final = _Decoder()


@lru_cache(maxsize=256)  # masters ask the same few questions all day
def parse(pdu: bytes) -> Request:
    """What `pdu` (function code and data) asks for.

    Raises ModbusFault: 1 for a function there is none of, 3 for a count or length that is wrong.
    The order of the checks is that of the specification's flow charts: function, quantity; the
    address is looked up later.
    """
    function = pdu[0] if pdu else 0
    build = _BUILD.get(function)
    if build is None:
        raise ModbusFault(ILLEGAL_FUNCTION)
    found = _DECODER.decode(pdu) if len(pdu) <= MAX_PDU else None
    if found is None:
        raise ModbusFault(ILLEGAL_VALUE)
    return build(pdu, found)


def _need(is_right: bool) -> None:
    if not is_right:
        raise ModbusFault(ILLEGAL_VALUE)


def _read(pdu: bytes, found: Any) -> Request:
    _need(len(pdu) == 5 and 1 <= found.count <= MOST[pdu[0]])
    return Read(pdu[0], found.address, found.count)


def _write_coil(pdu: bytes, found: Any) -> Request:
    # The decoder takes any number but 0 for "on"; only FF00 and 0000 are allowed (6.5).
    _need(len(pdu) == 5 and pdu[3] in (0x00, 0xFF) and pdu[4] == 0)
    return WriteCoils(found.address, (int(found.bits[0]),))


def _write_register(pdu: bytes, found: Any) -> Request:
    _need(len(pdu) == 5)
    return WriteRegisters(found.address, (found.registers[0],))


def _write_coils(pdu: bytes, found: Any) -> Request:
    _need(1 <= found.count <= MOST[15])
    _need(pdu[5] == (found.count + 7) // 8 == len(pdu) - 6)
    return WriteCoils(found.address, tuple(int(bit) for bit in found.bits))


def _write_registers(pdu: bytes, found: Any) -> Request:
    _need(1 <= found.count <= MOST[16])
    _need(pdu[5] == 2 * found.count == len(pdu) - 6)
    return WriteRegisters(found.address, tuple(found.registers))


def _mask_write(pdu: bytes, found: Any) -> Request:
    _need(len(pdu) == 7)
    return MaskWrite(found.address, found.and_mask, found.or_mask)


def _read_write(pdu: bytes, found: Any) -> Request:
    _need(1 <= found.read_count <= MOST_READ_23 and 1 <= found.write_count <= MOST_WRITTEN_23)
    _need(pdu[9] == 2 * found.write_count == len(pdu) - 10)
    read = Read(3, found.read_address, found.read_count)
    return WriteRegisters(found.write_address, tuple(found.write_registers), read)


def _report_server(pdu: bytes, found: ModbusPDU) -> Request:
    _need(len(pdu) == 1)
    return ReportServer()


def _read_identity(pdu: bytes, found: Any) -> Request:
    if len(pdu) > 1 and pdu[1] != DEVICE_ID_MEI:
        raise ModbusFault(ILLEGAL_FUNCTION)
    _need(len(pdu) == 4 and 1 <= pdu[2] <= 4)
    return ReadIdentity(pdu[2], pdu[3])


_BUILD: Final = {
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
