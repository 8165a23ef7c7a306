"""A whole daemon, and the page that is the promise: every message is what docs/mqtt.md says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess
from jsonschema import Draft202012Validator
from mqtt_broker import Broker, Got, Watch
from waiting import wait_until

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mqtt.md"
BLOCK = re.compile(r"### (\w+)\n(?:(?!###).)*?```json\n(.*?)```", re.DOTALL)
SCHEMAS: dict[str, Any] = {name: json.loads(text) for name, text in BLOCK.findall(PAGE.read_text())}


# So long a new session waits for its subscribers, on a unit 3 s; and so long at most the unit
# before it asks again for a broker that is away, on a unit up to two minutes.
SOON = """import sys
from btrmd.notify.mqtt import publisher, session
session.SETTLE_S = 0.5
publisher.LONGEST_PAUSE_S = 1.0
from btrmd.cli.main import main
sys.exit(main(sys.argv[1:]))"""


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[DaemonProcess]:
    made = DaemonProcess(tmp_path / "unit", speed=120, runner=("-c", SOON))
    yield made
    made.close()


def test_the_page_has_a_schema_for_every_topic() -> None:
    named = re.findall(r"\[[^\]]+\]\(#(\w+)\) \|$", PAGE.read_text(), re.M)
    assert sorted(named) == sorted(SCHEMAS)
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def judge(got: Got) -> None:
    """Fails for a message that is not as the page says."""
    parts = got.topic.split("/")
    if parts[-1] == "ready" or parts[0] == "homeassistant":
        return
    if parts[2] == "status":
        assert got.payload in ("online", "offline")
        return
    name = "point" if parts[2] == "point" else parts[2]
    schema = SCHEMAS[name]
    Draft202012Validator(schema).validate(got.json)
    assert set(got.json) <= set(schema["properties"]), "a field that the page does not know"
    for alarm in got.json["alarms"] if name == "alarms" else ():
        assert set(alarm) == set(schema["properties"]["alarms"]["items"]["properties"])


@pytest.mark.long
def test_a_day_of_a_unit(unit: DaemonProcess, broker: Broker, watch: Watch) -> None:
    unit.start()
    unit.wait_selftest()
    unit.set(
        battery__rated_ah=40, test__type2_min=2, test__type=2, mqtt__server="127.0.0.1",
        mqtt__port=broker.port, mqtt__commands=True, mqtt__discovery=True, mqtt__enabled=True,
    )  # fmt: skip
    serial = unit.value("system.serial")
    assert watch.take("/info").topic == f"btrmd/{serial}/info"
    wait_until(lambda: unit.status()["listeners"].get("mqtt"), 20.0)
    command = f"btrmd/{serial}/command"
    broker.publish(command, json.dumps({"id": "go", "command": "test.start"}))
    answer = watch.take("/answer", 30.0).json
    assert answer["ok"], answer
    test = watch.take("/test", 60.0).json
    assert test["n"] == answer["n"]
    assert test["source"] == "mqtt 127.0.0.1"
    unit.sim(supply__on=0)
    wait_until(lambda: any(got.json["key"] == "supply.lost" for got in watch.named("/event")), 30.0)
    # The broker goes away for some minutes of the unit's time: they come as trends.
    broker.kill()
    wait_until(lambda: "MQTT" in unit.faults(), 20.0)
    unit.sim(supply__on=1)
    gone = unit.value("system.uptime") + 150.0
    wait_until(lambda: unit.value("system.uptime") > gone, 20.0)
    broker.start()
    rows = watch.take("/trend", 60.0).json["rows"]
    assert rows
    events = [got.json["n"] for got in watch.named("/event")]
    assert events == list(range(events[0], events[-1] + 1))
    first = {got.topic.rsplit("/", 1)[-1] for got in watch.all if "/point/" in got.topic}
    assert first == set(unit.get("/api/v1/points")["points"])
    for got in list(watch.all):
        judge(got)


def test_the_metrics_of_a_unit_with_all_listeners_are_few(tmp_path: Path, broker: Broker) -> None:
    """At most 90 samples (what is off tells nothing), whatever is on."""
    unit = DaemonProcess(tmp_path / "unit", speed=60)
    words = [word for name in ("https", "modbus", "dnp3", "snmp", "nut")
             for word in (f"--{name}", "127.0.0.1:0")]  # fmt: skip
    try:
        unit.start(*words)
        unit.wait_selftest()
        unit.set(
            modbus__enabled=True, modbus__unit=1, dnp3__enabled=True, snmp__read1="public",
            mqtt__server="127.0.0.1", mqtt__port=broker.port, mqtt__enabled=True,
        )  # fmt: skip
        wait_until(lambda: unit.status()["listeners"].get("mqtt"), 20.0)
        lines = unit.request("GET", "/metrics").body.decode().splitlines()
    finally:
        unit.close()
    samples = [line for line in lines if not line.startswith("#")]
    assert len(samples) <= 90, samples
    named = {line.partition('"')[2].partition('"')[0] for line in samples if "_notifier_" in line}
    assert named == {"mqtt"}
