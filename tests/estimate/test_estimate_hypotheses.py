"""The hypotheses: whatever is seen, they stay a sound mixture; mixture and season beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from estimate_histories import AMPS, RATING, START, YEAR_S, one, track_of
from hypothesis import given, settings
from hypothesis import strategies as st

from btrmd.estimate.ageing import fall_hazard, late_drift
from btrmd.estimate.evidence import Evidence
from btrmd.estimate.forecast import forecast
from btrmd.estimate.health import health_of
from btrmd.estimate.hypotheses import KEPT, SCATTERS, first_bank
from btrmd.estimate.mixture import below, quantile
from btrmd.estimate.season import Season


@st.composite
def evidence(draw: st.DrawFn, n: int) -> Evidence:
    """Anything that a record can say."""
    amps = draw(st.floats(0.2, 40.0))
    temp = draw(st.none() | st.floats(-20.0, 50.0))
    charge = draw(st.none() | st.just(1.0) | st.floats(0.0, 1.0))
    soh = draw(st.floats(0.02, 2.5))
    measured = draw(st.booleans())
    return Evidence(
        n, draw(st.none() | st.floats(START, START + 10 * YEAR_S)), draw(st.booleans()),
        soh * RATING.charge_ah(amps, temp), amps, temp,
        0.02 if measured else draw(st.floats(0.02, 0.8)), draw(st.floats(0.0, 0.1)), measured,
        charge, draw(st.booleans()),
        draw(st.none() | st.tuples(st.floats(-0.4, 0.4), st.floats(0.02, 0.4))),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 9), st.booleans())
def test_whatever_is_seen_it_stays_sound(data: st.DataObject, count: int, rated: bool) -> None:
    some = [data.draw(evidence(n)) for n in range(count)]
    track = track_of(some, RATING if rated else None)
    assert sum(h.weight for h in track.bank) == pytest.approx(1.0)
    assert len(track.bank) <= KEPT + len(SCATTERS)
    for h in track.bank:
        assert all(math.isfinite(value) for value in h[:11])
        assert h.ll > 0.0
        assert h.dd > 0.0
        assert h.bb > 0.0
        assert h.ll * h.dd - h.ld**2 > -1e-9
    health = health_of(track)
    if health.soh_pct is not None:
        assert rated
        assert health.low_pct is not None
        assert health.high_pct is not None
        assert 0.0 < health.low_pct <= health.soh_pct <= health.high_pct <= 150.0
    found = forecast(track, 3600.0, START + 11 * YEAR_S)
    assert list(found.risks) == sorted(found.risks)
    assert all(0.0 <= risk <= 1.0 for risk in found.risks)


def test_the_first_bank_is_whole() -> None:
    assert sum(h.weight for h in first_bank()) == pytest.approx(1.0)


def test_a_hundred_discharges_stay_few_hypotheses() -> None:
    track = track_of([one(n, 0.95 - 0.001 * n) for n in range(100)])
    assert len(track.bank) <= KEPT + len(SCATTERS)
    assert len(track.temps) <= 80


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(-2, 2), st.floats(0.01, 1)), min_size=1),
    st.floats(0.02, 0.98),
)
def test_a_quantile_is_where_so_much_lies_below(
    parts: Sequence[tuple[float, float, float]], share: float
) -> None:
    assert below(parts, quantile(parts, share)) == pytest.approx(share, abs=0.01)


def test_late_ageing_is_faster_and_riskier() -> None:
    assert late_drift(0.0) == 0.0
    assert late_drift(-0.5) < late_drift(-0.2) < 0.0
    assert fall_hazard(4.0, 0.0) > fall_hazard(1.0, 0.0) > 0.0
    assert fall_hazard(1.0, -0.3) > fall_hazard(1.0, 0.0)


@pytest.mark.parametrize("years", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("yearly", [0.0, 0.05, 0.10])
def test_an_old_bank_that_ages_steadily_stays_where_its_tests_say(
    years: float, yearly: float
) -> None:
    """Faster ageing late in life is an expectation: it does not outweigh what is seen."""
    sohs = [0.65 * math.exp(-yearly * years * n) for n in range(6)]
    wide = math.log(1.25) / 1.645
    tests = [one(n, soh, at=START + n * years * YEAR_S, sd=wide) for n, soh in enumerate(sohs)]
    health = health_of(track_of(tests))
    assert health.soh_pct is not None
    assert abs(health.soh_pct - 100.0 * sohs[-1]) < 4.0
    assert health.low_pct is not None
    assert health.high_pct is not None
    assert health.low_pct <= 100.0 * sohs[-1] <= health.high_pct


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.6])
def test_the_season_is_learned(phase: float) -> None:
    def temp(years: float) -> float:
        return 18.0 + 12.0 * math.sin(2 * math.pi * (years + phase))

    temps = [(START + k * YEAR_S / 8, temp(k / 8)) for k in range(16)]
    season = Season(temps)
    for k in range(12):
        found = season(START + 2 * YEAR_S + k * YEAR_S / 12)
        assert found == pytest.approx(temp(2 + k / 12), abs=2.5)


def test_before_a_year_is_seen_the_coldest_counts() -> None:
    assert Season([])(START) is None
    assert Season([(START, 20.0), (START + 1e6, 12.0)])(START + YEAR_S) == 12.0
    undated = [(0.0, 15.0), (0.0, 22.0), (0.0, 25.0), (0.0, 9.0), (0.0, 30.0)]
    assert Season(undated)(START) == 9.0
    known = [(START + k * YEAR_S / 4, 20.0) for k in range(6)]
    assert Season(known)(None) == 20.0


def test_the_load_is_the_usual_one() -> None:
    track = track_of([one(n, 0.9) for n in range(3)])
    assert track.amps == AMPS
