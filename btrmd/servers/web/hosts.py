"""Hosts: under which names a browser may reach the station and change things without a login.

A page of somebody else may give its own name the station's address (DNS rebinding); the browser
then takes that page and the station for one site. Such a name has dots and a public end, which an
address, a plain name on the site's network and a name of mDNS do not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

LOCAL: Final = (".local", ".localhost")  # RFC 6762, RFC 6761: never asked of a public name server


def is_own_host(host: str, names: Iterable[str] = ()) -> bool:
    """Whether `host` (HTTP's Host: name or address, with or without a port) can only be ours.

    `names`: further names, as the site file's `web.names` has them.
    """
    name = _without_port(host).lower().rstrip(".")
    try:
        ip_address(name)
    except ValueError:
        pass
    else:
        return True
    if not name:
        return False
    return (
        "." not in name
        or name.endswith(LOCAL)
        or name in {known.lower().rstrip(".") for known in names}
    )


def _without_port(host: str) -> str:
    if host.startswith("["):  # an IPv6 address
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
