"""The confirming test: a doubtful result brings the next scheduled test forward, once in 7 days."""

from __future__ import annotations

import pytest
from core_scenes import Bench, last, phase

from btrmd.core import persist
from btrmd.core.machines.float_time import FloatTime
from btrmd.core.state import new_state
from btrmd.model.commands import HealthReady, NextTestIn
from btrmd.model.discharge import Estimate

HOUR = 3600.0
RESTED = FloatTime(float_s=60 * HOUR, undischarged_s=60 * HOUR)
MARGINAL = Estimate(2.9 * HOUR, 2.5 * HOUR, 3.3 * HOUR)
GOOD = Estimate(8 * HOUR, 7.4 * HOUR, 8.6 * HOUR)
DIFFERS = HealthReady(70.0, "State of health 70 %.", 60.0, 80.0, True)


def bench_for(**settings: object) -> Bench:
    bench = Bench(battery__rated_ah=40, test__minimum_runtime_min=180, **settings)
    bench.state = bench.state._replace(float_time=RESTED)
    bench.run(30.0)
    return bench


def hours_left(bench: Bench) -> float | None:
    seconds = bench.state.schedule.next_s(bench.state.setpoints.interval_s, bench.now)
    return None if seconds is None else seconds / HOUR


def pass_hours(bench: Bench, hours: float) -> None:
    fine = min(hours, 0.2)
    bench.run((hours - fine) * HOUR, dt=120.0)
    bench.run(fine * HOUR, dt=10.0)


def manual_test(bench: Bench, made: Estimate = MARGINAL) -> None:
    bench.dt = 1.0
    bench.estimate = made
    bench.start("1")
    finish(bench)


def finish(bench: Bench) -> None:
    bench.dt = 10.0
    bench.until("idle", 6 * HOUR)
    bench.dt = 1.0


def reported(bench: Bench) -> list[str]:
    return [event.text for event in bench.reported("test.confirm")]


def test_a_marginal_low_brings_the_next_test_forward_and_the_regular_one_stays() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    manual_test(bench)
    regular = bench.state.schedule.base
    assert hours_left(bench) == pytest.approx(48.0, abs=0.1)
    assert reported(bench) == [
        "Test 1 says that the capacity is low, but not for sure. The next scheduled test is "
        "brought forward to confirm it, once the battery is rested: in 48 h at the earliest."
    ]
    pass_hours(bench, 47.5)
    assert phase(bench) == "idle"
    bench.dt = 1.0
    bench.estimate = GOOD
    pass_hours(bench, 1.0)
    assert phase(bench) != "idle"
    bench.until("running", 100.0)
    finish(bench)
    assert (last(bench).n, last(bench).source, last(bench).marks) == (2, "schedule", ())
    assert regular is not None
    assert bench.now + hours_left(bench) * HOUR == pytest.approx(regular, abs=30.0)  # type: ignore[operator]


def test_a_confirming_test_asks_for_no_other_one() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=500)
    manual_test(bench)
    bench.dt = 1.0
    pass_hours(bench, 48.2)
    bench.until("running", 100.0)
    finish(bench)
    assert last(bench).marks == ("marginal",)
    bench.ask(DIFFERS)
    assert len(reported(bench)) == 1
    assert hours_left(bench) == pytest.approx(500.0 - 52.0, abs=3.0)


def test_never_more_than_one_in_seven_days() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=500)
    manual_test(bench)
    bench.estimate = GOOD
    pass_hours(bench, 48.2)
    bench.until("running", 100.0)
    finish(bench)
    pass_hours(bench, 24.0)
    manual_test(bench)
    assert reported(bench)[-1].endswith("within 7 days already: the next one stays when it is.")
    assert hours_left(bench) > 300.0  # type: ignore[operator]
    pass_hours(bench, 100.0)
    manual_test(bench)
    assert "is brought forward" in reported(bench)[-1]
    assert hours_left(bench) == pytest.approx(48.0, abs=0.1)


def test_it_waits_for_rest_and_for_the_window_and_is_given_up_in_the_end() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    manual_test(bench)
    bench.put(battery_v=12.95, charger_v=13.2)  # present, but no float
    pass_hours(bench, 119.0)
    assert phase(bench) == "idle"
    assert last(bench).n == 1
    pass_hours(bench, 2.0)
    assert phase(bench) == "idle", "an unrested battery confirms nothing"
    assert "given up" in bench.reported("test.skipped")[0].text
    assert hours_left(bench) == pytest.approx(336.0 - 1.5 - 121.0, abs=1.0)


def test_where_nothing_is_scheduled_a_person_is_asked() -> None:
    bench = bench_for(test__enabled=False)
    manual_test(bench)
    assert reported(bench)[0].endswith(
        "Start a test once the battery is rested: scheduled tests are not enabled."
    )
    pass_hours(bench, 60.0)
    assert len(bench.records) == 1


def test_a_test_that_comes_soon_anyway_is_left_alone() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    bench.ask(NextTestIn(30.0, "web"))
    manual_test(bench)
    assert reported(bench)[0].endswith("The next scheduled test comes soon enough to confirm it.")
    assert hours_left(bench) == pytest.approx(28.5, abs=1.0)
    assert bench.state.schedule.extra_at is None


def test_with_no_repeat_there_is_one_confirming_test_and_then_none() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=0)
    manual_test(bench)
    assert hours_left(bench) == pytest.approx(48.0, abs=0.1)
    bench.estimate = GOOD
    pass_hours(bench, 48.2)
    bench.until("running", 100.0)
    finish(bench)
    assert hours_left(bench) is None


def test_a_discharge_that_differs_asks_for_a_test_too() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    manual_test(bench, GOOD)
    bench.ask(DIFFERS)
    assert reported(bench)[0].startswith(
        "The last discharge differs from those before it. The next"
    )
    assert hours_left(bench) == pytest.approx(48.0, abs=0.1)
    bench.ask(DIFFERS)
    assert len(reported(bench)) == 1


def test_what_is_told_again_at_a_start_asks_for_nothing() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    bench.ask(DIFFERS._replace(text=""))
    assert reported(bench) == []
    assert bench.state.health.soh_low_pct == 60.0


def test_disabling_gives_the_regular_time_back() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    manual_test(bench)
    bench.change(test__enabled=False)
    bench.run(10.0)
    assert hours_left(bench) == pytest.approx(336.0, abs=2.0)


def test_it_outlives_a_restart() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    manual_test(bench)
    pass_hours(bench, 1.0)
    stored = persist.dump(bench.state, bench.now, bench.wall)
    fresh = new_state(bench.state.setpoints, 7.0)
    plan = persist.restore(fresh, stored, bench.wall + HOUR, {}, interrupted=False).schedule
    assert plan.is_extra
    assert plan.due == pytest.approx(7.0 + 46 * HOUR, abs=120.0)
    assert plan.base == pytest.approx(7.0 + 332.5 * HOUR, abs=2 * HOUR)
    assert plan.extra_at == pytest.approx(7.0 - 2 * HOUR, abs=120.0)
    assert (plan.extra_n, plan.asked_n) == (None, 1)


def test_a_start_that_fails_is_tried_again_as_a_confirming_test() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    manual_test(bench)
    regular = bench.state.schedule.base
    bench.put(load_a=0.0)
    pass_hours(bench, 48.5)
    assert bench.reported("test.retry")
    plan = bench.state.schedule
    assert (plan.is_extra, plan.retries, plan.base) == (True, 1, regular)
