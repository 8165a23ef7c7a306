"""The step: in which order the machines look at one scan. Nothing else."""

from __future__ import annotations

from ..model.board import Inputs
from ..model.commands import Command, ResetData
from ..model.discharge import TestRecord, TestState
from ..model.events import Kind
from ..model.settings import Settings
from ..model.waiting import StartRefusal
from . import capacity, schedule
from .actions import Action, Persist, Restart, RestoreSettings, SaveRecord
from .alarms import Seen, conditions, step_alarms
from .blocks import step_blocks, take_record
from .buttons import flash, step_buttons
from .charge import full_ah, step_charge
from .condition import StartCondition, condition_of
from .context import StepContext
from .digital import step_digital
from .float_time import step_float_time
from .flows import measure_flows
from .guardwatch import step_guard
from .lvd import step_lvd
from .onbattery import step_on_battery
from .outage import step_outage
from .outputs import combine, keep_path_open, on_supply
from .plausible import step_plausible
from .presence import step_presence
from .relations import Tie
from .relaywatch import latch, step_relays
from .requests import handle, interlock
from .selftest import step_selftest
from .setpoints import Setpoints
from .state import State
from .test import sequence
from .test.state import IDLE, Moved
from .transfer import Handover, Where, moves_on_guard, step_transfer

SETTLE_S = 15.0  # after the start: the self-test and the 10 s of presence are over


def step(
    state: State,
    snapshot: Inputs,
    settings: Settings,
    commands: tuple[Command, ...],
    now: float,
) -> tuple[State, list[Action]]:
    """One scan in, decisions out. Pure: the same arguments give the same answer.

    `snapshot` the board's inputs, `now` the process clock in s (never going back). The new
    state's `outputs` are what the board must drive; `actions` what else the shell must do.
    """
    sp = state.setpoints
    if sp.settings is not settings:
        sp = Setpoints.of(settings)
        tick = "dnp3.unsolicited"  # set or taken away it overrules what a master has switched
        is_same = state.setpoints.settings.get(tick) == sp.settings.get(tick)
        state = state._replace(
            setpoints=sp, settings_seen=True, unsolicited=state.unsolicited if is_same else None
        )
    dt = max(now - state.last_now, 0.0)

    # what is, and what of it can be believed
    flows = measure_flows(state.plausible.believed(snapshot), sp.single_source)
    settled_s = state.relays.settled_s(state.outputs, now)
    plausible = step_plausible(
        state.plausible, snapshot, flows, state.outputs, settled_s, state.presence, sp, now, dt
    )
    snapshot = plausible.believed(snapshot)
    feeds = flows.alone and not plausible.found[Tie.SUPPLY_LOAD.value].broken
    ctx = StepContext(
        now, dt, state.boot, snapshot, sp, flows, feeds, plausible.is_odd("battery.voltage"),
        plausible.reasons, plausible.is_doubtful,
        plausible.jumped,
    )  # fmt: skip
    presence = step_presence(state.presence, ctx)
    relays = step_relays(state.relays, state.outputs, ctx)
    if relays.faulty != state.relays.faulty:
        ctx.do(Persist())
    carries = state.test.k1 or state.on_battery
    whole = full_ah(sp, state.health)
    float_time = step_float_time(state.float_time, presence, carries, ctx)
    state = state._replace(
        last_now=now,
        plausible=plausible,
        selftest=step_selftest(state.selftest, ctx),
        presence=presence,
        float_time=float_time,
        blocks=step_blocks(state.blocks, float_time, ctx),
        charge=step_charge(state.charge, presence, carries, whole, ctx),
        digital=step_digital(state.digital, ctx),
        relays=relays,
    )

    # what is asked
    state, moved = handle(state, commands, ctx) if commands else (state, None)
    state = _buttons(state, ctx)
    state = _scheduler(state, ctx)

    # what is done
    if moved is None:
        moved = sequence.step_test(state.test, state.transfer, relays, state.lvd, presence, ctx)
    state = _test_moved(state, moved, ctx)
    was_with = state.transfer.where
    transfer = step_transfer(
        state.transfer, moved.handover, state.test.k1, state.lvd.is_open, relays.k1.faulty,
        presence, ctx,
    )  # fmt: skip
    proven = on_supply(transfer, state.outputs, presence, ctx)
    absent = presence.supply.below_since is not None
    # a supply whose volts are not known or not believed is absent while the battery carries
    unfed = absent or (not snapshot.supply_v.good and flows.carries)
    may_open = not state.test.is_on and (proven or unfed)
    was_open = state.lvd
    lvd = step_lvd(state.lvd, may_open, proven, ctx)
    path_open = keep_path_open(state.test, transfer, state.outputs, proven, ctx)
    guarded = snapshot.guard is True and unfed and not (lvd.is_driven or path_open)
    battery_use = step_on_battery(
        state.battery_use, transfer, state.test.is_on, guarded, state.outputs.k1,
        relays.k1.faulty, settled_s, ctx,
    )  # fmt: skip
    helped = transfer.where is Where.BATTERY and was_with is not Where.BATTERY
    guard = step_guard(
        state.guard, state.outputs.k1, state.outputs.k3, absent,
        helped and moved.handover is Handover.NONE, ctx,
    )  # fmt: skip
    if state.transfer.carried is not transfer.carried:
        ctx.do(Persist())
    state = state._replace(transfer=transfer, lvd=lvd, battery_use=battery_use, guard=guard)
    state = _outage(state, ctx)

    # what is told and driven
    seen = Seen(
        presence, state.relays, state.digital, state.health, state.blocks, lvd, guard, ctx.doubts,
        _settings_lost(state, snapshot.settings_ok),
    )  # fmt: skip
    alarms = step_alarms(state.alarms, conditions(seen, ctx), ctx)
    if alarms.raised.keys() != state.alarms.raised.keys() or lvd.is_open is not was_open.is_open:
        ctx.do(Persist())
    outputs = combine(
        state.test, transfer, lvd, path_open, alarms.keys, state.buttons,
        not state.selftest.is_over, ctx,
    )  # fmt: skip
    k1_on_guard = moves_on_guard(transfer, state.test.k1, lvd.is_open, presence, ctx)
    state = state._replace(alarms=alarms, outputs=outputs, k1_on_guard=k1_on_guard)
    if state.restart_at is not None and now >= state.restart_at:
        ctx.do(Restart(state.restart_source))
        state = state._replace(restart_at=None)
    return state, ctx.actions


