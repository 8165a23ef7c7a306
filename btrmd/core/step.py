"""The step: in which order the machines look at one scan. Nothing else."""

from __future__ import annotations

from ..model.board import Inputs
from ..model.commands import Command, ResetData
from ..model.discharge import TestRecord, TestState
from ..model.events import Kind
from ..model.settings import Settings
from ..model.waiting import Refusal
from . import capacity, schedule, testrun
from .actions import Action, Persist, Restart, RestoreSettings, SaveRecord
from .alarms import Seen, conditions, step_alarms
from .blocks import step_blocks, take_record
from .buttons import flash, step_buttons
from .captest import IDLE, Moved
from .charge import full_ah, step_charge
from .condition import Condition, condition_of
from .desk import Desk
from .digital import step_digital
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
from .rest import step_rest
from .selftest import step_selftest
from .setpoints import Setpoints
from .state import State
from .transfer import Handover, Where, step_transfer

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
        state = state._replace(setpoints=sp, settings_seen=True)
    dt = max(now - state.last_now, 0.0)

    # what is, and what of it can be believed
    flows = measure_flows(state.plausible.believed(snapshot), sp.single_source)
    settled_s = state.relays.settled_s(state.outputs, now)
    plausible = step_plausible(
        state.plausible, snapshot, flows, state.outputs, settled_s, state.presence, sp, now, dt
    )
    snapshot = plausible.believed(snapshot)
    feeds = flows.alone and not plausible.found[Tie.SUPPLY_LOAD.value].broken
    desk = Desk(
        now, dt, state.boot, snapshot, sp, flows, feeds, plausible.is_odd("battery.voltage"),
        plausible.reasons, plausible.is_doubtful,
        plausible.jumped,
    )  # fmt: skip
    presence = step_presence(state.presence, desk)
    relays = step_relays(state.relays, state.outputs, desk)
    if relays.faulty != state.relays.faulty:
        desk.do(Persist())
    carries = state.test.k1 or state.on_battery
    whole = full_ah(sp, state.health)
    rest = step_rest(state.rest, presence, carries, desk)
    state = state._replace(
        last_now=now,
        plausible=plausible,
        selftest=step_selftest(state.selftest, desk),
        presence=presence,
        rest=rest,
        blocks=step_blocks(state.blocks, rest, desk),
        charge=step_charge(state.charge, presence, carries, whole, desk),
        digital=step_digital(state.digital, desk),
        relays=relays,
    )

    # what is asked
    state, moved = handle(state, commands, desk) if commands else (state, None)
    state = _buttons(state, desk)
    state = _scheduler(state, desk)

    # what is done
    if moved is None:
        moved = testrun.step_test(state.test, state.transfer, relays, state.lvd, presence, desk)
    state = _test_moved(state, moved, desk)
    was_with = state.transfer.where
    transfer = step_transfer(
        state.transfer, moved.handover, state.test.k1, state.lvd.is_open, relays.k1.faulty,
        presence, desk,
    )  # fmt: skip
    proven = on_supply(transfer, state.outputs, presence, desk)
    absent = presence.supply.below_since is not None
    # a supply whose volts are not known or not believed is absent while the battery carries
    unfed = absent or (not snapshot.supply_v.good and flows.carries)
    may_open = not state.test.is_on and (proven or unfed)
    was_open = state.lvd
    lvd = step_lvd(state.lvd, may_open, proven, desk)
    path_open = keep_path_open(state.test, transfer, state.outputs, proven, desk)
    guarded = snapshot.guard is True and unfed and not (lvd.is_driven or path_open)
    battery_use = step_on_battery(
        state.battery_use, transfer, state.test.is_on, guarded, state.outputs.k1,
        relays.k1.faulty, settled_s, desk,
    )  # fmt: skip
    helped = transfer.where is Where.BATTERY and was_with is not Where.BATTERY
    guard = step_guard(
        state.guard, state.outputs.k1, state.outputs.k3, absent,
        helped and moved.handover is Handover.NONE, desk,
    )  # fmt: skip
    if state.transfer.carried is not transfer.carried:
        desk.do(Persist())
    state = state._replace(transfer=transfer, lvd=lvd, battery_use=battery_use, guard=guard)
    state = _outage(state, desk)

    # what is told and driven
    seen = Seen(
        presence, state.relays, state.digital, state.health, state.blocks, lvd, guard, desk.doubts,
        _settings_lost(state, snapshot.settings_ok),
    )  # fmt: skip
    alarms = step_alarms(state.alarms, conditions(seen, desk), desk)
    if alarms.raised.keys() != state.alarms.raised.keys() or lvd.is_open is not was_open.is_open:
        desk.do(Persist())
    outputs = combine(
        state.test, transfer, lvd, path_open, alarms.keys, state.buttons,
        not state.selftest.is_over, desk,
    )  # fmt: skip
    state = state._replace(alarms=alarms, outputs=outputs)
    if state.restart_at is not None and now >= state.restart_at:
        desk.do(Restart(state.restart_source))
        state = state._replace(restart_at=None)
    return state, desk.actions


def _settings_lost(state: State, settings_ok: bool) -> bool | None:
    """True: the file was set aside; False: somebody has acted on it; None: as it was."""
    if state.settings_seen:
        return False
    return None if settings_ok else True


