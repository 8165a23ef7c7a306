"""A station for tests: a bus, a small owner thread that answers it, and a history in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from btrmd.bus import Bus
from btrmd.model.commands import (
    AckAlarm,
    Answer,
    BatteryReplaced,
    Calibrate,
    CapacityCheck,
    ChangeSettings,
    Command,
    Note,
    ResetData,
    RunSelfTest,
    StartTest,
    StopTest,
)
from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.errors import DataError, SettingError
from btrmd.model.events import Event, Kind
from btrmd.model.history import TrendRows
from btrmd.model.readings import BAD, GOOD, Reading
from btrmd.model.settings import Settings
from btrmd.model.snapshot import AlarmView, Snapshot
from btrmd.servers.control import ControlExtras, ControlServer

AT = 1_790_000_000.0
AT_ISO = "2026-09-21T14:13:20.000Z"

FINISHED = TestRecord(
    n=6,
    type="1",
    state="finished",
    result="good",
    source="cli root",
    started_at=AT,
    ended_at=AT + 7200.0,
    duration_s=7200.0,
    average_current=8.5,
    average_temperature=21.0,
    end_voltage=12.1,
    estimate_s=18000.0,
    estimate_low_s=16200.0,
    estimate_high_s=19800.0,
    minimum_runtime_s=14400.0,
    marks=("not_rested",),
)

POINTS = {
    "battery.voltage": Reading(13.39, GOOD, AT),
    "battery.current": Reading(None, BAD, AT),
    "alarm.list": Reading(("sensor.0x4a",), GOOD, AT),
    "test.state": Reading("idle", GOOD, AT),
    "test.next": Reading(43201.0, GOOD, AT),
    "ups.on_battery": Reading(False, GOOD, AT),
}

ALARM = AlarmView("sensor.0x4a", "Chip 0x4a does not answer.", AT, True, False, False)


class MemoryHistory:
    """The history's reading side over two lists."""

    def __init__(self, tests: Sequence[TestRecord]) -> None:
        self.records = {record.n: record for record in tests}
        self.log: list[Event] = []

    def events(self, after: int = 0, limit: int = 1000, key: str | None = None) -> list[Event]:
        return [e for e in self.log if e.n > after and key in (None, e.key)][:limit]

    def last_event(self) -> int:
        return len(self.log)

    def tests(self, include_cleared: bool = False, limit: int = 1000) -> list[TestRecord]:
        return sorted(self.records.values(), key=lambda record: -record.n)[:limit]

    def find_events(
        self, before: int = 0, limit: int = 100, key: str = "", kind: object = None
    ) -> list[object]:
        return []  # nobody has calibrated anything

    def test(self, n: int) -> TestRecord | None:
        return self.records.get(n)

    def curve(self, n: int) -> Iterator[CurveRow]:
        return iter(())

    def trends(
        self, start: float, end: float, keys: Sequence[str] | None = None, limit: int = 2000
    ) -> TrendRows:
        raise NotImplementedError


