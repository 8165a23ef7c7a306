"""On battery: the battery feeds the load outside a test, whoever moved it there."""

from __future__ import annotations

from typing import NamedTuple

from ...model.discharge import LEAST_LOAD_A
from ..scan.context import StepContext
from ..scan.due import due_if
from .transfer import Transfer, Where

FLOWS_S = 2.0  # the battery gives current for so long: it is on battery
# a K1 that does not let go: the guard lets the supply help for 10 s, and then it feeds again
BETWEEN_S = 15.0
RECENT_S = 5.0
IDLE_S = 30.0  # K1 on, but the supply feeds the load by the guard for so long: it is not
DEAD_S = 5.0  # the bus is dead for so long: nobody feeds it
SETTLE_S = 0.5  # K1's contacts, and a scan


class OnBattery(NamedTuple):
    """`flows_since`, `idle_since`, `dead_since`: process clock, None = it is not so now.

    `flowed_at`: when the battery was last seen to feed the load with K1 released; `on_at`: when it
    was last on.
    """

    on: bool = False
    flows_since: float | None = None
    flowed_at: float = float("-inf")
    on_at: float = float("-inf")
    idle_since: float | None = None
    dead_since: float | None = None

    def next_due(self, now: float) -> float:
        """Every scan while it feeds the load, or may have begun to."""
        return due_if(self.on or self.flows_since is not None)


def _since(since: float | None, holds: bool, now: float) -> float | None:
    if not holds:
        return None
    return now if since is None else since


def _for(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now - since >= seconds - 1e-6


def step_on_battery(
    was: OnBattery,
    transfer: Transfer,
    in_test: bool,
    guarded: bool,
    k1_on: bool,
    k1_is_faulty: bool,
    settled_s: float,
    ctx: StepContext,
) -> OnBattery:
    """One step. `guarded`: the guard is up and there is no supply; `k1_on` and for how long all
    coils have been as they are: those in force in this scan."""
    now, flows, load = ctx.now, ctx.flows, ctx.inputs.load_v
    gives = flows.discharge is not None and flows.discharge > 0.0
    # where the sum of the currents is wrong, the guard, or a K1 that does not let go, says where
    # the battery's current goes
    flowing = flows.discharges or (gives and (ctx.inputs.guard is True or k1_is_faulty))
    # a load that is dark and takes nothing is fed by nobody, whatever the battery's current reads
    amps, dark = ctx.inputs.load_a, load.good and load.value < ctx.sp.th.dark_v
    is_off = dark and amps.good and amps.value < LEAST_LOAD_A
    flowing = flowing and not (in_test or k1_on or is_off) and settled_s >= SETTLE_S
    flows_since = _since(was.flows_since, flowing, now)
    flowed_at = now if flowing else was.flowed_at
    # a K1 that does not let go is left on while the guard keeps the supply on the load
    gives_none = flows.discharge is not None and not gives
    idle_since = _since(was.idle_since, k1_is_faulty and gives_none, now)
    dead = dark and (is_off or not flows.carries)
    dead_since = _since(was.dead_since, dead, now)
    on = transfer.where is Where.BATTERY or (guarded and not in_test)
    if on and (_for(idle_since, IDLE_S, now) or _for(dead_since, DEAD_S, now)):
        on = False
    pause_s = BETWEEN_S if k1_is_faulty else FLOWS_S
    lately = was.on and not (in_test or k1_on) and now - flowed_at < pause_s
    still = flowing and now - was.on_at < RECENT_S  # a return that has not relieved it
    if _for(flows_since, FLOWS_S, now) or lately or still:
        on = True
    made = OnBattery(on, flows_since, flowed_at, now if on else was.on_at, idle_since, dead_since)
    return was if made == was else made
