"""Capacity: which results are adopted, forced, confirmed, or forgotten with the battery."""

from __future__ import annotations

import pytest
from core_scenes import Bench, hours_left, last, pass_hours, phase, rested, step_context, supply

from btrmd.core import persist
from btrmd.core.machines.capacity import (
    CapacityHealth,
    adopt,
    conclude,
    force,
    low_alarm_text,
    needs_confirming,
    replaced,
    reset,
    take_health,
)
from btrmd.core.machines.float_time import FloatTime
from btrmd.core.publish import points
from btrmd.core.scan.actions import ClearTests, ForgetBattery, Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.state import new_state
from btrmd.model.commands import (
    BatteryReplaced,
    CapacityCheck,
    HealthReady,
    NextTestIn,
    ResetData,
    StartTest,
)
from btrmd.model.discharge import Capacity, Estimate, TestRecord

# --- Capacity, step by step: which results are adopted, and what is said of them -----------------

GOOD = TestRecord(n=1, type="1", result="good")
LOW = TestRecord(n=2, type="1", result="low", marks=())
LOW_HEALTH = CapacityHealth(state=Capacity.LOW, low_alarm=True, low_text="old", is_probable=True)


def told(ctx: StepContext) -> list[tuple[str, object, str]]:
    return [(a.event.key, a.event.value, a.event.text) for a in ctx.actions if isinstance(a, Tell)]


def test_a_low_that_is_firm_is_an_alarm() -> None:
    made = adopt(CapacityHealth(), LOW)
    assert (made.state, made.low_alarm, made.forced, made.is_probable) == (
        Capacity.LOW, True, False, False,
    )  # fmt: skip
    assert made.low_text != ""
    assert low_alarm_text(made) == f"Low battery capacity. {made.low_text}"


def test_a_low_that_was_forced_is_one_that_was_measured_now() -> None:
    made = adopt(CapacityHealth(Capacity.LOW, forced=True), LOW)
    assert not made.forced
    assert "forced" not in low_alarm_text(made)


def test_a_low_that_is_marginal_is_probable() -> None:
    made = adopt(CapacityHealth(), LOW._replace(marks=("marginal",)))
    assert (made.state, made.low_alarm, made.is_probable) == (Capacity.LOW, True, True)
    assert low_alarm_text(made).startswith("Low battery capacity, probably. ")
    assert needs_confirming(LOW._replace(marks=("marginal",)))
    assert not needs_confirming(LOW)
    assert not needs_confirming(GOOD._replace(marks=("marginal",)))


def test_what_is_not_confirmed_or_no_result_changes_nothing() -> None:
    before = CapacityHealth()
    for record in (LOW._replace(marks=("unconfirmed",)), GOOD._replace(result="aborted"),
                   GOOD._replace(result="none")):  # fmt: skip
        assert adopt(before, record) == before._replace(last=record), record


def test_a_good_one_takes_everything_back() -> None:
    made = adopt(LOW_HEALTH._replace(forced=True), GOOD)
    assert made == CapacityHealth(state=Capacity.GOOD, last=GOOD)


def test_a_good_one_with_a_finding_takes_no_low_back() -> None:
    found = GOOD._replace(marks=("marginal", "load_changed"))
    assert adopt(LOW_HEALTH, found) == LOW_HEALTH._replace(last=found)
    assert adopt(CapacityHealth(), found).state is Capacity.GOOD
    for marks in (("marginal",), ("load_changed",)):
        assert adopt(LOW_HEALTH, GOOD._replace(marks=marks)).state is Capacity.GOOD


def test_the_last_that_has_measured_a_time_is_what_is_shown() -> None:
    measured = GOOD._replace(estimate_s=100.0, estimate_low_s=80.0, estimate_high_s=120.0)
    made = adopt(CapacityHealth(), measured)
    assert made.estimate == Estimate(100.0, 80.0, 120.0)
    assert adopt(made, GOOD).measured is measured
    assert adopt(made, measured._replace(n=9, result="aborted")).measured is measured
    assert adopt(made, measured._replace(n=9, result="none")).measured == measured._replace(
        n=9, result="none"
    )
    ends = measured._replace(estimate_low_s=None, estimate_high_s=None)
    assert adopt(made, ends).estimate == Estimate(100.0, 100.0, 100.0)
    assert CapacityHealth().estimate is None


def test_another_capacity_is_told_once() -> None:
    ctx = step_context()
    made = conclude(CapacityHealth(), LOW._replace(marks=("marginal",)), ctx)
    assert told(ctx) == [("capacity.state", "low", "Capacity is probably low.")]
    again = step_context()
    conclude(made, LOW, again)
    assert told(again) == []
    good = step_context()
    conclude(made, GOOD, good)
    assert told(good) == [("capacity.state", "good", "Capacity is good.")]


