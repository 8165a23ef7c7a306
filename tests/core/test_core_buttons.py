"""PB1 and PB2: 15.0 s of holding, what they do, when they do nothing, and the LEDs."""

from __future__ import annotations

import pytest
from core_scenes import Bench, phase

from btrmd.core.scan.actions import ClearTests, Restart, RestoreSettings
from btrmd.model.board import Led
from btrmd.model.commands import CapacityCheck

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


def hold(bench: Bench, button: str, seconds: float) -> list[object]:
    """Hold a button; all actions of that time."""
    done: list[object] = []
    bench.put(**{button: True})
    end = bench.now + seconds
    while bench.now < end - 1e-6:
        bench.step()
        done += bench.actions
    bench.free(button)
    bench.step()
    return done + list(bench.actions)


def ready(dt: float = 0.1) -> Bench:
    bench = Bench(dt=dt)
    bench.run(20.0)
    return bench


@STEPS
@pytest.mark.parametrize("button", ["pb1", "pb2"])
def test_a_hold_of_less_than_15_s_does_nothing(button: str, dt: float) -> None:
    bench = ready(dt)
    for _ in range(3):  # nor do three of them together
        done = hold(bench, button, 14.0)
        assert not [a for a in done if isinstance(a, RestoreSettings | ClearTests | Restart)]
    assert bench.state.outputs.led_pb1 is Led.OFF
    assert not bench.reported("system.button")


@STEPS
def test_pb2_clears_the_data_and_restores_the_test_settings_at_15_s(dt: float) -> None:
    bench = ready(dt)
    bench.ask(CapacityCheck(True, "web"))
    bench.put(pb2=True)
    began = bench.now
    while not bench.cleared:
        bench.step()
        assert bench.now - began < 20.0
    assert bench.now - bench.dt - began == pytest.approx(15.0, abs=0.01)
    assert RestoreSettings("battery", "PB2") in bench.actions
    assert bench.state.health.state.value == "unknown"
    assert "battery.low_capacity" not in bench.alarms
    bench.run(60.0)
    assert bench.cleared == 1, "once for one hold"


@STEPS
def test_pb1_restores_the_address_and_restarts_once(dt: float) -> None:
    bench = ready(dt)
    done = hold(bench, "pb1", 30.0)
    assert [a for a in done if isinstance(a, RestoreSettings)] == [
        RestoreSettings("network", "PB1")
    ]
    assert [a for a in done if isinstance(a, Restart)] == [Restart("PB1")]
    assert bench.cleared == 0
    assert len(bench.reported("system.button")) == 1


def test_both_leds_flash_at_2_hz_for_3_s_when_a_hold_takes_effect() -> None:
    bench = ready()
    bench.put(pb2=True)
    bench.run(14.9)
    assert bench.state.outputs.led_pb2 is Led.OFF
    bench.run(0.3)
    assert bench.state.outputs.led_pb1 is bench.state.outputs.led_pb2 is Led.BLINK_2HZ
    bench.free("pb2")
    bench.run(2.5)
    assert bench.state.outputs.led_pb1 is Led.BLINK_2HZ
    bench.run(0.6)
    assert bench.state.outputs.led_pb1 is bench.state.outputs.led_pb2 is Led.OFF


@pytest.mark.parametrize("button", ["pb1", "pb2"])
def test_in_a_test_they_are_refused_and_the_log_says_so(button: str) -> None:
    bench = Bench(dt=1.0)
    bench.start()
    done = hold(bench, button, 20.0)
    assert not [a for a in done if isinstance(a, RestoreSettings | ClearTests | Restart)]
    assert phase(bench) == "running"
    (event,) = bench.reported("system.button")
    assert event.text == f"{button.upper()} refused: a test is running."
    assert event.source == button.upper()
    assert bench.state.outputs.led_pb1 is Led.OFF


def test_letting_go_and_pressing_again_counts_from_the_start() -> None:
    bench = ready()
    hold(bench, "pb2", 10.0)
    hold(bench, "pb2", 10.0)
    assert bench.cleared == 0
    hold(bench, "pb2", 15.2)
    assert bench.cleared == 1
    hold(bench, "pb2", 15.2)
    assert bench.cleared == 2


def test_both_together_do_both() -> None:
    bench = ready()
    bench.put(pb1=True, pb2=True)
    bench.run(15.3)
    assert bench.cleared == 1
    assert bench.state.restart_at is not None


def test_a_button_that_is_held_at_the_start_counts_from_there() -> None:
    bench = Bench(dt=0.1)
    bench.put(pb2=True)
    bench.run(14.9)
    assert bench.cleared == 0
    bench.run(0.4)
    assert bench.cleared == 1
