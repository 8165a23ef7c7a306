"""Guard watch: a bus guard that acts is told of, and a supply that makes it act too often."""

from __future__ import annotations

from typing import NamedTuple

from ...model.events import Kind
from ..scan.context import StepContext
from ..scan.due import due_if
from .flood import HOUR_S

EVENT_S = 5.0  # active for so long: a line in the event log
IDLE_S = 10.0  # idle for so long: it has let go
APART_S = 5.0  # the guard and the transfer that follows it are one help
MOST = 3  # helps an hour; more, and the supply is weak

HELPED = "The bus guard has closed: supply and battery are both on the load."
UNHELPED = "The bus guard has closed on an open battery path: the supply alone lets the load sink."


class GuardWatch(NamedTuple):
    """A guard that only waits, latched, for an outage to end that K1 carries has no news.

    `active_since`, `idle_since` process clock; `reported`: the event of this acting is out.

    `helps`: when the guard or a transfer came to the supply's help within the last hour.
    `path_open`: the acting one has no battery behind it, and the load is as low as UPS mode
    would not leave it.
    """

    active_since: float | None = None
    idle_since: float | None = None
    reported: bool = False
    was_active: bool | None = None
    helps: tuple[float, ...] = ()
    path_open: bool = False

    def next_due(self, now: float) -> float:
        """Every scan while it is about to be told, or about to be over."""
        is_ending = self.idle_since is not None
        return due_if(self.active_since is not None and (is_ending or not self.reported))

    @property
    def is_weak(self) -> bool:
        """The supply needed help more than three times in an hour."""
        return len(self.helps) > MOST


def step_guard(
    watch: GuardWatch, k1_on: bool, k3_on: bool, absent: bool, transferred: bool, ctx: StepContext
) -> GuardWatch:
    """One step. `k1_on`: K1 is on, so that the supply has no load; `k3_on`: the battery path is
    open, so that the guard has nothing to give, and is news only where a supply that is there lets
    the load sink; `absent`: there is no supply; `transferred`: the transfer machine has just moved
    the load to the battery."""
    now, guard = ctx.now, ctx.inputs.guard
    helps = watch.helps and tuple(at for at in watch.helps if now - at < HOUR_S)
    closed = guard is True and watch.was_active is False and not k1_on
    if (closed or transferred) and not (helps and now - helps[-1] < APART_S):
        helps = (*helps, now)
    acts = guard is True and not (k1_on and absent)
    if k3_on:
        load = ctx.inputs.load_v
        acts = acts and not absent and load.good and load.value < ctx.sp.th.ups_transfer_v
    made = _acting(watch, acts, k3_on, ctx)
    if made.was_active is not guard or made.helps != helps:
        made = made._replace(helps=helps, was_active=guard)
    return watch if made == watch else made


def _acting(watch: GuardWatch, acts: bool, path_open: bool, ctx: StepContext) -> GuardWatch:
    now = ctx.now
    if acts:
        since = now if watch.active_since is None else watch.active_since
        reported = watch.reported
        if not reported and now - since >= EVENT_S - 1e-6:
            reported = True
            ctx.tell(
                "guard.active", Kind.CHANGE, UNHELPED if path_open else HELPED,
                value=True, notify=False,
            )  # fmt: skip
        return watch._replace(
            active_since=since, idle_since=None, reported=reported, path_open=path_open
        )
    if watch.active_since is None:
        return watch
    idle = now if watch.idle_since is None else watch.idle_since
    if now - idle < IDLE_S:
        return watch._replace(idle_since=idle)
    return watch._replace(active_since=None, idle_since=None, reported=False, path_open=False)