def _settings_lost(state: State, settings_ok: bool) -> bool | None:
    """True: the file was set aside; False: somebody has acted on it; None: as it was."""
    if state.settings_seen:
        return False
    return None if settings_ok else True


def _buttons(state: State, ctx: StepContext) -> State:
    buttons, held = step_buttons(state.buttons, ctx)
    if buttons is state.buttons:
        return state
    if held.pb1 or held.pb2:
        names = " and ".join(name for name, on in (("PB1", held.pb1), ("PB2", held.pb2)) if on)
        if state.test.is_on:
            ctx.tell("system.button", Kind.COMMAND, f"{names} refused: a test is running.",
                      source=names)  # fmt: skip
            return state._replace(buttons=buttons)
        buttons = flash(buttons, ctx.now)
        if held.pb2:
            state = _pb2(state, ctx)
        if held.pb1:
            ctx.tell("system.button", Kind.COMMAND,
                      "PB1 held: default address and access restored, restarting.",
                      source="PB1")  # fmt: skip
            ctx.do(RestoreSettings("network", "PB1"))
            state = state._replace(restart_at=ctx.now + 3.0, restart_source="PB1")
    return state._replace(buttons=buttons)


def _pb2(state: State, ctx: StepContext) -> State:
    """Manual 6.5 and C21: clear the test data and restore the battery-test settings."""
    state, _ = handle(state, (ResetData(settings=True, source="PB2"),), ctx)
    return state


