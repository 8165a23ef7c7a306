"""The schedule, step by step: when a test is due, retried, skipped, or brought forward."""

from __future__ import annotations

import pytest
from core_scenes import step_context

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
