"""Type 1: how long it runs, when it knows enough, and what it says about the battery."""

from __future__ import annotations

from itertools import pairwise

import pytest
from core_scenes import Bench, last, phase

from btrmd.core.capacity_test.type1 import (
    Policy,
    early_stop,
    may_evaluate,
    planned_length,
    side_of,
    weigh,
)
from btrmd.core.scan.actions import WantEstimate
from btrmd.model.discharge import Capacity, Estimate

# --- Type 1: how long it runs, when it knows enough, and what it says about the battery ----------

HOUR, MINUTE = 3600.0, 60.0
AH = 40.0


def estimate(hours: float, width: float = 0.3) -> Estimate:
    """`hours` and an interval of +-`width` of it."""
    return Estimate(hours * HOUR, hours * HOUR * (1.0 - width), hours * HOUR * (1.0 + width))


def run_test(bench: Bench, limit_s: float = 5 * HOUR) -> float:
    """From the start to the verdict; the seconds the discharge took."""
    bench.start("1")
    bench.dt = 5.0
    bench.until("idle", limit_s)
    return last(bench).duration_s or 0.0


# --- the policy's arithmetic ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rated_ah", "load_a", "hours"),
    [
        (None, 2.0, 2.0),  # not known
        (17.0, 2.0, 2.55),  # 0.3 x 17 / 2
        (7.0, 5.0, 1.0),  # never below 1 h
        (200.0, 2.0, 4.0),  # never above 4 h
        (17.0, 0.0, 2.0),  # no load to divide by
    ],
)
def test_the_planned_length(rated_ah: float | None, load_a: float, hours: float) -> None:
    assert planned_length(rated_ah, load_a) == pytest.approx(hours * HOUR)


def test_evaluation_begins_after_20_min_and_3_percent_once_a_minute() -> None:
    policy = Policy()
    assert not may_evaluate(policy, 1199.0, 5.0, 40.0)
    assert may_evaluate(policy, 1200.0, 1.2, 40.0)
    assert not may_evaluate(policy, 1200.0, 1.19, 40.0)
    assert may_evaluate(policy, 1200.0, 0.01, None)
    assert not may_evaluate(policy._replace(evaluated_at=1200.0), 1259.0, 2.0, 40.0)
    assert may_evaluate(policy._replace(evaluated_at=1200.0), 1260.0, 2.0, 40.0)


def test_an_estimate_that_was_short_for_a_moment_does_not_keep_the_plan_short() -> None:
    policy = weigh(Policy(4 * HOUR), estimate(4.0), 1800.0, 0.0)
    assert policy.planned_s == 2 * HOUR
    assert weigh(policy, estimate(7.0), 2400.0, 0.0).planned_s == 3.5 * HOUR
    assert weigh(policy, estimate(20.0), 2400.0, 0.0).planned_s == 4 * HOUR


def test_the_knee_ends_the_test_at_once() -> None:
    bent = estimate(6.0)._replace(is_knee=True)
    assert early_stop(Policy(), bent, 1500.0, 1.0, 2.0).startswith("The voltage falls ever faster")
    assert early_stop(Policy(), estimate(6.0), 1500.0, 1.0, 2.0) == ""


def test_the_plan_never_goes_beyond_half_of_the_estimate() -> None:
    assert weigh(Policy(4 * HOUR), estimate(6.0), 1800.0, 0.0).planned_s == 3 * HOUR
    assert weigh(Policy(2 * HOUR), estimate(6.0), 1800.0, 0.0).planned_s == 2 * HOUR


def test_three_hits_count_only_5_min_apart_and_on_one_side() -> None:
    below, above = estimate(1.0), estimate(20.0)
    policy = Policy()
    for minute, seen, hits in [
        (60, below, 1), (61, below, 1), (64, below, 1), (65, below, 2), (69, below, 2),
        (70, below, 3), (71, above, 1), (76, above, 2), (77, estimate(4.0), 0), (78, above, 1),
    ]:  # fmt: skip
        policy = weigh(policy, seen, minute * MINUTE, 4 * HOUR)
        assert policy.hits == hits, minute


