"""Each row of docs/outputs.md that ends in the drivers."""

from __future__ import annotations

import gc
import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hal_bench import Bench

from btrmd.hal.board import HatBoard
from btrmd.hal.chips.i2c import I2CBus
from btrmd.hal.gpio import PinError, is_lit
from btrmd.hal.sim.pins import SimFactory, SimPin
from btrmd.model.board import SAFE_OUTPUTS, Led, Outputs

ALL_ON = Outputs(True, True, True, True, True, Led.ON, Led.ON, Led.ON)
COILS = ("k1", "k2", "k3")
DOC = Path(__file__).parents[2] / "docs" / "outputs.md"


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.scan()
    return bench


def energised(bench: Bench) -> list[str]:
    """Every coil, output and LED that is on, by the plant's and the LEDs' account."""
    states = {**bench.plant.coils, **bench.plant.outputs, **bench.pins.leds}
    return [name for name, on in states.items() if on]


def test_the_table_has_a_row_for_every_output(bench: Bench) -> None:
    text = DOC.read_text(encoding="utf-8")
    for name, pin in bench.config.pins.items():
        if name.startswith("led_"):
            assert re.search(rf"LEDs \(GPIO [^)]*\b{pin.gpio}\b", text), name
        elif name in (*COILS, "ch1", "ch2", "heartbeat"):
            assert re.search(rf"^\| {name}\b.*GPIO {pin.gpio}\b", text, re.I | re.M), name


# --- start --------------------------------------------------------------------------------------


def test_start_drives_every_output_to_released_whatever_it_was_left_at(bench: Bench) -> None:
    bench.board.apply(ALL_ON, bench.now)
    assert len(energised(bench)) == 8
    bench.board = HatBoard(bench.config, bench.bus, bench.pins.factory)  # the old one crashed
    del bench.pins.factory._reservations  # its process is gone, and with it its claims
    bench.pins.factory._reservations = type(SimFactory()._reservations)(list)
    bench.scan()
    assert energised(bench) == []


def test_start_moves_nothing_and_gives_no_heartbeat_before_the_first_apply(bench: Bench) -> None:
    bench.scans(1.0)
    assert bench.plant.coils == {} or not any(bench.plant.coils.values())
    assert bench.plant.beats == 0


def test_pins_that_cannot_be_opened_are_tried_again_once_a_second() -> None:
    bench = Bench()
    tries: list[float] = []

    def factory() -> SimFactory:
        tries.append(bench.now)
        if len(tries) < 3:
            raise OSError(13, "Permission denied", "/dev/gpiochip0")
        return bench.pins.factory

    bench.board = HatBoard(bench.config, bench.bus, factory)
    inputs = bench.scan()
    assert (inputs.guard, inputs.batt_path, inputs.pb1) == (None, None, False)
    assert "/dev/gpiochip0" in " ".join(bench.board.findings())
    bench.board.apply(Outputs(led_status=Led.ON), bench.now)  # nothing to release, nothing lost
    with pytest.raises(PinError, match="gpiochip0"):
        bench.board.apply(Outputs(k1=True), bench.now)
    bench.scans(0.5)
    assert len(tries) == 1
    bench.scans(3.0)
    assert len(tries) == 3
    assert bench.board.findings() == []
    bench.board.apply(Outputs(k1=True), bench.now)
    assert bench.plant.coils["k1"] is True


# --- in service ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*COILS, "ch1", "ch2"])
def test_each_output_moves_its_own_line_only(bench: Bench, name: str) -> None:
    bench.board.apply(Outputs(**{name: True}), bench.now)
    assert energised(bench) == [name]
    bench.board.apply(SAFE_OUTPUTS, bench.now)
    assert energised(bench) == []


def test_heartbeat_gets_one_edge_an_apply(bench: Bench) -> None:
    for count in range(1, 6):
        bench.board.apply(SAFE_OUTPUTS, bench.now)
        assert bench.plant.beats == count


def test_only_changes_are_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    plain = SimPin._set_state

    def record(pin: SimPin, value: bool) -> None:
        written.append(pin.info.name)
        plain(pin, value)

    monkeypatch.setattr(SimPin, "state", property(SimPin._get_state, record))
    bench.board.apply(Outputs(k1=True), bench.now)
    assert written == ["GPIO17", "GPIO18"]
    bench.board.apply(Outputs(k1=True), bench.now)
    assert written == ["GPIO17", "GPIO18", "GPIO18"]


@pytest.mark.parametrize(
    ("led", "edges"),
    [(Led.OFF, 0), (Led.ON, 1), (Led.BLINK_1HZ, 10), (Led.BLINK_2HZ, 20), (Led.BLINK_4HZ, 40)],
)
def test_led_patterns_count_their_edges(led: Led, edges: int) -> None:
    lit = [False, *(is_lit(led, 100.0 + step * 0.01) for step in range(500))]
    assert sum(a is not b for a, b in itertools.pairwise(lit)) == edges


def test_led_blinks_on_its_pin(bench: Bench) -> None:
    seen = set()
    for step in range(10):
        bench.board.apply(Outputs(led_pb2=Led.BLINK_1HZ), 50.0 + step * 0.1)
        seen.add(bench.pins.leds["led_pb2"])
    assert seen == {True, False}
    assert bench.pins.leds["led_pb1"] is False


