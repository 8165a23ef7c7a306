"""Form sections: which settings stand on which page and under which heading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from btrmd.model.settings import SETTINGS
from btrmd.model.snapshot import Snapshot

from .form_field import Field, make_field


class FormSection(NamedTuple):
    """A heading, the manual's words below it, and the fields."""

    title: str
    text: str
    fields: tuple[Field, ...]

    @property
    def anchor(self) -> str:
        return section_anchor(self.title)


def section_anchor(title: str) -> str:
    """The anchor of a section: "Type 1" is "section-type-1"."""
    return f"section-{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}"


# Before the declared groups of a page: the settings that decide about all others there.
LEADS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "DNP3 Modbus Configuration": ("BTRM Protocol Options", ("modbus.enabled", "dnp3.enabled")),
}

TEXTS: Final[Mapping[tuple[str, str], str]] = {
    ("Battery Test", "Type 1"): (
        "Tests the battery for a few hours, depending on the load: gathers the battery's discharge "
        "profile and calculates the estimated run time."
    ),
    ("Battery Test", "Type 2"): (
        "Tests the battery for a set time. At the end of the test the battery voltage must be "
        "above the minimum voltage. An entry out of range returns the default value."
    ),
    ("Battery Test", "Test Window"): (
        "A scheduled test that is due waits for the window, also one that is tried again. A test "
        "that has started goes on beyond its end; a manual one starts whenever it is asked for."
    ),
    ("DNP3 Modbus Configuration", "BTRM Protocol Options"): (
        "Neither ticked: None. Both may be served over TCP/IP at once; the serial line carries one "
        "protocol."
    ),
    ("DNP3 Modbus Configuration", "IO Configuration"): (
        "RS232, three wires: pins 2, 3 and 5 of the DB9 connector; 8 data bits, 1 stop bit. "
        "Typical: 9600 baud, parity even for Modbus, none for DNP3. TCP/IP is served where a "
        "protocol is ticked above."
    ),
    ("SNMP Configuration", "Communities"): (
        "Three communities that may read, three that may read and write. Leave a field blank to "
        "disable it. A community that is set is shown as dots: leave the dots and it stays."
    ),
    ("SNMP Configuration", "Versions"): (
        "Communities travel unprotected. Where SNMPv3 is used, SNMPv1 and SNMPv2c can be switched "
        "off."
    ),
    ("E-Mail Configuration", "Site"): ("Both stand in every mail and in every SNMP notification."),
}


def page_keys(page: str) -> tuple[str, ...]:
    """The settings of a page, in the order of the table."""
    return tuple(key for key, setting in SETTINGS.items() if setting.page == page)


def make_sections(
    page: str,
    snapshot: Snapshot,
    typed: Mapping[str, str] = {},
    errors: Mapping[str, str] = {},
    may_change: bool = True,
) -> tuple[FormSection, ...]:
    """The form of a page: one section a declared group, in the order of the table."""
    return tuple(
        FormSection(
            title,
            TEXTS.get((page, title), ""),
            tuple(
                make_field(key, snapshot, typed, errors.get(key, ""), may_change) for key in keys
            ),
        )
        for title, keys in _groups(page).items()
    )


def section_titles(page: str) -> tuple[str, ...]:
    """The headings of a page's form, from above."""
    return tuple(_groups(page))


def _groups(page: str) -> dict[str, list[str]]:
    lead, first = LEADS.get(page, ("", ()))
    groups: dict[str, list[str]] = {lead: list(first)} if first else {}
    for key in page_keys(page):
        if key not in first:
            groups.setdefault(SETTINGS[key].group or page, []).append(key)
    return groups
