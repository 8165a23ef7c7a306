"""Values on the wire: octets made from plain values, and plain ones from what a manager sends."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final, NamedTuple

from ...net import plain_address
from ...snmp import ber
from ...snmp.message import display_string

ADDRESS: Final = 4  # octets
INTEGER32: Final = range(-(2**31), 2**31)

_WRITABLE: Final = {
    "INTEGER": ber.INTEGER,
    "DisplayString": ber.OCTET_STRING,
    "IpAddress": ber.IP_ADDRESS,
}
_UNSIGNED: Final = {"TimeTicks": ber.TIME_TICKS, "Counter32": ber.COUNTER32}


class SentVarBind(NamedTuple):
    """A value as a manager sent it: its tag and its body."""

    tag: int
    body: bytes


def encode(syntax: str, value: int | str) -> bytes:
    """`value` as the SMI type `syntax`. Texts are cut at 255 octets, numbers held to their type."""
    if syntax == "INTEGER":
        return ber.integer(min(max(int(value), -(2**31)), 2**31 - 1))
    if syntax == "DisplayString":
        return display_string(str(value))
    if syntax == "OctetString":  # as hexadecimal digits
        return ber.tlv(ber.OCTET_STRING, bytes.fromhex(str(value)))
    if syntax == "IpAddress":
        return ber.tlv(ber.IP_ADDRESS, _four_octets(str(value)))
    if syntax in _UNSIGNED:
        return ber.integer(int(value) % 2**32, _UNSIGNED[syntax])
    if syntax == "Gauge32":
        return ber.integer(min(max(int(value), 0), 2**32 - 1), ber.GAUGE32)
    return ber.oid(tuple(map(int, str(value).split("."))))


def _four_octets(host: str) -> bytes:
    """A host as an IpAddress: of a name or an IPv6 address, for which it has no room, 0.0.0.0."""
    address = plain_address(host)
    return address.packed if isinstance(address, IPv4Address) else bytes(ADDRESS)


def has_type(syntax: str, value: SentVarBind) -> bool:
    """True when a manager's value has the tag of `syntax`, one of the writable ones."""
    return value.tag == _WRITABLE[syntax]


def decode(syntax: str, value: SentVarBind) -> int | str | None:
    """A manager's value of the right type as a plain one; None when it cannot be one."""
    body = value.body
    if syntax == "INTEGER":
        number = int.from_bytes(body, "big", signed=True)
        return number if body and number in INTEGER32 else None
    if syntax == "IpAddress":
        return str(IPv4Address(body)) if len(body) == ADDRESS else None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
