"""What the unit runs last: which pins it takes for the board's."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str | None
) -> None:
    if left is not None:
        (tmp_path / OPENED).write_text(left)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr("btrmd.hal.config.INSTALLED", tmp_path / "none")
    assert pins()["k1"].gpio == 17


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
