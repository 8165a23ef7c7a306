"""The schedule and the delayed start: countdown, rest, retries, and what cancels them."""

from __future__ import annotations

import pytest
from core_scenes import Bench, hours_left, last, pass_hours, phase, step_context

from btrmd.core.machines.float_time import FloatTime
from btrmd.core.machines.schedule import (
    Schedule,
    confirm,
    failed,
    is_due,
    proved,
    set_next,
    started,
    step_schedule,
)
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.model.commands import NextTestIn, StartTest, StopTest
from btrmd.model.discharge import Estimate

# --- The schedule and the delayed start: countdown, rest, retries, and what cancels them ---------

HOUR = 3600.0
MONDAY = 1_780_272_000.0  # 2026-06-01T00:00:00Z
RESTED = FloatTime(float_s=30 * HOUR)


def bench_with(**settings: object) -> Bench:
    """A bench past its self-test with a battery that has long been on float."""
    bench = Bench(dt=1.0, test__minimum_runtime_min=0, **settings)
    bench.estimate = Estimate(20000.0, 15000.0, 25000.0)
    bench.state = bench.state._replace(float_time=RESTED)
    bench.run(30.0)
    return bench


def finish(bench: Bench) -> None:
    """Let a running test end."""
    bench.dt = 10.0
    bench.until("idle", 5 * HOUR)
    bench.dt = 1.0


def test_enabling_waits_one_full_interval_and_counts_down() -> None:
    bench = bench_with(test__interval_h=48)
    assert hours_left(bench) == 48.0
    pass_hours(bench, 5)
    assert hours_left(bench) == 48.0, "nothing counts while tests are disabled"
    bench.change(test__enabled=True)
    bench.step()
    assert hours_left(bench) == pytest.approx(48.0, abs=0.01)
    pass_hours(bench, 5)
    assert hours_left(bench) == pytest.approx(43.0, abs=0.01)


def test_the_countdown_is_kept_while_disabled_and_can_be_edited() -> None:
    bench = bench_with(test__interval_h=48, test__enabled=True)
    pass_hours(bench, 10)
    bench.change(test__enabled=False)
    pass_hours(bench, 10)
    assert hours_left(bench) == pytest.approx(38.0, abs=0.02)
    assert bench.ask(NextTestIn(2.0, "web")).ok
    assert hours_left(bench) == 2.0
    pass_hours(bench, 3)
    assert phase(bench) == "idle"
    bench.change(test__enabled=True)
    pass_hours(bench, 1.5)
    assert hours_left(bench) == pytest.approx(0.5, abs=0.02)
    assert bench.ask(NextTestIn(0.1, "web")).ok
    pass_hours(bench, 0.2)
    assert phase(bench) in ("proving", "running")
    assert last(bench).source == "schedule"


def test_a_shorter_interval_shortens_the_wait_and_a_longer_one_does_not_lengthen_it() -> None:
    bench = bench_with(test__interval_h=48, test__enabled=True)
    pass_hours(bench, 10)
    bench.change(test__interval_h=24)
    bench.step()
    assert hours_left(bench) == pytest.approx(24.0, abs=0.01)
    bench.change(test__interval_h=500)
    bench.step()
    assert hours_left(bench) == pytest.approx(24.0, abs=0.01)


def test_a_scheduled_test_runs_and_the_next_is_one_interval_after_it_was_due() -> None:
    bench = bench_with(test__interval_h=100, test__enabled=True)
    bench.ask(NextTestIn(1.0, "web"))
    due = bench.now + HOUR
    pass_hours(bench, 1.1)
    assert phase(bench) in ("proving", "running")
    bench.until("running", 60.0)
    finish(bench)
    assert last(bench).result == "none", "no minimum runtime, no judgement"
    assert last(bench).marks == ()
    assert bench.now + hours_left(bench) * HOUR == pytest.approx(due + 100 * HOUR, abs=90.0)
    assert len(bench.records) == 1


def test_interval_0_runs_once() -> None:
    bench = bench_with(test__interval_h=0, test__enabled=True)
    pass_hours(bench, 30)
    assert hours_left(bench) is None
    assert not bench.records, "without a time nothing is due"
    bench.ask(NextTestIn(0.5, "web"))
    pass_hours(bench, 1)
    bench.until("running", 60.0)
    finish(bench)
    assert hours_left(bench) is None
    pass_hours(bench, 150)
    assert len(bench.records) == 1


