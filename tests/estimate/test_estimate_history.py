"""History: health over several tests, the forecast, the step at the transfer."""

from __future__ import annotations

from math import exp, log

import pytest

from btrmd.estimate.forecast import forecast
from btrmd.estimate.health import (
    YEAR_S,
    Past,
    combine,
    health_of,
    past_of,
    site_factor,
    step_resistance,
    usual_s,
)
from btrmd.model.discharge import CurveRow, Estimate, TestRecord

DAY = 86400.0
START = 1_790_000_000.0
AH, AMPS = 40.0, 4.0


def record(n: int, at: float, health: float, spread: float = 0.15, **more: object) -> TestRecord:
    """A finished test that estimated `health` of a new battery's charge at 20 degC."""
    ert = health * usual_s(AH, AMPS, 20.0)
    base = TestRecord(
        n, "1", "finished", "good", ended_at=at, average_current=AMPS, average_temperature=20.0,
        estimate_s=ert, estimate_low_s=ert * exp(-spread), estimate_high_s=ert * exp(spread),
    )  # fmt: skip
    return base._replace(**more)  # type: ignore[arg-type]


def pasts(*healths: float, every: float = 60 * DAY, spread: float = 0.15) -> list[Past]:
    found = [
        past_of(record(k, START + k * every, value, spread), AH) for k, value in enumerate(healths)
    ]
    return [past for past in found if past is not None]


def test_health_is_normal_to_load_and_temperature() -> None:
    cold = record(1, START, 0.8)._replace(
        average_current=8.0, average_temperature=-5.0, estimate_s=0.8 * usual_s(AH, 8.0, -5.0)
    )
    for one in (record(1, START, 0.8), cold):
        past = past_of(one, AH)
        assert past is not None
        assert exp(past.value) == pytest.approx(0.8)


@pytest.mark.parametrize(
    "useless",
    [
        {"result": "aborted"},
        {"estimate_s": None},
        {"average_current": None},
        {"average_current": 0.0},
    ],
)
def test_a_record_without_a_run_time_tells_nothing(useless: dict[str, object]) -> None:
    assert past_of(record(1, START, 0.9, **useless), AH) is None


def test_tests_that_agree_make_health_surer() -> None:
    one, four = health_of(pasts(0.9)), health_of(pasts(0.9, 0.88, 0.92, 0.9))
    assert one is not None
    assert four is not None
    assert one.soh_pct == pytest.approx(90.0)
    assert four.soh_pct == pytest.approx(90.0, abs=2.0)
    assert four.sd < one.sd
    assert not four.is_measured
    assert health_of([]) is None


def test_a_full_discharge_outweighs_estimates() -> None:
    some = pasts(0.9, 0.92)
    full = past_of(record(3, START + 130 * DAY, 0.8, spread=0.0), AH)
    assert full is not None
    assert full.is_measured
    after = health_of([*some, full])
    assert after is not None
    assert after.soh_pct == pytest.approx(80.0, abs=2.0)
    assert after.is_measured


def test_a_new_battery_is_a_step() -> None:
    found = health_of(pasts(0.52, 0.5, 0.5, 1.0, spread=0.1))
    assert found is not None
    assert found.stepped
    assert found.since == 3
    assert found.soh_pct == pytest.approx(100.0, abs=1.0)


def test_the_site_factor_is_shrunk_when_discharges_are_few() -> None:
    assert site_factor([]) == 0.0
    assert site_factor([log(1.1)]) == pytest.approx(log(1.1) / 2)
    assert site_factor([log(1.1)] * 9) == pytest.approx(0.9 * log(1.1))
    assert site_factor([9.0] * 9) == 0.3


def test_history_narrows_an_estimate_and_draws_it_near() -> None:
    usual = usual_s(AH, AMPS, 20.0)
    made = Estimate(0.7 * usual, 0.5 * usual, 1.0 * usual, "x")
    after = combine(
        made, 3600.0, AMPS, 20.0, AH, health_of(pasts(0.9, 0.9, 0.9)), 0.0, START + 150 * DAY
    )
    assert made.ert_s < after.ert_s < 0.9 * usual
    assert after.high_s / after.low_s < made.high_s / made.low_s
    assert after.low_s < after.ert_s < after.high_s
    assert after.method == "x and history"


def test_history_of_another_battery_is_left_out() -> None:
    usual = usual_s(AH, AMPS, 20.0)
    made = Estimate(0.4 * usual, 0.36 * usual, 0.44 * usual, "x")
    old = health_of(pasts(1.0, 1.0, 1.0, spread=0.05))
    after = combine(made, 3600.0, AMPS, 20.0, AH, old, 0.0, START + 130 * DAY)
    assert after[:3] == pytest.approx(made[:3])
    assert "differs from the last tests" in after.warnings[0]
    assert after.method == "x"


def test_what_was_measured_stays() -> None:
    made = Estimate(7000.0, 7000.0, 7000.0, "measured")
    assert combine(made, 7000.0, AMPS, 20.0, AH, health_of(pasts(0.9)), 0.2, START) == made


def test_nothing_falls_short_of_what_was_seen() -> None:
    made = Estimate(4000.0, 3700.0, 4400.0, "x")
    after = combine(made, 3650.0, AMPS, 20.0, AH, None, -0.3, START)
    assert after.low_s == after.ert_s == 3650.0


def test_the_forecast_needs_three_tests_over_three_months() -> None:
    for some in (pasts(0.9, 0.8), pasts(0.9, 0.85, 0.8, every=20 * DAY)):
        found = forecast(some, health_of(some), 3600.0, 7200.0, START)
        assert found.median_at is None
        assert "not enough history" in found.reason


def test_an_ageing_battery_has_a_date() -> None:
    """8 % a year from 0.68 down to 0.6: a year away at most, the bound before it."""
    some = pasts(*(0.76 * exp(-0.09 * k / 3) for k in range(5)), every=YEAR_S / 3, spread=0.05)
    health = health_of(some)
    now = some[-1].at
    found = forecast(some, health, 0.64, 1.0, now)
    assert found.reason == ""
    assert found.median_at is not None
    assert found.earliest_at is not None
    assert now <= found.earliest_at < found.median_at < now + YEAR_S


def test_a_steady_battery_has_none_within_a_year() -> None:
    some = pasts(0.95, 0.95, 0.95, 0.95)
    assert forecast(some, health_of(some), 0.5, 1.0, some[-1].at)[:2] == (None, None)


def test_without_a_minimum_nothing_is_forecast() -> None:
    assert "no minimum" in forecast([], None, 0.0, 1.0, START).reason


def test_the_step_at_the_transfer() -> None:
    rows = [
        CurveRow(0.0, 13.6, 0.1, 20.0, 0.0),
        CurveRow(0.1, 13.5, -0.4, 20.0, 0.5),
        CurveRow(1.1, 12.7, -8.4, 20.0, 8.5),
        CurveRow(2.1, 12.6, -8.4, 20.0, 8.5),
    ]
    assert step_resistance(rows) == pytest.approx(0.1)
    assert step_resistance(rows[2:]) is None
    late = [row._replace(time_s=row.time_s + 30.0) for row in rows]
    assert step_resistance(late) is None
