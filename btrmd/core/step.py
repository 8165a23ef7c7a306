"""The step: in which order the machines look at one scan. Nothing else."""

from __future__ import annotations

from ..model.board import Inputs
from ..model.commands import Command
from ..model.settings import Settings
from .capacity_test import sequence
from .durable import must_store
from .held_buttons import step_held_buttons
from .machines.alarms import Seen, conditions, step_alarms
from .machines.bank_fit import step_bank_fit
from .machines.blocks import step_blocks
from .machines.charge import full_ah, step_charge
from .machines.chatter import step_chatter
from .machines.digital import step_digital
from .machines.float_time import step_float_time
from .machines.guardwatch import step_guard
from .machines.lvd import step_lvd
from .machines.onbattery import step_on_battery
from .machines.plausible import doubted_s, step_plausible
from .machines.presence import step_presence
from .machines.relaywatch import step_relays
from .machines.selftest import step_selftest
from .machines.transfer import Handover, Where, moves_on_guard, step_transfer
from .outputs import combine, is_unproven, keep_path_open, on_supply
from .records import step_outage_record, take_moved
from .requests import handle
from .scan.actions import Action, Persist, Restart
from .scan.context import StepContext
from .scan.flows import measure_flows
from .scan.relations import BATTERY, CHARGER, SUPPLY_LOAD
from .starts import step_starts
from .state import State, with_settings


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
    before = state
    state = with_settings(state, settings)
    sp = state.setpoints
    dt = max(now - state.last_now, 0.0)

    # what is, and what of it can be believed
    flows = measure_flows(state.plausible.believed(snapshot), sp.single_source)
    settled_s = state.relays.settled_s(state.outputs, now)
    plausible = step_plausible(
        state.plausible, snapshot, flows, state.outputs, settled_s, state.presence, sp, now, dt,
        state.bank_fit.is_wrong, state.relays.recharge, state.relays.faulty, state.guard.is_weak,
    )  # fmt: skip
    snapshot = plausible.believed(snapshot)
    belied = flows.alone and plausible.found[SUPPLY_LOAD].broken is True
    # all four currents say more than volts that contradict each other
    feeds = flows.alone and (flows.balanced is True or not belied)
    ctx = StepContext(
        now, dt, state.boot, snapshot, sp, flows, feeds, plausible.is_odd("battery.voltage"),
        plausible.reasons, plausible.is_doubtful,
        plausible.jumped, doubted_s(plausible, now), now - plausible.motion.moved_at[CHARGER],
        plausible.crept_v, plausible.lines.s1_held, belied,
    )  # fmt: skip
    ctx.read_v, ctx.may_be_above = plausible.volts, plausible.may_be_above
    leapt = plausible.motion.leapt_before
    ctx.steady_s = now - max(leapt[BATTERY], leapt[CHARGER])
    presence = step_presence(state.presence, ctx)
    bank_fit = step_bank_fit(state.bank_fit, ctx)
    ctx.is_misfit, ctx.is_bank_known = bank_fit.is_wrong, bank_fit.fits is True
    ctx.earlier_v = bank_fit.earlier_v
    relays = step_relays(state.relays, state.outputs, ctx)
    carries = state.test.k1 or state.on_battery
    whole = full_ah(sp, state.health)
    float_time = step_float_time(state.float_time, presence, carries, ctx)
    state = state.put(
        last_now=now,
        plausible=plausible,
        selftest=step_selftest(state.selftest, ctx),
        presence=presence,
        bank_fit=bank_fit,
        float_time=float_time,
        blocks=step_blocks(state.blocks, float_time, ctx),
        charge=step_charge(state.charge, presence, carries, whole, ctx),
        digital=step_digital(state.digital, ctx),
        relays=relays,
    )

    # what is asked
    state, moved = handle(state, commands, ctx) if commands else (state, None)
    state = step_held_buttons(state, ctx)
    state = step_starts(state, ctx)

    # what is done
    if moved is None:
        moved = sequence.step_test(state.test, state.transfer, relays, state.lvd, presence, ctx)
    state = take_moved(state, moved, ctx)
    was_with = state.transfer.where
    transfer = step_transfer(
        state.transfer, moved.handover, state.test.k1, state.lvd.is_open, relays.k1,
        presence, ctx,
    )  # fmt: skip
    k1_is_doubted = relays.k1.faulty or state.load_unproven
    proven = on_supply(transfer, state.outputs, presence, ctx, k1_is_doubted)
    absent = presence.supply.below_since is not None
    # a supply whose volts are not known or not believed is absent while the battery carries
    unfed = absent or (not snapshot.supply_v.good and flows.carries)
    may_open = not state.test.is_on and (proven or unfed)
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
    state = state.put(
        transfer=transfer, lvd=lvd, battery_use=battery_use, guard=guard,
        load_unproven=is_unproven(state.load_unproven, proven, ctx),
    )  # fmt: skip
    state = step_outage_record(state, ctx)

    # what is told and driven
    seen = Seen(
        presence, state.relays, state.digital, state.health, state.blocks, lvd, guard, ctx.doubts,
        state.settings_lost(snapshot.settings_ok), state.losses,
    )  # fmt: skip
    alarms = step_alarms(state.alarms, conditions(seen, ctx), ctx)
    outputs = combine(
        state.test, transfer, lvd, path_open, alarms.keys, state.buttons,
        not state.selftest.is_over, ctx,
    )  # fmt: skip
    k1_on_guard = moves_on_guard(transfer, state.test.k1, lvd.is_open, relays.k1, presence, ctx)
    state = state.put(alarms=alarms, outputs=outputs, k1_on_guard=k1_on_guard)
    if state.restart_at is not None and now >= state.restart_at:
        ctx.do(Restart(state.restart_source))
        state = state._replace(restart_at=None)
    if ctx.actions:
        state = state.put(chatter=step_chatter(state.chatter, ctx))
    if must_store(before, state):
        ctx.do(Persist())
    return state, ctx.actions
