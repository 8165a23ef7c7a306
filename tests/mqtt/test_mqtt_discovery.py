"""Home Assistant's discovery: every point, by the rules of its documentation, typed by hand here.

scripts/test-homeassistant asks Home Assistant's own code, in an environment of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mail_fixtures import mail_settings, snapshot_of
from mqtt_broker import SERIAL, Broker, Watch
from mqtt_fixtures import BASE, MqttBench

from btrmd.model.points import POINT
from btrmd.notify.mqtt import session as session_module
from btrmd.notify.mqtt.discovery import discovery_payload
from btrmd.notify.mqtt.target import MqttTarget

Wait = Callable[..., None]
TOPIC = f"homeassistant/device/btrmd_{SERIAL}/config"

# https://www.home-assistant.io/integrations/sensor/#device-class and .../binary_sensor/
SENSOR_UNITS = {
    "voltage": {"V", "mV"},
    "current": {"A", "mA"},
    "power": {"W", "kW"},
    "duration": {"d", "h", "min", "s", "ms"},
    "temperature": {"°C", "°F", "K"},
    "battery": {"%"},
    "timestamp": {None},
    "enum": {None},
    None: {None, "%", "V", "A", "s"},
}
BINARY_CLASSES = {"battery", "problem", "power", "running", None}
STATE_CLASSES = {"measurement", "total", "total_increasing"}


def document(**changes: object) -> dict[str, Any]:
    settings = mail_settings(mqtt__enabled=True, mqtt__server="x", mqtt__discovery=True, **changes)
    target = MqttTarget.of(settings, SERIAL)
    assert target is not None
    found: dict[str, Any] = json.loads(discovery_payload(snapshot_of(settings), target))
    return found


PARTS = document()["cmps"]


def test_the_device() -> None:
    found = document(site__name="Hill 3")
    assert found["dev"]["ids"] == [f"btrmd_{SERIAL}"]
    assert found["dev"]["sn"] == SERIAL
    assert found["dev"]["name"] == "Hill 3"
    assert found["o"]["name"] == "btrmd"
    assert found["avty_t"] == f"{BASE}/status"
    assert (found["pl_avail"], found["pl_not_avail"]) == ("online", "offline")


@pytest.mark.parametrize("key", POINT)
def test_every_point_has_its_class_unit_and_state_class(key: str) -> None:
    point, part = POINT[key], PARTS[key.replace(".", "_")]
    assert part["stat_t"] == f"{BASE}/point/{key}"
    assert part["uniq_id"] == f"btrmd_{SERIAL}_{key.replace('.', '_')}"
    assert part["name"]
    kind = part.get("dev_cla")
    if point.kind == "bool":
        assert part["p"] == "binary_sensor"
        assert kind in BINARY_CLASSES
        assert (part["pl_on"], part["pl_off"]) == ("True", "False")
        assert "unit_of_meas" not in part
        return
    assert part["p"] == "sensor"
    assert part.get("unit_of_meas") in SENSOR_UNITS[kind]
    if point.kind == "enum":
        assert kind == "enum"
        assert part["ops"] == list(point.choices)
        assert "stat_cla" not in part
    elif point.kind in ("float", "int") and kind != "timestamp":
        assert part["stat_cla"] in STATE_CLASSES
        assert part.get("unit_of_meas", "") == point.unit
    else:
        assert "stat_cla" not in part
        assert "unit_of_meas" not in part


def test_names_and_ids_are_unique() -> None:
    parts = document(mqtt__commands=True)["cmps"].values()
    assert len({part["uniq_id"] for part in parts}) == len(parts)
    assert len({part["name"] for part in parts}) == len(parts)


def test_buttons_are_there_when_commands_are_taken() -> None:
    assert not [part for part in PARTS.values() if part["p"] == "button"]
    buttons = [
        part for part in document(mqtt__commands=True)["cmps"].values() if part["p"] == "button"
    ]
    assert {part["cmd_t"] for part in buttons} == {f"{BASE}/command"}
    presses = [json.loads(part["pl_prs"]) for part in buttons]
    assert {"command": "test.start"} in presses
    assert {"command": "test.stop"} in presses


def test_it_is_retained_renewed_and_taken_back(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    station.to(broker, mqtt__discovery=True)
    station.start()
    assert watch.take("/config").json["dev"]["name"] == "BTRM"
    station.to(broker, mqtt__discovery=True, site__name="Hill 4")
    assert watch.take("/config").json["dev"]["name"] == "Hill 4"
    station.to(broker)
    assert watch.take("/config").payload == ""
    wait_until(lambda: station.address)


def test_a_broker_that_takes_no_packet_so_large_gets_all_the_rest(
    station: MqttBench, broker: Broker, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.stop()
    broker.config.append("max_packet_size 4000")
    broker.start()
    station.to(broker, mqtt__discovery=True)
    station.start()
    wait_until(lambda: "takes packets of at most 4000 octets" in station.fault)
    monkeypatch.setattr(session_module, "RETURN_S", 0.0)
    n = station.tell()
    wait_until(lambda: station.reported == n)
    assert TOPIC in station.fault
