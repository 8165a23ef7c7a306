"""Schedule: when the next test is due, how long it waits for a rested battery, and its retries."""

from __future__ import annotations

from typing import NamedTuple

from ...model.events import Kind
from ..scan.context import StepContext
from ..scan.due import NO_TIME
from .float_time import NO_DISCHARGE_S

WAIT_FOR_REST_S = 72 * 3600.0
RETRY_S = 24 * 3600.0
RETRIES = 3
EXTRA_EVERY_S = 7 * 86400.0  # at most one test is brought forward in so long


class Schedule(NamedTuple):
    """`due` process clock of the next start while tests are enabled; `left_s` what was left when
    they were disabled (None = one full interval). `base`: the regular time a retry belongs to, or
    the one to come after an extra test. `is_extra`: what is due is a test brought forward to
    confirm another; `extra_at` process clock of when the last one was, `extra_n` its number;
    `asked_n` the discharge that asked for one last. `refused`: why the last try could not start,
    at process clock `refused_at`; "" once one has begun."""

    due: float | None = None
    left_s: float | None = None
    interval_s: float = 0.0
    retries: int = 0
    base: float | None = None
    is_extra: bool = False
    extra_at: float | None = None
    extra_n: int | None = None
    asked_n: int | None = None
    refused: str = ""
    refused_at: float = 0.0

    def next_s(self, interval_s: float, now: float) -> float | None:
        """Seconds to the next test as shown; kept while disabled; None = no test will come."""
        if self.due is not None:
            return max(self.due - now, 0.0)
        if self.left_s is not None:
            return self.left_s
        return interval_s if interval_s > 0.0 else None

    def next_due(self, now: float) -> float:
        """When the next test is due; one that waits for its battery is in no hurry any more."""
        return NO_TIME if self.due is None or self.due <= now else self.due


def _plan(schedule: Schedule, ctx: StepContext, **plan: float | None) -> Schedule:
    """A new plan; of the old one only what is known of extra tests stays."""
    return Schedule(
        interval_s=ctx.sp.interval_s,
        extra_at=schedule.extra_at,
        extra_n=schedule.extra_n,
        asked_n=schedule.asked_n,
        **plan,  # type: ignore[arg-type]
    )


def step_schedule(schedule: Schedule, ctx: StepContext) -> Schedule:
    """Follow test.enabled and test.interval_h; give up an extra test that never found its time."""
    sp, now = ctx.sp, ctx.now
    if not sp.test_enabled:
        if schedule.due is None:
            return schedule
        due = schedule.base if schedule.is_extra else schedule.due
        return _plan(schedule, ctx, left_s=None if due is None else max(due - now, 0.0))
    if schedule.due is None and (schedule.left_s is not None or sp.interval_s > 0.0):
        left = sp.interval_s if schedule.left_s is None else schedule.left_s
        return _plan(schedule, ctx, due=now + left)
    if schedule.interval_s != sp.interval_s:
        due = schedule.due
        if due is not None and sp.interval_s > 0.0:
            due = min(due, now + sp.interval_s)
        return schedule._replace(due=due, interval_s=sp.interval_s)
    if schedule.is_extra and schedule.due is not None and now - schedule.due > WAIT_FOR_REST_S:
        text = "The confirming test was given up: its window or a rested battery did not come."
        ctx.tell("test.skipped", Kind.CHANGE, text)
        return _regular(schedule, ctx)
    return schedule


def set_next(schedule: Schedule, hours: float, ctx: StepContext) -> Schedule:
    """test.next_h was set: from now, or kept while tests are disabled."""
    seconds = hours * 3600.0
    if ctx.sp.test_enabled:
        return _plan(schedule, ctx, due=ctx.now + seconds)
    return _plan(schedule, ctx, left_s=seconds)


