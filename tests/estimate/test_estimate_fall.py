"""How a curve falls: lines with their doubt, the last part against the whole, the parabola."""

from __future__ import annotations

import random
from math import asinh, exp, inf, log, pi, sin, sinh, sqrt

import pytest
from estimate_discharges import bursts, steady

from btrmd.estimate import slope
from btrmd.estimate.curve import Curve, refer
from btrmd.estimate.fall import LATELY, fall, fit_line
from btrmd.estimate.shape import Shape, shape_of
from btrmd.estimate.view import prepare
from btrmd.model.discharge import CurveRow

AH = 20.0
CUTOFF_V = 11.0


def seen(rows: list[CurveRow]) -> tuple[Curve, Shape]:
    curve = refer(rows, 1, AH)
    found = shape_of(curve, slope.skip_ah(curve))
    assert found is not None
    return curve, found


def volts(at: float, bend: float) -> list[CurveRow]:
    """An hour and a half at 2 A that falls 0.6 V and bends by `bend` V more over it, to `at` h."""
    return [
        CurveRow(60.0 * k, 12.6 - 0.6 * x - bend * x * x, -2.0, 22.0, None)
        for k in range(91)
        for x in [k / 90.0 * at]
    ]


def numbers(rows: list[CurveRow], left: float) -> list[float]:
    curve, found = seen(rows)
    return fall(curve, found, left, found.now_v - CUTOFF_V, CUTOFF_V)


def test_a_line_is_fitted_with_its_standard_error() -> None:
    # a worked example: residuals 0.1, -0.2, 0.1 off the line of -1 a step through 2, 1, 0
    line = fit_line([0.0, 1.0, 2.0], [2.1, 0.8, 0.1])
    assert line.slope == pytest.approx(1.0)
    assert line.end_v == pytest.approx(0.0)
    assert line.slope_sd == pytest.approx(sqrt(0.06 / 1 / 2))


@pytest.mark.parametrize(
    ("q", "y"),
    [([1.0, 2.0], [5.0, 4.0]), ([1.0] * 5, [3.0] * 4 + [4.0]), ([1.1] * 10, [12.3] * 9 + [12.2])],
)
def test_points_that_tell_nothing_make_a_flat_line_that_nobody_believes(
    q: list[float], y: list[float]
) -> None:
    assert fit_line(q, y) == (0.0, inf, y[-1])


def test_a_load_that_pauses_at_the_end_falls_as_it_fell_before() -> None:
    rows = [row for row in volts(1.0, 0.0) if row.time_s % 300.0 == 0.0]
    rows += [
        CurveRow(rows[-1].time_s + 300.0 * k, rows[-1].battery_v + 0.2, 0.0, 22.0, None)
        for k in range(1, 6)
    ]
    assert numbers(rows, 5.0)[2] == pytest.approx(0.0, abs=0.05)


def test_of_a_straight_curve_every_part_says_the_same() -> None:
    rows = volts(1.0, 0.0)
    left = 3.0 * 1.0 / 0.6  # Ah to 11.0 V from 12.0 V by the line
    for k in range(len(LATELY)):
        high, steeper, otherwise = numbers(rows, left)[1 + 3 * k : 4 + 3 * k]
        assert high == pytest.approx(0.0, abs=1e-6)  # ln of 1 V
        assert steeper == pytest.approx(0.0, abs=1e-6)
        assert otherwise == pytest.approx(0.0, abs=1e-6)


def test_the_last_part_of_a_curve_that_turns_is_steeper_the_later_it_is() -> None:
    rows = [
        row._replace(battery_v=row.battery_v - 4.0 * max(0.0, row.time_s / 5400.0 - 0.94))
        for row in volts(1.0, 0.0)
    ]
    found = numbers(rows, 3.0)
    steeper = found[2:13:3]
    assert steeper == sorted(steeper, reverse=True)
    assert len(set(steeper)) == len(LATELY)
    assert steeper[0] == pytest.approx(log(4.6 / 0.6), abs=0.15)
    assert steeper[-1] < 0.9 * steeper[0]
    straight = numbers(volts(1.0, 0.0), 3.0)
    assert found[1] < straight[1]  # it stands lower
    assert found[3] < straight[3] - 1.0  # and has less than half of the charge left


def test_a_late_slope_that_drowns_in_noise_is_that_of_the_whole() -> None:
    dice = random.Random(2)
    even = volts(1.0, 0.0)
    rows = [row._replace(battery_v=row.battery_v + dice.gauss(0.0, 0.05)) for row in even]
    curve, found = seen(rows)
    back = max(4, sum(q >= 0.95 * curve.seen_ah for q in curve.q))
    raw = fit_line(curve.q[-back:], curve.y[-back:])
    said = numbers(rows, 3.0)[2]
    assert raw.slope_sd > found.slope  # the case is one
    assert abs(said) < 0.35
    assert abs(raw.slope - found.slope) > 3.0 * found.slope * abs(exp(said) - 1.0)


