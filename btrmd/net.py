"""Addresses: HOST:PORT as written and as read, peers in one form, and what counts as one place."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

PORT_MOST: Final = 65535
PEERS: Final = 256  # whose forms are remembered: a crowd comes from the same addresses again
_PORT: Final = re.compile(r"[0-9]{1,5}")
MAPPED: Final = IPv6Network("::ffff:0:0/96")  # IPv4 addresses, as an IPv6 socket sees them


def plain_address(peer: str) -> IPv4Address | IPv6Address | None:
    """The peer's address; an IPv4 one behind an IPv6 socket as IPv4. None for what is none."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def look_up_form(host: str) -> str | bytes:
    """`host` as getaddrinfo should get it: octets where it is ASCII. For a str Python loads the
    tables of international names, 0.7 MB."""
    return host.encode("ascii") if host.isascii() else host


@lru_cache(PEERS)
def plain_peer(peer: str) -> str:
    """The peer's address as it is shown, kept and compared; what is no address as it is."""
    address = plain_address(peer)
    return peer if address is None or "%" in peer else str(address)


def plain_network(text: str) -> IPv4Network | IPv6Network:
    """An address or network of a list, one of IPv4 written as IPv6 as IPv4: that is how peers are
    told. Raises ValueError."""
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        mapped = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return IPv4Network((mapped, network.prefixlen - 96))
    return network


def is_same_host(peer: str, host: str) -> bool:
    """True when both are one address, whatever form each is written in."""
    address = plain_address(peer)
    return address is not None and address == plain_address(host)


def in_brackets(host: str) -> str:
    """A host as it stands in an URL and before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_and_port(host: str, port: int) -> str:
    """As a person writes it."""
    return f"{in_brackets(host)}:{port}"


def split_address(text: str) -> tuple[str, int]:
    """HOST:PORT as host and port; "[::1]:80" for IPv6, an empty host or "*" for every interface.

    Raises ValueError naming the address when it has another shape.
    """
    host, colon, port = text.rpartition(":")
    if not colon or _PORT.fullmatch(port) is None or int(port) > PORT_MOST:
        raise ValueError(
            f"listen address {text!r} is refused: allowed is HOST:PORT, port 0..{PORT_MOST}."
        )
    host = host.removeprefix("[").removesuffix("]")
    return ("0.0.0.0" if host in ("", "*") else host), int(port)


@lru_cache(PEERS)
def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 that one IPv6 host can choose from.

    What is no address stands for itself.
    """
    parsed = plain_address(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return str(parsed)


def is_private(address: str) -> bool:
    """True for loopback, link-local and private addresses: someone on the site's own network."""
    parsed = plain_address(address)
    return parsed is not None and (parsed.is_private or parsed.is_loopback or parsed.is_link_local)