def test_a_due_test_waits_72_h_for_a_rested_battery_then_runs_marked() -> None:
    bench = bench_with(test__interval_h=400, test__enabled=True)
    bench.put(battery_v=12.95, charger_v=13.2)  # present, but no float
    bench.ask(NextTestIn(1.0, "web"))
    pass_hours(bench, 72.9)
    assert phase(bench) == "idle"
    assert hours_left(bench) == 0.0
    pass_hours(bench, 0.2)
    assert phase(bench) in ("proving", "running")
    assert last(bench).marks == ("not_rested",)


@pytest.mark.parametrize(
    "rest", [FloatTime(30 * HOUR, 20 * HOUR), FloatTime(0.0, 100 * HOUR), FloatTime(10 * HOUR)]
)
def test_a_due_test_starts_after_24_h_of_float_and_48_h_without_discharge(rest: FloatTime) -> None:
    bench = bench_with(test__interval_h=400, test__enabled=True)
    bench.state = bench.state._replace(float_time=rest)
    bench.ask(NextTestIn(1.0, "web"))
    float_h, age_h = 24.0 - rest.float_s / HOUR, 48.0 - (rest.undischarged_s or 2e5) / HOUR
    wait_h = max(float_h, age_h)
    pass_hours(bench, wait_h - 0.2)
    assert phase(bench) == "idle"
    pass_hours(bench, 0.4)
    assert phase(bench) in ("proving", "running")
    assert last(bench).marks == ()


def test_a_charger_reading_that_is_lost_for_a_moment_does_not_end_the_float_time() -> None:
    bench = bench_with()
    before = bench.state.float_time.float_s
    bench.put(charger_v=None)
    bench.run(5.0)
    bench.free("charger_v")
    bench.run(20.0)
    assert bench.state.float_time.float_s >= before
    bench.put(charger_v=0.0)
    bench.run(2.0)
    assert bench.state.float_time.float_s == 0.0


@pytest.mark.long
def test_a_failed_start_is_retried_after_24_h_three_times_then_skipped() -> None:
    bench = bench_with(test__interval_h=300, test__enabled=True)
    bench.load_a = 0.1
    bench.ask(NextTestIn(1.0, "web"))
    pass_hours(bench, 1.1)
    for number in (1, 2, 3):
        assert [event.value for event in bench.reported("test.retry")] == list(range(1, number + 1))
        assert hours_left(bench) == pytest.approx(23.9, abs=0.1)
        assert "a test needs at least 0.2 A" in bench.state.last_reason
        pass_hours(bench, 24.0)
    assert len(bench.reported("test.retry")) == 3
    (skipped,) = bench.reported("test.skipped")
    assert "The scheduled test was skipped: The load takes 0.10 A" in skipped.text
    assert hours_left(bench) == pytest.approx(300 - 3 * 24, abs=0.2)
    assert not bench.records
    bench.load_a = 2.0
    pass_hours(bench, 300 - 3 * 24 + 0.2)
    assert phase(bench) in ("proving", "running"), "the next regular one comes"
    assert bench.state.schedule.retries == 0


def test_a_start_that_fails_in_the_proving_is_retried_too() -> None:
    bench = bench_with(test__interval_h=300, test__enabled=True)
    bench.ask(NextTestIn(0.1, "web"))
    bench.put(charger_a=0.2)  # does not open
    pass_hours(bench, 0.3)
    assert phase(bench) == "idle"
    assert last(bench).result == "aborted"
    assert len(bench.reported("test.retry")) == 1
    assert hours_left(bench) == pytest.approx(24.0, abs=0.3)


def test_a_due_test_survives_the_first_seconds_after_a_start() -> None:
    """Right after the start nothing is known to be present: that is no failed start."""
    bench = Bench(dt=0.1, test__enabled=True, test__interval_h=100)
    bench.state = bench.state._replace(float_time=RESTED)
    bench.ask(NextTestIn(0.0, "web"))
    bench.run(30.0)
    assert phase(bench) == "proving"
    assert not bench.reported("test.retry")


# --- delayed start -------------------------------------------------------------------------------


def test_a_delayed_test_starts_when_its_time_has_come() -> None:
    bench = bench_with()
    answer = bench.ask(StartTest("2", 2.5, "web admin"))
    assert answer.data == {"n": 1}
    assert (phase(bench), last(bench).state) == ("delayed", "delayed")
    assert last(bench).started_at == pytest.approx(bench.wall + 2.5 * HOUR, abs=2.0)
    assert not bench.state.test.is_on, "coil 3 reads 0 in delayed"
    refused = bench.ask(StartTest("1", source="web"))
    assert (refused.code, refused.text) == ("running", "A test is already delayed.")
    pass_hours(bench, 2.49)
    assert phase(bench) == "delayed"
    pass_hours(bench, 0.02)
    bench.until("running", 60.0)
    record = last(bench)
    assert (record.n, record.type, record.source) == (1, "2", "web admin")


