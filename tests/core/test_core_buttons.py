"""PB1 and PB2: 15.0 s of holding, what they do, when they do nothing, and the LEDs."""

from __future__ import annotations

import pytest
from core_scenes import Bench, phase, step_context

from btrmd.core.machines.buttons import Buttons, HeldButton, flash, leds, step_buttons
from btrmd.core.scan.actions import ClearTests, Restart, RestoreSettings
from btrmd.model.board import Led
from btrmd.model.commands import CapacityCheck

# --- PB1 and PB2: 15.0 s of holding, what they do, when they do nothing, and the LEDs ------------

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


# --- Buttons and LEDs, step by step: 15.0 s of holding, once; 3 s of flashing --------------------


def pressed(
    buttons: Buttons, now: float, pb1: bool = False, pb2: bool = False
) -> tuple[Buttons, HeldButton]:
    ctx = step_context(now)
    ctx.inputs = ctx.inputs._replace(pb1=pb1, pb2=pb2)
    return step_buttons(buttons, ctx)


@pytest.mark.parametrize("name", ["pb1", "pb2"])
def test_a_hold_takes_effect_at_15_s_once(name: str) -> None:
    since = f"{name}_since"
    buttons, held = pressed(Buttons(flash_until=7.0), 100.0, **{name: True})
    assert getattr(buttons, since) == 100.0
    assert held == HeldButton()
    buttons, held = pressed(buttons, 114.9, **{name: True})
    assert held == HeldButton()
    buttons, held = pressed(buttons, 115.0, **{name: True})
    assert held == HeldButton(**{name: True})
    assert buttons.flash_until == 7.0
    buttons, held = pressed(buttons, 116.0, **{name: True})
    assert held == HeldButton()
    assert getattr(buttons, since) == 100.0
    buttons, held = pressed(buttons, 117.0)
    assert (buttons, held) == (Buttons(flash_until=7.0), HeldButton())
    again, held = pressed(buttons, 118.0)
    assert again is buttons


def test_each_button_has_a_time_of_its_own() -> None:
    buttons, _ = pressed(Buttons(), 100.0, True)
    buttons, _ = pressed(buttons, 105.0, True, True)
    assert (buttons.pb1_since, buttons.pb2_since) == (100.0, 105.0)
    buttons, held = pressed(buttons, 115.0, True, True)
    assert held == HeldButton(True, False)
    buttons, held = pressed(buttons, 120.0, True, True)
    assert held == HeldButton(False, True)
    buttons, held = pressed(buttons, 121.0, False, True)
    assert (buttons.pb1_since, buttons.pb2_since, held) == (None, 105.0, HeldButton())


def test_the_leds() -> None:
    flashing = flash(Buttons(1.0, 2.0, True, False), 100.0)
    assert flashing == Buttons(1.0, 2.0, True, False, 103.0)
    for now, push in ((102.9, Led.BLINK_2HZ), (103.0, Led.OFF)):
        assert leds(flashing, False, False, now) == (push, Led.BLINK_1HZ)
    assert leds(Buttons(), True, False, 100.0) == (Led.BLINK_2HZ, Led.BLINK_1HZ)
    assert leds(Buttons(), False, True, 100.0) == (Led.OFF, Led.BLINK_4HZ)
