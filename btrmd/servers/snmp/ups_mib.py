"""The UPS-MIB (RFC 1628), the part that UPS software such as NUT's snmp-ups reads.

A capacity test is shown as a battery test with the output on "normal": the supply is there, and a
host must not shut down for a test. "On battery" is a true outage only; the battery is "low" at the
real limit only (alarm, or little run time left in an outage). A load without power has the output
on "none", of which NUT's snmp-ups makes OFF.

"Deep battery calibration" would say more, but makes NUT's upsmon 2.8.0 and 2.8.1 (Debian 12, 13)
ignore every later outage until it is restarted: they never forget CAL. So it is a setting.
"""

from __future__ import annotations

from typing import Final

from ...model.snapshot import Snapshot
from ...model.ups_view import (
    LOW_MINUTES,
    battery_status,
    is_dark,
    is_out,
    is_tested,
    percent_load,
    rated_watts,
    seconds_left,
    test_summary,
    watts,
)
from ...snmp.message import Oid
from .tree import SCALAR, Leaf, Plain, Read

UPS: Final[Oid] = (1, 3, 6, 1, 2, 1, 33, 1)
TESTS: Final[Oid] = (*UPS, 7, 7)  # upsWellKnownTests

SOURCE_NONE, SOURCE_NORMAL, SOURCE_BATTERY = 2, 3, 5  # upsOutputSource
NO_TEST, BATTERY_TEST, DEEP_CALIBRATION = 1, 4, 5  # below upsWellKnownTests


def ups_leaves() -> list[Leaf]:
    """The groups upsIdent, upsBattery, upsInput, upsOutput, upsAlarm, upsTest, upsConfig."""
    found = [
        _leaf((1, 1), "DisplayString", lambda s: "btrmd"),
        _leaf((1, 2), "DisplayString", _point("system.model")),
        _leaf((1, 3), "DisplayString", _point("system.firmware")),
        _leaf((1, 4), "DisplayString", _point("system.firmware")),
        _leaf((1, 5), "DisplayString", lambda s: s.settings.text("site.name")),
        _leaf((1, 6), "DisplayString", lambda s: s.settings.text("site.location")),
        _leaf((2, 1), "INTEGER", battery_status),
        _leaf((2, 3), "INTEGER", minutes_remaining),
        _leaf((2, 4), "INTEGER", _point("battery.charge")),
        _leaf((2, 5), "INTEGER", _point("battery.voltage", 10)),
        _leaf((2, 6), "INTEGER", _point("battery.current", 10)),
        _leaf((2, 7), "INTEGER", _point("system.temperature")),
        _leaf((3, 2), "INTEGER", lambda s: 1),
        _line((3, 3, 1, 3), _point("supply.voltage")),
        _line((3, 3, 1, 4), _point("supply.current", 10)),
        _leaf((4, 1), "INTEGER", output_source),
        _leaf((4, 3), "INTEGER", lambda s: 1),
        _line((4, 4, 1, 2), _point("load.voltage")),
        _line((4, 4, 1, 3), _point("load.current", 10)),
        _line((4, 4, 1, 4), watts),
        _line((4, 4, 1, 5), percent_load),
        _leaf((6, 1), "Gauge32", lambda s: len(s.alarms)),
        _leaf((7, 1), "OBJECT IDENTIFIER", test_id),
        _leaf((7, 3), "INTEGER", test_summary),
        _leaf((7, 4), "DisplayString", _point("test.reason")),
        _leaf((9, 7), "INTEGER", lambda s: LOW_MINUTES),
        _leaf((9, 5), "INTEGER", rated_watts),
    ]
    return found


def minutes_remaining(snapshot: Snapshot) -> Plain:
    """upsEstimatedMinutesRemaining: of ups_view.seconds_left."""
    left = seconds_left(snapshot)
    return None if left is None else int(left / 60)


def output_source(snapshot: Snapshot) -> int:
    """upsOutputSource: none where the load is dark, battery in a true outage only."""
    if is_dark(snapshot):
        return SOURCE_NONE
    return SOURCE_BATTERY if is_out(snapshot) else SOURCE_NORMAL


def test_id(snapshot: Snapshot) -> str:
    """upsTestId: a test while the load is, goes or was on the battery for one."""
    kind = NO_TEST
    if is_tested(snapshot):
        is_calibration = snapshot.settings.flag("snmp.ups_calibration")
        kind = DEEP_CALIBRATION if is_calibration else BATTERY_TEST
    return ".".join(map(str, (*TESTS, kind)))


def _leaf(oid: Oid, syntax: str, read: Read) -> Leaf:
    return Leaf((*UPS, *oid, *SCALAR), syntax, read)


def _line(oid: Oid, read: Read) -> Leaf:
    """A column of the input or output table; we have one line."""
    return Leaf((*UPS, *oid, 1), "INTEGER", read)


def _point(key: str, scale: int = 1) -> Read:
    def read(snapshot: Snapshot) -> Plain:
        value = snapshot.points[key].value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        return value if isinstance(value, str) else round(value * scale)

    return read
