"""Evidence: what of a record counts, and for how much."""

from __future__ import annotations

from math import exp, log

import pytest
from estimate_histories import AH, AMPS, RATING, START

from btrmd.estimate.evidence import (
    begins_full,
    charge_of,
    evidence_of,
    is_full,
    own_of,
    reading_of,
    starts_at,
    why_not,
)
from btrmd.estimate.rating import Rating
from btrmd.model.discharge import TestRecord


def record(soh: float, **more: object) -> TestRecord:
    """A test that says by itself `soh` of a new battery's charge at 20 degC, and was told as
    something else together with earlier ones."""
    run = soh * RATING.run_s(AMPS, 20.0)
    reported = 0.9 * RATING.run_s(AMPS, 20.0)
    base = TestRecord(
        1, "1", "finished", "good", ended_at=START, average_current=AMPS, average_temperature=20.0,
        estimate_s=reported, estimate_low_s=0.9 * reported, estimate_high_s=1.1 * reported,
        own_estimate_s=run, own_low_s=run / 1.2, own_high_s=run * 1.2,
    )  # fmt: skip
    return base._replace(**more)  # type: ignore[arg-type]


def test_only_the_own_estimate_is_evidence() -> None:
    found = evidence_of(record(0.7))
    assert exp(found.value(RATING)) == pytest.approx(0.7)
    assert found.sd == pytest.approx(log(1.2) / 1.645)


def test_a_record_without_an_own_estimate_is_none() -> None:
    """Older versions stored only what was told after combining."""
    old = record(0.7, own_estimate_s=None, own_low_s=None, own_high_s=None)
    assert own_of(old) is None
    assert why_not(old) == "no estimate of its own"
    with pytest.raises(ValueError, match="no estimate of its own"):
        evidence_of(old)


def test_what_was_measured_counts_in_every_version() -> None:
    run = 0.8 * RATING.run_s(AMPS, 20.0)
    old = record(0.7, own_estimate_s=None, own_low_s=None, own_high_s=None,
                 estimate_s=run, estimate_low_s=run, estimate_high_s=run)  # fmt: skip
    assert is_full(old)
    assert exp(evidence_of(old).value(RATING)) == pytest.approx(0.8)
    assert evidence_of(old).is_measured


def test_an_interval_that_history_made_a_point_is_not_measured() -> None:
    """Where earlier discharges say less than was already seen, all three ends are what was seen."""
    run = 0.5 * RATING.run_s(AMPS, 20.0)
    one = record(0.7, estimate_s=run, estimate_low_s=run, estimate_high_s=run)
    assert not is_full(one)
    assert not evidence_of(one).is_measured


@pytest.mark.parametrize(
    ("useless", "why"),
    [
        ({"result": "aborted"}, "ended before its time"),
        ({"average_current": None}, "its load is not known"),
        ({"average_current": 0.0}, "its load is not known"),
        ({"marks": ("not_lead_acid",)}, "its curve is not a lead-acid battery's"),
    ],
)
def test_what_is_no_evidence_says_why(useless: dict[str, object], why: str) -> None:
    assert why_not(record(0.9, **useless)) == why


def test_health_is_normal_to_load_and_temperature() -> None:
    run = 0.8 * RATING.run_s(8.0, -5.0)
    cold = record(0.8, average_current=8.0, average_temperature=-5.0, own_estimate_s=run,
                  own_low_s=run, own_high_s=1.01 * run)  # fmt: skip
    assert exp(evidence_of(cold).value(RATING)) == pytest.approx(0.8, rel=0.01)


def test_another_law_of_load_can_be_told() -> None:
    linear = Rating(AH, lambda rated_ah, amps: 0.5 * rated_ah)
    assert exp(evidence_of(record(0.7)).value(linear)) == pytest.approx(
        0.7 * RATING.charge_ah(AMPS, 25.0) / (0.5 * AH)
    )


@pytest.mark.parametrize(
    ("record_of", "charge", "full"),
    [
        (record(0.9), 1.0, True),
        (record(0.9, type="outage"), None, False),
        (record(0.9, type="outage", started_at_charge=1.0), 1.0, True),
        (record(0.9, started_at_charge=0.7), 0.7, False),
        (record(0.9, marks=("not_full",)), None, False),
        (record(0.9, marks=("not_rested",)), 1.0, False),
        (record(0.9, started_at_charge=0.99), 0.99, True),
    ],
)
def test_the_start(record_of: TestRecord, charge: float | None, full: bool) -> None:
    assert charge_of(record_of) == charge
    assert begins_full(record_of) is full
    assert evidence_of(record_of).is_from_full is full


def test_marks_widen() -> None:
    plain = evidence_of(record(0.9)).more
    changed = evidence_of(record(0.9, marks=("load_changed",))).more
    shorted = evidence_of(record(0.9, marks=("load_changed", "shorted_cell"))).more
    assert plain == 0.0 < changed < shorted


@pytest.mark.parametrize("charge", [0.5, 0.7, 0.85, 0.95])
def test_a_part_of_the_charge_is_referred_to_the_whole(charge: float) -> None:
    """The shift lies between what a full battery would have to give at least and at most."""
    starts = starts_at(charge, 0.8)
    assert sum(start.weight for start in starts) == pytest.approx(1.0)
    assert all(start.shift > 0.0 for start in starts)
    assert max(start.shift for start in starts) >= -log(charge)
    assert min(start.shift for start in starts) < -log(charge)


def test_less_charge_is_less_sure() -> None:
    spread = [max(start.sd for start in starts_at(charge, 0.8)) for charge in (0.95, 0.8, 0.5)]
    assert spread == sorted(spread)


def test_a_clock_that_was_never_set_dates_nothing() -> None:
    assert evidence_of(record(0.9, ended_at=3600.0, started_at=0.0)).at is None
    assert evidence_of(record(0.9)).at == START


def test_an_interval_that_reaches_farther_to_one_side_moves_the_middle() -> None:
    middle, sd = reading_of(100.0, 90.0, 140.0)
    assert log(100.0) < middle < log(112.3)
    assert sd == pytest.approx(log(140.0 / 90.0) / 2 / 1.645)
    assert reading_of(100.0, 100.0, 100.0) == (pytest.approx(log(100.0)), 0.02)
