"""Discharging rows: the battery's own part of an outage that a charger carried for a while."""

from __future__ import annotations

from btrmd.estimate.discharging import discharging
from btrmd.model.discharge import CurveRow


def row(time_s: float, battery_a: float, load_a: float | None = 2.0) -> CurveRow:
    return CurveRow(time_s, 12.5, battery_a, 25.0, load_a)


def test_what_the_charger_carried_is_cut_out_and_the_times_close_up() -> None:
    rows = [row(10.0, -2.0), row(20.0, -2.0), row(1000.0, 0.01), row(2000.0, -0.02),
            row(2010.0, -2.0), row(2020.0, -1.0), row(9000.0, -0.4), row(9010.0, -2.0)]  # fmt: skip
    assert [(one.time_s, one.battery_a) for one in discharging(rows)] == [
        (10.0, -2.0), (20.0, -2.0), (30.0, -2.0), (40.0, -1.0), (50.0, -2.0),
    ]  # fmt: skip


def test_a_battery_that_carries_the_load_keeps_its_curve() -> None:
    at_transfer = [row(0.1, 0.03), row(1.0, -2.0), row(2.0, -2.1)]
    for rows in (at_transfer, [], [row(1.0, -0.01, 0.1), row(900.0, -0.01, None)]):
        assert discharging(rows) is rows


def test_nothing_is_left_of_an_outage_that_the_charger_carried() -> None:
    assert discharging([row(10.0, 0.0), row(4000.0, 0.5)]) == []
