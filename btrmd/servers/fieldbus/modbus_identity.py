"""Modbus identity: functions 17 (report server id) and 43/14 (read device identification)."""

from __future__ import annotations

from typing import Final

from ...model.snapshot import Snapshot
from ..plain_ascii import plain_ascii
from .modbus_request import (
    DEVICE_ID_MEI,
    ILLEGAL_ADDRESS,
    MAX_PDU,
    ModbusFault,
    ReadIdentity,
)

_CONFORMITY: Final = 0x83  # extended objects, by stream and one by one (section 6.21)
_BASIC_LAST: Final = 2
_SERIAL: Final = 0x80  # the first object a maker may define (section 6.21)
_HEAD: Final = 7  # function, MEI, access, conformity, more, next, number
_LONGEST: Final = MAX_PDU - _HEAD - 2


def server_data(snapshot: Snapshot, unit: int) -> bytes:
    """Function 17: byte count, server id (the unit), run indicator, "BTRM300 1.0" in ASCII."""
    name = f"{_text(snapshot, 'system.model')} {_text(snapshot, 'system.firmware')}"
    data = bytes((unit, 0xFF if snapshot.is_ticking else 0x00)) + plain_ascii(name).encode("ascii")
    return bytes((len(data),)) + data


def objects(snapshot: Snapshot) -> dict[int, bytes]:
    """Object id -> value: vendor, product code, revision; product, model, user's name; serial
    number."""
    model = _text(snapshot, "system.model")
    texts = {
        0x00: "btrmd",
        0x01: model,
        0x02: _text(snapshot, "system.firmware"),
        0x04: "Battery test and remote monitoring",
        0x05: model,
        0x06: str(snapshot.settings["site.location"]),
        _SERIAL: _text(snapshot, "system.serial"),
    }
    return {n: plain_ascii(text).encode("ascii")[:_LONGEST] for n, text in texts.items()}


def identity_data(snapshot: Snapshot, request: ReadIdentity) -> bytes:
    """Function 43/14: what follows the function code. Raises ModbusFault 2: no such object."""
    known = objects(snapshot)
    if request.access == 4:
        if request.first not in known:
            raise ModbusFault(ILLEGAL_ADDRESS)
        wanted = [request.first]
    else:
        last = {1: _BASIC_LAST, 2: _SERIAL - 1}.get(request.access, 0xFF)
        wanted = [n for n in known if n <= last]
        # A stream that starts at an object there is none of starts at the beginning (6.21).
        first = request.first if request.first in wanted else wanted[0]
        wanted = [n for n in wanted if n >= first]
    body, count, following = b"", 0, 0
    for n in wanted:
        item = bytes((n, len(known[n]))) + known[n]
        if _HEAD + len(body) + len(item) > MAX_PDU:
            following = n
            break
        body += item
        count += 1
    more = 0xFF if following else 0x00
    head = (DEVICE_ID_MEI, request.access, _CONFORMITY, more, following, count)
    return bytes(head) + body


def _text(snapshot: Snapshot, key: str) -> str:
    value = snapshot.points[key].value
    return value if isinstance(value, str) else ""
