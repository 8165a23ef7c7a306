"""BER: the few encodings SNMP is made of (X.690), in a tenth of a general encoder's time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIME_TICKS: Final = 0x43
GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
SET: Final = 0xA3
TRAP_V1: Final = 0xA4
GET_BULK: Final = 0xA5
INFORM: Final = 0xA6
TRAP_V2: Final = 0xA7
REPORT: Final = 0xA8
MOST_ARCS: Final = 128  # of an OBJECT IDENTIFIER (RFC 2578 3.5)
MOST_ARC: Final = 2**32 - 1

NO_SUCH_OBJECT: Final = b"\x80\x00"
NO_SUCH_INSTANCE: Final = b"\x81\x00"
END_OF_MIB_VIEW: Final = b"\x82\x00"


class Element(NamedTuple):
    """An element of a message: its tag and where its body begins and ends."""

    tag: int
    start: int
    end: int


_new: Final = tuple.__new__


def tlv(tag: int, body: bytes) -> bytes:
    """Tag, length, body."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


@lru_cache(maxsize=1024)  # states and readings come again and again
def integer(value: int, tag: int = INTEGER) -> bytes:
    """A whole number in as few octets as two's complement allows."""
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return tlv(tag, value.to_bytes(bits // 8 + 1, "big", signed=True))


@lru_cache(maxsize=512)  # a walk names the same few hundred all day
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


def element(raw: bytes, at: int, end: int) -> Element:
    """The element at `at`, which must end by `end`. Raises ValueError for anything else than one
    octet of tag and a definite length, which is all that SNMP has."""
    if at + 2 > end or raw[at] & 0x1F == 0x1F:
        raise ValueError("no element")
    tag, size, start = raw[at], raw[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or start + count > end:
            raise ValueError("no length")
        size = int.from_bytes(raw[start : start + count], "big")
        start += count
    if start + size > end:
        raise ValueError("too long")
    return Element(tag, start, start + size)


def elements(raw: bytes, start: int, end: int) -> list[Element]:
    """What stands between `start` and `end`. Raises ValueError."""
    found = []
    while start < end:
        # The short form, which nearly all have, in place: a dozen a message.
        stop = start + 2 + raw[start + 1] if start + 2 <= end else end + 1
        if stop <= end and raw[start + 1] < 0x80 and raw[start] & 0x1F != 0x1F:
            found.append(_new(Element, (raw[start], start + 2, stop)))
        else:
            item = element(raw, start, end)
            found.append(item)
            stop = item.end
        start = stop
    return found


def whole(raw: bytes, item: Element) -> int:
    """An INTEGER of at most eight octets. Raises ValueError."""
    if item.tag != INTEGER or not 1 <= item.end - item.start <= 8:
        raise ValueError("no INTEGER")
    return int.from_bytes(raw[item.start : item.end], "big", signed=True)


def arcs_of(raw: bytes, item: Element) -> tuple[int, ...]:
    """An OBJECT IDENTIFIER of 2..128 arcs up to 2^32-1. Raises ValueError."""
    if item.tag != OBJECT_IDENTIFIER or item.end == item.start or raw[item.end - 1] & 0x80:
        raise ValueError("no OBJECT IDENTIFIER")
    return _arcs(raw[item.start : item.end])


@lru_cache(maxsize=512)  # names are at most 640 octets
def _arcs(body: bytes) -> tuple[int, ...]:
    arcs: list[int] = []
    arc = 0
    for octet in body:
        if octet == 0x80 and not arc:
            raise ValueError("an arc with a leading zero")
        arc = arc << 7 | octet & 0x7F
        if arc > MOST_ARC + 80:
            raise ValueError("an arc too large")
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    arcs[:1] = (first, arcs[0] - 40 * first)
    if len(arcs) > MOST_ARCS or max(arcs) > MOST_ARC:
        raise ValueError("too many arcs, or one too large")
    return tuple(arcs)


def octets(raw: bytes, item: Element) -> bytes:
    """An OCTET STRING. Raises ValueError."""
    if item.tag != OCTET_STRING:
        raise ValueError("no OCTET STRING")
    return raw[item.start : item.end]
