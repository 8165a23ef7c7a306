"""The simulated GPIO: gpiozero mock pins; outputs move the plant, which drives the inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ..config import COILS, HardwareConfig
from ..gpiozero_parts import without_metadata

with without_metadata():
    from gpiozero.pins.mock import MockFactory, MockPin

if TYPE_CHECKING:
    from .plant import Sense

NO_FAULTS: Mapping[str, bool] = MappingProxyType({})
PI_REVISION = "902120"  # the board the mock factory plays: a Pi Zero 2 W


class CoilsLike(Protocol):
    """The part of the plant that the pins move."""

    def set_coil(self, name: str, energised: bool) -> None: ...

    def set_output(self, name: str, pulls_low: bool) -> None: ...

    def heartbeat(self) -> None: ...


class SimPin(MockPin):
    """A mock pin that tells its level to the plant.

    The stock mock pin notes every change in a list for ever, which a heartbeat turns into a leak.
    A pin that is released keeps its level, as on the Pi.
    """

    _state: bool
    _outside: bool | None = None  # the level something outside drives; None = nothing does

    def clear_states(self) -> None:
        self._last_change = 0.0
        self.states: list[Any] = []

    def _change_state(self, value: bool) -> bool:
        if self._state == value:
            return False
        self._state = value
        if self._function == "output":
            moved = self._factory.moved.get(self._number)
            if moved is not None:
                moved(value)
        return True

    @property
    def state(self) -> bool:
        """The level; what gpiozero's own property gives, by one call instead of two."""
        return self._state

    @state.setter
    def state(self, value: bool) -> None:
        self._set_state(value)

    def _set_pull(self, value: str) -> None:
        """A pull is weaker than whatever drives the pin."""
        super()._set_pull(value)
        if self._outside is not None:
            self._state = self._outside

    def drive(self, level: bool) -> None:
        """The outside world puts `level` on an input pin; an output pin wins over it."""
        self._outside = level
        if self._state != level and self._function == "input":
            self._state = level
            if self._when_changed is not None:
                self._call_when_changed()


class SimFactory(MockFactory):
    """A mock factory with SimPins; `moved` maps a GPIO to what hears of its new level."""

    def __init__(self) -> None:
        super().__init__(revision=PI_REVISION, pin_class=SimPin)
        self.moved: dict[int, Callable[[bool], None]] = {}

    def close(self) -> None:
        """Pins outlive their user, as on the Pi: only the reservations end with the devices."""


class SimPins:
    """The HAT's GPIO lines between a board and `plant`. `factory` goes to the board."""

    def __init__(self, plant: CoilsLike, config: HardwareConfig) -> None:
        self.factory = SimFactory()
        self.leds: dict[str, bool] = {}
        self._active_high = {name: pin.active_high for name, pin in config.pins.items()}
        self._inputs: dict[str, SimPin] = {}
        self._guard_moves = 0
        for name, pin in config.pins.items():
            if name in COILS:
                action = partial(self._level, partial(plant.set_coil, name), pin.active_high)
            elif name in ("ch1", "ch2"):
                action = partial(self._level, partial(plant.set_output, name), pin.active_high)
            elif name == "heartbeat":
                action = partial(self._edge, plant)
            elif name.startswith("led_"):
                self.leds[name] = False
                action = partial(self._level, partial(self.leds.__setitem__, name), pin.active_high)
            else:
                self._inputs[name] = self.factory.pin(pin.gpio)
                continue
            self.factory.moved[pin.gpio] = action

    @staticmethod
    def _level(tell: Callable[[bool], None], active_high: bool, level: bool) -> None:
        tell(level == active_high)

    @staticmethod
    def _edge(plant: CoilsLike, level: bool) -> None:
        plant.heartbeat()

    def drive_inputs(
        self,
        sense: Sense,
        pb1: bool,
        pb2: bool,
        faults: Mapping[str, bool] = NO_FAULTS,
        guard_moves: int = 0,
    ) -> None:
        """Once a plant step: put the plant's lines and the buttons (True = pressed) on the pins.

        `faults`: lines ("guard", "batt_path") whose level is stuck, True = high. `guard_moves`: how
        often the guard has moved since the start; what was over within the step is an edge all the
        same.
        """
        if guard_moves - self._guard_moves > 1:
            self._drive("guard", not sense.guard, faults.get("guard"))
        self._guard_moves = guard_moves
        self._drive("batt_path", sense.batt_path, faults.get("batt_path"))
        self._drive("guard", sense.guard, faults.get("guard"))
        self._drive("pb1", pb1)
        self._drive("pb2", pb2)

    def _drive(self, name: str, active: bool, stuck: bool | None = None) -> None:
        pin = self._inputs.get(name)
        if pin is not None:
            pin.drive(bool(active) == self._active_high[name] if stuck is None else stuck)
