"""Listener configurations: what the settings and the command line ask for, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ...model.readings import Value
from ...model.settings import Settings
from ...net import host_and_port, split_address

NONE: Final = "none"

# What makes a listener open anew when it changes. Everything else (modbus.unit, modbus.allow,
# *.writes ...) is read from the newest snapshot and takes effect without losing a connection.
REOPENED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "modbus": (),
    "dnp3": (
        "dnp3.address",
        "dnp3.master",
        "dnp3.master_ip",
        "dnp3.port",
        "dnp3.retry_s",
        "dnp3.retries",
        "dnp3.unsolicited",
        "dnp3.restart_message",
        "dnp3.event_class",
        "dnp3.event_index_base",
        "dnp3.extended",
        "dnp3.allow",
    ),
}


# Of these, what an open DNP3 listener takes over without closing: its master notices nothing.
ADOPTED: Final = frozenset(
    {"dnp3.retry_s", "dnp3.retries", "dnp3.unsolicited", "dnp3.restart_message",
     "dnp3.event_class", "dnp3.event_index_base", "dnp3.allow"}
)  # fmt: skip


class SerialLine(NamedTuple):
    """A serial line. `device` "none" = off; `parity` none, even or odd; 8 data bits, 1 stop bit."""

    device: str
    protocol: str = "modbus"
    baud: int = 9600
    parity: str = "even"


class TcpPlace(NamedTuple):
    """Where a TCP listener is; port 0 = any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return host_and_port(self.host, self.port)


class FieldbusOptions(NamedTuple):
    """What the command line overrules: "HOST:PORT", "none" = off, None = by settings."""

    modbus: str | None = None
    dnp3: str | None = None
    serial: SerialLine | None = None


class ListenerConfig(NamedTuple):
    """One listener that should be open. Two equal plans are the same listener: it stays as it is.

    `name` as in listeners.json (modbus, dnp3, serial); `settings`: those of REOPENED_BY.
    """

    name: str
    protocol: str
    place: TcpPlace | SerialLine
    settings: Mapping[str, Value]


def can_adopt(old: ListenerConfig, new: ListenerConfig) -> bool:
    """Nothing differs but settings that an open listener takes over."""
    return all(key in ADOPTED or old.settings[key] == value for key, value in new.settings.items())


def listener_configs(settings: Settings, options: FieldbusOptions) -> dict[str, ListenerConfig]:
    """Listener name -> plan, of the listeners that should be open.

    Without an option a TCP listener is open when its protocol is enabled, at the site's host and
    the port of the settings. Both protocols may be served over TCP; the line carries one (C36).
    """
    found: dict[str, ListenerConfig] = {}
    asked = {"modbus": options.modbus, "dnp3": options.dnp3}
    hosts = {"modbus": settings.site.modbus, "dnp3": settings.site.dnp3}
    for protocol, option in asked.items():
        if option is not None:
            place = None if option == NONE else TcpPlace(*split_address(option))
        elif settings[f"{protocol}.enabled"] is True and hosts[protocol] != NONE:
            place = TcpPlace(hosts[protocol], int(str(settings[f"{protocol}.port"])))
        else:
            place = None
        if place is not None:
            found[protocol] = ListenerConfig(
                protocol, protocol, place, _relevant(settings, protocol)
            )
    line = options.serial or line_of(settings)
    if NONE not in (line.device, line.protocol):
        relevant = _relevant(settings, line.protocol)
        found["serial"] = ListenerConfig("serial", line.protocol, line, relevant)
    return found


def line_of(settings: Settings) -> SerialLine:
    """The serial line as the settings describe it."""
    return SerialLine(
        str(settings["serial.device"]),
        str(settings["serial.protocol"]),
        int(str(settings["serial.baud"])),
        str(settings["serial.parity"]),
    )


def _relevant(settings: Settings, protocol: str) -> dict[str, Value]:
    return {key: settings[key] for key in REOPENED_BY[protocol]}
