"""The HAT's GPIO lines: coils, outputs, LEDs and heartbeat out; buttons, BATT_PATH and GUARD in.

Polarity ends here. Inputs are polled by the owner's scan; the GUARD line's edge alone is listened
to, and may energise K1 between two scans where the core has armed that (docs/safety.md). Nothing
relies on gpiozero's `__del__` or exit hooks; `safe` and `close` are called.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, NamedTuple, TypeAlias

from gpiozero.input_devices import InputDevice
from gpiozero.output_devices import OutputDevice
from gpiozero.pins import Factory

from ..model.board import SAFE_OUTPUTS, Led, Outputs
from ..model.errors import BtrmError, format_error
from .config import INPUT_PINS, OUTPUT_PINS, Pin

log = logging.getLogger(__name__)

REOPEN_EVERY = 1.0  # s between attempts to get pins that could not be had
FactorySource: TypeAlias = Any  # Factory | Callable[[], Factory]; gpiozero carries no types
DRIVEN = Outputs._fields  # k1 .. led_status: the pins' names are the fields' names
COILS_AND_OUTPUTS = 5  # the first five of them must never fail silently
COILS_ALONE = 3  # without pins a coil cannot be held; CH1 and CH2 show as a finding
K1 = DRIVEN.index("k1")
ARMED_S = 0.5  # without a write for so long nobody decides any more: an edge drives nothing


class PinError(BtrmError, OSError):
    """A pin could not be driven."""


class GpioLines(NamedTuple):
    """The digital inputs; None = unreadable or not fitted. `guard_edges`: counted since the start,
    where the factory tells them."""

    batt_path: bool | None = None
    guard: bool | None = None
    pb1: bool = False
    pb2: bool = False
    guard_edges: int = 0


NO_LINES = GpioLines()


class HatPins:
    """All lines of the HAT through one explicitly given pin factory.

    Used by one thread, but for the edges of the GUARD line, which come on the factory's.
    """

    def __init__(
        self,
        pins: Mapping[str, Pin],
        source: FactorySource,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`source` is a gpiozero factory, or a function that makes one. `clock` in s.

        The function may fail; it is tried again once a second.
        """
        self._pins = pins
        self._source = source
        self._factory: Factory | None = None
        self._outputs: dict[str, OutputDevice] = {}
        self._inputs: dict[str, InputDevice] = {}
        self._levels: list[bool | None] = [None] * len(DRIVEN)
        self._wanted: Outputs | None = None  # what all pins are at, but for the blinking of LEDs
        self._blinking: tuple[tuple[int, Led], ...] = ()
        self._watched: tuple[Any, ...] = ()  # the input devices' pins,
        self._seen: list[object] = []  # their states
        self._lines = NO_LINES  # and what they meant
        self._beat = False
        self._tried_at: float | None = None
        self._closed = "The GPIO pins have not been opened yet."
        self._faults: dict[str, str] = {}  # by pin name: those that fail now
        self._clock = clock
        self._driving = RLock()  # K1's level and what follows are shared with the edge
        self._is_armed = False
        self._armed_until = float("-inf")
        self._edges = 0  # of the GUARD line
        self._caught = False  # an edge has energised K1,
        self._is_reported = False  # and a scan has said so

    @property
    def is_open(self) -> bool:
        return self._factory is not None

    @property
    def fault(self) -> str:
        """One sentence on what is wrong with the lines now; "" when nothing is."""
        return self._closed or next(iter(tuple(self._faults.values())), "")

    # --- open and close ----------------------------------------------------------------------

    def tend(self, now: float) -> None:
        """Once a scan: open the pins if they are not, at most once a second. Never raises."""
        if self._factory is not None:
            return
        if self._tried_at is not None and 0.0 <= now - self._tried_at < REOPEN_EVERY:
            return
        self._tried_at = now
        try:
            self._open()
        except Exception as error:  # lgpio and gpiozero share no root, and only the Pi has lgpio
            self._release()
            fault = f"The GPIO pins cannot be opened: {format_error(error)}."
            if fault != self._closed:
                log.warning("%s", fault)
            self._closed = fault

    def _open(self) -> None:
        factory = self._source if isinstance(self._source, Factory) else self._source()
        for name in OUTPUT_PINS:
            if name in self._pins:
                pin = self._pins[name]
                self._outputs[name] = OutputDevice(
                    pin.gpio,
                    active_high=pin.active_high,
                    initial_value=False,
                    pin_factory=factory,
                )
        for name in INPUT_PINS:
            if name in self._pins:
                pin = self._pins[name]
                # pulled to the inactive level: a broken wire reads as "no"
                self._inputs[name] = InputDevice(
                    pin.gpio, pull_up=not pin.active_high, pin_factory=factory
                )
        self._listen()
        self._factory = factory
        self._levels = [False if name in self._outputs else None for name in DRIVEN]
        self._watched = tuple(device.pin for device in self._inputs.values())
        self._beat = False
        self._faults.clear()
        self._closed = ""

    def _release(self) -> None:
        """Give every pin back; each is already at its safe level or cannot be helped."""
        for device in (*self._outputs.values(), *self._inputs.values()):
            try:
                device.close()
            except Exception as error:  # as in `tend`; the remaining pins must be released too
                log.debug("releasing a pin: %s", error)
        self._outputs.clear()
        self._inputs.clear()
        self._disarm()
        self._watched, self._seen, self._wanted = (), [], None
        self._lines = NO_LINES
        self._factory = None

    def close(self) -> None:
        """safe(), then release the pins. Never raises."""
        self.safe()
        self._release()
        self._closed = "The GPIO pins are closed."

    # --- in ----------------------------------------------------------------------------------

    def read(self) -> GpioLines:
        """All input lines. Never raises: what cannot be read is None (a button: not pressed).

        A guard whose edge has energised K1 is active in the next scan, whatever the line says then:
        K1 may have lifted the bus again.
        """
        lines = self._read()
        if lines.guard_edges != self._edges:
            lines = lines._replace(guard_edges=self._edges)
        if self._caught:
            self._is_reported = True
            return lines._replace(guard=True)
        return lines

    def _read(self) -> GpioLines:
        if self._factory is None:
            return NO_LINES
        try:
            states = [pin.state for pin in self._watched]
        except Exception:  # as in `tend`; which of them it was is found out one by one
            self._seen = []
            return GpioLines(
                self._line("batt_path"),
                self._line("guard"),
                self._line("pb1") is True,
                self._line("pb2") is True,
            )
        if states != self._seen:
            self._seen = states
            levels = dict(zip(self._inputs, map(bool, states), strict=True))
            self._lines = GpioLines(
                **{name: high is self._pins[name].active_high for name, high in levels.items()}
            )
            for name in levels:
                self._faults.pop(name, None)
        return self._lines

    def _line(self, name: str) -> bool | None:
        device = self._inputs.get(name)
        if device is None:
            return None
        try:
            # what `is_active` means, without its five calls
            active = bool(device.pin.state) is self._pins[name].active_high
        except Exception as error:  # as in `tend`
            self._complain(name, f"cannot be read: {format_error(error)}.")
            return None
        if self._faults:
            self._faults.pop(name, None)
        return active

    # --- the edge ----------------------------------------------------------------------------

    def _listen(self) -> None:
        """Hear of the GUARD line's edges, where the factory can tell them."""
        device = self._inputs.get("guard")
        if device is None:
            return
        try:
            device.pin.when_changed = self._guard_moved
        except Exception as error:  # as in `tend`; the scan sees the guard all the same
            log.warning("Edges of the GUARD line cannot be told: %s.", format_error(error))

    def arm(self, k1_on_guard: bool) -> None:
        """From the next `write` on: whether the guard's edge energises K1."""
        self._is_armed = k1_on_guard

    def _disarm(self) -> None:
        with self._driving:
            self._is_armed = self._caught = self._is_reported = False
            self._armed_until = float("-inf")

    def _guard_moved(self, ticks: object = None, state: object = None) -> None:
        """An edge, on the factory's thread. Never raises: that thread would end."""
        self._edges += 1
        if not self._is_armed:
            return
        with self._driving:
            if self._caught or self._clock() >= self._armed_until:
                return
            try:
                device = self._inputs.get("guard")
                # looked at again: what was over at once has moved nothing
                active = (
                    device is not None and bool(device.pin.state) is self._pins["guard"].active_high
                )
            except Exception as error:  # as in `tend`; the scan finds the same and says so
                log.debug("an edge of the GUARD line: %s", error)
                return
            if active and self._levels[K1] is False:
                self._caught = self._drive(K1, True) == ""

    # --- out ---------------------------------------------------------------------------------

    def write(self, outputs: Outputs, now: float) -> None:
        """Drive what has changed. One pin's failure does not keep the others from being driven.

        `now` (process clock, s) sets the blink phase. Raises PinError when a coil or output cannot
        be driven, or a coil is wanted and there are no pins; an LED's failure is a `fault` only.
        What an edge has done to K1 stays until a scan has told of it.
        """
        with self._driving:
            if self._caught:
                if self._is_reported:
                    self._caught = self._is_reported = False
                else:
                    outputs = outputs._replace(k1=True)
                self._wanted = None
            self._write(outputs, now)
            self._armed_until = self._clock() + ARMED_S

    def _write(self, outputs: Outputs, now: float) -> None:
        if self._factory is None:
            if any(outputs[:COILS_ALONE]):
                raise PinError(self.fault)
            return
        if outputs is self._wanted:
            for index, led in self._blinking:
                lit = is_lit(led, now)
                if self._levels[index] is not lit:
                    self._drive(index, lit)
            return
        failed = ""
        levels = self._levels
        for index, wanted in enumerate(outputs):
            if index >= COILS_AND_OUTPUTS:
                wanted = is_lit(wanted, now)  # type: ignore[arg-type]
            if levels[index] is not wanted and levels[index] is not None:
                problem = self._drive(index, wanted is True)
                if index < COILS_AND_OUTPUTS:
                    failed = failed or problem
        if failed:
            raise PinError(failed)
        if not self._faults:
            self._wanted = outputs
            self._blinking = tuple(
                (index, led)
                for index, led in enumerate(outputs[COILS_AND_OUTPUTS:], COILS_AND_OUTPUTS)
                if levels[index] is not None
                and isinstance(led, Led)
                and led not in (Led.ON, Led.OFF)
            )

    def beat(self) -> None:
        """One edge on the heartbeat line. Raises PinError when it cannot be driven."""
        device = self._outputs.get("heartbeat")
        if device is None:
            return
        self._beat = not self._beat
        try:
            device.pin.state = self._beat
        except Exception as error:  # as in `tend`
            raise PinError(
                self._complain("heartbeat", f"cannot be driven: {format_error(error)}.")
            ) from error
        if self._faults:
            self._faults.pop("heartbeat", None)

    def safe(self) -> None:
        """Release every coil and output, darken the LEDs. Never raises."""
        with self._driving:
            self._disarm()
            self._wanted = None
            for index, name in enumerate(SAFE_OUTPUTS._fields):
                if name in self._outputs:
                    self._drive(index, False)

    def _drive(self, index: int, wanted: bool) -> str:
        """Set one pin; "" or the sentence that says why not."""
        name = DRIVEN[index]
        try:
            self._outputs[name].value = wanted
        except Exception as error:  # as in `tend`
            return self._complain(name, f"cannot be driven: {format_error(error)}.")
        self._levels[index] = wanted
        if self._faults:
            self._faults.pop(name, None)
        return ""

    def _complain(self, name: str, what: str) -> str:
        fault = f"GPIO {self._pins[name].gpio} ({name}) {what}"
        if self._faults.get(name) != fault:
            log.error("%s", fault)
        self._faults[name] = fault
        return fault


def is_lit(led: Led, now: float) -> bool:
    """Whether `led` is lit at `now`: blinking starts with the lit half."""
    rate = led._value_  # three LEDs, ten times a second: without the calls behind `value`
    if rate is None:
        return True
    return rate > 0.0 and int(now * rate * 2.0) % 2 == 0
