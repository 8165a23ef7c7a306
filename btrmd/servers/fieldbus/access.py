"""Access: which peers may connect, by the CIDR list of a setting."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from ...model.setting_format import split_list
from ...net import plain_address, plain_network


class AllowList:
    """`text`: addresses and networks; empty = everybody."""

    def __init__(self, text: str) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            plain_network(item) for item in split_list(text)
        )

    def allows(self, peer: str) -> bool:
        """`peer` is an address as text; what cannot be read is refused unless all are welcome."""
        if not self._networks:
            return True
        address = plain_address(peer)
        return address is not None and any(address in network for network in self._networks)

    def names(self, peer: str) -> bool:
        """True when `peer` stands in the list by itself, not as one of a network."""
        address = plain_address(peer)
        return address is not None and any(
            network.num_addresses == 1 and address in network for network in self._networks
        )
