"""Combining: what earlier discharges do to a running one's estimate, and what they must not."""

from __future__ import annotations

import random
from math import exp

import pytest
from estimate_histories import (
    AMPS,
    RATING,
    START,
    YEAR_S,
    measured,
    noisy,
    one,
    quarterly,
    track_of,
)

from btrmd.estimate.combine import DIFFERS, Discharge, combine
from btrmd.estimate.track import Track
from btrmd.model.discharge import Estimate

NEW_S = RATING.run_s(AMPS, 25.0)
NOW = START + 2.0 * YEAR_S
RUNNING = Discharge(3600.0, AMPS, 25.0, is_from_full=True, now=NOW)


def estimate(soh: float, wide: float = 1.16) -> Estimate:
    ert = soh * NEW_S
    return Estimate(ert, ert / wide, ert * wide, "curve family")


def track(*sohs: float) -> Track:
    found = track_of(quarterly(*sohs))
    return found._replace(at=NOW - 0.25 * YEAR_S)


def holds(made: Estimate, soh: float) -> bool:
    return made.low_s <= soh * NEW_S <= made.high_s


def width(made: Estimate) -> float:
    return made.high_s - made.low_s


def test_history_that_agrees_narrows_and_keeps_the_own_estimate() -> None:
    made = estimate(0.86)
    found = combine(made, track(*[0.9] * 5), RUNNING)
    assert made.ert_s < found.ert_s < 0.9 * NEW_S
    assert width(found) < width(made)
    assert (found.own_s, found.own_low_s, found.own_high_s) == made[:3]
    assert found.method == "curve family and history"
    assert found.findings == ()


@pytest.mark.parametrize("own", [0.8, 0.9, 1.0])
@pytest.mark.parametrize("tests", [1, 4, 12])
def test_what_this_discharge_alone_holds_likely_is_not_taken_out(own: float, tests: int) -> None:
    """Most of what estimates are off by they share with those before: history cannot tell it."""
    made = estimate(own)
    found = combine(made, track(*[0.9] * tests), RUNNING)
    assert found.low_s <= own * NEW_S / 1.16**0.75
    assert found.high_s >= own * NEW_S * 1.16**0.75


@pytest.mark.parametrize("tests", [5, 20, 60])
def test_it_is_never_narrower_than_shared_errors_allow(tests: int) -> None:
    made = estimate(0.9)
    assert width(combine(made, track(*[0.9] * tests), RUNNING)) >= 0.4 * width(made)


@pytest.mark.parametrize("truth", [0.60, 0.65, 0.70, 0.75, 0.80])
def test_history_never_hides_a_failing_bank(truth: float) -> None:
    """Four tests at 0.95, then the truth: the told interval holds it from the first test on, and
    no minimum above the truth lies below the whole interval."""
    found = combine(estimate(truth), track(*[0.95] * 4), RUNNING)
    assert holds(found, truth)
    second = combine(estimate(truth), track(*[0.95] * 4, truth), RUNNING)
    assert holds(second, truth)


@pytest.mark.parametrize("truth", [0.60, 0.65, 0.70])
def test_a_contradiction_is_found_and_spans_both(truth: float) -> None:
    made = estimate(truth)
    found = combine(made, track(*[0.95] * 4), RUNNING)
    assert DIFFERS in found.findings
    assert found.low_s <= made.low_s + 0.1
    assert found.high_s >= made.high_s - 0.1
    assert holds(found, 0.95)
    assert "less than the earlier ones" in found.warnings[-1]
    assert found.ert_s == pytest.approx(made.ert_s)


def test_a_better_battery_is_a_contradiction_too() -> None:
    found = combine(estimate(1.0), track(*[0.6] * 4), RUNNING)
    assert DIFFERS in found.findings
    assert "more than the earlier ones" in found.warnings[-1]
    assert holds(found, 0.6)
    assert holds(found, 1.0)


@pytest.mark.parametrize(
    ("made", "running"),
    [
        (Estimate(7000.0, 7000.0, 7000.0, "measured"), RUNNING),
        (estimate(0.6), RUNNING._replace(is_from_full=False)),
        (estimate(0.6), RUNNING._replace(amps=0.0)),
        (estimate(0.6)._replace(findings=("not_lead_acid",)), RUNNING),
    ],
)
def test_what_does_not_compare_stays_as_it_is(made: Estimate, running: Discharge) -> None:
    assert combine(made, track(*[0.9] * 4), running) == made


def test_without_history_nothing_changes() -> None:
    assert combine(estimate(0.9), None, RUNNING) == estimate(0.9)
    unknown = track_of([one(n, 0.9, charge=None) for n in range(3)])
    assert combine(estimate(0.9), unknown, RUNNING) == estimate(0.9)


def test_nothing_falls_short_of_what_was_seen() -> None:
    made = Estimate(0.9 * NEW_S, 0.85 * NEW_S, 1.0 * NEW_S, "x")
    long = RUNNING._replace(seen_s=0.84 * NEW_S)
    found = combine(made, track(*[0.6] * 4), long)
    assert found.low_s >= long.seen_s
    assert found.low_s <= found.ert_s <= found.high_s


def test_full_discharges_teach_by_how_much_estimates_are_off() -> None:
    """Estimates here come out a tenth too short; two full discharges have shown it."""
    some = [
        measured(n, 0.9)._replace(rehearsal=(-0.105, 0.09)) if n % 2 else one(n, 0.81)
        for n in range(6)
    ]
    found = combine(estimate(0.81), track_of(some)._replace(at=NOW - 0.25 * YEAR_S), RUNNING)
    assert found.ert_s / NEW_S > 0.84
    assert holds(found, 0.9)


def test_another_load_narrows_less() -> None:
    heavy = RUNNING._replace(amps=4.0 * AMPS)
    ert = 0.9 * RATING.run_s(4.0 * AMPS, 25.0)
    made = Estimate(ert, ert / 1.16, ert * 1.16, "x")
    some = track(*[0.9] * 6)
    usual = width(combine(estimate(0.9), some, RUNNING)) / NEW_S
    other = width(combine(made, some, heavy)) / RATING.run_s(4.0 * AMPS, 25.0)
    assert other > usual


@pytest.mark.long
def test_combined_intervals_hold_on_noisy_histories() -> None:
    """Two hundred running tests, half of them after a drop of 15 to 35 points."""
    hits = dropped = 0
    for seed in range(200):
        rng = random.Random(f"combine {seed}")
        truth, bias = 0.97, rng.gauss(0.0, 0.05)
        before = noisy(seed, [truth] * rng.randint(3, 8), 0.06, bias)
        if seed % 2:
            truth -= rng.uniform(0.15, 0.35)
        some = track_of(before)
        now = None if some.at is None else some.at + 0.25 * YEAR_S
        made = estimate(truth * exp(bias + rng.gauss(0.0, 0.06)))
        hit = holds(combine(made, some, RUNNING._replace(now=now)), truth)
        hits += hit
        dropped += hit and seed % 2
    assert hits >= 175
    assert dropped >= 84
