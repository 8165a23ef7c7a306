"""An owner with everything it owns, on the simulated HAT, moved by hand tick by tick."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from btrmd.bus import Bus
from btrmd.clock import SimClock
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import new_state
from btrmd.daemon.recovery import first_snapshot, identity
from btrmd.hal.board import HatBoard
from btrmd.hal.calibration import Calibration
from btrmd.hal.chips.i2c import I2CBus
from btrmd.hal.config import find_hardware_file, load_hardware
from btrmd.hal.sim.world import open_world
from btrmd.model.board import Inputs, Outputs
from btrmd.model.commands import Answer, Command
from btrmd.model.readings import Value
from btrmd.owner.loop import Owner
from btrmd.owner.setting_changes import SettingChanges
from btrmd.owner.sim_speed import SimSpeed
from btrmd.store.history_db import HistoryDb
from btrmd.store.json_file import JsonFile
from btrmd.store.settings_file import SettingsFile
from btrmd.store.writer import Writer

WAIT_S = 10.0


class Board:
    """The real board with a counter, and a fault a test may put into it."""

    def __init__(self, board: HatBoard) -> None:
        self._board = board
        self.reads: list[float] = []  # when it was scanned, by read or by comparison
        self.fault: Exception | None = None
        self.fails_at_apply = False
        self.spared = 0  # so many reads are good before the fault shows
        self.slow: Callable[[], None] = lambda: None  # what happens while a scan is made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._board, name)

    @property
    def single_source(self) -> bool:
        return self._board.single_source

    @single_source.setter
    def single_source(self, value: bool) -> None:
        self._board.single_source = value

    @property
    def calibration(self) -> Calibration:
        return self._board.calibration

    @calibration.setter
    def calibration(self, made: Calibration) -> None:
        self._board.calibration = made

    def read(self, now: float, wall: float) -> Inputs:
        self._count(now)
        inputs = self._board.read(now, wall)
        self.slow()
        return inputs

    def is_unchanged(self, now: float, band: float) -> bool:
        self._count(now)
        is_same = self._board.is_unchanged(now, band)
        self.slow()
        return is_same

    def _count(self, now: float) -> None:
        if self.reads and self.reads[-1] == now:
            return  # a comparison that was not enough
        self.reads.append(now)
        if self.fault is not None and not self.fails_at_apply:
            if self.spared == 0:
                raise self.fault
            self.spared -= 1

    def apply(self, outputs: Outputs, now: float) -> None:
        if self.fault is not None and self.fails_at_apply:
            raise self.fault
        self._board.apply(outputs, now)


class Rig:
    """`tick` moves it; nothing else does. `close` ends its threads."""

    def __init__(self, folder: Path, speed: float = 10.0) -> None:
        self.folder = folder
        hardware = load_hardware(find_hardware_file(folder))
        self.settings_file = SettingsFile(folder)
        settings = self.settings_file.load().settings
        self.world = open_world(hardware, None, blocks=settings.blocks, fresh=True)
        bus = I2CBus(lambda: self.world.wires, hardware.attempts)
        self.board = Board(HatBoard(hardware, bus, lambda: self.world.pins.factory, Calibration()))
        self.history = HistoryDb(folder)
        found = self.history.recover()
        self.clock = SimClock()
        state = new_state(Setpoints.of(settings), self.clock.now())
        self.bus = Bus(first_snapshot(state, settings, self.clock.wall(), "0123456789abcdef"))
        self.writer = Writer(
            self.history, self.bus.publish_events, self.settings_file, found.last_event
        )
        self.writer.start()
        self.calibration_file = JsonFile(folder / "calibration.json")
        self.resets = 0
        self.changes = SettingChanges(
            self.writer,
            settings.with_changes({}).with_defaults(tuple(settings)),
            lambda made: self.calibration_file.save(made.to_dict()),
            self._reset_access,
        )
        self.alive = 0
        self.sim_speed = SimSpeed(speed)
        self._outruns_the_disk = speed > 10.0  # two minutes of ticks in a few milliseconds
        self.owner = Owner(
            self.board, self.bus, self.writer, self.changes, self.clock, state,
            identity(settings, "0123456789abcdef"),
            sim_speed=self.sim_speed, world=self.world, push=self.clock.advance,
            alive=self._is_alive,
        )  # fmt: skip

    def _is_alive(self) -> None:
        self.alive += 1

    def _reset_access(self) -> None:
        self.resets += 1

    # --- moving ----------------------------------------------------------------------------------

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.owner.tick()

    def settle(self) -> None:
        """One tick after the disk has everything: results are shown then, not before."""
        self.writer.flush()
        self.owner.tick()

    def until(self, is_so: Callable[[], object], most_s: float = 120.0) -> None:
        """Tick until `is_so()`, at most `most_s` of the process clock."""
        end = self.clock.now() + most_s
        while not is_so():
            assert self.clock.now() < end, f"not so within {most_s:g} s: {self.points()}"
            self.tick()
            if self._outruns_the_disk:
                self.writer.flush()

    def answer(self, future: Future[Answer], ticks: int = 2000) -> Answer:
        """Tick until the command is answered."""
        for _ in range(ticks):
            if future.done():
                break
            self.tick()
            self.writer.flush(0.05)
        return future.result(WAIT_S)

    def ask(self, command: Command) -> Answer:
        return self.answer(self.bus.post(command))

    # --- looking ---------------------------------------------------------------------------------

    def value(self, key: str) -> Value:
        return self.bus.snapshot.points[key].value

    def points(self) -> Mapping[str, Value]:
        return {key: reading.value for key, reading in self.bus.snapshot.points.items()}

    def coils(self) -> list[str]:
        return [name for name, on in self.world.plant.relays.coils.items() if on]

    def stored(self) -> dict[str, object]:
        """What settings.json holds now."""
        path = self.settings_file.path
        return dict(json.loads(path.read_text())["settings"]) if path.exists() else {}

    def hold_writer(self) -> threading.Event:
        """The writer stands still until the event is set: a slow disk."""
        gate = threading.Event()
        self.writer.run(lambda: gate.wait(WAIT_S))
        return gate

    def texts(self) -> list[str]:
        self.writer.flush()
        return [event.text for event in self.history.events()]

    def close(self) -> None:
        self.writer.close()
        self.history.close()
        self.board.close()
        self.world.close()
        self.bus.close()