class Station:
    """`commands` keeps what the owner was asked; tests change `snapshot` through `show()`."""

    def __init__(self) -> None:
        settings = Settings.defaults().with_changes({"email.password": "geheim"})
        self.bus = Bus(Snapshot(1, AT, 5.0, POINTS, (ALARM,), settings, None, FINISHED))
        self.history = MemoryHistory([FINISHED])
        self.commands: list[Command] = []
        self.truth: dict[str, object] = {
            "plant_s": 1.0,
            "battery": {"true_runtime_s": float("inf")},
        }
        self.sim_changes: list[dict[str, object]] = []
        self.passwords: dict[str, str] = {}
        self.roles: dict[str, str | None] = {}
        self.found: list[str] = []
        self.selftest_result = "passed"
        self.is_deaf = False
        self.servers: list[ControlServer] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="fake-owner")
        self._thread.start()

    def close(self) -> None:
        for server in self.servers:
            server.stop()
        self._stopped.set()
        self._thread.join()
        self.bus.close()

    def extras(self, config_dir: Path | str = "", simulated: bool = True) -> ControlExtras:
        return ControlExtras(
            sim=self.sim if simulated else None,
            check=lambda: self.found,
            set_password=self.set_password,
            calibration=lambda: {"battery.voltage": {"low": [0.1, 0.0]}},
            config_dir=str(config_dir),
        )

    def server(
        self,
        path: Path,
        config_dir: Path | str = "",
        simulated: bool = True,
        extras: ControlExtras | None = None,
        **limits: Any,
    ) -> ControlServer:
        """A server that close() stops, if the test has not."""
        extras = extras or self.extras(config_dir, simulated)
        self.servers.append(ControlServer(self.bus, self.history, path, extras, **limits))
        return self.servers[-1]

    def clients(self) -> int:
        """How many are connected to the servers of this station."""
        return sum(server.clients for server in self.servers)

    def show(self, **changes: object) -> None:
        """Publish the newest snapshot with these fields; `points` are merged into the old ones."""
        with self._lock:
            old = self.bus.snapshot
            points = changes.pop("points", {})
            assert isinstance(points, dict)
            self.bus.publish(
                old._replace(seq=old.seq + 1, points={**old.points, **points}, **changes)
            )

    def begin(self, n: int, state: str = "running") -> TestRecord:
        record = TestRecord(n=n, type="1", state=state, source="cli", started_at=AT)
        self.show(test=record, points={"test.state": Reading(state, GOOD, AT)})
        return record

    def finish(self, n: int, result: str = "good") -> None:
        record = FINISHED._replace(n=n, result=result)
        self.history.records[n] = record
        self.show(test=None, last_test=record, points={"test.state": Reading("idle", GOOD, AT)})

    def sim(self, changes: dict[str, object]) -> dict[str, object]:
        if "supply.colour" in changes:
            raise DataError("supply.colour is not a key of the simulation.")
        self.sim_changes.append(dict(changes))
        return self.truth

    def set_password(self, user: str, password: str, role: str | None = None) -> None:
        self.roles[user] = role
        self.passwords[user] = password

    def _run(self) -> None:
        while not self._stopped.is_set():
            taken = [] if self.is_deaf else self.bus.take()
            for pending in taken:
                self.commands.append(pending.command)
                pending.answer.set_result(self._answer(pending.command))
            self.show()
            self._stopped.wait(0.01)

    def _answer(self, command: Command) -> Answer:
        if isinstance(command, ChangeSettings):
            try:
                self.show(settings=self.bus.snapshot.settings.with_changes(command.changes))
            except SettingError as error:
                facts = {"key": error.key, "value": str(error.value), "allowed": error.allowed}
                return Answer(False, "range", str(error), facts)
            return Answer(True)
        if isinstance(command, StartTest):
            if self.bus.snapshot.test is not None:
                return Answer(False, "running", "A test is running already.")
            self.begin(7)
            return Answer(True, data={"n": 7})
        if isinstance(command, StopTest):
            if self.bus.snapshot.test is None:
                return Answer(False, "not_running", "No test is running.")
            self.finish(self.bus.snapshot.test.n, "aborted")
            return Answer(True)
        if isinstance(command, AckAlarm) and command.key != ALARM.key:
            return Answer(False, "unknown", f"There is no alarm {command.key!r}.")
        if isinstance(command, RunSelfTest):
            result = self.selftest_result
            n, text = len(self.history.log) + 1, f"Self-test {result}."
            event = Event(n, AT, 1.0, "system.self_test", Kind.CHANGE, result, None, "core", text)
            self.history.log.append(event)
        if isinstance(command, BatteryReplaced):
            return Answer(True, data={"after": 0})
        known = AckAlarm | RunSelfTest | Calibrate | CapacityCheck | ResetData | Note
        assert isinstance(command, known)
        return Answer(True)