def test_a_stop_cancels_the_delay() -> None:
    bench = bench_with()
    bench.ask(StartTest("1", 1.0, "web"))
    assert bench.ask(StopTest("cli")).ok
    assert phase(bench) == "idle"
    assert (last(bench).state, last(bench).result) == ("finished", "aborted")
    assert last(bench).reason == "Stopped by cli."
    assert last(bench).duration_s is None
    pass_hours(bench, 2)
    assert len(bench.records) == 1


def test_an_interlock_at_the_due_time_aborts_with_its_reason() -> None:
    bench = bench_with()
    bench.ask(StartTest("1", 1.0, "web"))
    bench.load_a = 0.05
    pass_hours(bench, 1.1)
    assert phase(bench) == "idle"
    record = last(bench)
    assert record.result == "aborted"
    assert record.reason == "The load takes 0.05 A; a test needs at least 0.2 A."
    assert bench.state.last_reason == record.reason
    assert not bench.reported("test.retry"), "only the schedule tries again"


def test_a_delayed_start_may_be_given_while_an_interlock_still_holds() -> None:
    bench = Bench()
    bench.step()
    assert bench.ask(StartTest("1", 0.01, "web")).ok
    bench.run(40.0)
    assert phase(bench) == "proving"


def test_a_manual_test_of_an_unrested_battery_runs_and_is_marked() -> None:
    bench = Bench()
    assert "not_rested" in bench.start().marks


@pytest.mark.parametrize(
    ("settings", "hours"),
    [
        # The test is due on Monday 2026-06-01 at 02:00 UTC.
        ({"test__window_from_h": 5, "test__window_to_h": 8}, 5.0),
        ({"test__window_from_h": 22, "test__window_to_h": 1}, 22.0),
        ({"test__window_from_h": 22, "test__window_to_h": 4}, 2.0),
        ({"test__window_days": "tue, wed"}, 24.0),
        ({"test__blackout": "2026-06-01..2026-06-02"}, 48.0),
        (
            {"test__window_days": "mon,tue", "test__window_from_h": 6, "test__blackout":
             "2026-06-01"}, 30.0,
        ),
    ],
)  # fmt: skip
def test_a_due_test_waits_for_the_window(settings: dict[str, object], hours: float) -> None:
    bench = bench_with(test__interval_h=400, test__enabled=True, **settings)
    bench.wall = MONDAY
    bench.ask(NextTestIn(2.0, "web"))
    pass_hours(bench, hours - 0.05)
    assert phase(bench) == "idle"
    pass_hours(bench, 0.1)
    assert phase(bench) != "idle"


def test_a_manual_test_and_a_wrong_clock_know_no_window() -> None:
    bench = bench_with(test__window_from_h=22, test__window_to_h=23)
    assert bench.ask(StartTest("1", 0.0, "web")).ok


# --- The schedule, step by step: when a test is due, retried, skipped, or brought forward --------

H, DAY = 3600.0, 86400.0
NOW = 1_000_000.0
WEEK: dict[str, object] = {"test.enabled": True, "test.interval_h": 168}


def at(now: float = NOW, **changes: object) -> StepContext:
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    return step_context(now, changes={**WEEK, **dotted})


def told(ctx: StepContext) -> list[tuple[str, object, str]]:
    return [(a.event.key, a.event.value, a.event.text) for a in ctx.actions if isinstance(a, Tell)]


PLAN = Schedule(due=NOW + DAY, interval_s=168 * H)


def test_what_is_shown_as_the_time_to_the_next() -> None:
    assert PLAN.next_s(5.0, NOW) == DAY
    assert PLAN.next_s(5.0, NOW + 2 * DAY) == 0.0
    assert Schedule(left_s=7.0).next_s(5.0, NOW) == 7.0
    assert Schedule().next_s(5.0, NOW) == 5.0
    assert Schedule().next_s(0.5, NOW) == 0.5
    assert Schedule().next_s(0.0, NOW) is None


def test_enabling_plans_what_was_left_or_one_interval() -> None:
    assert step_schedule(Schedule(), at()) == Schedule(due=NOW + 168 * H, interval_s=168 * H)
    assert step_schedule(Schedule(left_s=5.0), at()).due == NOW + 5.0
    nothing = Schedule()
    assert step_schedule(nothing, at(test__interval_h=0)) is nothing
    assert step_schedule(Schedule(left_s=5.0), at(test__interval_h=0)).due == NOW + 5.0
    assert step_schedule(PLAN, at()) is PLAN


