"""gpiozero's lgpio pins, with edges from the kernel itself. Only imported on a Pi."""

from __future__ import annotations

from typing import Any

from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin, lgpio

from .line_events import LineEvents, request_line


class EdgePin(LGPIOPin):
    """While somebody listens to its edges the line is requested from the kernel; else by lgpio."""

    def __init__(self, factory: Any, info: Any) -> None:
        self._events: LineEvents | None = None
        self._bias = "floating"
        super().__init__(factory, info)

    def close(self) -> None:
        self.when_changed = None
        super().close()

    def _get_state(self) -> bool:
        return super()._get_state() if self._events is None else self._events.level()

    def _enable_event_detect(self) -> None:
        handle, chip = self.factory._handle, self.factory.chip
        self._bias = self.pull
        lgpio.gpio_free(handle, self._number)
        try:
            fd = request_line(f"/dev/gpiochip{chip}", self._number, self._bias)
        except OSError:
            self._claim()
            raise
        self._events = LineEvents(fd, self._tell)

    def _disable_event_detect(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None
            self._claim()

    def _claim(self) -> None:
        flags = {
            "up": lgpio.SET_PULL_UP, "down": lgpio.SET_PULL_DOWN, "floating": lgpio.SET_PULL_NONE,
        }[self._bias]  # fmt: skip
        lgpio.gpio_claim_input(self.factory._handle, self._number, flags)

    def _tell(self) -> None:
        moved = self.when_changed  # None: who listened is gone
        if moved is not None:
            moved(None, None)


class EdgeFactory(LGPIOFactory):
    """gpiozero's factory for lgpio, making EdgePins."""

    def __init__(self) -> None:
        super().__init__()
        self.pin_class = EdgePin
