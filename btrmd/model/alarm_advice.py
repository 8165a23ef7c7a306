"""Alarm advice: what a person does about each alarm, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .severity import SEVERITIES, severity_of

# What ends in a dot stands for every key that begins so.
_ADVICE: Final[Mapping[str, str]] = {
    "lvd.open": "Restore the supply: the load has been taken off the battery to save it.",
    "battery.low_capacity": "Replace the battery, or test again rested where the result says so.",
    "battery.low_voltage": "Restore the supply or shed load, then check the charger.",
    "battery.block_imbalance": "Measure each block at its terminals and replace the one that "
    "differs.",
    "guard.active": "Check the supply: the bus guard holds the load.",
    "supply.lost": "Check mains, breaker and fuse F1.",
    "supply.weak": "Check the supply's rating and its cables: it sags under the load.",
    "charger.lost": "Check the charger and fuse F3: the battery is not being charged.",
    "overcurrent": "Take load off: it is above the unit's rating.",
    "temperature.high": "Ventilate the enclosure; heat halves the life of the battery.",
    "wiring.current_balance": "Check that Battery- and Load- go to the unit only.",
    "system.voltage_mismatch": "Check System Voltage on Port Options and the blocks of the bank.",
    "storage": "Check the free space and the health of the memory card.",
    "clock": "Set a time server on Network Configuration.",
    "settings.defaults": "Import the backup of the settings on Backup, or set them again.",
    "io1": "See what is wired to CH1.",
    "io2": "See what is wired to CH2.",
    "relay.": "Have the unit replaced: no test runs meanwhile.",
    "sensor.": "Have the unit replaced if a restart does not help.",
    "reading.": "Measure the value by hand and check its wire, then calibrate or replace.",
}


def advice_of(key: str) -> str:
    """What to do about the alarm `key`; "" where nobody knows."""
    head, dot, _ = key.partition(".")
    return _ADVICE.get(key) or _ADVICE.get(head + dot, "")


def worst_first(keys: Iterable[str]) -> list[str]:
    """The keys by falling severity, equal ones in their order."""
    return sorted(keys, key=lambda key: -SEVERITIES.index(severity_of(key)))


def count_severities(keys: Iterable[str]) -> dict[str, int]:
    """How many of the keys have each severity, the worst first; those without any are left out."""
    counted = dict.fromkeys(reversed(SEVERITIES), 0)
    for key in keys:
        counted[severity_of(key)] += 1
    return {name: count for name, count in counted.items() if count}
