"""What the unit runs last: which pins it takes for the board's."""

from __future__ import annotations

from pathlib import Path

import pytest

from btrmd.hal.config import OPENED, REFERENCE
from btrmd.hal.release import pins


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