def confirm(schedule: Schedule, n: int, why: str, ctx: StepContext) -> Schedule:
    """Bring the next scheduled test forward, to when the battery can be rested; tell of it.

    `why`: the sentence on discharge `n` that asks for it. Never more than one in 7 days, none to
    confirm one that was to confirm, and none where scheduled tests are not enabled: then a person
    is asked for it.
    """
    if schedule.is_extra or n in (schedule.extra_n, schedule.asked_n):
        return schedule
    schedule = schedule._replace(asked_n=n)
    due = ctx.now + NO_DISCHARGE_S
    brought = schedule
    if not ctx.sp.test_enabled:
        text = "Start a test once the battery is rested: scheduled tests are not enabled."
    elif schedule.due is not None and schedule.due <= due:
        text = "The next scheduled test comes soon enough to confirm it."
    elif schedule.extra_at is not None and ctx.now - schedule.extra_at < EXTRA_EVERY_S:
        text = "A test was brought forward within 7 days already: the next one stays when it is."
    else:
        text = "The next scheduled test is brought forward to confirm it, once the battery is "
        text += "rested: in 48 h at the earliest."
        brought = Schedule(
            due=due,
            interval_s=ctx.sp.interval_s,
            base=schedule.base if schedule.retries else schedule.due,
            is_extra=True,
            extra_at=ctx.now,
            extra_n=schedule.extra_n,
            asked_n=n,
        )
    ctx.tell("test.confirm", Kind.CHANGE, f"{why} {text}", value=brought is not schedule)
    return brought


def _regular(schedule: Schedule, ctx: StepContext) -> Schedule:
    """The next regular time after this one, never in the past; after an extra test the one that
    was planned before it."""
    interval = ctx.sp.interval_s
    base = schedule.base
    if interval <= 0.0 and (base is None or base <= ctx.now):
        # no repeat: nothing is due, and 0 h is left to show
        return _plan(schedule, ctx, due=None, left_s=None)
    due = schedule.due or ctx.now if base is None else base
    while due <= ctx.now:
        due += interval
    return _plan(schedule, ctx, due=due)


def is_due(schedule: Schedule, is_rested: bool, ctx: StepContext) -> bool:
    """Due, the window is open, and the battery is rested or has been waited for long enough.

    A clock that is known to be wrong tells no window: then the test is not kept waiting. One that
    is to confirm another is of no use without a rested battery.
    """
    if schedule.due is None or ctx.now < schedule.due:
        return False
    if ctx.inputs.clock_ok and not ctx.sp.window.is_open(ctx.inputs.wall):
        return False
    if is_rested:
        return True
    return not schedule.is_extra and ctx.now - schedule.due >= WAIT_FOR_REST_S


def started(schedule: Schedule, n: int, ctx: StepContext) -> Schedule:
    """Scheduled test `n` began; until it is proved, a failure may still ask for a retry."""
    base = schedule.base if schedule.base is not None else schedule.due
    regular = _regular(schedule._replace(base=base), ctx)
    extra_n = n if schedule.is_extra else schedule.extra_n
    return regular._replace(retries=schedule.retries, base=base, extra_n=extra_n)


def proved(schedule: Schedule) -> Schedule:
    return schedule._replace(retries=0, base=None)


def failed(schedule: Schedule, reason: str, ctx: StepContext) -> Schedule:
    """A start failed: retry after 24 h, three times, then skip to the next regular time."""
    base = schedule.base if schedule.base is not None else schedule.due
    if schedule.retries < RETRIES:
        number = schedule.retries + 1
        ctx.tell(
            "test.retry", Kind.CHANGE,
            f"The scheduled test could not start: {reason} Retry {number} of {RETRIES} in 24 h.",
            value=number,
        )  # fmt: skip
        # an extra test has its regular one still before it
        is_extra = base is not None and base > ctx.now
        plan = _plan(schedule, ctx, due=ctx.now + RETRY_S, base=base)
        return plan._replace(retries=number, is_extra=is_extra, refused=reason, refused_at=ctx.now)
    ctx.tell("test.skipped", Kind.CHANGE, f"The scheduled test was skipped: {reason}")
    return _regular(schedule._replace(base=base), ctx)