def test_the_io_check_forces_and_takes_back() -> None:
    ctx = step_context()
    made = force(LOW_HEALTH, True, "PB", ctx)
    assert made == CapacityHealth(Capacity.LOW, True, True)
    assert low_alarm_text(made) == "Low battery capacity (forced by the IO check)."
    assert told(ctx) == [
        ("capacity.state", "low", "Capacity was set to low by the IO check: forced, not measured.")
    ]
    made = force(made, False, "PB", step_context())
    assert made == CapacityHealth(Capacity.GOOD, False, True)
    assert low_alarm_text(CapacityHealth()) == "Low battery capacity."


def test_what_the_discharges_say_together_is_taken_whole() -> None:
    ready = HealthReady(soh_pct=80.0, soh_low_pct=70.0, soh_high_pct=90.0, replace_at=5.0, text="T")
    ctx = step_context()
    made = take_health(LOW_HEALTH, ready, ctx)
    assert made == LOW_HEALTH._replace(
        soh_pct=80.0, soh_low_pct=70.0, soh_high_pct=90.0, replace_at=5.0
    )
    assert told(ctx) == [("battery.soh", 80.0, "T")]
    suspected = take_health(made, ready._replace(confirm=True), step_context())
    assert suspected.is_change_suspected
    assert not take_health(suspected, ready, step_context()).is_change_suspected
    grown = take_health(made, ready._replace(resistance_growth_pct=30.0), step_context())
    assert grown.resistance_growth_pct == 30.0
    quiet = step_context()
    take_health(LOW_HEALTH, ready._replace(text=""), quiet)
    assert told(quiet) == []


@pytest.mark.parametrize(
    ("at", "value", "on"), [(None, None, ""), (1_790_000_000.0, "2026-09-21", " on 2026-09-21")]
)
def test_another_battery_and_a_reset_leave_nothing(
    at: float | None, value: object, on: str
) -> None:
    ctx = step_context()
    assert replaced("web", ctx, at) == CapacityHealth()
    assert told(ctx) == [
        ("battery.replaced", value,
         f"The battery was replaced{on}: earlier discharges stay in the history and count no "
         "more.")
    ]  # fmt: skip
    ctx = step_context()
    assert reset("web", ctx) == CapacityHealth()
    assert told(ctx) == [("capacity.state", "unknown", "The battery test data were cleared.")]


# --- The capacity check --------------------------------------------------------------------------


def ready(**settings: object) -> Bench:
    bench = Bench(**settings)
    bench.run(20.0)
    return bench


def test_the_io_check_forces_capacity_low_and_back_and_says_forced() -> None:
    bench = ready(io1__config=4)
    assert bench.ask(CapacityCheck(True, "web admin")).ok
    assert bench.state.health.state is Capacity.LOW
    assert bench.alarms == ("battery.low_capacity",)
    assert bench.state.outputs.ch1
    event = bench.reported("capacity.state")[0]
    assert event.text == "Capacity was set to low by the IO check: forced, not measured."
    assert event.source == "web admin"
    assert "forced" in bench.reported("battery.low_capacity")[0].text
    assert bench.ask(CapacityCheck(False, "web admin")).ok
    assert bench.state.health.state is Capacity.GOOD
    assert bench.alarms == ()
    assert not bench.state.outputs.ch1


def test_a_measured_result_replaces_a_forced_one() -> None:
    bench = Bench(test__type2_min=1)
    bench.run(20.0)
    bench.ask(CapacityCheck(True, "web"))
    bench.start("2")
    bench.until("idle", 120.0)
    assert bench.state.health.state is Capacity.GOOD
    assert not bench.state.health.forced
    assert bench.alarms == ()


# --- The confirming test: a doubtful result brings the next scheduled one forward, once in 7
#     days

HOUR = 3600.0
RESTED = FloatTime(float_s=60 * HOUR, undischarged_s=60 * HOUR)
MARGINAL = Estimate(2.9 * HOUR, 2.5 * HOUR, 3.3 * HOUR)
GOOD_ESTIMATE = Estimate(8 * HOUR, 7.4 * HOUR, 8.6 * HOUR)
DIFFERS = HealthReady(70.0, "State of health 70 %.", 60.0, 80.0, True)


def bench_for(**settings: object) -> Bench:
    bench = Bench(battery__rated_ah=40, test__minimum_runtime_min=180, **settings)
    bench.state = bench.state._replace(float_time=RESTED)
    bench.run(30.0)
    return bench


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
    bench.estimate = GOOD_ESTIMATE
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
    bench.estimate = GOOD_ESTIMATE
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
    bench.estimate = GOOD_ESTIMATE
    pass_hours(bench, 48.2)
    bench.until("running", 100.0)
    finish(bench)
    assert hours_left(bench) is None


def test_a_discharge_that_differs_asks_for_a_test_too() -> None:
    bench = bench_for(test__enabled=True, test__interval_h=336)
    manual_test(bench, GOOD_ESTIMATE)
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


