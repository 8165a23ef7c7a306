"""The Modbus unit: one request PDU in, one response PDU out; the same for TCP and RTU."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any, Final

from ...model.settings import Settings
from ...model.snapshot import Snapshot
from .context import FieldbusContext
from .modbus_identity import identity_data, server_data
from .modbus_image import Image
from .modbus_request import (
    DEVICE_FAILURE,
    ILLEGAL_FUNCTION,
    MaskWrite,
    ModbusFault,
    Read,
    ReadIdentity,
    ReportServer,
    Request,
    WriteCoils,
    WriteRegisters,
    parse,
)
from .modbus_write import carry_out, commands

log = logging.getLogger(__name__)

OLD_S: Final = 10.0  # as old as this a reading is bad (DESIGN section 3): the owner hangs
_MEASURED: Final = (2, 4)

Response = bytes | Coroutine[Any, Any, bytes]


class Unit:
    """One per endpoint. Reads are answered from one snapshot at once, writes by a coroutine."""

    def __init__(self, context: FieldbusContext) -> None:
        self._context = context
        self._bus = context.bus
        self._snapshot: Snapshot | None = None
        self._image = Image({})
        self._settings: Settings | None = None
        self._address = 0
        self._may_write = False
        self._look()

    @property
    def address(self) -> int:
        """The unit id of the settings."""
        self._look()
        return self._address

    def answer(self, pdu: bytes, source: str) -> Response:
        """The response to one request, or a coroutine that comes to it. Never raises.

        `source` goes into the event log with every write.
        """
        try:
            self._bus.requests["modbus"] += 1
            request = parse(pdu)
            snapshot = self._look()
            if type(request) is Read:
                if request.function in _MEASURED and self._context.age() > OLD_S:
                    raise ModbusFault(DEVICE_FAILURE)
                return pdu[:1] + self._image.read(request)
            if isinstance(request, ReportServer):
                return pdu[:1] + server_data(snapshot, self._address)
            if isinstance(request, ReadIdentity):
                return pdu[:1] + identity_data(snapshot, request)
            if not self._may_write:
                raise ModbusFault(ILLEGAL_FUNCTION)
            return self._write(pdu, request, source)
        except ModbusFault as fault:
            return exception(pdu, fault.code)

    async def _write(self, pdu: bytes, request: Request, source: str) -> bytes:
        try:
            if isinstance(request, MaskWrite):
                request = self._masked(request)
            assert isinstance(request, WriteCoils | WriteRegisters)
            read = request.read if isinstance(request, WriteRegisters) else None
            wanted = commands(request, source)
            if read is not None:
                self._image.read(read)  # both addresses are looked up before anything is done
            await carry_out(self._context, wanted)
            if read is not None:
                self._look()
                return pdu[:1] + self._image.read(read)
        except ModbusFault as fault:
            return exception(pdu, fault.code)
        except Exception:
            log.exception("modbus: a write of %s failed", source)
            return exception(pdu, DEVICE_FAILURE)
        # 5, 6 and 22 echo the request; 15 and 16 its address and count.
        return pdu[:5] if pdu[0] in (15, 16) else pdu

    def _masked(self, request: MaskWrite) -> WriteRegisters:
        old = int.from_bytes(self._image.read(Read(3, request.address, 1))[1:], "big")
        new = (old & request.and_mask) | (request.or_mask & ~request.and_mask)
        return WriteRegisters(request.address, (new & 0xFFFF,))

    def _look(self) -> Snapshot:
        """Take the newest snapshot; what is derived from it is made anew only when it is new."""
        snapshot = self._bus.snapshot
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._image = Image(snapshot.points)
            settings = snapshot.settings
            if settings is not self._settings:
                self._settings = settings
                self._address = int(str(settings["modbus.unit"]))
                self._may_write = settings["modbus.writes"] is True
        return snapshot


def exception(pdu: bytes, code: int) -> bytes:
    """An exception response: function with its high bit set, and the code."""
    return bytes(((pdu[0] if pdu else 0) | 0x80, code))
