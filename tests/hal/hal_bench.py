"""A still plant and a board on it: what the hal tests stand on until something must move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from btrmd.hal.board import HatBoard
from btrmd.hal.calibration import Calibration
from btrmd.hal.chips.i2c import I2CBus
from btrmd.hal.config import REFERENCE, HardwareConfig, load_hardware
from btrmd.hal.sim.pins import SimPins
from btrmd.hal.sim.reading_fault import ReadingFault
from btrmd.hal.sim.wires import SimWires
from btrmd.model.board import Inputs


class Sense(NamedTuple):
    """The field names of hal.sim.plant.Sense, at rest on float."""

    battery_v: float = 13.5
    load_v: float = 13.2
    charger_v: float = 13.6
    supply_v: float = 13.8
    battery_a: float = 0.4
    load_a: float = 5.0
    charger_a: float = 0.6
    supply_a: float = 5.1
    io_v: tuple[float, float, float, float] = (1.0, 12.0, 24.0, 48.0)
    temperature_c: float = 23.5
    batt_path: bool = True
    guard: bool = False
    powered: bool = True


class StillPlant:
    """What wires and pins need of a plant; remembers what the pins did to it."""

    def __init__(self) -> None:
        self.now = Sense()
        self.plant_s = 0.0
        self.i2c_faults: dict[int, str] = {}
        self.reading_faults: dict[str, ReadingFault] = {}
        self.coils: dict[str, bool] = {}
        self.outputs: dict[str, bool] = {}
        self.beats = 0

    def sense(self) -> Sense:
        return self.now

    def put(self, **values: Any) -> None:
        self.now = self.now._replace(**values)

    def set_coil(self, name: str, energised: bool) -> None:
        self.coils[name] = energised

    def set_output(self, name: str, pulls_low: bool) -> None:
        self.outputs[name] = pulls_low

    def heartbeat(self) -> None:
        self.beats += 1


class Bench:
    """A board on simulated wires and pins over a StillPlant, with its own clock."""

    def __init__(
        self,
        config: HardwareConfig | None = None,
        errors: Mapping[str, tuple[float, float]] | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.config = config or load_hardware(REFERENCE)
        self.plant = StillPlant()
        self.wires = SimWires(self.plant, self.config, errors)  # type: ignore[arg-type]
        self.pins = SimPins(self.plant, self.config)
        self.opens = 0
        self.bus_is_there = True
        self.bus = I2CBus(self._open, self.config.attempts)
        self.board = HatBoard(self.config, self.bus, self.pins.factory, calibration)
        self.now = 1000.0
        self.pb1 = self.pb2 = False

    def _open(self) -> SimWires:
        self.opens += 1
        if not self.bus_is_there:
            raise FileNotFoundError(2, "No such file or directory", "/dev/i2c-1")
        return self.wires

    def scan(self, dt: float = 0.1) -> Inputs:
        """One tick of `dt` s: the plant moves, the board reads."""
        self.now += dt
        self.plant.plant_s += dt
        self.pins.drive_inputs(self.plant.now, self.pb1, self.pb2)  # type: ignore[arg-type]
        return self.board.read(self.now, self.now + 1.7e9)

    def scans(self, seconds: float, dt: float = 0.1) -> Inputs:
        """Ticks of `dt` for `seconds`; the last scan's inputs."""
        for _ in range(max(1, round(seconds / dt))):
            inputs = self.scan(dt)
        return inputs