def test_disabling_keeps_what_is_left() -> None:
    off = at(test__enabled=False)
    assert step_schedule(PLAN, off) == Schedule(left_s=DAY, interval_s=168 * H)
    late = PLAN._replace(due=NOW - 5.0)
    assert step_schedule(late, off).left_s == 0.0
    nothing = Schedule(left_s=4.0)
    assert step_schedule(nothing, off) is nothing
    # of an extra test the regular one is left
    extra = PLAN._replace(is_extra=True, base=NOW + 2 * DAY, extra_at=1.0, extra_n=2, asked_n=3)
    assert step_schedule(extra, off) == Schedule(
        left_s=2 * DAY, interval_s=168 * H, extra_at=1.0, extra_n=2, asked_n=3
    )
    assert step_schedule(extra._replace(base=None), off).left_s is None


def test_a_shorter_interval_draws_the_next_one_near() -> None:
    made = step_schedule(PLAN, at(test__interval_h=12))
    assert (made.due, made.interval_s) == (NOW + 12 * H, 12 * H)
    made = step_schedule(PLAN, at(test__interval_h=500))
    assert (made.due, made.interval_s) == (NOW + DAY, 500 * H)
    made = step_schedule(PLAN, at(test__interval_h=0))
    assert (made.due, made.interval_s) == (NOW + DAY, 0.0)


def test_the_next_one_is_set_in_hours_from_now() -> None:
    assert set_next(PLAN, 2.0, at()) == Schedule(due=NOW + 2 * H, interval_s=168 * H)
    assert set_next(PLAN, 2.0, at(test__enabled=False)) == Schedule(
        left_s=2 * H, interval_s=168 * H
    )


def test_due_for_a_rested_battery_or_after_72_h() -> None:
    due = Schedule(due=NOW)
    assert is_due(due, True, at())
    assert not is_due(due, True, at(NOW - 0.1))
    assert not is_due(Schedule(), True, at())
    assert not is_due(due, False, at(NOW + 72 * H - 1.0))
    assert is_due(due, False, at(NOW + 72 * H))
    assert not is_due(due._replace(is_extra=True), False, at(NOW + 99 * H))
    assert is_due(due._replace(is_extra=True), True, at(NOW + 1.0))


def test_a_window_that_is_shut_keeps_it_waiting_unless_no_clock_is_set() -> None:
    hour = step_context().inputs.wall % DAY / H  # of the day, UTC
    shut = at(NOW, test__window_from_h=int(hour + 2) % 24, test__window_to_h=int(hour + 3) % 24)
    assert not is_due(Schedule(due=NOW), True, shut)
    shut.inputs = shut.inputs._replace(clock_ok=False)
    assert is_due(Schedule(due=NOW), True, shut)


def test_a_start_that_fails_is_tried_again_three_times_then_skipped() -> None:
    plan = Schedule(due=NOW, interval_s=168 * H)
    for number in (1, 2, 3):
        ctx = at(NOW + (number - 1) * DAY)
        plan = failed(plan, "Why.", ctx)
        assert (plan.retries, plan.due, plan.base) == (number, ctx.now + DAY, NOW)
        assert (plan.refused, plan.refused_at, plan.is_extra) == ("Why.", ctx.now, False)
        assert told(ctx) == [
            ("test.retry", number,
             f"The scheduled test could not start: Why. Retry {number} of 3 in 24 h.")
        ]  # fmt: skip
    ctx = at(NOW + 3 * DAY)
    plan = failed(plan, "Why.", ctx)
    assert plan == Schedule(due=NOW + 168 * H, interval_s=168 * H)
    assert told(ctx) == [("test.skipped", None, "The scheduled test was skipped: Why.")]
    # an extra one still has its regular one before it
    extra = Schedule(due=NOW, interval_s=168 * H, base=NOW + DAY, is_extra=True)
    assert failed(extra, "Why.", at()).is_extra


