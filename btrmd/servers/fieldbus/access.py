"""Access: which peers may connect, by the CIDR list of a setting."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ...model.setting_format import split_list


class Access:
    """`text`: addresses and networks; empty = everybody."""

    def __init__(self, text: str) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(item) for item in split_list(text)
        )

    def allows(self, peer: str) -> bool:
        """`peer` is an address as text; what cannot be read is refused unless all are welcome."""
        if not self._networks:
            return True
        address = plain_address(peer)
        return address is not None and any(address in network for network in self._networks)


def plain_address(peer: str) -> IPv4Address | IPv6Address | None:
    """The peer's address; an IPv4 one behind an IPv6 socket as IPv4."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
