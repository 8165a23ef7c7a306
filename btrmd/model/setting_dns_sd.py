"""The setting of DNS-SD, which stands on the Integrations page."""

from __future__ import annotations

from typing import Final

from .setting import Setting
from .setting_mqtt import INTEGRATIONS

DNS_SD_SETTINGS: Final = (
    Setting(
        "dns_sd.enabled",
        "bool",
        False,
        "Announce what is open on the local network (DNS-SD by avahi-daemon: _http, _https, _btrm, "
        "_modbus, _snmp), from the next start of the service on.",
        page=INTEGRATIONS,
        group="Announcement",
        label="Announce by DNS-SD",
    ),
)