def test_the_next_regular_time_is_never_in_the_past() -> None:
    def after(plan: Schedule, now: float, **changes: object) -> float | None:
        return started(plan, 5, at(now, **changes)).due

    plan = Schedule(due=NOW, interval_s=168 * H)
    assert after(plan, NOW) == NOW + 168 * H
    assert after(plan, NOW + 168 * H) == NOW + 2 * 168 * H
    assert after(plan, NOW + 500 * H) == NOW + 504 * H
    assert after(plan._replace(base=NOW + DAY), NOW) == NOW + DAY
    assert after(plan, NOW, test__interval_h=0) is None
    assert after(plan._replace(base=NOW + DAY), NOW, test__interval_h=0) == NOW + DAY
    assert after(plan._replace(base=NOW), NOW, test__interval_h=0) is None


def test_a_test_that_began_is_regular_until_it_is_proved() -> None:
    plan = Schedule(due=NOW, interval_s=168 * H, retries=2, base=NOW - DAY, extra_n=3)
    made = started(plan, 5, at())
    assert (made.retries, made.base, made.extra_n) == (2, NOW - DAY, 3)
    assert made.due == NOW - DAY + 168 * H
    assert started(plan._replace(base=None), 5, at()).base == NOW
    assert started(plan._replace(is_extra=True), 5, at()).extra_n == 5
    assert proved(made)._replace(retries=2, base=NOW - DAY) == made
    assert (proved(made).retries, proved(made).base) == (0, None)


# --- brought forward -----------------------------------------------------------------------------

FAR = Schedule(due=NOW + 5 * DAY, interval_s=168 * H)


def test_a_test_is_brought_forward_to_confirm_another() -> None:
    ctx = at()
    made = confirm(FAR, 7, "Why.", ctx)
    assert made == Schedule(
        due=NOW + 2 * DAY, interval_s=168 * H, base=NOW + 5 * DAY, is_extra=True, extra_at=NOW,
        asked_n=7,
    )  # fmt: skip
    assert told(ctx) == [
        ("test.confirm", True,
         "Why. The next scheduled test is brought forward to confirm it, once the battery is "
         "rested: in 48 h at the earliest.")
    ]  # fmt: skip
    retrying = FAR._replace(retries=1, base=NOW + 6 * DAY)
    assert confirm(retrying, 7, "Why.", at()).base == NOW + 6 * DAY
    assert confirm(FAR._replace(base=NOW + 6 * DAY), 7, "Why.", at()).base == NOW + 5 * DAY


@pytest.mark.parametrize(
    ("plan", "enabled", "text"),
    [
        (FAR, False, "Start a test once the battery is rested: scheduled tests are not enabled."),
        (FAR._replace(due=NOW + 2 * DAY), True,
         "The next scheduled test comes soon enough to confirm it."),
        (FAR._replace(extra_at=NOW - 7 * DAY + 1.0), True,
         "A test was brought forward within 7 days already: the next one stays when it is."),
    ],
)  # fmt: skip
def test_what_keeps_it_where_it_is(plan: Schedule, enabled: bool, text: str) -> None:
    ctx = at(test__enabled=enabled)
    assert confirm(plan, 7, "Why.", ctx) == plan._replace(asked_n=7)
    assert told(ctx) == [("test.confirm", False, f"Why. {text}")]


def test_after_7_days_another_may_be_brought_forward() -> None:
    assert confirm(FAR._replace(extra_at=NOW - 7 * DAY), 7, "Why.", at()).is_extra
    assert confirm(FAR._replace(due=NOW + 2 * DAY + 1.0), 7, "Why.", at()).is_extra
    assert confirm(FAR._replace(due=None), 7, "Why.", at()).is_extra


def test_nothing_is_asked_for_twice() -> None:
    for plan in (FAR._replace(is_extra=True), FAR._replace(extra_n=7), FAR._replace(asked_n=7)):
        ctx = at()
        assert confirm(plan, 7, "Why.", ctx) is plan
        assert ctx.actions == []


def test_an_extra_one_that_never_found_its_time_is_given_up_after_72_h() -> None:
    extra = Schedule(due=NOW, interval_s=168 * H, base=NOW + 5 * DAY, is_extra=True)
    assert step_schedule(extra, at(NOW + 72 * H)) is extra
    ctx = at(NOW + 72 * H + 1.0)
    assert step_schedule(extra, ctx) == Schedule(due=NOW + 5 * DAY, interval_s=168 * H)
    assert told(ctx) == [
        ("test.skipped", None,
         "The confirming test was given up: its window or a rested battery did not come.")
    ]  # fmt: skip
    # where none was planned before it, the intervals go on from it
    alone = extra._replace(base=None)
    assert step_schedule(alone, at(NOW + 72 * H + 1.0)).due == NOW + 168 * H
    regular = extra._replace(is_extra=False)
    assert step_schedule(regular, at(NOW + 99 * H)) is regular