# --- Another battery: what was before stays in the history and counts no more --------------------


def low(bench: Bench) -> None:
    bench.estimate = Estimate(2 * HOUR, 1.9 * HOUR, 2.1 * HOUR)
    bench.start("1")
    bench.dt = 5.0
    bench.until("idle", 5 * HOUR)
    bench.dt = 1.0
    bench.run(5.0)


def test_capacity_alarm_and_health_start_anew_and_nothing_is_cleared() -> None:
    bench = Bench(battery__rated_ah=40, test__minimum_runtime_min=180)
    low(bench)
    bench.ask(HealthReady(61.0, "State of health 61 %.", 55.0, 66.0))
    assert "battery.low_capacity" in bench.alarms
    answer = bench.ask(BatteryReplaced("web admin"))
    assert answer.ok
    assert answer.data == {"after": 1}
    assert [a for a in bench.actions if isinstance(a, ForgetBattery)] == [ForgetBattery(1)]
    assert not [a for a in bench.actions if isinstance(a, ClearTests)]
    bench.step()
    state = bench.state
    assert (state.health.state, state.health.last, state.health.soh_pct) == (
        Capacity.UNKNOWN, None, None,
    )  # fmt: skip
    assert bench.alarms == ()
    assert state.charge.missing_ah is None
    assert (state.replaced_after, state.replaced_at) == (1, bench.wall - 2.0)
    event = bench.reported("battery.replaced")[0]
    assert (event.source, event.kind.value) == ("web admin", "command")
    assert "stay in the history" in event.text
    shown = points(state, bench.inputs, {}, bench.now)
    assert shown["runtime.estimate"].value is None
    assert shown["capacity.state"].value == "unknown"


def test_numbers_go_on_and_the_mark_outlives_a_restart() -> None:
    bench = Bench(battery__rated_ah=40, test__minimum_runtime_min=180)
    low(bench)
    bench.ask(BatteryReplaced("cli root"))
    low(bench)
    assert last(bench).n == 2
    stored = persist.dump(bench.state, bench.now, bench.wall)
    fresh = new_state(bench.state.setpoints, 7.0)
    found = persist.restore(fresh, stored, bench.wall, {}, interrupted=False)
    assert (found.replaced_after, found.replaced_at) == (1, bench.state.replaced_at)
    del stored["replaced_after"], stored["replaced_at"]
    found = persist.restore(fresh, stored, bench.wall, {}, interrupted=False)
    assert (found.replaced_after, found.replaced_at) == (0, None)


def test_it_is_refused_in_a_test_and_on_battery() -> None:
    bench = Bench()
    bench.start()
    answer = bench.ask(BatteryReplaced("web"))
    assert (answer.ok, answer.code) == (False, "running")
    station = rested()
    supply(station, False)
    station.run(30.0)
    answer = station.ask(BatteryReplaced("web"))
    assert (answer.ok, answer.code) == (False, "on_battery")
    assert "when the supply is back" in answer.text
    supply(station, True)
    station.run(60.0)
    assert station.ask(BatteryReplaced("web")).ok


def test_a_delayed_start_stays() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    bench.ask(StartTest("1", 2.0, "web"))
    assert bench.ask(BatteryReplaced("web")).data == {"after": 1}
    assert bench.state.test.record is not None


def test_the_day_it_was_put_in_is_kept_and_told() -> None:
    bench = Bench()
    bench.run(30.0)
    bench.ask(HealthReady(61.0, "", 55.0, 66.0, confirm=True, replace_at=1_790_000_000.0))
    assert bench.state.health.replace_at == 1_790_000_000.0
    assert bench.state.health.is_change_suspected
    answer = bench.ask(BatteryReplaced("web admin", 1_779_235_200.0))
    assert answer.ok
    assert bench.state.replaced_at == 1_779_235_200.0
    assert bench.state.health.replace_at is None  # nothing is known of the new one
    assert not bench.state.health.is_change_suspected
    reported = bench.reported("battery.replaced")[-1]
    assert (reported.value, reported.text) == (
        "2026-05-20",
        "The battery was replaced on 2026-05-20: earlier discharges stay in the history and count "
        "no more.",
    )


@pytest.mark.parametrize("command", [BatteryReplaced("web admin"), ResetData(source="web admin")])
def test_what_a_restart_would_forget_is_refused_while_nothing_can_be_stored(
    command: BatteryReplaced | ResetData,
) -> None:
    bench = Bench()
    bench.run(20.0)
    bench.put(storage_ok=False)
    before = bench.state.health, bench.state.replaced_after
    answer = bench.ask(command)
    assert (answer.ok, answer.code) == (False, "storage")
    assert "a restart would forget this" in answer.text
    assert (bench.state.health, bench.state.replaced_after) == before
    bench.free("storage_ok")
    assert bench.ask(command).ok
