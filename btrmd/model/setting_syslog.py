"""The settings of the remote syslog, which stand on the Integrations page (R154)."""

from __future__ import annotations

from typing import Final

from .setting import Section
from .setting_mqtt import INTEGRATIONS

TRANSPORTS: Final = ("udp", "tcp", "tls")
FACILITIES: Final = ("daemon", *(f"local{n}" for n in range(8)))

_SYSLOG = Section(INTEGRATIONS, "Syslog")

SYSLOG_SETTINGS: Final = (
    _SYSLOG.setting(
        "syslog.enabled",
        "bool",
        False,
        "Send every event to a syslog server (RFC 5424).",
        label="Enable",
    ),
    _SYSLOG.setting(
        "syslog.server",
        "text",
        "",
        "Name or address of the syslog server.",
        max_length=64,
        format="host",
        label="Server Addr",
    ),
    _SYSLOG.port("syslog.port", 514, "Port of the syslog server."),
    _SYSLOG.setting(
        "syslog.transport",
        "enum",
        "udp",
        "UDP, which may lose what nobody misses, TCP (RFC 6587, octet counting), which repeats "
        "what did not arrive, or TLS (RFC 5425; port 6514 as a rule), which also hides it.",
        choices=TRANSPORTS,
        choice_labels=("UDP", "TCP", "TLS"),
        label="Transport",
    ),
    _SYSLOG.setting(
        "syslog.ca_file",
        "text",
        "",
        "TLS: PEM file of the authority that signed the server's certificate; empty = the "
        "system's.",
        max_length=255,
        format="path",
        label="CA file",
    ),
    _SYSLOG.setting(
        "syslog.cert_file",
        "text",
        "",
        "TLS: PEM file of this unit's own certificate, where the server asks for one; empty = "
        "none.",
        max_length=255,
        format="path",
        label="Certificate file",
    ),
    _SYSLOG.setting(
        "syslog.key_file",
        "text",
        "",
        "TLS: PEM file of that certificate's key, without a passphrase; empty = it is in the same "
        "file.",
        max_length=255,
        format="path",
        label="Key file",
    ),
    _SYSLOG.setting(
        "syslog.facility",
        "enum",
        "local0",
        "Facility the server sorts by.",
        choices=FACILITIES,
        label="Facility",
    ),
)
