"""A station without a core and its MQTT publisher as a thread."""

from __future__ import annotations

from pathlib import Path

from mail_fixtures import AT, Bench, mail_settings, snapshot_of
from mqtt_broker import SERIAL, Broker

from btrmd.model.discharge import TestRecord
from btrmd.model.events import Event, Kind
from btrmd.model.readings import GOOD, Reading, Value
from btrmd.model.snapshot import AlarmView
from btrmd.notify.mqtt.publisher import LISTENER, MqttPublisher

BASE = f"btrmd/{SERIAL}"


class MqttBench(Bench):
    """`show` publishes points, `start` the publisher."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mqtt: MqttPublisher | None = None
        self.at = AT
        self.values: dict[str, Value] = {"system.model": "BTRM300", "system.firmware": "1.0"}
        self.alarms: tuple[AlarmView, ...] = ()

    def to(self, broker: Broker | int, **changes: object) -> None:
        """MQTT to `broker`."""
        port = broker if isinstance(broker, int) else broker.port
        wanted = {"mqtt__enabled": True, "mqtt__server": "127.0.0.1", "mqtt__port": port, **changes}
        self.settings = mail_settings(**wanted)
        self.show()

    def off(self) -> None:
        self.settings = mail_settings()
        self.show()

    def show(self, **values: Value) -> None:
        """Other values of points (two underscores for the dot)."""
        self.values |= {key.replace("__", "."): value for key, value in values.items()}
        snapshot = snapshot_of(self.settings, self.at, self.bus.snapshot.seq + 1)
        points = dict(snapshot.points)
        for key, value in self.values.items():
            points[key] = Reading(value, GOOD, self.at)
        self.bus.publish(snapshot._replace(points=points, alarms=self.alarms))

    def start(self) -> None:
        self.mqtt = MqttPublisher(self.bus, self.history, self.cursors)
        self.mqtt.start()

    def stop(self) -> None:
        if self.mqtt is not None:
            self.mqtt.stop()
            self.mqtt = None

    def finish_test(self, n: int, result: str = "good") -> TestRecord:
        """A test that ends, with its event, as the owner's actions write them."""
        record = TestRecord(
            n, "1", "finished", result, "The planned 1 h 00 min are over.", "schedule",
            self.at - 3600, self.at, 3600.0, 2.0, 25.0, 12.1, 9000.0, 8000.0, 10000.0, 7200.0,
        )  # fmt: skip
        event = Event(
            0, self.at, 230.5, "test.result", Kind.CHANGE, result, None, "core", record.reason
        )
        self.writer.commit([event], test=record, finish=True)
        assert self.writer.flush()
        return record

    @property
    def fault(self) -> str:
        found = self.bus.listeners.get(LISTENER)
        return found.fault if found is not None else ""

    @property
    def address(self) -> str:
        found = self.bus.listeners.get(LISTENER)
        return found.address if found is not None else ""

    @property
    def reported(self) -> int | None:
        return self.cursors.load("mqtt")

    def restart(self) -> None:
        self.stop()
        super().restart()
        self.show()

    def close(self) -> None:
        self.stop()
        super().close()
