"""The variables and commands of the one UPS, by NUT's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ... import __version__
from ...model.commands import Command, StartTest, StopTest
from ...model.snapshot import Snapshot
from ...model.ups_view import (
    ABORTED,
    DEPLETED,
    ERROR,
    IN_PROGRESS,
    LOW,
    LOW_MINUTES,
    NONE_YET,
    PASSED,
    WARNING,
    battery_status,
    is_dark,
    is_out,
    is_tested,
    number,
    percent_load,
    rated_watts,
    seconds_left,
    test_summary,
    watts,
)
from ...model.value_text import format_number

Read = Callable[[Snapshot], str | None]
TEST_WORDS: Final = {
    PASSED: "Done and passed",
    WARNING: "Done and warning",
    ERROR: "Done and error",
    ABORTED: "Aborted",
    IN_PROGRESS: "In progress",
    NONE_YET: "No test initiated",
}


def status(snapshot: Snapshot) -> str:
    """ups.status: OL, OB or, without power at the load, OFF, as snmp-ups says of upsOutputSource;
    LB low, RB replace the battery, TEST (or CAL) in a capacity test."""
    words = ["OFF" if is_dark(snapshot) else "OB" if is_out(snapshot) else "OL"]
    if battery_status(snapshot) in (LOW, DEPLETED):
        words.append("LB")
    if snapshot.points["battery.low_capacity"].value is True:
        words.append("RB")
    if is_tested(snapshot):
        words.append("CAL" if snapshot.settings.flag("snmp.ups_calibration") else "TEST")
    return " ".join(words)


def _point(key: str, decimals: int = 2) -> Read:
    def read(snapshot: Snapshot) -> str | None:
        value = snapshot.points[key].value
        if value is None or isinstance(value, bool | tuple):
            return None
        return format_number(value, decimals) if isinstance(value, float) else str(value)

    return read


def _setting(key: str) -> Read:
    return lambda snapshot: snapshot.settings.text(key)


def _fixed(text: str) -> Read:
    return lambda snapshot: text


def _whole(read: Callable[[Snapshot], float | None]) -> Read:
    def text(snapshot: Snapshot) -> str | None:
        value = read(snapshot)
        return None if value is None else str(int(value))

    return text


def _alarms(snapshot: Snapshot) -> str | None:
    return " ".join(alarm.text for alarm in snapshot.alarms) or None


# name -> (description, value; None = not there now)
VARIABLES: Final[Mapping[str, tuple[str, Read]]] = {
    "battery.charge": ("Battery charge (percent)", _whole(lambda s: number(s, "battery.charge"))),
    "battery.current": ("Battery current, discharge negative (A)", _point("battery.current")),
    "battery.runtime": ("Battery runtime (seconds)", _whole(seconds_left)),
    "battery.runtime.low": (
        "Remaining battery runtime when UPS switches to LB (seconds)",
        _fixed(str(LOW_MINUTES * 60)),
    ),
    "battery.type": ("Battery chemistry", _fixed("PbAc")),
    "battery.voltage": ("Battery voltage (V)", _point("battery.voltage")),
    "battery.voltage.nominal": ("Nominal battery voltage (V)", _point("system.voltage")),
    "device.contact": ("Contact", _setting("site.contact")),
    "device.description": ("Description", _setting("site.name")),
    "device.location": ("Location", _setting("site.location")),
    "device.mfr": ("Manufacturer", _fixed("btrmd")),
    "device.model": ("Model", _point("system.model")),
    "device.serial": ("Serial number", _point("system.serial")),
    "device.type": ("Type", _fixed("ups")),
    "device.uptime": (
        "Uptime (seconds)",
        _whole(lambda snapshot: number(snapshot, "system.uptime")),
    ),
    "driver.name": ("Driver name", _fixed("btrmd")),
    "driver.version": ("Driver version", _fixed(__version__)),
    "input.current": ("Input current (A)", _point("supply.current")),
    "input.voltage": ("Input voltage (V)", _point("supply.voltage")),
    "output.current": ("Output current (A)", _point("load.current")),
    "output.voltage": ("Output voltage (V)", _point("load.voltage")),
    "ups.alarm": ("UPS alarms", _alarms),
    "ups.firmware": ("UPS firmware", _point("system.firmware")),
    "ups.load": ("Load on UPS (percent of full)", _whole(percent_load)),
    "ups.mfr": ("UPS manufacturer", _fixed("btrmd")),
    "ups.model": ("UPS model", _point("system.model")),
    "ups.realpower": ("Current value of real power (Watts)", _whole(watts)),
    "ups.realpower.nominal": ("Nominal value of real power (Watts)", _whole(rated_watts)),
    "ups.serial": ("UPS serial number", _point("system.serial")),
    "ups.status": ("UPS status", status),
    "ups.temperature": ("UPS temperature (degrees C)", _point("system.temperature", 1)),
    "ups.test.result": (
        "Results of last self test",
        lambda snapshot: TEST_WORDS[test_summary(snapshot)],
    ),
}

# name -> (description, the command of a source)
COMMANDS: Final[Mapping[str, tuple[str, Callable[[str], Command]]]] = {
    "test.battery.start": ("Start a battery test", lambda source: StartTest(source=source)),
    "test.battery.start.deep": (
        "Start a deep battery test (type 1)",
        lambda source: StartTest("1", source=source),
    ),
    "test.battery.start.quick": (
        "Start a quick battery test (type 2)",
        lambda source: StartTest("2", source=source),
    ),
    "test.battery.stop": ("Stop the battery test", lambda source: StopTest(source)),
}
