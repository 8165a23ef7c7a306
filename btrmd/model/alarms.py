"""Alarms: every one there can be, declared once; the core keeps what raises and clears them.

Log, mail, traps, DNP3, syslog, metrics, pages and documents read this table. An alarm that lacks
something, or has no condition in the core (core/machines/alarms.py), fails at import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeVar

from .points import POINT

_Alarm = TypeVar("_Alarm")

Severity = Literal["info", "warning", "minor", "major", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "minor", "major", "critical")
UNITS: Final = ("", "V", "A", "°C")


class Alarm(NamedTuple):
    """One alarm, or a family of them: a key that ends in a dot stands for all that begin so.

    `severity` in ITU-T X.733's words, without cleared; critical: the load may go dark. `trap` OID
    below 34506 and name of its notification, numbered once and for ever. `action` what a person
    does about it. `text` what the log says as it comes; "" where the condition writes it. `unit`
    of value and threshold. `delay_s` the condition holds, `clear_s` it is well, both in s of the
    process clock, before the alarm comes and goes. `point` the binary point that is this alarm,
    first among the trap's varbinds and told by DNP3 with the time of the edge. `latched`: people
    reset or acknowledge it. `blocks_test`: no test starts. `is_fault`: in point alarm.fault (R179).
    `is_battery_fault`: switches the CH output (R172). `is_silent`: others write its edges.
    `action_supplied`: the action where the supply is back and carries the load, if another one.
    """

    key: str
    severity: Severity
    trap: tuple[tuple[int, ...], str]
    action: str
    text: str = ""
    unit: str = ""
    delay_s: float = 0.0
    clear_s: float = 0.0
    point: str = ""
    latched: bool = False
    blocks_test: bool = False
    is_fault: bool = False
    is_battery_fault: bool = False
    is_silent: bool = False
    action_supplied: str = ""


_REPLACE_UNIT: Final = "Check fuses and wiring, else replace the unit: no test runs meanwhile."

# In the order in which people see them.
ALARMS: Final = (
    Alarm(
        "lvd.open",
        "critical",
        ((99, 0, 4), "lvdEvent"),
        "Restore the supply: the load has been taken off the battery to save it.",
        "The low-voltage disconnect is open: the battery is off the load.",
        unit="V",
        point="lvd.open",
        is_silent=True,
        action_supplied="Check that the charger works: the battery comes back once it is charged.",
    ),
    Alarm(
        "battery.low_capacity",
        "major",
        ((0, 1), "lowBattCapacityEvent"),
        "Replace the battery, or test again rested where the result says so.",
        point="battery.low_capacity",
        latched=True,
        is_fault=True,
        is_battery_fault=True,
    ),
    Alarm(
        "battery.low_voltage",
        "critical",
        ((0, 2), "lowBatteryVoltageEvent"),
        "Restore the supply or shed load, then check the charger.",
        "Low battery voltage.",
        unit="V",
        delay_s=10.0,
        clear_s=10.0,
        point="battery.low_voltage",
        is_fault=True,
        is_battery_fault=True,
        action_supplied="Check that the charger works: the battery is empty, or it is too weak.",
    ),
    Alarm(
        "battery.block_imbalance",
        "minor",
        ((99, 0, 21), "blockImbalanceEvent"),
        "Measure each block at its terminals and replace the one that differs.",
    ),
    Alarm(
        "supply.lost",
        "major",
        ((99, 0, 1), "supplyLostEvent"),
        "Check mains, breaker and fuse F1.",
        "The supply is lost.",
        unit="V",
        delay_s=10.0,
        point="supply.lost",
    ),
    Alarm(
        "guard.active",
        "critical",
        ((99, 0, 17), "guardActiveEvent"),
        "Check the supply: it does not hold the load alone.",
        "The bus guard has held the load for a minute: the supply alone does not.",
        delay_s=60.0,
    ),
    Alarm(
        "supply.weak",
        "minor",
        ((99, 0, 18), "supplyWeakEvent"),
        "Check the supply's rating and its cables: it sags under the load.",
        "The supply is weak: guard or battery had to help more than three times within an hour.",
    ),
    Alarm(
        "temperature.high",
        "minor",
        ((99, 0, 5), "temperatureEvent"),
        "Ventilate the enclosure; heat halves the life of the battery.",
        "The enclosure is too hot.",
        unit="°C",
        delay_s=60.0,
        clear_s=10.0,
        blocks_test=True,
    ),
    Alarm(
        "overcurrent",
        "major",
        ((99, 0, 6), "overcurrentEvent"),
        "Take load off: it is above the unit's rating.",
        "The load takes more than the unit's rating.",
        unit="A",
        delay_s=5.0,
        clear_s=10.0,
        blocks_test=True,
    ),
    Alarm(
        "wiring.current_balance",
        "minor",
        ((99, 0, 7), "currentBalanceEvent"),
        "Check that Battery- and Load- go to the unit only.",
        "The currents do not add up: check that Battery- and Load- go to the HAT only, then the "
        "shunts.",
        unit="A",
        delay_s=60.0,
        clear_s=10.0,
        blocks_test=True,
    ),
    Alarm(
        "system.voltage_mismatch",
        "minor",
        ((99, 0, 8), "voltageMismatchEvent"),
        "Check System Voltage on Port Options and the blocks of the bank.",
        unit="V",
        delay_s=60.0,
        clear_s=10.0,
        blocks_test=True,
    ),
    Alarm(
        "storage",
        "minor",
        ((99, 0, 13), "storageEvent"),
        "Check the free space and the health of the memory card.",
        "Results and events cannot be written to storage.",
        blocks_test=True,
    ),
    Alarm(
        "clock",
        "warning",
        ((99, 0, 14), "clockEvent"),
        "Set a time server on Network Configuration.",
        "The clock is not set: times in the log are wrong.",
    ),
    Alarm(
        "settings.defaults",
        "warning",
        ((99, 0, 20), "settingsDefaultsEvent"),
        "Import the backup of the settings on Backup, or set them again.",
        "The settings file was unreadable and set aside: the unit runs on its defaults, also for "
        "mail and traps. Set it up again or import a backup.",
    ),
    Alarm(
        "charger.lost",
        "major",
        ((99, 0, 2), "chargerLostEvent"),
        "Check the charger and fuse F3: the battery is not being charged.",
        "The charger is lost.",
        unit="V",
        delay_s=60.0,
    ),
    Alarm(
        "io1",
        "warning",
        ((0, 3), "ioChan1Event"),
        "See what is wired to CH1.",
        "IO1 digital input tripped.",
        unit="V",
        point="io1.alarm",
        is_fault=True,
    ),
    Alarm(
        "io2",
        "warning",
        ((0, 4), "ioChan2Event"),
        "See what is wired to CH2.",
        "IO2 digital input tripped.",
        unit="V",
        point="io2.alarm",
        is_fault=True,
    ),
    Alarm(
        "relay.k1",
        "major",
        ((99, 0, 9), "relayK1Event"),
        _REPLACE_UNIT,
        "Relay K1 does not move the load as told; check K1, fuse F1 and the wiring.",
        latched=True,
        blocks_test=True,
    ),
    Alarm(
        "relay.k2",
        "major",
        ((99, 0, 10), "relayK2Event"),
        _REPLACE_UNIT,
        "Relay K2 does not switch the charger as told; check K2 and fuses F2 and F3.",
        latched=True,
        blocks_test=True,
    ),
    Alarm(
        "relay.k3",
        "major",
        ((99, 0, 11), "relayK3Event"),
        _REPLACE_UNIT,
        "The battery path does not follow relay K3; check fuse F2 and K3.",
        latched=True,
        blocks_test=True,
    ),
    Alarm(
        "sensor.",
        "minor",
        ((99, 0, 12), "sensorEvent"),
        "Have the unit replaced if a restart does not help.",
        delay_s=10.0,
        clear_s=2.0,
        blocks_test=True,
    ),
    Alarm(
        "reading.",
        "minor",
        ((99, 0, 19), "readingEvent"),
        "Measure the value by hand and check its wire, then calibrate or replace.",
        blocks_test=True,
    ),
)


def check_alarms(alarms: Iterable[Alarm]) -> dict[str, Alarm]:
    """The alarms by key. Raises ValueError when one lacks something, contradicts another one, or
    names a point that is no binary one."""
    found: dict[str, Alarm] = {}
    traps: set[object] = set()
    for alarm in alarms:
        key = alarm.key
        if key in found:
            raise ValueError(f"Two alarms are called {key}.")
        if alarm.severity not in SEVERITIES:
            raise ValueError(f"{key}: there is no severity {alarm.severity}.")
        if not alarm.action.endswith("."):
            raise ValueError(f"{key}: a sentence must say what to do about it.")
        if alarm.unit not in UNITS:
            raise ValueError(f"{key}: there is no unit {alarm.unit!r}.")
        if min(alarm.delay_s, alarm.clear_s) < 0.0:
            raise ValueError(f"{key}: its delays are negative.")
        oid, name = alarm.trap
        if oid in traps or name in traps:
            raise ValueError(f"{key}: its trap {name} {oid} is another alarm's too.")
        traps |= {oid, name}
        point = POINT.get(alarm.point)
        if alarm.point and (point is None or point.kind != "bool"):
            raise ValueError(f"{key}: {alarm.point} is no binary point.")
        found[key] = alarm
    return found


ALARM: Final[Mapping[str, Alarm]] = MappingProxyType(check_alarms(ALARMS))


def alarm_of(key: str) -> Alarm | None:
    """The declaration of the alarm `key`, also of a member of a family; None: it is no alarm."""
    head, dot, _ = key.partition(".")
    return ALARM.get(key) or ALARM.get(head + dot)


# Edges that come and go as alarms do, and stand in no list of alarms: as grave as supply.lost.
EDGE_SEVERITY: Final[Mapping[str, Severity]] = MappingProxyType({"ups.on_battery": "major"})
_SEVERITY: Final[Mapping[str, Severity]] = MappingProxyType(
    {**{alarm.key: alarm.severity for alarm in ALARMS}, **EDGE_SEVERITY}
)


def severity_of(key: str) -> Severity:
    """The severity of the alarm `key`; a warning where nobody knows."""
    alarm = alarm_of(key)
    return alarm.severity if alarm is not None else EDGE_SEVERITY.get(key, "warning")


def graded_keys(*severities: Severity) -> tuple[str, ...]:
    """The keys that have one of these severities (none named: any), alarms and EDGE_SEVERITY; what
    ends in a dot stands for every key that begins so."""
    if not severities:
        return tuple(_SEVERITY)
    return tuple(key for key, severity in _SEVERITY.items() if severity in severities)


def advice_of(key: str, *, is_supplied: bool = False) -> str:
    """What to do about the alarm `key`; "" where nobody knows. `is_supplied`: the supply carries
    the load."""
    alarm = alarm_of(key)
    if alarm is None:
        return ""
    return (alarm.action_supplied if is_supplied else "") or alarm.action


def blocks_test(key: str) -> bool:
    """Does the alarm `key` forbid a capacity test? Capacity and digital inputs do not."""
    alarm = alarm_of(key)
    return alarm is not None and alarm.blocks_test


def worst_first(alarms: Iterable[_Alarm], key: Callable[[_Alarm], str]) -> list[_Alarm]:
    """By falling severity of the alarm `key`s, equal ones in their order: the one that matters most
    is not below four others on a phone, nor beyond what a short list shows."""
    return sorted(alarms, key=lambda alarm: -SEVERITIES.index(severity_of(key(alarm))))


def count_severities(keys: Iterable[str]) -> dict[str, int]:
    """How many of the keys have each severity, the worst first; those without any are left out."""
    counted = dict.fromkeys(reversed(SEVERITIES), 0)
    for key in keys:
        counted[severity_of(key)] += 1
    return {name: count for name, count in counted.items() if count}


# the alarms that tell of what the disk has lost
SETTINGS_LOST: Final = "settings.defaults"
HISTORY_LOST: Final = "storage"

_LINES: Final = {"guard.active": "GUARD line", "batt_path": "BATT_PATH line"}


def subject_of(key: str) -> str:
    """What is believed again, "battery voltage" of reading.battery.voltage: a trap and the subject
    of a mail have no other name of it."""
    point = key.removeprefix("reading.")
    return _LINES.get(point) or point.replace(".", " ")
