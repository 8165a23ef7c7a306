"""The rated charge: the makers' table and its temperature."""

from __future__ import annotations

import pytest

from btrmd.estimate.rating import capacity_pct, new_charge_ah, temperature_factor
from btrmd.model.chemistry import hours_at


@pytest.mark.parametrize(("hours", "share"), [(1, 0.50), (3, 0.69), (10, 0.90), (20, 0.98)])
def test_the_table_is_met_on_its_lines(hours: float, share: float) -> None:
    amps = 100.0 * share / hours
    assert new_charge_ah(100.0, amps) == pytest.approx(100.0 * share, rel=0.02)


def test_a_heavier_load_gets_less() -> None:
    charges = [new_charge_ah(17.0, amps) for amps in (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)]
    assert charges == sorted(charges, reverse=True)
    assert charges[-1] > 0.0


def test_cold_takes_charge_away() -> None:
    assert temperature_factor(None) == temperature_factor(25.0) == 1.0
    assert temperature_factor(0.0) == pytest.approx(0.86, abs=0.03)
    assert temperature_factor(40.0) == pytest.approx(1.03)


def test_capacity_of_a_new_battery_is_100_percent() -> None:
    charge = new_charge_ah(17.0, 2.3)
    assert capacity_pct(charge / 2.3 * 3600.0, 2.3, 17.0, 25.0) == pytest.approx(100.0)
    assert capacity_pct(charge / 2.3 * 1800.0, 2.3, 17.0, None) == pytest.approx(50.0)


@pytest.mark.parametrize(("amps", "other"), [(2.0, 4.0), (1.0, 2.3), (5.0, 0.5), (3.0, 3.0)])
def test_the_hours_under_another_load_are_those_of_a_new_battery(amps: float, other: float) -> None:
    """A battery of any charge keeps to the rate law; of a new one both ways of asking agree."""
    hours = new_charge_ah(17.0, amps) / amps
    new = new_charge_ah(17.0, other) / other
    assert hours_at(hours, amps, other) == pytest.approx(new, rel=0.01)
