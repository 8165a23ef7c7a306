"""A light unit: the real publisher, bus, metrics, history and cursors over simulated points."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Final, NamedTuple

from btrmd.bus import Bus
from btrmd.daemon.cursors import Cursors
from btrmd.model.events import Event, Kind
from btrmd.model.points import POINT
from btrmd.model.readings import GOOD, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.snapshot import AlarmView, Snapshot
from btrmd.notify.mqtt.publisher import LISTENER, MqttPublisher
from btrmd.owner.minute_mean import MinuteMean
from btrmd.servers.web.metrics import EventTally, encode_metrics
from btrmd.store.history_db import HistoryDb
from btrmd.store.writer import Writer

# What a unit at rest shows, by unit of the point, and how far it jitters within a second (a 1 mV
# converter, a sensor of 1/16 °C).
LEVELS: Final = {"V": (13.4, 0.004), "A": (1.2, 0.01), "°C": (25.0, 0.06), "%": (95.0, 0.0),
                 "s": (7200.0, 0.0), "W": (16.0, 0.1), "Ah": (100.0, 0.0)}  # fmt: skip
ON_BATTERY: Final[dict[str, Value]] = {
    "supply.voltage": 0.02, "supply.present": False, "supply.current": 0.0,
    "charger.voltage": 0.02, "charger.present": False, "battery.current": -1.2,
    "load.source": "battery", "ups.on_battery": True, "alarm.any": True,
}  # fmt: skip


class Identity(NamedTuple):
    """Where the broker is, and what a unit logs in with there (contrib/mosquitto)."""

    port: int
    ca_file: Path
    certificate: Path  # key and certificate, its common name is the serial number


class LightUnit:
    """`serial`: 16 hex digits. Used by one thread, beside the publisher's own."""

    def __init__(self, serial: str, identity: Identity, state_dir: Path) -> None:
        """`state_dir` is made; history.db and the cursors are in it, as a whole unit has them."""
        self.serial = serial
        self._chance = random.Random(serial)
        state_dir.mkdir(parents=True)
        self._history = HistoryDb(state_dir)
        self._history.recover()
        self._minute = MinuteMean()
        self._settings = Settings.defaults().with_changes(
            {"mqtt.enabled": True, "mqtt.server": "127.0.0.1", "mqtt.port": identity.port,
             "mqtt.security": "tls", "mqtt.ca_file": str(identity.ca_file),
             "mqtt.cert_file": str(identity.certificate), "site.name": f"Site {serial[-4:]}"}
        )  # fmt: skip
        self._values: dict[str, Value] = {key: self._rest(key) for key in POINT}
        self._values |= {"system.serial": serial, "system.model": "BTRM400", "alarm.list": ()}
        self._alarms: tuple[AlarmView, ...] = ()
        self._began = time.monotonic()
        self.bus = Bus(self._snapshot(1))
        self._writer = Writer(self._history, self.bus.publish_events)
        self._writer.start()
        self._tally = EventTally(self.bus, self._history)
        self.publisher = MqttPublisher(self.bus, self._history, Cursors(state_dir))

    def look(self) -> None:
        """One second has passed: the readings jitter, as converters do."""
        snapshot = self._snapshot(self.bus.snapshot.seq + 1)
        self.bus.publish(snapshot)
        row = self._minute.add(snapshot.points, snapshot.at)
        if row is not None:
            self._writer.trend(row.minute, row.values)

    def tell(self, key: str, kind: Kind, value: Value, text: str) -> None:
        """One event; the writer numbers it from 1 and it is published once it is durable."""
        event = Event(0, time.time(), time.monotonic() - self._began, key, kind, value, None,
                      "core", text)  # fmt: skip
        self._writer.commit(events=[event])

    def lose_mains(self) -> None:
        """What a unit tells and shows when the supply is gone: four events and its points."""
        now = time.time()
        self._values |= ON_BATTERY
        self._alarms = tuple(
            AlarmView(key, text, now, True, False, False)
            for key, text in (("supply.lost", "The supply is lost (0.02 V)."),
                              ("charger.lost", "The charger is lost (0.02 V)."))
        )  # fmt: skip
        self._values["alarm.list"] = ("supply.lost", "charger.lost")
        self.look()
        self.tell("supply.lost", Kind.RAISE, 0.02, "The supply is lost (0.02 V).")
        self.tell("charger.lost", Kind.RAISE, 0.02, "The charger is lost (0.02 V).")
        self.tell("ups.on_battery", Kind.CHANGE, True, "The battery feeds the load.")
        self.tell("load.source", Kind.CHANGE, "battery", "The load is on the battery.")

    @property
    def reported(self) -> int:
        """Events so far."""
        return self._writer.last_event

    @property
    def is_connected(self) -> bool:
        found = self.bus.listeners.get(LISTENER)
        return found is not None and bool(found.address)

    def metrics(self) -> str:
        """The page /metrics."""
        snapshot = self.bus.snapshot
        return encode_metrics(snapshot, "sim", 0, self.bus, self.bus.counts, self._tally)

    def _snapshot(self, seq: int) -> Snapshot:
        at = time.time()
        points = {}
        for key, value in self._values.items():
            if isinstance(value, float):
                jitter = LEVELS.get(POINT[key].unit, (0.0, 0.0))[1]
                value += self._chance.uniform(-jitter, jitter) if jitter else 0.0
            points[key] = Reading(value, GOOD, at)
        points["system.uptime"] = Reading(time.monotonic() - self._began, GOOD, at)
        return Snapshot(seq, at, time.monotonic(), points, self._alarms, self._settings, None, None)

    def _rest(self, key: str) -> Value:
        point = POINT[key]
        if point.kind == "bool":
            return key.endswith(".present")
        if point.kind == "enum":
            return point.choices[0]
        if point.kind == "float":
            return LEVELS.get(point.unit, (1.0, 0.0))[0]
        return 0 if point.kind == "int" else ""
