"""BER: the few encodings an answer is made of (X.690), a tenth of the time of a general encoder.

Only for what we say ourselves; what comes from the network is decoded by pyasn1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIME_TICKS: Final = 0x43
RESPONSE: Final = 0xA2

NO_SUCH_OBJECT: Final = b"\x80\x00"
NO_SUCH_INSTANCE: Final = b"\x81\x00"
END_OF_MIB_VIEW: Final = b"\x82\x00"


def tlv(tag: int, body: bytes) -> bytes:
    """Tag, length, body."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A whole number in as few octets as two's complement allows."""
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return tlv(tag, value.to_bytes(bits // 8 + 1, "big", signed=True))


def oid(arcs: tuple[int, ...]) -> bytes:
    """An OBJECT IDENTIFIER of at least two arcs."""
    body = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        body += bytes(reversed(groups))
    return tlv(OBJECT_IDENTIFIER, bytes(body))


def sequence(parts: Iterable[bytes]) -> bytes:
    """A SEQUENCE of encoded parts."""
    return tlv(SEQUENCE, b"".join(parts))


def response(request_id: int, status: int, place: int, varbinds: bytes) -> bytes:
    """A Response-PDU (GetResponse-PDU in SNMPv1); `varbinds` one encoded list."""
    return tlv(RESPONSE, integer(request_id) + integer(status) + integer(place) + varbinds)


def message(version: int, community: bytes, pdu: bytes) -> bytes:
    """A community message."""
    return sequence((integer(version), tlv(OCTET_STRING, community), pdu))
