"""A bench: the core over the plant in a thread, the fieldbus service before it, real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from station import Station
from waiting import wait_until

from btrmd.bus import Bus, PendingCommand
from btrmd.core.publish import alarm_views, points
from btrmd.model.commands import Answer, ChangeSettings, Command
from btrmd.model.errors import SettingError
from btrmd.model.readings import Reading
from btrmd.model.site import Site
from btrmd.model.snapshot import Snapshot
from btrmd.servers.fieldbus.listener_config import FieldbusOptions, SerialLine
from btrmd.servers.fieldbus.service import Fieldbus

IDENTITY = {
    "system.model": "BTRM300", "system.firmware": "2.616", "system.build_date": "2026",
    "system.serial": "10000000abcdef01",
}  # fmt: skip
TICK_S = 0.02


class Bench:
    """A station behind its DNP3 listeners. `place`: HOST:PORT of the TCP listener.

    Hooks for tests: `overlay` replaces points in every snapshot; `deaf` makes the owner leave
    commands in the inbox; `dead` makes it publish nothing.
    """

    def __init__(
        self,
        settings: Mapping[str, object] | None = None,
        *,
        site: Site | None = None,
        dnp3: str = "127.0.0.1:0",
        serial: SerialLine | None = None,
    ) -> None:
        self.station = Station(settings, site=site, dt=0.1)
        self.station.run(20.0)  # the self-test is over, the supply is known to be there
        self.overlay: dict[str, Reading] = {}
        self.deaf = self.dead = False
        self.lock = threading.Lock()
        self._reported = 0
        self._seq = 0
        self.asked: list[Command] = []
        self._changed: list[tuple[PendingCommand, Answer]] = []
        self.bus = Bus(self._snapshot())
        self._tell()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.options = FieldbusOptions(modbus="none", dnp3=dnp3, serial=serial)
        self.fieldbus = Fieldbus(self.bus, self.options)

    def __enter__(self) -> Bench:
        self._thread.start()
        self.fieldbus.start()
        name = "dnp3" if self.options.dnp3 != "none" else "serial"
        self.wait(lambda: name in self.bus.listeners and self.bus.listeners[name].address)
        return self

    def __exit__(self, *_: object) -> None:
        self.fieldbus.stop()
        self._stop.set()
        self._thread.join(5.0)
        self.bus.close()

    @property
    def place(self) -> str:
        return self.bus.listeners["dnp3"].address

    def wait(self, condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        return wait_until(condition, seconds)

    def io1(self, volts: float) -> None:
        """Put volts on CH1 (io1.config 2: above 2 V is an alarm)."""
        with self.lock:
            self.station.plant.io_v[0] = volts

    def wait_value(self, key: str, value: object) -> None:
        self.wait(lambda: self.bus.snapshot.points[key].value == value)

    def change(self, **changes: object) -> Answer:
        """Change settings as the web would; dots of keys as two underscores."""
        named = {key.replace("__", "."): value for key, value in changes.items()}
        return self.bus.submit(ChangeSettings(named, "web"))

    def reopen(self, **changes: object) -> None:
        """Change settings that close the listener and open a new one; wait for that."""
        old = self.bus.listeners["dnp3"]
        self.change(**changes)
        self.wait(lambda: self.bus.listeners["dnp3"] is not old and self.place)

    def wait_count(self, name: str, at_least: int = 1) -> None:
        """Until the service has counted `name` so often."""
        self.wait(lambda: self.bus.counts.get("dnp3", {}).get(name, 0) >= at_least)

    # --- the owner -------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            pendings = [] if self.deaf else self.bus.take()
            with self.lock:
                self._tick(pendings)
                self._tell()
            if not self.dead:
                self.bus.publish(self._snapshot())

    def _tick(self, pendings: list[PendingCommand]) -> None:
        # A settings change is answered one step later: then it is on disk, and in force.
        for pending, answer in self._changed:
            pending.answer.set_result(answer)
        self._changed.clear()
        good = []
        for pending in pendings:
            self.asked.append(pending.command)
            if isinstance(pending.command, ChangeSettings):
                try:
                    self.station.settings.with_changes(pending.command.changes)
                except SettingError as error:
                    pending.answer.set_result(Answer(False, "range", str(error)))
                    continue
            good.append(pending)
        answers = self.station.tick(*(pending.command for pending in good))
        for pending, answer in zip(good, answers, strict=True):
            if isinstance(pending.command, ChangeSettings):
                self._changed.append((pending, answer))
            else:
                pending.answer.set_result(answer)

    def _tell(self) -> None:
        fresh = self.station.events[self._reported :]
        self._reported += len(fresh)
        self.bus.publish_events(fresh)

    def _snapshot(self) -> Snapshot:
        station = self.station
        self._seq += 1
        made = points(station.state, station.inputs, IDENTITY, station.now)
        made.update(self.overlay)
        return Snapshot(
            seq=self._seq,
            at=station.wall,
            mono=station.now,
            points=made,
            alarms=alarm_views(station.state),
            settings=station.settings,
            test=station.state.test.record,
            last_test=station.state.health.last,
        )
