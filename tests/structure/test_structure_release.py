"""What ExecStopPost= does: every coil and output is driven inactive, by the hardware file."""

from __future__ import annotations

from gpiozero.pins.mock import MockFactory

from btrmd.hal.config import Pin
from btrmd.hal.release import RELEASED, release


def test_coils_that_were_left_energised_are_released() -> None:
    factory = MockFactory()
    pins = {name: Pin(10 + k, name != "k2") for k, name in enumerate(RELEASED)}
    pins["heartbeat"] = Pin(20, True)
    try:
        for k, name in enumerate(RELEASED):
            line = factory.pin(10 + k)
            line.function = "output"
            line.state = 1 if pins[name].active_high else 0
        assert release(pins, factory) == []
        for k, name in enumerate(RELEASED):
            line = factory.pin(10 + k)
            history = [change.state for change in line.states]
            assert history[-1] == (0 if pins[name].active_high else 1), name
        assert factory.pin(20).function == "input", "no line but coils and outputs is touched"
    finally:
        factory.reset()


def test_a_line_that_refuses_does_not_keep_the_next_from_its_release() -> None:
    factory = MockFactory()
    pins = {"k1": Pin(99, True), "k3": Pin(22, True)}
    try:
        faults = release(pins, factory)
        assert len(faults) == 1
        assert "k1 (GPIO 99)" in faults[0]
        assert factory.pin(22).states[-1].state == 0
    finally:
        factory.reset()
