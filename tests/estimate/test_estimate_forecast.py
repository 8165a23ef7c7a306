"""The forecast: the risk of failing the minimum run time, and by when to replace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

import pytest
from estimate_histories import (
    AMPS,
    QUARTER,
    RATING,
    START,
    YEAR_S,
    measured,
    noisy,
    one,
    quarterly,
    track_of,
)

from btrmd.estimate.evidence import Evidence
from btrmd.estimate.forecast import MONTHS, Forecast, forecast
from btrmd.estimate.sentences import forecast_words

NEED = 0.7 * RATING.run_s(AMPS, 25.0)


def reported(evidence: Sequence[Evidence], minimum_s: float = NEED) -> Forecast:
    track = track_of(evidence)
    return forecast(track, minimum_s, track.at)


def test_without_a_minimum_nothing_is_forecast() -> None:
    assert reported(quarterly(0.9, 0.9), 0.0).reason == "no minimum run time is set"
    assert reported(quarterly(0.9, 0.9), 0.0).risks == ()


def test_one_estimate_is_not_enough_and_one_full_discharge_is() -> None:
    assert "not enough history" in reported(quarterly(0.9)).reason
    assert "not enough history" in forecast(None, NEED, START).reason
    assert reported([measured(0, 0.9)]).reason == ""
    unknown = [one(n, 0.9, charge=None) for n in range(5)]
    assert "not enough history" in reported(unknown).reason


def test_risk_grows_with_time_and_with_loss() -> None:
    before: Forecast | None = None
    for level in (1.0, 0.9, 0.8, 0.7):
        found = reported(quarterly(*[level] * 5))
        assert len(found.risks) == MONTHS + 1
        assert list(found.risks) == sorted(found.risks)
        assert all(0.0 <= risk <= 1.0 for risk in found.risks)
        if before is not None:
            assert found.risks[6] > before.risks[6]
            assert found.risks[12] > before.risks[12]
        before = found


def test_risk_grows_with_age() -> None:
    young, old = reported(quarterly(*[0.95] * 4)), reported(quarterly(*[0.95] * 16))
    assert old.risks[12] > young.risks[12]


@pytest.mark.parametrize("rate", [0.08, 0.12, 0.20])
def test_an_ageing_battery_is_replaced_in_time(rate: float) -> None:
    """Quarterly, exactly right tests up to the last one before it fails: no date is too late, and
    in the last year the dates are no more than nine months early (median)."""
    fails = 0.3 / rate
    count = int(fails / QUARTER)
    sohs = [1.0 - rate * QUARTER * k for k in range(count + 1)]
    early = []
    for k in range(2, len(sohs)):
        found = reported(quarterly(*sohs[: k + 1]))
        left = fails - QUARTER * k
        assert found.months is not None
        assert found.months / 12.0 <= left
        if left <= 1.0:
            early.append(left - found.months / 12.0)
    assert median(early) <= 0.75


def test_a_failed_battery_is_replaced_now() -> None:
    found = reported(quarterly(0.9, 0.8, 0.6, 0.55))
    assert found.months == 0
    assert found.replace_at == START + 3 * QUARTER * YEAR_S
    assert found.risks[0] > 0.5


def test_a_drop_brings_the_date_near() -> None:
    before = reported(quarterly(*[0.95] * 4))
    after = reported(quarterly(*[0.95] * 4, 0.75))
    assert before.months is not None
    assert after.months is not None
    assert after.months < before.months
    assert after.risks[3] > 3.0 * before.risks[3]


def test_nothing_is_said_beyond_two_years() -> None:
    """A battery of twice the size that is needed."""
    found = reported(quarterly(*[1.0] * 3), 0.2 * NEED)
    assert found.months is None
    assert found.replace_at is None
    assert "within 24 months" in forecast_words(found)


def test_the_season_is_taken_out() -> None:
    """The same battery in a cabinet with a season of +-12 degC, and the same without: a date in a
    warm month does not come before the cold one, and the health is told alike."""

    def seen(swing: float, tests: int) -> list[Evidence]:
        found = []
        for n in range(tests):
            temp = 25.0 - swing * math.cos(2 * math.pi * n * QUARTER)
            run = (1.0 - 0.02 * n) * RATING.run_s(AMPS, temp)
            found.append(one(n, 1.0, charge_ah=run * AMPS / 3600.0, temp_c=temp))
        return found

    flat, wavy = track_of(seen(0.0, 9)), track_of(seen(12.0, 9))
    at = flat.at
    need_cold = 0.7 * RATING.run_s(AMPS, 13.0)  # what the coldest month must still give
    even = forecast(flat._replace(temps=tuple((t, 13.0) for t, _ in flat.temps)), need_cold, at)
    season = forecast(wavy, need_cold, at)
    assert even.months is not None
    assert season.months is not None
    # only the cold months count, so the date comes no earlier than in a cabinet that is always cold
    assert even.months <= season.months <= even.months + 9


def test_in_winter_more_charge_is_needed() -> None:
    """Tests in summer and winter; the minimum is missed in the cold first."""
    evidence = []
    for n in range(9):
        temp = 25.0 - 12.0 * math.cos(2 * math.pi * n * QUARTER)
        run = 0.85 * RATING.run_s(AMPS, temp)
        evidence.append(one(n, 1.0, charge_ah=run * AMPS / 3600.0, temp_c=temp))
    spring = reported(evidence[:6], 0.84 * RATING.run_s(AMPS, 25.0))
    assert spring.risks[9] - spring.risks[3] > 2.0 * (spring.risks[3] - spring.risks[0])


def test_a_clock_never_set_gives_risks_and_no_date() -> None:
    evidence = [one(n, soh, at=None) for n, soh in enumerate([0.95, 0.9, 0.85, 0.8])]
    found = reported(evidence)
    assert found.months is not None
    assert found.replace_at is None
    assert f"within {found.months} months" in forecast_words(found)


def test_a_long_silence_makes_it_riskier() -> None:
    track = track_of(quarterly(*[0.9] * 4))
    assert track.at is not None
    now = forecast(track, NEED, track.at)
    later = forecast(track, NEED, track.at + YEAR_S)
    assert later.risks[3] > now.risks[3]
    assert later.replace_at is not None
    assert later.replace_at >= track.at + YEAR_S


def test_the_date_is_a_month_that_is_not_over() -> None:
    found = reported(quarterly(*[0.9] * 4))
    assert found.months is not None
    assert found.months > 0
    assert found.replace_at is not None
    day = datetime.fromtimestamp(found.replace_at, UTC)
    assert (day.day, day.hour) == (1, 0)
    assert f"Replace the battery by {day:%B %Y}: risk of failing" in forecast_words(found)


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_date_and_never_past_the_failure(seed: int) -> None:
    sohs = [1.0 - 0.03 * k for k in range(10)]
    found = reported(noisy(seed, sohs, 0.04))
    assert found.months is not None
    assert found.months <= 3


def test_the_words() -> None:
    risks = tuple(min(1.0, 0.004 * k) for k in range(MONTHS + 1))
    at = datetime(2027, 3, 1, tzinfo=UTC).timestamp()
    assert forecast_words(Forecast(risks, 12, at)) == (
        "Replace the battery by March 2027: risk of failing the minimum run time"
        " 1 % in 3 months, 2 % in 6, 5 % in 12."
    )
    now = Forecast((0.5,) * (MONTHS + 1), 0, at)
    assert forecast_words(now).startswith("Replace the battery now: risk")
    assert forecast_words(now, "suspected").startswith(
        "Replace the battery as soon as another test confirms it: risk"
    )
    assert "under 1 % in 3 months" in forecast_words(Forecast((0.0,) * (MONTHS + 1)))
    assert forecast_words(Forecast(reason="no minimum run time is set")) == (
        "No replacement forecast: no minimum run time is set."
    )
