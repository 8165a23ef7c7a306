"""Schedule: when the next test is due, how long it waits for a rested battery, and its retries."""

from __future__ import annotations

from typing import NamedTuple

from ..model.events import Kind
from .desk import Desk

WAIT_FOR_REST_S = 72 * 3600.0
RETRY_S = 24 * 3600.0
RETRIES = 3


class Schedule(NamedTuple):
    """`due` process clock of the next start while tests are enabled; `left_s` what was left when
    they were disabled (None = one full interval). `base`: the regular time a retry belongs to."""

    due: float | None = None
    left_s: float | None = None
    interval_s: float = 0.0
    retries: int = 0
    base: float | None = None

    def next_s(self, interval_s: float, now: float) -> float | None:
        """Seconds to the next test as shown; kept while disabled; None = no test will come."""
        if self.due is not None:
            return max(self.due - now, 0.0)
        if self.left_s is not None:
            return self.left_s
        return interval_s if interval_s > 0.0 else None


def step_schedule(schedule: Schedule, desk: Desk) -> Schedule:
    """Follow test.enabled and test.interval_h."""
    sp, now = desk.sp, desk.now
    if not sp.test_enabled:
        if schedule.due is None:
            return schedule
        return Schedule(left_s=max(schedule.due - now, 0.0), interval_s=sp.interval_s)
    if schedule.due is None and (schedule.left_s is not None or sp.interval_s > 0.0):
        left = sp.interval_s if schedule.left_s is None else schedule.left_s
        return Schedule(due=now + left, interval_s=sp.interval_s)
    if schedule.interval_s != sp.interval_s:
        due = schedule.due
        if due is not None and sp.interval_s > 0.0:
            due = min(due, now + sp.interval_s)
        return schedule._replace(due=due, interval_s=sp.interval_s)
    return schedule


def set_next(schedule: Schedule, hours: float, desk: Desk) -> Schedule:
    """test.next_h was set: from now, or kept while tests are disabled."""
    seconds = hours * 3600.0
    if desk.sp.test_enabled:
        return Schedule(due=desk.now + seconds, interval_s=desk.sp.interval_s)
    return Schedule(left_s=seconds, interval_s=desk.sp.interval_s)


def _regular(schedule: Schedule, desk: Desk) -> Schedule:
    """The next regular time after this one, never in the past."""
    interval = desk.sp.interval_s
    if interval <= 0.0:
        # no repeat: nothing is due, and 0 h is left to show
        return Schedule(due=None, left_s=None, interval_s=interval)
    base = schedule.base if schedule.base is not None else schedule.due or desk.now
    due = base + interval
    while due <= desk.now:
        due += interval
    return Schedule(due=due, interval_s=interval)


def is_due(schedule: Schedule, is_rested: bool, desk: Desk) -> bool:
    """Due, the window is open, and the battery is rested or has been waited for long enough.

    A clock that is known to be wrong tells no window: then the test is not kept waiting.
    """
    if schedule.due is None or desk.now < schedule.due:
        return False
    if desk.inputs.clock_ok and not desk.sp.window.is_open(desk.inputs.wall):
        return False
    return is_rested or desk.now - schedule.due >= WAIT_FOR_REST_S


def started(schedule: Schedule, desk: Desk) -> Schedule:
    """A scheduled test began; until it is proved, a failure may still ask for a retry."""
    base = schedule.base if schedule.base is not None else schedule.due
    regular = _regular(schedule._replace(base=base), desk)
    return regular._replace(retries=schedule.retries, base=base)


def proved(schedule: Schedule) -> Schedule:
    return schedule._replace(retries=0, base=None)


def failed(schedule: Schedule, reason: str, desk: Desk) -> Schedule:
    """A start failed: retry after 24 h, three times, then skip to the next regular time."""
    base = schedule.base if schedule.base is not None else schedule.due
    if schedule.retries < RETRIES:
        number = schedule.retries + 1
        desk.tell(
            "test.retry", Kind.CHANGE,
            f"The scheduled test could not start: {reason} Retry {number} of {RETRIES} in 24 h.",
            value=number,
        )  # fmt: skip
        return Schedule(
            due=desk.now + RETRY_S, interval_s=desk.sp.interval_s, retries=number, base=base
        )
    desk.tell("test.skipped", Kind.CHANGE, f"The scheduled test was skipped: {reason}")
    return _regular(schedule._replace(base=base), desk)
