"""The host's network as it is now: addresses, gateway and name servers, read from the kernel."""

from __future__ import annotations

import fcntl
import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, NamedTuple

_SIOCGIFADDR: Final = 0x8915  # linux/sockios.h
_SIOCGIFNETMASK: Final = 0x891B
_NAME_BYTES: Final = 15
_GATEWAY_FLAG: Final = 0x2  # linux/route.h: RTF_GATEWAY
MOST: Final = 16  # of interfaces and of addresses each


class Interface(NamedTuple):
    """One network interface but the loopback. Empty texts where there is nothing."""

    name: str
    mac: str
    state: str
    address: str
    mask: str
    ipv6: tuple[str, ...]


class HostNetwork(NamedTuple):
    """What a person at the site asks the network administrator about."""

    host_name: str
    interfaces: tuple[Interface, ...]
    gateway: str
    name_servers: tuple[str, ...]


def read_network() -> HostNetwork:
    """The present state; what cannot be read is left empty."""
    try:
        names = [name for _, name in socket.if_nameindex() if name != "lo"]
    except OSError:
        names = []
    return HostNetwork(
        socket.gethostname(),
        tuple(_interface(name) for name in names[:MOST]),
        _gateway(),
        _name_servers(),
    )


def _interface(name: str) -> Interface:
    folder = Path("/sys/class/net") / name
    return Interface(
        name,
        _read(folder / "address").strip(),
        _read(folder / "operstate").strip(),
        _ask(name, _SIOCGIFADDR),
        _ask(name, _SIOCGIFNETMASK),
        _ipv6(name),
    )


def _ask(name: str, question: int) -> str:
    """An IPv4 address of an interface, by ioctl."""
    request = struct.pack("256s", name.encode()[:_NAME_BYTES])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        try:
            answer = fcntl.ioctl(listener.fileno(), question, request)
        except OSError:
            return ""
    return str(IPv4Address(answer[20:24]))


def _ipv6(name: str) -> tuple[str, ...]:
    found = []
    for line in _read(Path("/proc/net/if_inet6")).splitlines():
        parts = line.split()
        if len(parts) == 6 and parts[5] == name:
            found.append(f"{IPv6Address(bytes.fromhex(parts[0]))}/{int(parts[2], 16)}")
    return tuple(found[:MOST])


def _gateway() -> str:
    for line in _read(Path("/proc/net/route")).splitlines()[1:]:
        parts = line.split()
        if len(parts) > 3 and parts[1] == "00000000" and int(parts[3], 16) & _GATEWAY_FLAG:
            return str(IPv4Address(bytes.fromhex(parts[2])[::-1]))
    return ""


def _name_servers() -> tuple[str, ...]:
    lines = _read(Path("/etc/resolv.conf")).splitlines()
    words = [line.split() for line in lines]
    return tuple(word[1] for word in words if len(word) > 1 and word[0] == "nameserver")[:MOST]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