def test_pins_do_not_remember_every_heartbeat(bench: Bench) -> None:
    for _ in range(500):
        bench.board.apply(SAFE_OUTPUTS, bench.now)
    assert bench.plant.beats == 500
    gc.collect()
    assert all(len(pin.states) <= 1 for pin in bench.pins.factory.pins.values())


# --- owner fault --------------------------------------------------------------------------------


def break_pin(monkeypatch: pytest.MonkeyPatch, gpio: int) -> Callable[[], None]:
    """Writing `gpio` fails until the returned function is called."""
    plain = SimPin._set_state
    broken = True

    def failing(pin: SimPin, value: bool) -> None:
        if broken and pin.info.name == f"GPIO{gpio}":
            raise OSError(5, "Input/output error")
        plain(pin, value)

    def mend() -> None:
        nonlocal broken
        broken = False

    monkeypatch.setattr(SimPin, "state", property(SimPin._get_state, failing))
    return mend


def test_a_coil_that_cannot_be_driven_costs_the_heartbeat_and_no_other_output(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = break_pin(monkeypatch, 17)
    with pytest.raises(PinError, match=r"GPIO 17 \(k1\)"):
        bench.board.apply(Outputs(k1=True, k2=True, ch1=True), bench.now)
    assert energised(bench) == ["k2", "ch1"]
    assert bench.plant.beats == 0
    assert any("GPIO 17 (k1)" in text for text in bench.board.findings())
    bench.board.safe()  # never raises, though K1's pin still fails
    assert energised(bench) == []
    mend()
    bench.board.apply(Outputs(k1=True), bench.now)
    assert energised(bench) == ["k1"]
    assert bench.plant.beats == 1
    assert bench.board.findings() == []


def test_a_dead_led_is_a_finding_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    break_pin(monkeypatch, 16)
    bench.board.apply(Outputs(k1=True, led_status=Led.ON), bench.now)
    assert energised(bench) == ["k1"]
    assert bench.plant.beats == 1
    assert any("led_status" in text for text in bench.board.findings())


def test_an_led_that_is_mended_is_lit_though_nothing_new_is_wanted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = break_pin(monkeypatch, 16)
    wanted = Outputs(led_status=Led.ON)
    bench.board.apply(wanted, bench.now)
    mend()
    bench.board.apply(wanted, bench.now)
    assert energised(bench) == ["led_status"]
    assert bench.board.findings() == []


def test_a_line_that_cannot_be_read_is_unknown_and_costs_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = True

    def failing(pin: SimPin) -> bool:
        if broken and pin.info.name == "GPIO19":
            raise OSError(5, "Input/output error")
        return pin._get_state()

    monkeypatch.setattr(SimPin, "state", property(failing, SimPin._set_state))
    bench.plant.put(guard=True)
    for _ in range(2):
        inputs = bench.scan()
        assert (inputs.batt_path, inputs.guard) == (None, True)
        assert any("GPIO 19 (batt_path)" in text for text in bench.board.findings())
    broken = False
    inputs = bench.scan()
    assert (inputs.batt_path, inputs.guard) == (True, True)
    assert bench.board.findings() == []


def test_safe_releases_everything(bench: Bench) -> None:
    bench.board.apply(ALL_ON, bench.now)
    bench.board.safe()
    assert energised(bench) == []


def test_after_safe_the_same_outputs_are_driven_again(bench: Bench) -> None:
    wanted = Outputs(k3=True, led_status=Led.ON)  # the same object, as a core at rest has it
    for _ in range(2):
        bench.board.apply(wanted, bench.now)
    bench.board.safe()
    assert energised(bench) == []
    bench.board.apply(wanted, bench.now)
    assert energised(bench) == ["k3", "led_status"]


def test_pins_that_are_opened_again_are_given_the_same_outputs_again(bench: Bench) -> None:
    wanted = Outputs(k3=True)
    bench.board.apply(wanted, bench.now)
    bench.board.close()
    bench.scans(1.5)
    assert bench.board.findings() == []
    assert energised(bench) == []
    bench.board.apply(wanted, bench.now)
    assert energised(bench) == ["k3"]


# --- stop ---------------------------------------------------------------------------------------


def test_close_releases_everything_and_gives_the_pins_back(bench: Bench) -> None:
    bench.board.apply(ALL_ON, bench.now)
    bench.board.close()
    assert energised(bench) == []
    again = HatBoard(bench.config, I2CBus(bench._open), bench.pins.factory)
    again.read(bench.now, bench.now)
    assert again.findings() == []
    bench.board.close()  # twice is no error
    again.close()


def test_a_closed_board_drives_nothing(bench: Bench) -> None:
    bench.board.close()
    with pytest.raises(PinError, match="closed"):
        bench.board.apply(Outputs(k1=True), bench.now)
    assert energised(bench) == []


# --- crash --------------------------------------------------------------------------------------


def test_a_released_pin_keeps_its_level_so_that_only_the_cut_out_helps(bench: Bench) -> None:
    bench.board.apply(Outputs(k1=True, led_status=Led.ON), bench.now)
    bench.board._pins._release()  # what the kernel does with the lines of a process that was killed
    assert energised(bench) == ["k1", "led_status"]
