"""The link in a message: where the unit's own pages are found."""

from __future__ import annotations

import socket
from typing import Final

from ..bus import Bus
from ..net import host_and_port, in_brackets, split_address

DEFAULT_PORT: Final = {"https": 443, "http": 80}
ANY: Final = ("0.0.0.0", "::")
FAR: Final = ("192.0.2.1", 9)  # RFC 5737: an address that is nobody's; nothing is sent to it


def unit_link(bus: Bus) -> str:
    """The address of the System Status page, "" while no web listener is open."""
    for scheme, usual in DEFAULT_PORT.items():
        listener = bus.listeners.get(scheme)
        if listener is None or not listener.address:
            continue
        host, port = split_address(listener.address)
        if host in ANY:
            host = _own_host() or bus.snapshot.settings.text("network.address")
        return f"{scheme}://{in_brackets(host) if port == usual else host_and_port(host, port)}/"
    return ""


def _own_host() -> str:
    """The address this machine has towards the world; "" without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(FAR)
            return str(probe.getsockname()[0])
        except OSError:
            return ""