def test_a_parabola_is_drawn_on_to_the_cutoff() -> None:
    rows = volts(1.0, 0.4)
    bend, height = 0.4, 0.6
    to_go = (sqrt(1.4**2 + 4 * bend * height) - 1.4) / (2 * bend)  # parts of the 3 Ah seen
    curve, found = seen(rows)
    sure, far, near, otherwise = fall(curve, found, 3.0 * to_go, height, CUTOFF_V)[-4:]
    assert otherwise == pytest.approx(0.0, abs=0.02)
    assert far == pytest.approx(asinh(bend / height * 3.0), rel=0.05)  # eased
    assert sure > 3.0
    assert near < -5.0


def test_a_curve_that_bends_upwards_is_drawn_on_as_a_line() -> None:
    curve, found = seen(volts(1.0, -0.2))
    said = fall(curve, found, 3.0, 1.2, CUTOFF_V)
    assert said[-4] < 0.0
    assert said[-3] < 0.0
    assert said[-1] == pytest.approx(log(1.2 / 0.6), abs=0.05)  # its slope where it starts


def test_the_last_part_is_four_rows_at_least() -> None:
    rows = [row for row in volts(1.0, 0.0) if row.time_s % 300.0 == 0.0]  # 19, one in 5 %
    assert numbers(rows, 5.0)[2] == pytest.approx(0.0, abs=1e-6)  # as steep as the whole
    rows = [
        row._replace(battery_v=row.battery_v - 1.2 * max(0.0, row.time_s - 4500.0) / 5400.0)
        for row in rows
    ]
    _, found = seen(rows)
    assert found.slope == pytest.approx(0.2, abs=0.02)
    assert numbers(rows, 5.0)[2] == pytest.approx(log(0.6 / found.slope), abs=1e-6)  # V / 1 Ah


def wavy(much: float) -> list[CurveRow]:
    """The parabola of 0.4 V with a wave of `much` V that neither line nor parabola follows."""
    return [
        row._replace(battery_v=row.battery_v + much * sin(2.0 * pi * row.time_s / 900.0))
        for row in volts(1.0, 0.4)
    ]


def test_what_disturbs_a_curve_makes_its_line_and_its_bend_less_sure() -> None:
    even, wild = numbers(wavy(0.01), 3.0), numbers(wavy(0.02), 3.0)
    curve, found = seen(wavy(0.02))
    line = fit_line(found.q, found.y)
    assert wild[0] == pytest.approx(log(line.slope_sd / line.slope + 1e-3))
    assert wild[0] > even[0]
    # the bend over its standard error, which twice the wave doubles
    assert sinh(wild[-4]) == pytest.approx(sinh(even[-4]) / 2.0, rel=0.25)
    # an independent reckoning of that error: the parabola taken apart from level and slope
    x = [q / curve.seen_ah for q in found.q]
    rest = bend_alone(x)
    bend = sum(r * -v for r, v in zip(rest, found.y, strict=True)) / sum(r * r for r in rest)
    sd = exp(wild[-2]) * (found.now_v - CUTOFF_V)
    said = 3.0 * sinh(wild[-4])
    assert said == pytest.approx(bend / sd * sqrt(sum(r * r for r in rest)), rel=0.1)


def bend_alone(x: list[float]) -> list[float]:
    """What of x^2 no line through `x` explains."""
    squares = [at * at for at in x]
    line = fit_line(x, squares)
    return [
        square - line.end_v + line.slope * (at - x[-1])
        for at, square in zip(x, squares, strict=True)
    ]


def test_numbers_stay_within_their_limits() -> None:
    assert numbers(volts(1.0, 0.0), 1e-4)[3] == 3.0  # sees thousands of times the charge
    assert numbers(volts(1.0, 0.0), 1e4)[3] == -2.5
    low = [row._replace(battery_v=row.battery_v - 0.995) for row in volts(1.0, 0.0)]
    assert numbers(low, 3.0)[1] == pytest.approx(log(0.01), abs=1e-6)  # 5 mV stand above 11 V
    higher = [row._replace(battery_v=row.battery_v - 0.9) for row in volts(1.0, 0.0)]
    assert numbers(higher, 3.0)[1] == pytest.approx(log(0.1), abs=1e-6)


@pytest.mark.parametrize(
    "rows",
    [
        *(steady(18_000.0, 3.0, until) for until in (0.1, 0.5, 0.97)),
        *(bursts(18_000.0, 1.0, 8.0, until, ohm=0.03) for until in (0.1, 0.5, 0.97)),
        [CurveRow(60.0 * k, 12.3, -2.0, 22.0, None) for k in range(200)],
        [CurveRow(60.0 * k, 12.0 + 0.003 * k, -2.0, 22.0, None) for k in range(200)],
        [CurveRow(60.0 * k, 12.4 if k < 199 else 11.01, -2.0, 22.0, None) for k in range(200)],
    ],
    ids=[f"{kind}-{at}" for kind in ("steady", "bursts") for at in (10, 50, 97)]
    + ["flat", "rising", "fallen"],
)
@pytest.mark.parametrize("rated_ah", [AH, None])
def test_no_number_is_out_of_reach(rows: list[CurveRow], rated_ah: float | None) -> None:
    curve = refer(rows, 1, rated_ah)
    found = shape_of(curve, slope.skip_ah(curve))
    assert found is not None
    reported = prepare(curve, found, rated_ah, None, CUTOFF_V, None).numbers
    assert len(reported) == 59
    assert all(abs(number) < 10.0 for number in reported)
