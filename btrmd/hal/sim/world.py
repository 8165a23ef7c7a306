"""The simulated world: plant, wires, pins, buttons, scenario and the file that keeps them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..config import HardwareConfig
from .keys import apply_keys, check_keys
from .pins import SimPins
from .plant import Plant
from .saved import FORMAT, SimFile, encode_plant, resume
from .scenario import Scenario, load_scenario
from .sense import Sense
from .truth import ask_run_time, describe
from .wires import SimWires

FILE_NAME = "sim.json"
LONGEST_GAP_S = 30.0 * 86400.0
SHORTEST_STEP_S = 0.001

log = logging.getLogger(__name__)


class World:
    """One owner thread advances it; any thread may change it and ask for the truth.

    `findings` has one sentence for each thing that went wrong with files. The owner sets `speed`
    and `speed_actual` and looks at `plant.owner_hang`.
    """

    def __init__(
        self,
        plant: Plant,
        wires: SimWires,
        pins: SimPins,
        file: SimFile | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.plant = plant
        self.wires = wires
        self.pins = pins
        self.findings: list[str] = []
        self._file = file
        self._wall = wall
        self._lock = threading.Lock()
        self._scenario: Scenario | None = None
        self._scenario_from = 0.0
        self._scenario_next = 0
        self._saved_second = -1
        self._sensed: Sense | None = None  # what the input pins were driven by last,
        self._is_pressed = False  # and whether a button was held
        self._drive_inputs()

    @property
    def speed(self) -> float:
        """How many times faster than the wall clock it is meant to run."""
        return self.plant.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.plant.speed = speed

    @property
    def speed_actual(self) -> float:
        """How many times faster it does run."""
        return self.plant.speed_actual

    @speed_actual.setter
    def speed_actual(self, speed: float) -> None:
        self.plant.speed_actual = speed

    def play(self, scenario: Scenario, from_s: float | None = None, done: int = 0) -> None:
        """Follow `scenario` from plant second `from_s` (default now); `done` entries are past."""
        self._scenario = scenario
        self._scenario_from = self.plant.plant_s if from_s is None else from_s
        self._scenario_next = done

    def advance(self, dt: float) -> None:
        """Owner: let `dt` s pass. A scenario's entries come at their second, within the step."""
        with self._lock:
            plant = self.plant
            if self._scenario is not None:
                end = plant.plant_s + dt
                while (due := self._due()) <= end:
                    if due - plant.plant_s >= SHORTEST_STEP_S:
                        plant.step(due - plant.plant_s)
                    self._apply_due()
                dt = end - plant.plant_s
            if dt > 0.0:
                plant.step(dt)
            if plant.sense() is not self._sensed or self._is_pressed:
                self._drive_inputs()
            second = int(plant.plant_s)
            if second != self._saved_second:
                self._saved_second = second
                self._save()

    def coast(self, seconds: float) -> None:
        """Let a long time pass with all coils off, as while no daemon ran; at most 30 days."""
        with self._lock:
            plant = self.plant
            end = plant.plant_s + min(max(seconds, 0.0), LONGEST_GAP_S)
            while self._scenario is not None and (due := self._due()) <= end:
                if due > plant.plant_s:
                    plant.coast(due - plant.plant_s)
                self._apply_due()
            if end > plant.plant_s:
                plant.coast(end - plant.plant_s)
            self._drive_inputs()

    def change(self, raw: Mapping[str, object]) -> dict[str, object]:
        """Apply keys, all or none; returns them as they were understood (files by their path).

        Raises SettingError naming key, value and allowed range, DataError for a bad CSV file.
        """
        checked = check_keys(raw)
        with self._lock:
            self.plant.catch_up()
            apply_keys(self.plant, checked)
            self._saved_second = -1
        return {key: getattr(value, "path", value) for key, value in checked.items()}

    def truth(self) -> dict[str, Any]:
        """DESIGN section 7's object."""
        run_time = self.plant.run_time
        with self._lock:
            self.plant.catch_up()
            question = ask_run_time(self.plant)
            found: dict[str, Any] = describe(self.plant, None)
        # The look ahead takes milliseconds: outside the lock, so that the owner need not wait.
        found["battery"]["true_runtime_s"] = run_time.answer(question)
        return found

    def save(self) -> None:
        """Write sim.json now."""
        with self._lock:
            self._save()

    def close(self) -> None:
        """Save, then let go of the file."""
        with self._lock:
            self._save()
            if self._file is not None:
                self._file.close()
                self._file = None

    def _due(self) -> float:
        """Plant second of the scenario's next entry; ends the scenario after its last."""
        scenario = self._scenario
        if scenario is None or self._scenario_next >= len(scenario.entries):
            self._scenario = None
            return float("inf")
        return self._scenario_from + scenario.entries[self._scenario_next].time_s

    def _apply_due(self) -> None:
        if self._scenario is not None:
            entry = self._scenario.entries[self._scenario_next]
            self._scenario_next += 1
            apply_keys(self.plant, entry.changes)
            log.info("Scenario, second %g: %s.", entry.time_s, ", ".join(entry.changes))

    def _drive_inputs(self) -> None:
        plant = self.plant
        self._sensed = sense = plant.sense()
        held, now = plant.button_until, plant.plant_s
        pb1, pb2 = held["pb1"] > now, held["pb2"] > now
        self._is_pressed = pb1 or pb2
        self.pins.drive_inputs(sense, pb1, pb2, self.plant.line_faults, self.plant.guard.moves)

    def _save(self) -> None:
        if self._file is None:
            return
        scenario = self._scenario
        self.plant.catch_up()
        document = {
            "format": FORMAT,
            "wall": self._wall(),
            "plant": encode_plant(self.plant),
            "scenario": None
            if scenario is None
            else [scenario.digest, self._scenario_from, self._scenario_next],
        }
        try:
            self._file.write(document)
        except OSError as error:
            finding = f"{self._file.path} cannot be written: {error.strerror or error}."
            if finding not in self.findings:
                self.findings.append(finding)
                log.warning(finding)


def open_world(
    config: HardwareConfig,
    state_dir: Path | None,
    *,
    blocks: int = 1,
    fresh: bool = False,
    scenario: Path | None = None,
    single_source: bool = False,
    wall: Callable[[], float] = time.time,
    seed: int = 1,
) -> World:
    """The world that `STATE_DIR/sim.json` left, or a new one of `blocks` 12 V blocks.

    A saved world keeps its own bank; the seconds since it was saved pass with all coils off. A
    scenario that was under way goes on, one that had ended (or is another) begins now.
    `state_dir` None keeps nothing. Raises DataError for a bad scenario.
    """
    story = None if scenario is None else load_scenario(scenario)
    plant = Plant(blocks, seed=seed)
    file = None if state_dir is None else SimFile(state_dir / FILE_NAME)
    document: dict[str, Any] | None = None
    findings: list[str] = []
    if file is not None and not fresh:
        document, findings = resume(file, plant)
        if document is None:
            plant = Plant(blocks, seed=seed)
    plant.guard.is_fitted = config.guard
    plant.single_source = single_source
    plant.touch()
    world = World(plant, SimWires(plant, config), SimPins(plant, config), file, wall)
    world.findings += findings
    if story is not None:
        match (document or {}).get("scenario"):
            case [story.digest, int() | float() as from_s, int() as done] if done >= 0:
                world.play(story, from_s, done)
            case _:
                world.play(story)
    if document is not None:
        saved_at = document.get("wall")
        if isinstance(saved_at, int | float):
            world.coast(wall() - saved_at)
    world.save()
    return world
