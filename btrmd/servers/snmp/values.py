"""Values on the wire: octets made from plain values, and plain ones from what a manager sends."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any, Final

from pysnmp.proto.rfc1902 import Integer32, IpAddress, OctetString

from ...model import ber

Oid = tuple[int, ...]
Asn1 = Any  # pyasn1 has no types to offer

TEXT_MOST: Final = 255  # DisplayString (RFC 2579)

_WRITABLE: Final[dict[str, Asn1]] = {
    "INTEGER": Integer32,
    "DisplayString": OctetString,
    "IpAddress": IpAddress,
}
_UNSIGNED: Final = {"TimeTicks": ber.TIME_TICKS, "Counter32": ber.COUNTER32}


def encode(syntax: str, value: int | str) -> bytes:
    """`value` as the SMI type `syntax`. Texts are cut at 255 octets, numbers held to their type."""
    if syntax == "INTEGER":
        return ber.integer(min(max(int(value), -(2**31)), 2**31 - 1))
    if syntax == "DisplayString":
        return ber.tlv(ber.OCTET_STRING, cut(str(value)))
    if syntax == "IpAddress":
        return ber.tlv(ber.IP_ADDRESS, IPv4Address(str(value)).packed)
    if syntax in _UNSIGNED:
        return ber.integer(int(value) % 2**32, _UNSIGNED[syntax])
    if syntax == "Gauge32":
        return ber.integer(min(max(int(value), 0), 2**32 - 1), ber.GAUGE32)
    return ber.oid(tuple(map(int, str(value).split("."))))


def cut(text: str) -> bytes:
    """UTF-8, at most 255 octets, no character halved."""
    raw = text.encode()
    return raw if len(raw) <= TEXT_MOST else raw[:TEXT_MOST].decode(errors="ignore").encode()


def has_type(syntax: str, value: Asn1) -> bool:
    """True when a manager's value has the tag of `syntax`, one of the writable ones."""
    return bool(value.tagSet == _WRITABLE[syntax].tagSet)


def decode(syntax: str, value: Asn1) -> int | str | None:
    """A manager's value of the right type as a plain one; None when it cannot be one."""
    if syntax == "INTEGER":
        return int(value)
    raw = bytes(value)
    if syntax == "IpAddress":
        return str(IPv4Address(raw)) if len(raw) == 4 else None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
