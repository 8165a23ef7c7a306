"""The settings of the remote syslog, which stand on the SNMP Configuration page (R154)."""

from __future__ import annotations

from typing import Final

from .setting import Setting
from .setting_snmp import SNMP

TRANSPORTS: Final = ("udp", "tcp")
FACILITIES: Final = ("daemon", *(f"local{n}" for n in range(8)))
_GROUP: Final = "Syslog"

SYSLOG_SETTINGS: Final = (
    Setting(
        "syslog.enabled",
        "bool",
        False,
        "Send every event to a syslog server (RFC 5424).",
        page=SNMP,
        group=_GROUP,
        label="Enable",
    ),
    Setting(
        "syslog.server",
        "text",
        "",
        "Name or address of the syslog server.",
        max_length=64,
        format="host",
        page=SNMP,
        group=_GROUP,
        label="Server Addr",
    ),
    Setting(
        "syslog.port",
        "int",
        514,
        "Port of the syslog server.",
        low=1,
        high=65535,
        page=SNMP,
        group=_GROUP,
        label="Port",
    ),
    Setting(
        "syslog.transport",
        "enum",
        "udp",
        "UDP, which may lose what nobody misses, or TCP (RFC 6587, octet counting), which repeats "
        "what did not arrive.",
        choices=TRANSPORTS,
        choice_labels=("UDP", "TCP"),
        page=SNMP,
        group=_GROUP,
        label="Transport",
    ),
    Setting(
        "syslog.facility",
        "enum",
        "local0",
        "Facility the server sorts by.",
        choices=FACILITIES,
        page=SNMP,
        group=_GROUP,
        label="Facility",
    ),
)