def _buttons(state: State, desk: Desk) -> State:
    buttons, held = step_buttons(state.buttons, desk)
    if buttons is state.buttons:
        return state
    if held.pb1 or held.pb2:
        names = " and ".join(name for name, on in (("PB1", held.pb1), ("PB2", held.pb2)) if on)
        if state.test.is_on:
            desk.tell("system.button", Kind.COMMAND, f"{names} refused: a test is running.",
                      source=names)  # fmt: skip
            return state._replace(buttons=buttons)
        buttons = flash(buttons, desk.now)
        if held.pb2:
            state = _pb2(state, desk)
        if held.pb1:
            desk.tell("system.button", Kind.COMMAND,
                      "PB1 held: default address and access restored, restarting.",
                      source="PB1")  # fmt: skip
            desk.do(RestoreSettings("network", "PB1"))
            state = state._replace(restart_at=desk.now + 3.0, restart_source="PB1")
    return state._replace(buttons=buttons)


def _pb2(state: State, desk: Desk) -> State:
    """Manual 6.5 and C21: clear the test data and restore the battery-test settings."""
    state, _ = handle(state, (ResetData(settings=True, source="PB2"),), desk)
    return state


def _scheduler(state: State, desk: Desk) -> State:
    """Start what is due: a delayed test first, then the schedule."""
    test = state.test
    # what fell due while the daemon was away waits until presence can be known
    settled = state.selftest.is_over and desk.now - desk.boot >= SETTLE_S
    settled = settled and state.restart_at is None  # nothing begins that a restart would end
    is_due = test.state is TestState.DELAYED and desk.now >= test.due
    if is_due and settled and test.record is not None:
        against = interlock(state, desk)
        if against is not None:
            record = testrun.abort(test, against.text, desk)
            refusal = Refusal(against.text, desk.inputs.wall)
            return _closed(state._replace(test=IDLE, refusal=refusal), record, desk)
        record = test.record
        stands = condition_of(state.charge, state.rest, state.health, desk)
        begun = testrun.begin(record.n, record.type, record.source, 0.0, False, stands, desk)
        desk.do(Persist())
        return state._replace(test=begun, refusal=None)
    plan = schedule.step_schedule(state.schedule, desk)
    if plan is not state.schedule:
        desk.do(Persist())
        state = state._replace(schedule=plan)
    if test.state is not TestState.IDLE or not schedule.is_due(plan, state.rest.is_rested, desk):
        return state
    if not settled:
        return state
    desk.do(Persist())
    against = interlock(state, desk)
    if against is not None:
        return state._replace(
            schedule=schedule.failed(plan, against.text, desk),
            last_reason=against.text,
            refusal=Refusal(against.text, desk.inputs.wall),
        )
    n = state.next_n
    begun = testrun.begin(
        n,
        desk.sp.test_type,
        "schedule",
        0.0,
        True,
        condition_of(state.charge, state.rest, state.health, desk),
        desk,
    )
    plan = schedule.started(plan, n, desk)
    return state._replace(test=begun, next_n=n + 1, schedule=plan, refusal=None)


def _closed(state: State, record: TestRecord, desk: Desk) -> State:
    desk.do(Persist())
    plan = state.schedule
    if capacity.needs_confirming(record):
        why = f"Test {record.n} says that the capacity is low, but not for sure."
        plan = schedule.confirm(plan, record.n, why, desk)
    health = capacity.conclude(state.health, record, desk)
    blocks = take_record(state.blocks, record, bool(desk.sp.taps))
    return state._replace(health=health, blocks=blocks, schedule=plan, last_reason=record.reason)


def _test_moved(state: State, moved: Moved, desk: Desk) -> State:
    """Take over what the test machine concluded in this step."""
    if moved.test is not state.test:
        state = state._replace(test=moved.test)
    if moved.suspect:
        desk.do(Persist())
        state = state._replace(relays=latch(state.relays, moved.suspect))
    if moved.proved and moved.test.scheduled:
        desk.do(Persist())
        state = state._replace(schedule=schedule.proved(state.schedule))
    if moved.closed is not None:
        state = _closed(state, moved.closed, desk)
        carried = moved.closed.n if moved.handover is Handover.CARRY else None
        state = state._replace(carried_from=carried)
        if moved.failed_start:
            state = state._replace(
                schedule=schedule.failed(state.schedule, moved.closed.reason, desk)
            )
    return state


def _outage(state: State, desk: Desk) -> State:
    """An outage lasts until the load has been well on the supply for the watch time."""
    lasting = state.on_battery or state.in_outage
    reason = "The supply is back."
    if state.presence.supply.above_since is None:
        reason = "LVD opened." if state.lvd.is_open else "The battery no longer feeds the load."
    flood = state.outages
    begins = state.outage.record is None and lasting
    if state.outage.record is not None:
        flood, may_close = flood.step(lasting, desk.now)
        if flood is not state.outages:
            desk.do(Persist())  # whether the battery feeds the load is what a restart must know
        # a test has a record of its own: what waited for the next outage is over now
        lasting = lasting or not (may_close or state.test.is_on)
    elif lasting:
        flood = flood.come(desk.now)
    stands = condition_of(state.charge, state.rest, state.health, desk) if begins else Condition()
    outage = step_outage(
        state.outage, lasting, state.next_n, state.carried_from, stands, reason, flood, desk
    )
    if outage is state.outage and flood is state.outages:
        return state
    for action in desk.actions:
        if isinstance(action, SaveRecord) and action.finished and action.record.type == "outage":
            blocks = take_record(state.blocks, action.record, bool(desk.sp.taps))
            state = state._replace(blocks=blocks)
    if state.outage.record is None and outage.record is not None:
        desk.do(Persist())
        return state._replace(
            outage=outage, next_n=state.next_n + 1, carried_from=None, outages=flood
        )
    if outage.record is None:
        flood = flood.let_go()
    return state._replace(outage=outage, outages=flood)
