"""The policy of a Type 1 test at its borders: what counts as an answer, and what ends it."""

from __future__ import annotations

import pytest

from btrmd.core.capacity_test.type1 import (
    Policy,
    early_stop,
    may_evaluate,
    planned_length,
    side_of,
    weigh,
)
from btrmd.model.discharge import Estimate

HOUR = 3600.0
POINT = Estimate(4 * HOUR, 4 * HOUR, 4 * HOUR)
WIDE = Estimate(10 * HOUR, 8 * HOUR, 12 * HOUR)


def test_the_planned_length() -> None:
    assert planned_length(None, 2.0) == 2 * HOUR
    assert planned_length(40.0, 0.0) == 2 * HOUR
    assert planned_length(40.0, 6.0) == 2 * HOUR
    assert planned_length(40.0, 4.0) == 3 * HOUR
    assert planned_length(40.0, 1.0) == 4 * HOUR
    assert planned_length(40.0, 40.0) == HOUR
    assert Policy().planned_s == 2 * HOUR
    assert (Policy().side, Policy().hits, Policy().may_stop) == (0, 0, True)


def test_an_estimate_a_minute_after_20_min_and_3_percent() -> None:
    policy = Policy(evaluated_at=1140.0)
    assert may_evaluate(policy, 1200.0, 1.2, 40.0)
    assert not may_evaluate(policy, 1199.0, 1.2, 40.0)
    assert not may_evaluate(policy, 1200.0, 1.19, 40.0)
    assert not may_evaluate(policy._replace(evaluated_at=1141.0), 1200.0, 1.2, 40.0)
    assert may_evaluate(policy, 1200.0, 0.0, None)


def test_on_which_side_of_the_minimum_it_lies() -> None:
    assert side_of(POINT, 4 * HOUR, HOUR) == 1
    assert side_of(POINT, 4 * HOUR + 1.0, HOUR) == -1
    assert side_of(POINT, 4 * HOUR - 1.0, HOUR) == 1
    assert side_of(WIDE, 12 * HOUR, 0.0) == 0
    assert side_of(WIDE, 12 * HOUR + 1.0, 0.0) == -1
    assert side_of(WIDE, HOUR, 9 * HOUR) == 1
    assert side_of(WIDE, 8 * HOUR, 9 * HOUR) == 0


def test_the_plan_is_shortened_to_half_of_the_newest_estimate() -> None:
    policy = weigh(Policy(planned_s=4 * HOUR), WIDE, HOUR, 0.0)
    assert (policy.planned_s, policy.whole_s, policy.may_stop) == (4 * HOUR, 4 * HOUR, True)
    short = weigh(policy, WIDE._replace(ert_s=2 * HOUR), HOUR, 0.0)
    assert (short.planned_s, short.whole_s) == (HOUR, 4 * HOUR)
    assert weigh(short, WIDE, HOUR, 0.0).planned_s == 4 * HOUR
    own = WIDE._replace(own_s=4 * HOUR, own_low_s=3 * HOUR, own_high_s=5 * HOUR)
    assert weigh(policy, own, HOUR, 0.0).planned_s == 2 * HOUR


def test_hits_count_5_min_apart_on_one_side() -> None:
    first = weigh(Policy(), POINT, 4000.0, 5 * HOUR)
    assert (first.side, first.hits, first.hit_at) == (-1, 1, 4000.0)
    assert weigh(first, POINT, 4299.0, 5 * HOUR).hits == 1
    second = weigh(first, POINT, 4300.0, 5 * HOUR)
    assert (second.side, second.hits, second.hit_at) == (-1, 2, 4300.0)
    other = weigh(second, POINT, 4700.0, 3 * HOUR)
    assert (other.side, other.hits, other.hit_at) == (1, 1, 4700.0)
    around = weigh(second, WIDE, 4700.0, 10 * HOUR)
    assert (around.side, around.hits, around.hit_at) == (0, 0, 4700.0)


def test_what_was_found_or_what_this_discharge_alone_denies_counts_for_nothing() -> None:
    found = POINT._replace(findings=("load_changed",))
    policy = weigh(Policy(), found, 4000.0, 5 * HOUR)
    assert (policy.side, policy.hits, policy.may_stop) == (0, 0, False)
    alone = POINT._replace(own_s=9 * HOUR, own_low_s=9 * HOUR, own_high_s=9 * HOUR)
    policy = weigh(Policy(), alone, 4000.0, 5 * HOUR)
    assert (policy.side, policy.may_stop) == (0, False)
    same = POINT._replace(own_s=4 * HOUR, own_low_s=4 * HOUR, own_high_s=4 * HOUR)
    assert weigh(Policy(), same, 4000.0, 5 * HOUR).may_stop
    # without a minimum there is no side to agree on
    assert weigh(Policy(), alone, 4000.0, 0.0).may_stop


def stops(policy: Policy, estimate: Estimate, elapsed: float = HOUR, charge_ah: float = 0.0) -> str:
    return early_stop(policy, estimate, elapsed, charge_ah, 2.0)


HALF = "Half of the estimated charge is used."
NARROW = "The estimate is certain to 10 %."


@pytest.mark.parametrize("elapsed", [60.0, 5 * HOUR])
def test_half_of_the_charge_and_the_knee_end_it_at_any_time(elapsed: float) -> None:
    # 10 h at 2 A are 20 Ah
    assert stops(Policy(), WIDE, elapsed, 10.0) == ""
    assert stops(Policy(), WIDE, elapsed, 10.01) == HALF
    own = WIDE._replace(own_s=4 * HOUR, own_low_s=3 * HOUR, own_high_s=5 * HOUR)
    assert stops(Policy(), own, elapsed, 4.01) == HALF
    knee = WIDE._replace(is_knee=True)
    assert stops(Policy(), knee, elapsed) == "The voltage falls ever faster: the end is near."


def test_three_hits_end_it_after_an_hour() -> None:
    three = Policy(side=-1, hits=3)
    below = "The whole interval lies below the minimum runtime."
    assert stops(three, WIDE) == below
    assert stops(three._replace(side=1), WIDE) == below.replace("below", "above")
    assert stops(three, WIDE, HOUR - 1.0) == ""
    assert stops(three._replace(hits=2), WIDE) == ""
    assert stops(three._replace(may_stop=False), WIDE) == ""
    assert stops(three._replace(side=0), WIDE) == ""


def test_an_interval_of_10_percent_ends_it_after_an_hour() -> None:
    narrow = Estimate(10 * HOUR, 9.1 * HOUR, 10.9 * HOUR)
    assert stops(Policy(), narrow) == NARROW
    assert stops(Policy(), narrow, HOUR - 1.0) == ""
    assert stops(Policy(may_stop=False), narrow) == ""
    assert stops(Policy(), Estimate(10 * HOUR, 9 * HOUR, 11 * HOUR)) == ""
    own = narrow._replace(own_s=10 * HOUR, own_low_s=8 * HOUR, own_high_s=12 * HOUR)
    assert stops(Policy(), own) == ""
