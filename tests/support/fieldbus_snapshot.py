"""A station at rest, made by hand: the snapshot that the fieldbus tests and fuzzers read."""

from __future__ import annotations

from collections.abc import Mapping

from btrmd.model.points import POINT
from btrmd.model.readings import GOOD, MISSING, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot

AT = 1_780_000_000.0

VALUES: Mapping[str, Value] = {
    "battery.voltage": 13.3912,
    "battery.current": -0.062,
    "battery.low_capacity": True,
    "battery.low_voltage": False,
    "load.current": 1.04,
    "supply.voltage": 13.41,
    "charger.voltage": 13.5,
    "io1.voltage": 0.0,
    "io2.voltage": 13.1,
    "io3.voltage": 0.004,
    "io1.alarm": True,
    "io2.alarm": False,
    "io1.config": 1,
    "io2.config": 0,
    "alarm.fault": True,
    "system.temperature": -4.6,
    "system.voltage": 12,
    "system.model": "BTRM300",
    "system.firmware": "1.30",
    "system.serial": "10000000abcdef01",
    "runtime.minimum": 14400.0,
    "test.state": "idle",
    "test.running": False,
    "test.enabled": True,
    "test.data_present": True,
    "test.failed": False,
    "test.interval": 1209600.0,
    "test.next": 3601.0,
    "lvd.enabled": False,
    "lvd.open": False,
    "ups.on_battery": False,
    "supply.lost": False,
    "dnp3.unsolicited": False,
}


def make_snapshot(settings: Settings | None = None, **values: Value) -> Snapshot:
    """A station at rest; keyword arguments are points with their dots as two underscores."""
    known = {**VALUES, **{key.replace("__", "."): value for key, value in values.items()}}
    points = {
        key: Reading(known[key], GOOD, AT)
        if known.get(key) is not None
        else Reading(None, MISSING, 0.0)
        for key in POINT
    }
    return Snapshot(1, AT, 100.0, points, (), settings or Settings.defaults(), None, None)
