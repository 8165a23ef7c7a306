"""The station as UPS software sees it: on line, on battery, off, low, tested (RFC 1628, R144).

A capacity test is no outage: the supply is there, and no host must shut down for it.
"""

from __future__ import annotations

from typing import Final

from .discharge import TestResult, TestState
from .snapshot import Snapshot
from .thresholds import rating_a

UNKNOWN, NORMAL, LOW, DEPLETED = 1, 2, 3, 4  # upsBatteryStatus
PASSED, WARNING, ERROR, ABORTED, IN_PROGRESS, NONE_YET = 1, 2, 3, 4, 5, 6  # upsTestResultsSummary
LOW_MINUTES: Final = 5  # upsConfigLowBattTime: "low" below, in an outage


def is_dark(snapshot: Snapshot) -> bool:
    """True while the load has no power.

    A load that reads dark beside a battery that carries something is "on battery" all the same:
    that is the word on which hosts shut down. Behind an open LVD it carries nothing, whatever it
    reads.
    """
    points = snapshot.points
    if points["load.source"].value != "none":
        return False
    return points["lvd.open"].value is True or points["ups.on_battery"].value is not True


def is_out(snapshot: Snapshot) -> bool:
    """True in a true outage that the battery carries, also one that begins in a test."""
    return snapshot.points["ups.on_battery"].value is True and not is_dark(snapshot)


def is_tested(snapshot: Snapshot) -> bool:
    """True in a test that is no outage."""
    return snapshot.points["test.running"].value is True and not is_out(snapshot)


def seconds_left(snapshot: Snapshot) -> float | None:
    """In an outage what is left, 0 once the LVD has taken the battery off, else the whole estimate,
    s."""
    if snapshot.points["lvd.open"].value is True and is_dark(snapshot):
        return 0.0
    return number(snapshot, "runtime.remaining" if is_out(snapshot) else "runtime.estimate")


def battery_status(snapshot: Snapshot) -> int:
    """upsBatteryStatus. In a test it stays normal until the low-voltage alarm."""
    points = snapshot.points
    if points["lvd.open"].value is True:
        return DEPLETED
    if points["battery.voltage"].value is None:
        return UNKNOWN
    if points["battery.low_voltage"].value is True:
        return LOW
    left = seconds_left(snapshot)
    if is_out(snapshot) and left is not None and left <= LOW_MINUTES * 60:
        return LOW
    return NORMAL


def test_summary(snapshot: Snapshot) -> int:
    """upsTestResultsSummary: of the running test, else of the last one."""
    points = snapshot.points
    state = points["test.state"].value
    if state in (TestState.PROVING.value, TestState.RUNNING.value, TestState.RETURNING.value):
        return IN_PROGRESS
    results = {
        TestResult.GOOD.value: PASSED,
        TestResult.LOW.value: ERROR,
        TestResult.ABORTED.value: ABORTED,
    }
    return results.get(str(points["test.result"].value), NONE_YET)


def number(snapshot: Snapshot, key: str) -> float | None:
    """A point's value where it is one."""
    value = snapshot.points[key].value
    return float(value) if isinstance(value, int | float) else None


def watts(snapshot: Snapshot) -> int | None:
    """What the load takes, W."""
    volts, amps = number(snapshot, "load.voltage"), number(snapshot, "load.current")
    return None if volts is None or amps is None else round(volts * amps)


def percent_load(snapshot: Snapshot) -> int | None:
    """The load's share of the rated current, 0..200 %."""
    amps = number(snapshot, "load.current")
    if amps is None:
        return None
    return min(max(round(100.0 * amps / rating_a(snapshot.settings)), 0), 200)


def rated_watts(snapshot: Snapshot) -> int:
    """What the station may carry, W."""
    settings = snapshot.settings
    return round(settings.integer("system.voltage") * rating_a(settings))
