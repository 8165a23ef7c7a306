"""Thinning keeps what the estimate lives on: charge, ends, order and load levels."""

from __future__ import annotations

from itertools import pairwise

import pytest
from estimate_discharges import bursts, steady
from hypothesis import given
from hypothesis import strategies as st

from btrmd.estimate.run_time import estimate
from btrmd.estimate.thin import thin
from btrmd.model.discharge import CurveRow


def charge(rows: list[CurveRow]) -> float:
    """As seconds."""
    return sum(-b.battery_a * (b.time_s - a.time_s) for a, b in pairwise(rows))


def test_few_rows_stay_as_they_are() -> None:
    rows = steady(18_000.0, 3.0, 0.1)
    assert thin(rows, len(rows)) == rows


@pytest.mark.parametrize("amps", [(0.0, 5e-324), (2e-323, 2.5e-323)])
def test_two_neighbouring_numbers_have_no_middle(amps: tuple[float, float]) -> None:
    rows = [CurveRow(10.0 * k, 12.5, -amps[k % 2], None, None) for k in range(60)]
    assert len(thin(rows, 8)) <= 8


@given(
    amps=st.lists(st.floats(0.0, 20.0), min_size=50, max_size=600),
    limit=st.integers(8, 60),
)
def test_charge_ends_and_order(amps: list[float], limit: int) -> None:
    rows = [CurveRow(10.0 * k, 12.5 - 0.001 * k, -a, None, None) for k, a in enumerate(amps)]
    short = thin(rows, limit)
    assert len(short) <= max(limit, len(rows) if len(rows) <= limit else 0)
    assert (short[0], short[-1]) == (rows[0], rows[-1])
    assert all(a.time_s <= b.time_s for a, b in pairwise(short))
    assert charge(short) == pytest.approx(charge(rows), abs=1e-6 + 1e-9 * charge(rows))


def test_a_current_that_is_next_to_nothing_is_no_step() -> None:
    rows = [CurveRow(10.0 * k, 12.5, -5e-324 if k == 48 else 0.0, None, None) for k in range(50)]
    assert len(thin(rows, 8)) <= 8


def test_bursts_are_still_seen() -> None:
    rows = bursts(18_000.0, 1.0, 8.0, 0.5, ohm=0.03)
    short = thin(rows, 100)
    assert len(short) <= 100
    assert min(row.battery_a for row in short) == pytest.approx(-8.0)
    assert max(row.battery_a for row in short) == pytest.approx(-1.0)
    full, thinned = estimate(rows[:600], 1, 20.0), estimate(thin(rows[:600], 100), 1, 20.0)
    assert thinned.ert_s == pytest.approx(full.ert_s, rel=0.05)
