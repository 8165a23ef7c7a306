"""Commands from the broker: off by default, read strictly, through the owner, each answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mqtt_broker import Broker, Watch
from mqtt_fixtures import BASE, MqttBench

from btrmd.model.commands import AckAlarm, Answer, Command, StartTest, StopTest

Wait = Callable[..., None]
TOPIC = f"{BASE}/command"


class Owner:
    """Answers what the bus brings: `answer` to everything."""

    def __init__(self, station: MqttBench) -> None:
        self.seen: list[Command] = []
        self.answer = Answer(True, data={"n": 5})
        self._bus = station.bus
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.005):
            for pending in self._bus.take():
                self.seen.append(pending.command)
                pending.answer.set_result(self.answer)

    def close(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def owner(station: MqttBench) -> Iterator[Owner]:
    made = Owner(station)
    yield made
    made.close()


@pytest.fixture
def ready(station: MqttBench, broker: Broker, owner: Owner, wait_until: Wait) -> MqttBench:
    station.to(broker, mqtt__commands=True)
    station.start()
    wait_until(lambda: f"Sending SUBACK to btrmd-{BASE.split('/')[1]}" in broker.log)
    return station


def ask(broker: Broker, watch: Watch, document: object) -> Any:
    broker.publish(TOPIC, document if isinstance(document, str) else json.dumps(document))
    return watch.take("/answer").json


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        ({"command": "test.start"}, StartTest(None, 0.0, "mqtt 127.0.0.1")),
        ({"command": "test.start", "type": 2, "delay_h": 1.5},
         StartTest("2", 1.5, "mqtt 127.0.0.1")),
        ({"command": "test.stop"}, StopTest("mqtt 127.0.0.1")),
        ({"command": "alarm.ack", "key": "io1"}, AckAlarm("io1", "mqtt 127.0.0.1")),
    ],
)  # fmt: skip
def test_a_command_reaches_the_owner_and_is_answered(
    ready: MqttBench, broker: Broker, watch: Watch, owner: Owner, request_: Any, command: Command
) -> None:
    answer = ask(broker, watch, {"id": "a1", **request_})
    assert owner.seen == [command]
    assert answer == {
        "id": "a1", "command": request_["command"], "ok": True, "code": "ok", "text": "", "n": 5,
    }  # fmt: skip


def test_every_one_of_many_commands_at_once_is_answered(
    ready: MqttBench, broker: Broker, watch: Watch
) -> None:
    for n in range(12):
        broker.publish(TOPIC, json.dumps({"command": "test.stop", "id": f"c{n}"}))
    assert {watch.take("/answer").json["id"] for _ in range(12)} == {f"c{n}" for n in range(12)}


def test_a_refusal_of_the_owner_is_told_in_its_words(
    ready: MqttBench, broker: Broker, watch: Watch, owner: Owner
) -> None:
    owner.answer = Answer(False, "interlock", "The supply is not present.")
    answer = ask(broker, watch, {"command": "test.start"})
    assert (answer["ok"], answer["code"], answer["text"]) == (
        False, "interlock", "The supply is not present.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        ("start", "json", "A command is a JSON object"),
        ("[1]", "json", "A command is a JSON object"),
        ("{" * 3000, "json", "A command is a JSON object"),
        ({"command": "relay.on"}, "unknown", "allowed are test.start, test.stop, alarm.ack"),
        ({}, "unknown", "'' is no command"),
        ({"command": 3}, "range", "command is a text"),
        ({"command": "test.start", "type": 3}, "range", "type = 3 is refused: allowed is 1 or 2."),
        ({"command": "test.start", "type": True}, "range", "type = True"),
        ({"command": "test.start", "delay_h": 501}, "range", "allowed is 0..500 h."),
        ({"command": "test.start", "delay_h": "1"}, "range", "delay_h = '1'"),
        ('{"command":"test.start","delay_h":NaN}', "range", "delay_h = nan"),
        ('{"command":"test.start","delay_h":1' + "0" * 400 + "}", "range", "0..500 h."),
        ({"command": "test.start", "speed": 1}, "unknown", "'speed' is no field of test.start"),
        ({"command": "alarm.ack"}, "range", "alarm.ack needs the key of an alarm."),
        ({"command": "test.stop", "id": "x" * 65}, "range", "id is a text of at most 64"),
        ({"command": "test.stop", "pad": "x" * 5000}, "range", "at most 4096 octets"),
    ],
)
def test_bad_commands_are_refused_with_a_sentence(
    ready: MqttBench, broker: Broker, watch: Watch, owner: Owner, request_: Any, code: str,
    words: str,
) -> None:  # fmt: skip
    answer = ask(broker, watch, request_)
    assert (answer["ok"], answer["code"]) == (False, code)
    assert words in answer["text"]
    assert owner.seen == []


def test_the_same_id_is_done_once_and_answered_twice(
    ready: MqttBench, broker: Broker, watch: Watch, owner: Owner
) -> None:
    first = ask(broker, watch, {"id": "a", "command": "test.start"})
    assert ask(broker, watch, {"id": "a", "command": "test.start"}) == first
    assert len(owner.seen) == 1
    ask(broker, watch, {"id": "b", "command": "test.start"})
    assert len(owner.seen) == 2


def test_off_by_default(
    station: MqttBench, broker: Broker, watch: Watch, owner: Owner, wait_until: Wait
) -> None:
    station.to(broker)
    station.start()
    wait_until(lambda: station.address)
    broker.publish(TOPIC, '{"command": "test.start"}')
    station.tell()
    watch.take("/event")
    assert owner.seen == []
    assert watch.named("/answer") == []


def test_old_commands_are_none(
    ready: MqttBench, broker: Broker, watch: Watch, owner: Owner, wait_until: Wait
) -> None:
    """One that is retained, and one that was sent while the unit was away, start no test."""
    broker.publish(TOPIC, '{"command": "test.start"}', "-r")
    assert watch.take("/answer").json["ok"] is True  # it was fresh when it came
    owner.seen.clear()
    ready.stop()
    watch.take("/status")
    broker.publish(TOPIC, '{"command": "test.start", "id": "late"}')
    ready.start()
    ready.tell()
    watch.take("/event")
    assert ask(broker, watch, {"command": "test.stop"})["command"] == "test.stop"
    assert owner.seen == [StopTest("mqtt 127.0.0.1")]
