"""The table of settings: every setting of every page, declared once, in the order of the menu."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .setting import Setting
from .setting_battery import BATTERY_SETTINGS, PORT_SETTINGS
from .setting_dns_sd import DNS_SD_SETTINGS
from .setting_fieldbus import DNP3_SETTINGS, MODBUS_SETTINGS, SERIAL_SETTINGS
from .setting_format import FORMATS
from .setting_mqtt import MQTT_SETTINGS
from .setting_nut import NUT_SETTINGS
from .setting_radius import RADIUS_SETTINGS
from .setting_site import (
    AUTHORIZATION_SETTINGS,
    EMAIL_SETTINGS,
    HTTPS_SETTINGS,
    NETWORK_SETTINGS,
    WALL_SETTINGS,
)
from .setting_snmp import SNMP_SETTINGS
from .setting_syslog import SYSLOG_SETTINGS
from .setting_webhook import WEBHOOK_SETTINGS


def check_settings(settings: tuple[Setting, ...]) -> dict[str, Setting]:
    """The settings by key. Raises ValueError for a declaration that contradicts itself."""
    table: dict[str, Setting] = {}
    for setting in settings:
        if setting.key in table:
            raise ValueError(f"{setting.key} is declared twice.")
        if setting.kind in ("int", "float") and (setting.low is None or setting.high is None):
            raise ValueError(f"{setting.key} has no range.")
        if setting.kind == "enum" and setting.default not in setting.choices:
            raise ValueError(f"{setting.key}: the default is not among the choices.")
        if setting.choice_labels and len(setting.choice_labels) != len(setting.choices):
            raise ValueError(f"{setting.key}: not one label for each choice.")
        if setting.kind == "text" and not setting.max_length:
            raise ValueError(f"{setting.key} has no maximum length.")
        if setting.format and (setting.kind != "text" or setting.format not in FORMATS):
            raise ValueError(f"{setting.key}: {setting.format} is no format of a text.")
        if not setting.page or not setting.label or not setting.help:
            raise ValueError(f"{setting.key} lacks page, label or help.")
        table[setting.key] = setting
    return table


SETTINGS: Final[Mapping[str, Setting]] = MappingProxyType(
    check_settings(
        (
            *BATTERY_SETTINGS,
            *PORT_SETTINGS,
            *EMAIL_SETTINGS,
            *NETWORK_SETTINGS,
            *MODBUS_SETTINGS,
            *DNP3_SETTINGS,
            *SERIAL_SETTINGS,
            *SNMP_SETTINGS,
            *SYSLOG_SETTINGS,
            *NUT_SETTINGS,
            *MQTT_SETTINGS,
            *WEBHOOK_SETTINGS,
            *RADIUS_SETTINGS,
            *DNS_SD_SETTINGS,
            *AUTHORIZATION_SETTINGS,
            *HTTPS_SETTINGS,
            *WALL_SETTINGS,
        )
    )
)
