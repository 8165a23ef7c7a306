"""The Pi's board on a machine that is no Pi, and, where there is one, on a real HAT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from btrmd.hal.board import HatBoard
from btrmd.hal.config import REFERENCE, load_hardware
from btrmd.hal.pi import open_pi_board
from btrmd.model.board import SAFE_OUTPUTS
from btrmd.model.errors import BtrmError

NO_SUCH_BUS = 199


@pytest.fixture
def board() -> Iterator[HatBoard]:
    board = open_pi_board(load_hardware(REFERENCE)._replace(bus=NO_SUCH_BUS))
    yield board
    board.close()


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="this machine has GPIO lines")
def test_without_hardware_the_board_stands_and_says_what_is_missing(board: HatBoard) -> None:
    for step in range(4):
        inputs = board.read(100.0 + step, 1.7e9)
    assert inputs.battery_v.value == 0.0
    assert not inputs.battery_v.good
    assert not any(answers for _, answers in inputs.chips)
    bus, pins = board.findings()
    assert "I2C" in bus
    assert "GPIO" in pins
    board.apply(SAFE_OUTPUTS, 105.0)
    with pytest.raises(BtrmError, match="GPIO"):
        board.apply(SAFE_OUTPUTS._replace(k1=True), 105.0)
    board.safe()


@pytest.mark.hardware
def test_a_real_hat_is_complete() -> None:
    board = open_pi_board(load_hardware(REFERENCE))
    try:
        for step in range(30):
            inputs = board.read(100.0 + step * 0.1, 1.7e9)
        assert board.findings() == []
        assert inputs.temperature.good
    finally:
        board.close()
