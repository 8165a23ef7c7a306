"""How grave each alarm is, for consoles that sort by it (ITU-T X.733's words, without cleared)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Severity = Literal["info", "warning", "minor", "major", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "minor", "major", "critical")

# What ends in a dot stands for every key that begins so. Critical: the load may go dark.
_SEVERITY: Final[Mapping[str, Severity]] = {
    "lvd.open": "critical",
    "battery.low_voltage": "critical",
    "guard.active": "critical",
    "battery.low_capacity": "major",
    "supply.lost": "major",
    "charger.lost": "major",
    "overcurrent": "major",
    "relay.": "major",
    "supply.weak": "minor",
    "temperature.high": "minor",
    "battery.block_imbalance": "minor",
    "wiring.current_balance": "minor",
    "system.voltage_mismatch": "minor",
    "sensor.": "minor",
    "reading.": "minor",
    "storage": "minor",
    "io1": "warning",
    "io2": "warning",
    "clock": "warning",
    "settings.defaults": "warning",
}


def severity_of(key: str) -> Severity:
    """The severity of alarm `key`; one that is not listed is a warning."""
    head, dot, _ = key.partition(".")
    return _SEVERITY.get(key) or _SEVERITY.get(head + dot, "warning")
