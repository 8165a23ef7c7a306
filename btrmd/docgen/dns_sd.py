"""DNS-SD: what this unit serves, as the static service file of avahi-daemon (avahi.service(5))."""

from __future__ import annotations

from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from ..model.settings import Settings
from ..net import split_address

MARK: Final = "Written by btrmd; it is replaced at every start of the service."
LOOPBACK: Final = ("127.", "localhost", "[::1]", "::1")


class DnsService(NamedTuple):
    """One type of RFC 6763 with its port and TXT records."""

    type: str
    port: int
    txt: tuple[str, ...] = ()


def services(settings: Settings, serial: str, model: str) -> list[DnsService]:
    """What is open to the network by settings and site file; _btrm._tcp is where the API is."""
    site = settings.site
    https, http = _port(site.https), _port(site.http)
    if https and settings["web.http"] == "off":
        http = 0
    found = []
    if https:
        found.append(DnsService("_https._tcp", https, ("path=/",)))
    if http:
        found.append(DnsService("_http._tcp", http, ("path=/",)))
    if https or http:
        scheme = "https" if https else "http"
        txt = (f"serial={serial}", f"model={model}", f"scheme={scheme}", "path=/api/v1")
        found.append(DnsService("_btrm._tcp", https or http, txt))
    if settings.flag("modbus.enabled") and _is_open(site.modbus):
        unit = f"unit={settings.integer('modbus.unit')}"
        found.append(DnsService("_modbus._tcp", settings.integer("modbus.port"), (unit,)))
    versions = ("snmp.v1_enabled", "snmp.v2c_enabled", "snmp.v3.enabled")
    snmp = _port(site.snmp)
    if snmp and any(settings.flag(key) for key in versions):
        found.append(DnsService("_snmp._udp", snmp))
    return found


def service_file(name: str, found: list[DnsService]) -> str:
    """The XML. `name`: how it stands in lists; %h is the host's name, and avahi adds a number
    where two are the same."""
    lines = [
        '<?xml version="1.0" standalone="no"?>',
        '<!DOCTYPE service-group SYSTEM "avahi-service.dtd">',
        f"<!-- {MARK} -->",
        "<service-group>",
        f'  <name replace-wildcards="yes">{escape(name)} on %h</name>',
    ]
    for service in found:
        lines += ["  <service>", f"    <type>{service.type}</type>",
                  f"    <port>{service.port}</port>",
                  *(f"    <txt-record>{escape(text)}</txt-record>" for text in service.txt),
                  "  </service>"]  # fmt: skip
    return "\n".join([*lines, "</service-group>", ""])


def _is_open(host: str) -> bool:
    return host != "none" and not host.startswith(LOOPBACK)


def _port(place: str) -> int:
    """Of HOST:PORT; 0 where nothing of it is open to the network."""
    if place == "none":
        return 0
    host, port = split_address(place)
    return port if _is_open(host) else 0
