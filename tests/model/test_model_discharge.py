"""What is certain of an estimate while a weak cell or block may hide behind the others."""

from __future__ import annotations

import pytest

from btrmd.model.discharge import Estimate, sure_s

MADE = Estimate(10_000.0, 9_500.0, 11_000.0)


@pytest.mark.parametrize(
    ("elapsed", "sure"),
    [(0.0, 5_000), (2_500.0, 5_000), (6_000.0, 7_500), (9_500.0, 9_500), (9_900.0, 9_500)],
)
def test_a_fault_hides_until_its_own_charge_ends(elapsed: float, sure: float) -> None:
    assert sure_s(MADE, elapsed) == pytest.approx(sure)


def test_a_wide_interval_is_the_less_certain_one() -> None:
    assert sure_s(MADE._replace(low_s=5_000.0), 1_000.0) == 5_000.0


def test_what_was_measured_is_certain() -> None:
    assert sure_s(Estimate(10_000.0, 10_000.0, 10_000.0), 10_000.0) == 10_000.0
