"""Resistance at the transfer, and how the newest tests compare with the first ones."""

from __future__ import annotations

import pytest

from btrmd.estimate.resistance import (
    ResistanceTest,
    Step,
    find_step,
    growth_pct,
    is_sharp,
)
from btrmd.model.discharge import CurveRow


def series(*milliohms: float, amps: float = 5.0, temp_c: float = 25.0) -> list[ResistanceTest]:
    return [
        ResistanceTest(n, Step(amps, amps * ohm / 1000.0), temp_c)
        for n, ohm in enumerate(milliohms, 1)
    ]


def later(tests: list[ResistanceTest], *more: ResistanceTest) -> list[ResistanceTest]:
    return [*tests, *(one._replace(n=len(tests) + i) for i, one in enumerate(more, 1))]


def test_the_step_at_the_transfer() -> None:
    rows = [
        CurveRow(0.0, 13.6, 0.1, 20.0, 0.0),
        CurveRow(0.1, 13.5, -0.4, 20.0, 0.5),
        CurveRow(1.1, 12.7, -8.4, 20.0, 8.5),
        CurveRow(2.1, 12.6, -8.4, 20.0, 8.5),
    ]
    step = find_step(rows)
    assert step is not None
    assert step.ohm == pytest.approx(0.1)
    assert find_step(rows[2:]) is None
    late = [row._replace(time_s=row.time_s + 30.0) for row in rows]
    assert find_step(late) is None
    assert find_step([]) is None


def test_a_voltage_that_rises_with_the_load_is_no_step() -> None:
    rows = [CurveRow(0.0, 13.5, 0.0, 20.0, 0.0), CurveRow(1.0, 13.6, -5.0, 20.0, 5.0)]
    assert find_step(rows) is None


def test_a_drop_that_the_converters_cannot_tell_is_not_sharp() -> None:
    assert is_sharp(Step(2.0, 0.010))
    assert not is_sharp(Step(2.0, 0.009))


@pytest.mark.parametrize(
    ("milliohms", "growth"),
    [
        ((), None),
        ((5.0, 5.1, 4.9), None),  # three are the baseline, and nothing compares with it yet
        ((5.0, 5.1, 4.9, 7.5), 2.0),  # one by itself may be off
        ((5.0, 5.1, 4.9, 7.5, 7.6), 50.0),
        ((5.0, 5.1, 4.9, 7.5, 7.6, 7.5), 50.0),
        ((5.0, 5.1, 4.9, 5.0, 5.0, 9.0, 5.0), 0.0),
        ((5.0, 5.1, 4.9, 4.0, 4.0, 4.0), -20.0),
        ((9.0, 5.0, 5.1, 4.9, 7.5, 7.6), 50.0),  # the first one was loose
        ((5.0, 9.0, 5.0, 9.0, 5.0, 9.0), None),  # nothing agrees
    ],
)
def test_the_newest_tests_against_the_first_ones(
    milliohms: tuple[float, ...], growth: float | None
) -> None:
    found = growth_pct(series(*milliohms))
    assert found == (None if growth is None else pytest.approx(growth))


def test_only_tests_at_a_like_load_and_temperature_compare() -> None:
    first = series(5.0, 5.0, 5.0)
    heavy, cold = series(9.0, amps=8.0)[0], series(9.0, temp_c=14.0)[0]
    assert growth_pct(later(first, heavy, heavy, heavy)) is None
    assert growth_pct(later(first, cold, cold, cold)) is None
    edge = series(6.0, amps=7.5, temp_c=15.0)[0]
    assert growth_pct(later(first, cold, edge, heavy, edge)) == pytest.approx(20.0)


def test_another_load_for_good_makes_a_baseline_of_its_own() -> None:
    heavy = series(8.0, 8.0, 8.0, 10.0, 10.0, amps=10.0)
    assert growth_pct(later(series(5.0, 5.0, 5.0), *heavy)) == pytest.approx(25.0)


def test_what_was_long_ago_is_not_the_newest() -> None:
    heavy = series(*[9.0] * 10, amps=10.0)
    first = series(5.0, 5.0, 5.0, 7.5, 7.5, 7.5)
    assert growth_pct(first) == pytest.approx(50.0)
    assert growth_pct(later(first, *heavy)) == pytest.approx(0.0)
