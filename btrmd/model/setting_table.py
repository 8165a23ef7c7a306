"""The table of settings: each declared once, in the order of the menu, and what cannot be together.

Relations are asked of what somebody changes, wherever he does it. What a file holds already is not
refused by them: an update may not take a unit's settings away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address, IPv4Network
from types import MappingProxyType
from typing import Final, NoReturn

from .block_taps import TAPS, check_tap_order
from .errors import SettingError
from .setting import Setting
from .setting_battery import BATTERY_SETTINGS, PORT_SETTINGS
from .setting_dns_sd import DNS_SD_SETTINGS
from .setting_fieldbus import DNP3_SETTINGS, MODBUS_SETTINGS, SERIAL_SETTINGS
from .setting_format import FORMATS, split_list
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

MAIL: Final = ("email.server", "email.to")
_DNP3: Final = ("dnp3.address", "dnp3.master")
_NETWORK: Final = ("network.method", "network.address", "network.mask", "network.gateway")
_DNS: Final = ("network.dns1", "network.dns2")
_RELATED: Final = frozenset((*_DNP3, *_NETWORK, *_DNS, *TAPS))  # no other setting is looked at
GATEWAY: Final = "network.gateway"
NO_GATEWAY: Final = "0.0.0.0"
NO_DNS: Final = "0.0.0.0"
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")
LONGEST_PREFIX: Final = 30  # a longer mask leaves no room for two machines
NOTED: Final = ("dnp3.retry_s", "email.enabled")  # the settings that `notes` may speak of
RETRY_LEAST_S: Final = 5  # manual section 10.1.2

Values = Mapping[str, object]


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


def check_relations(values: Values, changed: Collection[str]) -> None:
    """Refuse what cannot be together. `values` all settings as they would be, `changed` the keys
    that somebody sets. Raises SettingError."""
    if _RELATED.isdisjoint(changed):
        return
    if any(key in changed for key in _DNP3):
        _check_dnp3(values, changed)
    if any(key in changed for key in _NETWORK):
        _check_network(values, changed)
    for key in _DNS:
        if key in changed and values[key] != NO_DNS:
            address = IPv4Address(str(values[key]))
            if not _is_machine(address):
                _refuse(key, address, f"a machine's address, or {NO_DNS} for none")
    if any(key in changed for key in TAPS):
        check_tap_order(values, changed)


def notes(values: Values) -> dict[str, str]:
    """What is taken, but not without a word: key -> sentence."""
    found = {}
    retry_s = values["dnp3.retry_s"]
    if isinstance(retry_s, int) and retry_s < RETRY_LEAST_S:
        found["dnp3.retry_s"] = (
            f"Below {RETRY_LEAST_S} s is not recommended: the master may not have answered yet."
        )
    key = placeholder_of(values)
    if values["email.enabled"] is True and key:
        found["email.enabled"] = f"No mail is sent while {key} is {values[key] or 'empty'}."
    return found


def loses_gateway(values: Values, changed: Collection[str]) -> bool:
    """Another address or mask was set, and the gateway still is a new unit's, which is nowhere near
    any more: nobody has chosen it."""
    if "network.address" not in changed and "network.mask" not in changed:
        return False
    prefix = _prefix(str(values["network.mask"]))
    if prefix is None or values[GATEWAY] != SETTINGS[GATEWAY].default:
        return False
    network = IPv4Network((str(values["network.address"]), prefix), strict=False)
    return IPv4Address(str(values[GATEWAY])) not in network


def placeholder_of(values: Values) -> str:
    """The key of a mail setting that still is what a new unit has, or is empty; "" for none."""
    return next((key for key in MAIL if _is_placeholder(key, values[key])), "")


def _is_placeholder(key: str, value: object) -> bool:
    """Also where it is one of several recipients, or is written as a whole name (RFC 1034 3.1)."""
    parts = [part.casefold().removesuffix(".") for part in split_list(str(value))]
    return not parts or str(SETTINGS[key].default).casefold() in parts


def _check_dnp3(values: Values, changed: Collection[str]) -> None:
    key, other = _DNP3 if _DNP3[0] in changed else _DNP3[::-1]
    if values[key] == values[other]:
        _refuse(key, values[key], f"any address but that of {other}, which is {values[other]} too")


def _check_network(values: Values, changed: Collection[str]) -> None:
    mask = str(values["network.mask"])
    prefix = _prefix(mask)
    if prefix is None:
        _refuse(
            "network.mask", mask, "a mask of leading ones, 128.0.0.0 to 255.255.255.252"
        )  # fmt: skip
    if values["network.method"] == "dhcp":
        return
    own, way = (str(values[f"network.{name}"]) for name in ("address", "gateway"))
    address = IPv4Address(own)
    network = IPv4Network((address, prefix), strict=False)
    ends = (network.network_address, network.broadcast_address)
    if address in ends:
        key = "network.address" if "network.address" in changed else _first(changed)
        _refuse(key, values[key], f"a machine's address in {network}; {own} is none")
    if not _is_machine(address):
        key = "network.address" if "network.address" in changed else _first(changed)
        text = f"a machine's address; {own} is for loopback, multicast or no use"
        if key != "network.address":
            text = f"what goes with network.address: {text}"
        _refuse(key, values[key], text)
    if way == NO_GATEWAY:
        return
    gateway = IPv4Address(way)
    if gateway not in network or gateway in ends or gateway == address:
        key = GATEWAY if GATEWAY in changed else _first(changed)
        text = f"another machine's address in {network}, or {NO_GATEWAY} for none"
        if key != GATEWAY:
            text = f"what leaves {GATEWAY} ({way}) {text}; set both together"
        _refuse(key, values[key], text)


def _is_machine(address: IPv4Address) -> bool:
    """No machine on a network has any other (RFC 6890): the unit would be out of reach with it."""
    is_special = address.is_loopback or address.is_multicast or address.is_reserved
    return not is_special and address not in _THIS_NETWORK


def _first(changed: Collection[str]) -> str:
    return next(key for key in (*_NETWORK[1:], _NETWORK[0]) if key in changed)


def _prefix(mask: str) -> int | None:
    """Its length; None for one that is not of leading ones only, or leaves no machines."""
    bits = int(IPv4Address(mask))
    prefix = bits.bit_count()
    is_whole = bits == (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
    return prefix if is_whole and 1 <= prefix <= LONGEST_PREFIX else None


def _refuse(key: str, value: object, allowed: str) -> NoReturn:
    raise SettingError(key, value, allowed, f"{key} = {value} is refused: allowed is {allowed}.")