def test_statistics_stop_nothing_before_an_hour_but_half_the_charge_does() -> None:
    sure = Policy(side=1, hits=3)
    narrow = estimate(5.0, 0.05)
    assert early_stop(sure, narrow, 3599.0, 1.0, 2.0) == ""
    assert early_stop(sure, narrow, 3600.0, 1.0, 2.0).startswith("The whole interval lies above")
    below = sure._replace(side=-1)
    assert early_stop(below, narrow, 3600.0, 1.0, 2.0).startswith("The whole interval lies below")
    assert early_stop(Policy(), narrow, 3600.0, 1.0, 2.0) == "The estimate is certain to 10 %."
    assert early_stop(Policy(), estimate(5.0, 0.101), 3600.0, 1.0, 2.0) == ""
    assert early_stop(Policy(), estimate(5.0), 60.0, 5.01, 2.0) == (
        "Half of the estimated charge is used."
    )
    assert early_stop(Policy(), estimate(5.0), 60.0, 4.99, 2.0) == ""


# --- whole tests ---------------------------------------------------------------------------------


def test_without_a_reason_to_stop_it_runs_as_planned() -> None:
    bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=600)
    bench.estimate = estimate(10.0)
    assert run_test(bench) == pytest.approx(4 * HOUR, abs=10.0)
    assert "The planned 4 h 00 min are over." in last(bench).reason


def test_estimates_are_asked_for_once_a_minute() -> None:
    bench = Bench(battery__rated_ah=AH)
    bench.estimate = "Not yet."
    bench.start("1")
    asked = []
    for _ in range(2500):
        bench.step()
        asked += [bench.now for action in bench.actions if isinstance(action, WantEstimate)]
    gaps = {round(b - a) for a, b in pairwise(asked)}
    assert asked[0] - bench.state.test.progress.t0 == pytest.approx(
        2160.0, abs=10.0
    )  # 3 % of 40 Ah
    assert gaps == {60}


def test_an_estimator_that_never_answers_does_not_hold_the_test() -> None:
    bench = Bench(battery__rated_ah=7)
    assert run_test(bench) == pytest.approx(HOUR + 0.05 * HOUR, abs=300.0)
    record = last(bench)
    assert (record.result, record.estimate_s) == ("aborted", None)
    assert "No estimate was possible." in record.reason


@pytest.mark.parametrize(
    ("hours", "minimum_h", "result", "word"), [(9.0, 4, "good", "above"), (6.0, 9, "low", "below")]
)
def test_an_interval_clear_of_the_minimum_ends_it_after_an_hour(
    hours: float, minimum_h: int, result: str, word: str
) -> None:
    bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=minimum_h * 60)
    bench.estimate = estimate(hours, 0.2)
    took = run_test(bench)
    assert HOUR <= took <= HOUR + 5 * MINUTE
    record = last(bench)
    assert record.result == result
    assert f"The whole interval lies {word} the minimum runtime." in record.reason
    assert record.marks == ("not_rested",)


def test_a_narrow_interval_ends_it_after_an_hour() -> None:
    bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=0)
    bench.estimate = estimate(9.0, 0.09)
    assert run_test(bench) == pytest.approx(HOUR, abs=10.0)
    record = last(bench)
    assert record.result == "none", "minimum 0: no judgement"
    assert record.reason == (
        "The estimate is certain to 10 %. Lasts about 9 h 00 min; no minimum runtime is set."
    )
    assert bench.state.health.state is Capacity.UNKNOWN
    assert bench.state.health.estimate == Estimate(9 * HOUR, 9 * HOUR * 0.91, 9 * HOUR * 1.09)


def test_a_minimum_within_the_interval_is_marginal() -> None:
    for hours, result in ((4.1, "good"), (3.9, "low")):
        bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=240)
        bench.estimate = estimate(hours)
        run_test(bench)
        record = last(bench)
        assert record.result == result
        assert "marginal" in record.marks
        assert "but the interval" in record.reason


def test_exactly_the_minimum_is_good() -> None:
    bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=240)
    bench.estimate = estimate(4.0)
    run_test(bench)
    assert last(bench).result == "good"


