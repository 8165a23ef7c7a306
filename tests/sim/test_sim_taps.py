"""Taps of the simulated bank: the IO channels read what lies below them."""

from __future__ import annotations

import pytest

from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.hal.sim.sense import measure


def tapped(**keys: str) -> Plant:
    plant = Plant(blocks=4, rated_ah=40.0)
    plant.taps = ("ch2", "ch3", "ch4")
    set_keys(plant, {key.replace("__", "."): value for key, value in keys.items()})
    plant.touch()
    plant.step(1.0)
    return plant


def test_alike_blocks_share_the_bank() -> None:
    sense = measure(tapped())
    assert sense.io_v[0] == 0.0
    quarter = sense.battery_v / 4
    assert sense.io_v[1:] == pytest.approx((quarter, 2 * quarter, 3 * quarter), abs=0.02)


def test_a_shorted_cell_is_missing_from_its_block() -> None:
    sense = measure(tapped(battery__block3__shorted_cells="1"))
    b1, b2, b3 = sense.io_v[1], sense.io_v[2] - sense.io_v[1], sense.io_v[3] - sense.io_v[2]
    assert b1 == pytest.approx(b2, abs=0.02)
    assert b3 == pytest.approx(b1 * 5 / 6, rel=0.03)


def test_a_channel_with_volts_of_its_own_keeps_them() -> None:
    sense = measure(tapped(ch3__volts="5"))
    assert sense.io_v[2] == 5.0
