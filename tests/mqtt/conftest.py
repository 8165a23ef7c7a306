"""What the tests of MQTT share: a real broker, a client nobody here wrote, a station with a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(Path(__file__).parent),
    str(ROOT / "tests" / "support"),
    str(ROOT / "tests" / "notify"),
]

from mqtt_broker import Broker, Watch  # noqa: E402
from mqtt_fixtures import MqttBench  # noqa: E402

from btrmd.notify.mqtt import publisher, session  # noqa: E402


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker")
    made.start()
    yield made
    made.close()


@pytest.fixture
def watch(broker: Broker) -> Iterator[Watch]:
    """mosquitto_sub on everything."""
    made = Watch(broker)
    yield made
    made.close()


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MqttBench]:
    monkeypatch.setattr(publisher, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(publisher, "LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr(publisher, "FOLLOW_S", 0.05)
    monkeypatch.setattr(publisher, "LOOK_S", 0.05)
    monkeypatch.setattr(session, "SETTLE_S", 0.0)
    monkeypatch.setattr(session, "AGAIN_S", 0.2)
    monkeypatch.setattr(session, "POINTS_EVERY_S", 0.05)
    made = MqttBench(tmp_path / "state")
    yield made
    made.close()