def test_the_floor_at_the_highest_load_seen() -> None:
    bench = Bench(battery__rated_ah=AH)
    bench.estimate = estimate(9.0)
    bench.start("1")
    bench.load_a = 6.0
    bench.run(30.0)
    bench.load_a = 2.0
    bench.run(700.0)
    bench.put(battery_v=11.5)
    bench.run(60.0)
    assert phase(bench) == "running", "at a smaller load 11.5 V says little"
    bench.load_a = 5.9
    bench.run(10.0)
    assert phase(bench) != "running"
    bench.until("idle", 20.0)
    assert last(bench).reason.startswith("The battery is below 11.60 V at the highest load seen.")


def test_the_floor_lets_the_first_dip_pass() -> None:
    bench = Bench(battery__rated_ah=AH)
    bench.start("1")
    bench.put(battery_v=11.3)
    bench.run(500.0)
    bench.free("battery_v")
    bench.run(200.0)
    assert phase(bench) == "running"


def test_reaching_the_cutoff_gives_the_measured_time() -> None:
    bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=30)
    bench.estimate = estimate(9.0)
    bench.start("1")
    bench.load_a = 3.0
    bench.run(5.0)
    bench.load_a = 2.0
    bench.run(1795.0)
    bench.put(battery_v=10.9)
    bench.until("idle", 60.0)
    record = last(bench)
    assert record.duration_s == pytest.approx(1805.0, abs=10.0)
    assert record.estimate_s == record.estimate_low_s == record.estimate_high_s
    assert record.estimate_s == record.duration_s
    assert record.result == "good"
    assert "marginal" not in record.marks
    assert record.reason.startswith("The battery reached 11.00 V.")


def test_the_last_estimate_is_waited_for_but_not_for_ever() -> None:
    bench = Bench(test__minimum_runtime_min=60)
    bench.start("1")
    bench.run(2 * HOUR - 10.0, dt=5.0)
    bench.until("returning", 30.0)
    bench.estimate = estimate(8.0)  # the answer to the last question never comes
    bench.until("idle", 20.0)
    assert last(bench).result == "aborted"
    bench = Bench(test__minimum_runtime_min=60)
    bench.start("1")
    bench.run(2 * HOUR - 10.0, dt=5.0)
    bench.estimate = estimate(8.0)
    bench.until("idle", 60.0)
    assert (last(bench).result, last(bench).estimate_s) == ("good", 8 * HOUR)


def test_a_good_result_clears_the_alarm_of_a_low_one() -> None:
    bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=240)
    bench.estimate = estimate(2.5, 0.05)
    run_test(bench)
    assert bench.state.health.state is Capacity.LOW
    assert "battery.low_capacity" in bench.alarms
    bench.estimate = estimate(8.0, 0.05)
    bench.dt = 1.0
    run_test(bench)
    assert bench.state.health.state is Capacity.GOOD
    assert "battery.low_capacity" not in bench.alarms
    kinds = [event.kind.value for event in bench.reported("battery.low_capacity")]
    assert kinds == ["raise", "clear"]


def test_an_aborted_test_changes_neither_capacity_nor_the_last_run_time() -> None:
    bench = Bench(battery__rated_ah=AH)
    bench.estimate = estimate(8.0, 0.05)
    run_test(bench)
    before = bench.state.health
    bench.dt = 1.0
    bench.start("1")
    bench.put(supply_v=0.0)
    bench.run(5.0)
    after = bench.state.health
    assert after.last is not None
    assert after.last.result == "aborted"
    assert (after.state, after.estimate) == (before.state, before.estimate)


def test_a_setting_changed_in_the_test_does_not_change_its_minimum() -> None:
    bench = Bench(battery__rated_ah=AH, test__minimum_runtime_min=60)
    bench.estimate = estimate(8.0, 0.2)
    bench.start("1")
    bench.change(test__minimum_runtime_min=3000)
    bench.dt = 5.0
    bench.until("idle", 5 * HOUR)
    assert (last(bench).result, last(bench).minimum_runtime_s) == ("good", HOUR)


# --- The policy of a Type 1 test at its borders: what counts as an answer, and what ends it ------

POINT = Estimate(4 * HOUR, 4 * HOUR, 4 * HOUR)
WIDE = Estimate(10 * HOUR, 8 * HOUR, 12 * HOUR)


def test_the_planned_length_and_what_it_is_without_a_rating() -> None:
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
