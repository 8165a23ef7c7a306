"""The menu: the manual's fourteen pages in its order (R22), then those added."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

PAGES: Final = (
    ("System Status", "/"),
    ("Battery Status", "/battery-status"),
    ("Battery Test", "/battery-test"),
    ("Manual Test", "/manual-test"),
    ("Port Options", "/port-options"),
    ("E-Mail Configuration", "/email"),
    ("E-mail Test", "/email-test"),
    ("Network Configuration", "/network"),
    ("DNP3 Modbus Configuration", "/dnp3-modbus"),
    ("SNMP Configuration", "/snmp"),
    ("SNMP MIB File", "/snmp-mib"),
    ("Help", "/help"),
    ("Authorization", "/authorization"),
    ("About", "/about"),
)

ADDED: Final = (
    ("Trends", "/trends"),
    ("Discharge Curves", "/discharges"),
    ("Test Reports", "/reports"),
    ("Event Log", "/events"),
    ("Integrations", "/integrations"),
    ("HTTPS", "/https"),
    ("Backup", "/backup"),
    ("Software Update", "/update"),
)


class Item(NamedTuple):
    """One entry. `is_served` False: this version has no such page, the entry is no link."""

    name: str
    path: str
    is_served: bool


class Menu(NamedTuple):
    """The two halves of the menu."""

    pages: tuple[Item, ...]
    added: tuple[Item, ...]


def make_menu(served: Collection[str]) -> Menu:
    """The menu of an application that serves the paths `served`."""
    return Menu(
        tuple(Item(name, path, path in served) for name, path in PAGES),
        tuple(Item(name, path, path in served) for name, path in ADDED),
    )
