"""The community message, and the PDU that messages of all versions carry (RFC 1157, 3416).

What the agent answers and what the trap sender tells is made here alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from . import ber

V1, V2C, V3 = 0, 1, 3  # msgVersion
TEXT_MOST: Final = 255  # octets of a DisplayString (RFC 2579)

Oid = tuple[int, ...]
EncodedVarBind = tuple[Oid, bytes]  # a name and its encoded value


class CommunityMessage(NamedTuple):
    """A message of SNMPv1 (`version` 0) or v2c (1). `pdu` is one element."""

    version: int
    community: bytes
    pdu: bytes

    @classmethod
    def parse(cls, raw: bytes) -> CommunityMessage:
        """Raises ValueError for anything else; what `pdu` holds is not looked at."""
        outer = ber.element(raw, 0, len(raw))
        parts = ber.elements(raw, outer.start, outer.end)
        if outer.tag != ber.SEQUENCE or len(parts) != 3:
            raise ValueError("no community message")
        version, community, pdu = parts
        return cls(
            ber.whole(raw, version), ber.octets(raw, community), raw[community.end : pdu.end]
        )


def encode_message(version: int, community: bytes, pdu: bytes) -> bytes:
    """A community message of SNMPv1 or v2c."""
    head = ber.integer(version) + ber.tlv(ber.OCTET_STRING, community)
    return ber.tlv(ber.SEQUENCE, head + pdu)


def encode_pdu(
    kind: int, request_id: int, varbinds: bytes, status: int = 0, place: int = 0
) -> bytes:
    """A PDU of the tag `kind`, of all but SNMPv1's trap; `varbinds` is one encoded list."""
    head = ber.integer(request_id) + ber.integer(status) + ber.integer(place)
    return ber.tlv(kind, head + varbinds)


def encode_varbinds(rows: Iterable[EncodedVarBind]) -> bytes:
    """The list of varbinds of a PDU."""
    return ber.sequence(ber.sequence((ber.oid(name), value)) for name, value in rows)


def display_string(text: str) -> bytes:
    """A DisplayString in UTF-8, cut at 255 octets, no character halved."""
    raw = text.encode()
    if len(raw) > TEXT_MOST:
        raw = raw[:TEXT_MOST].decode(errors="ignore").encode()
    return ber.tlv(ber.OCTET_STRING, raw)


def response_id(pdu: bytes) -> int | None:
    """The request id of a response; None for another PDU. Raises ValueError."""
    outer = ber.element(pdu, 0, len(pdu))
    if outer.tag != ber.RESPONSE:
        return None
    return ber.whole(pdu, ber.element(pdu, outer.start, outer.end))
