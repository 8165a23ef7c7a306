"""Checks: what a request to the helper may hold; everything else is refused in one sentence."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from ..model.appliance import NetworkWish
from ..model.errors import BtrmError

HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
MOST_DNS: Final = 3
LONGEST_PREFIX: Final = 30  # a /31 or /32 has no room for a unit, a gateway and a broadcast


class HelperRequestError(BtrmError, ValueError):
    """A request the helper does not carry out; the text is its one sentence."""


def refuse(key: str, value: object, allowed: str) -> HelperRequestError:
    """The error for one field."""
    return HelperRequestError(f"{key} = {str(value)[:80]!r} is refused: allowed is {allowed}.")


def only(request: Mapping[str, object], *keys: str) -> None:
    """Raise for a field that is not one of `keys` (or the verb)."""
    for key in request:
        if key != "verb" and key not in keys:
            raise HelperRequestError(f"{str(key)[:40]!r} is no field of this request.")


def flag(request: Mapping[str, object], key: str) -> bool:
    """True or false; absent = false."""
    value = request.get(key, False)
    if not isinstance(value, bool):
        raise refuse(key, value, "true or false")
    return value


def text(request: Mapping[str, object], key: str) -> str:
    """A short printable text; absent = empty."""
    value = request.get(key, "")
    if not isinstance(value, str) or len(value) > 255 or not value.isprintable():
        raise refuse(key, value, "a short printable text")
    return value


def host_name(name: str) -> str:
    """A host name by RFC 1123, one label."""
    if not HOST_NAME.fullmatch(name):
        raise refuse("host_name", name, "1..63 letters, digits and hyphens, no hyphen at the ends")
    return name


def address_of(key: str, value: str) -> ipaddress.IPv4Address:
    """An IPv4 address that one machine may have."""
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        raise refuse(key, value, "an IPv4 address like 192.168.1.214") from None
    if (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_reserved
        or address.packed[0] == 0
    ):
        raise refuse(key, value, "an address that a machine may have")
    return address


def prefix_of(mask: str) -> int:
    """The length of a contiguous mask, 1..30."""
    try:
        bits = int(ipaddress.IPv4Address(mask))
    except ValueError:
        raise refuse("mask", mask, "a mask like 255.255.255.0") from None
    prefix = bits.bit_count()
    if not 1 <= prefix <= LONGEST_PREFIX or bits != (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF:
        raise refuse("mask", mask, "a mask of leading ones, 128.0.0.0 to 255.255.255.252")
    return prefix


def network_wish(request: Mapping[str, object]) -> tuple[NetworkWish, int]:
    """The wish of a network.apply request and its prefix length (0 with dhcp)."""
    only(request, *NetworkWish._fields, "keep")
    dns = request.get("dns", [])
    if not isinstance(dns, list) or len(dns) > MOST_DNS:
        raise refuse("dns", dns, f"a list of at most {MOST_DNS} addresses")
    wish = NetworkWish(
        text(request, "method"),
        text(request, "address"),
        text(request, "mask"),
        text(request, "gateway"),
        tuple(str(address_of("dns", str(item))) for item in dns),
        host_name(text(request, "host_name")),
        text(request, "mac").upper(),
    )
    if wish.mac and (not MAC.fullmatch(wish.mac) or int(wish.mac[:2], 16) & 1):
        raise refuse("mac", wish.mac, "the MAC address of one machine, like B8:27:EB:01:02:03")
    if wish.method == "dhcp":
        return wish._replace(address="", mask="", gateway="", dns=()), 0
    if wish.method != "static":
        raise refuse("method", wish.method, "static or dhcp")
    address, prefix = address_of("address", wish.address), prefix_of(wish.mask)
    network = ipaddress.IPv4Network((address, prefix), strict=False)
    if address in (network.network_address, network.broadcast_address):
        raise refuse("address", address, f"a machine's address in {network}")
    gateway = ""
    if wish.gateway:
        way = address_of("gateway", wish.gateway)
        outside = way not in network or way in (network.network_address, network.broadcast_address)
        if outside or way == address:
            raise refuse("gateway", way, f"another machine's address in {network}, or none")
        gateway = str(way)
    return wish._replace(address=str(address), gateway=gateway), prefix
