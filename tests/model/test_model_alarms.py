"""The table of alarms: complete, without contradiction, and everything made from it follows."""

from __future__ import annotations

import pytest

from btrmd.core.machines.alarms import check_conditions
from btrmd.model.alarms import (
    ALARM,
    ALARMS,
    SEVERITIES,
    advice_of,
    alarm_of,
    blocks_test,
    check_alarms,
    count_severities,
    graded_keys,
    severity_of,
    worst_first,
)
from btrmd.model.points import POINT
from btrmd.model.snmp_tree import ALL_NOTIFICATIONS, notification_of

OPEN = ALARMS[0]._replace(key="enclosure.open", trap=((99, 0, 99), "enclosureEvent"), point="")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "lvd.open"}, "Two alarms are called lvd.open"),
        ({"severity": "bad"}, "no severity bad"),
        ({"action": ""}, "what to do"),
        ({"unit": "mV"}, "no unit 'mV'"),
        ({"delay_s": -1.0}, "negative"),
        ({"clear_s": -1.0}, "negative"),
        ({"trap": ((99, 0, 4), "enclosureEvent")}, "another alarm's"),
        ({"trap": ((99, 0, 99), "lvdEvent")}, "another alarm's"),
        ({"point": "battery.voltage"}, "no binary point"),
        ({"point": "enclosure.open"}, "no binary point"),
    ],
)
def test_an_incomplete_alarm_is_refused(changes: dict[str, object], words: str) -> None:
    assert check_alarms([*ALARMS, OPEN])["enclosure.open"] == OPEN
    with pytest.raises(ValueError, match=words):
        check_alarms([*ALARMS, OPEN._replace(**changes)])  # type: ignore[arg-type]


@pytest.mark.parametrize("declared", [["a"], ["a", "b", "c"], []])
def test_an_alarm_and_its_condition_belong_together(declared: list[str]) -> None:
    check_conditions(["b", "a"], ["a", "b"])
    with pytest.raises(ValueError, match="without a condition"):
        check_conditions(declared, ["a", "b"])


def test_members_of_a_family() -> None:
    assert alarm_of("sensor.0x4a") is ALARM["sensor."]
    assert alarm_of("reading.battery.voltage") is ALARM["reading."]
    assert alarm_of("sensor") is None
    assert alarm_of("relay.k4") is None
    assert severity_of("sensor.0x4a") == "minor"
    assert severity_of("nobody.knows") == "warning"
    assert severity_of("ups.on_battery") == severity_of("supply.lost") == "major"
    assert "ups.on_battery" in graded_keys()
    assert "ups.on_battery" in graded_keys("major")
    assert "ups.on_battery" not in graded_keys("critical", "minor")
    assert advice_of("nobody.knows") == ""


def test_what_blocks_a_test() -> None:
    """Whatever makes the readings, the relays or the record doubtful; not what a test is for."""
    blocking = {alarm.key for alarm in ALARMS if blocks_test(alarm.key)}
    assert blocking == {
        "overcurrent", "temperature.high", "wiring.current_balance", "system.voltage_mismatch",
        "storage", "relay.k1", "relay.k2", "relay.k3", "sensor.", "reading.",
    }  # fmt: skip
    assert not blocks_test("test.result")


def test_the_worst_comes_first() -> None:
    keys = ["clock", "sensor.0x40", "lvd.open", "supply.lost"]
    assert worst_first(keys, str) == ["lvd.open", "supply.lost", "sensor.0x40", "clock"]
    assert count_severities(keys) == {"critical": 1, "major": 1, "minor": 1, "warning": 1}
    assert SEVERITIES[-1] == "critical"


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.key)
def test_each_alarm_has_a_trap(alarm: object) -> None:
    assert isinstance(alarm, type(OPEN))
    key = alarm.key + "x" if alarm.key.endswith(".") else alarm.key
    found = notification_of(key)
    assert found is not None
    assert (found.oid, found.name) == alarm.trap
    assert not found.point or POINT[found.point].snmp


def test_traps_never_move() -> None:
    """Typed by hand: receivers know these numbers."""
    assert [(item.oid[-1], item.name) for item in ALL_NOTIFICATIONS if item.oid[0] == 99] == [
        (1, "supplyLostEvent"), (2, "chargerLostEvent"), (3, "onBatteryEvent"), (4, "lvdEvent"),
        (5, "temperatureEvent"), (6, "overcurrentEvent"), (7, "currentBalanceEvent"),
        (8, "voltageMismatchEvent"), (9, "relayK1Event"), (10, "relayK2Event"),
        (11, "relayK3Event"), (12, "sensorEvent"), (13, "storageEvent"), (14, "clockEvent"),
        (15, "testSkippedEvent"), (16, "testNotification"), (17, "guardActiveEvent"),
        (18, "supplyWeakEvent"), (19, "readingEvent"), (20, "settingsDefaultsEvent"),
        (21, "blockImbalanceEvent"),
    ]  # fmt: skip
