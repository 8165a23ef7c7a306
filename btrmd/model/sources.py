"""Sources: who is behind a command or an event, told by its first word."""

from __future__ import annotations

from typing import Final

PROTOCOLS: Final = ("modbus", "dnp3", "snmp", "nut")
NOBODY: Final = "web nobody "  # a page or the API without a login, where that is allowed


def is_protocol(source: str) -> bool:
    """True for "modbus 10.0.0.5" and the like: no login is behind it, or one in plain text."""
    return source.partition(" ")[0] in PROTOCOLS


def is_person(source: str) -> bool:
    """True for "web admin 10.0.0.5" and "cli root": somebody who has logged in."""
    return source.startswith(("web ", "cli ")) and not source.startswith(NOBODY)