def _scheduler(state: State, ctx: StepContext) -> State:
    """Start what is due: a delayed test first, then the schedule."""
    test = state.test
    # what fell due while the daemon was away waits until presence can be known
    settled = state.selftest.is_over and ctx.now - ctx.boot >= SETTLE_S
    settled = settled and state.restart_at is None  # nothing begins that a restart would end
    is_due = test.state is TestState.DELAYED and ctx.now >= test.due
    if is_due and settled and test.record is not None:
        against = interlock(state, ctx)
        if against is not None:
            record = sequence.abort(test, against.text, ctx)
            refusal = StartRefusal(against.text, ctx.inputs.wall)
            return _closed(state._replace(test=IDLE, refusal=refusal), record, ctx)
        record = test.record
        stands = condition_of(state.charge, state.float_time, state.health, ctx)
        begun = sequence.begin(record.n, record.type, record.source, 0.0, False, stands, ctx)
        ctx.do(Persist())
        return state._replace(test=begun, refusal=None)
    plan = schedule.step_schedule(state.schedule, ctx)
    if plan is not state.schedule:
        ctx.do(Persist())
        state = state._replace(schedule=plan)
    if test.state is not TestState.IDLE or not schedule.is_due(
        plan, state.float_time.is_rested, ctx
    ):
        return state
    if not settled:
        return state
    ctx.do(Persist())
    against = interlock(state, ctx)
    if against is not None:
        return state._replace(
            schedule=schedule.failed(plan, against.text, ctx),
            last_reason=against.text,
            refusal=StartRefusal(against.text, ctx.inputs.wall),
        )
    n = state.next_n
    begun = sequence.begin(
        n,
        ctx.sp.test_type,
        "schedule",
        0.0,
        True,
        condition_of(state.charge, state.float_time, state.health, ctx),
        ctx,
    )
    plan = schedule.started(plan, n, ctx)
    return state._replace(test=begun, next_n=n + 1, schedule=plan, refusal=None)


def _closed(state: State, record: TestRecord, ctx: StepContext) -> State:
    ctx.do(Persist())
    plan = state.schedule
    if capacity.needs_confirming(record):
        why = f"Test {record.n} says that the capacity is low, but not for sure."
        plan = schedule.confirm(plan, record.n, why, ctx)
    health = capacity.conclude(state.health, record, ctx)
    blocks = take_record(state.blocks, record, bool(ctx.sp.taps))
    return state._replace(health=health, blocks=blocks, schedule=plan, last_reason=record.reason)


def _test_moved(state: State, moved: Moved, ctx: StepContext) -> State:
    """Take over what the test machine concluded in this step."""
    if moved.test is not state.test:
        state = state._replace(test=moved.test)
    if moved.suspect:
        ctx.do(Persist())
        state = state._replace(relays=latch(state.relays, moved.suspect))
    if moved.proved and moved.test.scheduled:
        ctx.do(Persist())
        state = state._replace(schedule=schedule.proved(state.schedule))
    if moved.closed is not None:
        state = _closed(state, moved.closed, ctx)
        carried = moved.closed.n if moved.handover is Handover.CARRY else None
        state = state._replace(carried_from=carried)
        if moved.failed_start:
            state = state._replace(
                schedule=schedule.failed(state.schedule, moved.closed.reason, ctx)
            )
    return state


def _outage(state: State, ctx: StepContext) -> State:
    """An outage lasts until the load has been well on the supply for the watch time."""
    lasting = state.on_battery or state.in_outage
    reason = "The supply is back."
    if state.presence.supply.above_since is None:
        reason = "LVD opened." if state.lvd.is_open else "The battery no longer feeds the load."
    flood = state.outages
    begins = state.outage.record is None and lasting
    if state.outage.record is not None:
        flood, may_close = flood.step(lasting, ctx.now)
        if flood is not state.outages:
            ctx.do(Persist())  # whether the battery feeds the load is what a restart must know
        # a test has a record of its own: what waited for the next outage is over now
        lasting = lasting or not (may_close or state.test.is_on)
    elif lasting:
        flood = flood.come(ctx.now)
    stands = (
        condition_of(state.charge, state.float_time, state.health, ctx)
        if begins
        else StartCondition()
    )
    outage = step_outage(
        state.outage, lasting, state.next_n, state.carried_from, stands, reason, flood, ctx
    )
    if outage is state.outage and flood is state.outages:
        return state
    for action in ctx.actions:
        if isinstance(action, SaveRecord) and action.finished and action.record.type == "outage":
            blocks = take_record(state.blocks, action.record, bool(ctx.sp.taps))
            state = state._replace(blocks=blocks)
    if state.outage.record is None and outage.record is not None:
        ctx.do(Persist())
        return state._replace(
            outage=outage, next_n=state.next_n + 1, carried_from=None, outages=flood
        )
    if outage.record is None:
        flood = flood.let_go()
    return state._replace(outage=outage, outages=flood)
