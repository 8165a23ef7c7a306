"""What the unit runs last: which pins it takes for the board's."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from gpiozero import OutputDevice, PinInvalidPin
from gpiozero.pins.mock import MockFactory

from btrmd.hal.config import OPENED, REFERENCE
from btrmd.hal.release import RELEASED, main, pins


def test_the_pins_that_were_opened_count_whatever_the_board_file_says_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    (tmp_path / OPENED).write_text(text.replace("gpio = 17", "gpio = 4"), encoding="utf-8")
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path}:/elsewhere")
    assert pins()["k1"].gpio == 4


@pytest.mark.parametrize("left", [None, "half a li"])
def test_without_a_copy_that_can_be_read_the_board_file_counts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    left: str | None,
) -> None:
    if left is not None:
        (tmp_path / OPENED).write_text(left)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr("btrmd.hal.config.INSTALLED", tmp_path / "none")
    assert pins()["k1"].gpio == 17
    warnings = [record.getMessage() for record in caplog.records]
    assert [OPENED in text for text in warnings] == ([] if left is None else [True])


def ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factory: object
) -> tuple[int, list[str]]:
    """What the program says and ends with, on pins of `factory`; an exception is raised."""

    def opened() -> object:
        if isinstance(factory, Exception):
            raise factory
        return factory

    said: list[str] = []
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr("btrmd.hal.config.INSTALLED", tmp_path / "none")
    monkeypatch.setattr("btrmd.hal.pi._lgpio_factory", opened)
    monkeypatch.setattr("btrmd.hal.release.log.error", lambda text, *args: said.append(text % args))
    return main(), said


def test_it_ends_with_0_when_every_line_was_driven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = MockFactory()
    try:
        assert ended(tmp_path, monkeypatch, factory) == (0, [])
        for name in RELEASED:
            if name in pins():
                pin = factory.pin(pins()[name].gpio)
                assert pin.states[-1].state == (0 if pins()[name].active_high else 1), name
    finally:
        factory.reset()


class TornFactory(MockFactory):
    """The pin of K1 cannot be opened."""

    def pin(self, name: str) -> object:
        if name == pins()["k1"].gpio:
            raise PinInvalidPin("no such line")
        return super().pin(name)


def test_a_line_that_refuses_is_told_and_keeps_no_other_from_being_driven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = TornFactory()
    try:
        code, said = ended(tmp_path, monkeypatch, factory)
        assert code == 1
        assert said == ["k1 (GPIO 17) was not released: no such line."]
        for name in ("k2", "k3"):
            pin = factory.pin(pins()[name].gpio)
            assert pin.states[-1].state == (0 if pins()[name].active_high else 1), name
    finally:
        factory.reset()


def test_each_line_is_let_go_at_once_and_not_by_the_end_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    def opened(*args: object, **words: object) -> OutputDevice:
        kept.append(OutputDevice(*args, **words))
        return kept[-1]

    monkeypatch.setattr("btrmd.hal.release.OutputDevice", opened)
    factory = MockFactory()
    try:
        assert ended(tmp_path, monkeypatch, factory) == (0, [])
        assert len(kept) >= 3
        assert all(device.closed for device in kept)
    finally:
        factory.reset()


def test_it_ends_with_1_and_a_sentence_when_there_is_no_gpio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = ended(tmp_path, monkeypatch, OSError(2, "No such file or directory"))
    assert code == 1
    assert said[0].startswith("The GPIO pins cannot be opened: ")


def test_the_exit_code_is_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = MockFactory()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr("btrmd.hal.config.INSTALLED", tmp_path / "none")
    monkeypatch.setattr("btrmd.hal.pi._lgpio_factory", lambda: factory)
    monkeypatch.delitem(sys.modules, "btrmd.hal.release")
    try:
        with pytest.raises(SystemExit) as end:
            runpy.run_module("btrmd.hal.release", run_name="__main__")
        assert end.value.code == 0
    finally:
        factory.reset()
