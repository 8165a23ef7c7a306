"""The maker: a table read for any load and for the cutoff, a type for the end of the curve."""

from __future__ import annotations

import pytest
from estimate_discharges import steady

from btrmd.estimate.maker import END_OF_TYPE, average_maker, maker_of
from btrmd.estimate.rating import new_charge_ah
from btrmd.estimate.run_time import estimate
from btrmd.model.battery_table import read_battery_table
from btrmd.model.setting_table import SETTINGS

# a 20 Ah block, to 1.75 and to 1.85 V a cell
TABLE = """8 A: 1.86 h to 1.75 V/cell; 4 A: 4.3 h to 1.75 V/cell; 1 A: 20 h to 1.75 V/cell
8 A: 1.5 h to 1.85 V/cell; 4 A: 3.8 h to 1.85 V/cell; 1 A: 19 h to 1.85 V/cell"""


def maker(text: str, kind: str = "unknown"):  # type: ignore[no-untyped-def]
    return maker_of(20.0, kind, read_battery_table(text))


@pytest.mark.parametrize("amps", [8.0, 4.0, 1.0])
def test_between_two_end_voltages(amps: float) -> None:
    hours = {8.0: (1.86, 1.5), 4.0: (4.3, 3.8), 1.0: (20.0, 19.0)}[amps]
    low, high = hours[1] * amps, hours[0] * amps
    # 1.833 lies a sixth of the way from 1.85 to 1.75
    assert maker(TABLE).new_ah(amps) == pytest.approx(low + (high - low) / 6.0, rel=1e-3)
    assert maker(TABLE).is_reported


def test_between_two_loads_it_lies_between_them() -> None:
    charges = [maker(TABLE).new_ah(amps) for amps in (1.0, 2.0, 4.0, 6.0, 8.0)]
    assert charges == sorted(charges, reverse=True)


@pytest.mark.parametrize("amps", [0.1, 0.5, 12.0])
def test_beyond_the_table_it_goes_on_as_makers_do(amps: float) -> None:
    near = 1.0 if amps < 1.0 else 8.0
    expected = maker(TABLE).new_ah(near) * new_charge_ah(20.0, amps) / new_charge_ah(20.0, near)
    assert maker(TABLE).new_ah(amps) == pytest.approx(expected, rel=1e-3)


def test_a_table_to_one_lower_end_is_shortened() -> None:
    one = "8 A: 1.86 h to 1.75 V/cell; 1 A: 20 h to 1.75 V/cell"
    assert 0.92 * 14.88 < maker(one).new_ah(8.0) < 0.95 * 14.88
    assert maker(one).new_ah(1.0) == pytest.approx(0.973 * 20.0, rel=1e-3)


def test_watts_are_amps_at_the_mean_voltage() -> None:
    watts = maker("15.6 W/cell: 1.86 h to 1.8333 V/cell; 1.95 W/cell: 19 h to 1.8333 V/cell")
    assert watts.new_ah(8.0) == pytest.approx(14.88, rel=0.01)
    assert watts.new_ah(1.0) == pytest.approx(19.0, rel=0.01)


def test_without_a_table_it_is_the_average() -> None:
    assert maker("").new_ah(3.0) == new_charge_ah(20.0, 3.0)
    assert not maker("").is_reported


def test_every_type_that_can_be_told_is_known() -> None:
    choices = SETTINGS["battery.type"].choices
    assert set(END_OF_TYPE) == set(choices) - {"unknown"}
    assert maker("").end is None
    assert maker("", "pure-lead").sharpness > maker("").sharpness > maker("", "flooded").sharpness


@pytest.mark.parametrize(("more", "sign"), [(1.3, 1), (0.75, -1)])
def test_a_table_that_tells_more_makes_the_estimate_longer(more: float, sign: int) -> None:
    rows = steady(18_000.0, 3.0, 0.12)
    charge = more * new_charge_ah(20.0, 3.0)
    text = f"3 A: {charge / 3.0:.3f} h to 1.8333 V/cell; 1 A: {22 * more:.3f} h to 1.8333 V/cell"
    reported = maker_of(20.0, "unknown", read_battery_table(text))
    plain = estimate(rows, 1, 20.0, maker=average_maker(20.0))
    found = estimate(rows, 1, 20.0, maker=reported)
    assert (found.ert_s - plain.ert_s) * sign > 0.0
