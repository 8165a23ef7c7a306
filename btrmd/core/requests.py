"""Requests: what each command means for the machines, and the answer it gets."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..model.alarms import SETTINGS_LOST
from ..model.block_taps import TAPS, check_tap_volts, wired_taps
from ..model.board import Inputs
from ..model.commands import (
    ACCEPTED,
    AckAlarm,
    Answer,
    BatteryReplaced,
    Calibrate,
    CapacityCheck,
    ChangeSettings,
    Command,
    EstimateReady,
    HealthReady,
    NextTestIn,
    Note,
    NoteLoss,
    NoteWrite,
    ResetData,
    RestartUnit,
    RunSelfTest,
    StartTest,
    StopTest,
    SwitchUnsolicited,
)
from ..model.discharge import TestState
from ..model.events import Kind, is_protocol
from ..model.readings import Value
from ..model.schedule import StartRefusal as RefusedStart
from ..model.settings import Settings
from ..model.snapshot import Precheck
from . import outage
from .capacity_test import sequence
from .capacity_test.state import Moved
from .interlocks import checks, refusal
from .losses import without, without_other
from .machines import alarms as alarming
from .machines import capacity, relaywatch, schedule
from .machines.bank_fit import BankFit
from .machines.blocks import Blocks, channel_volts
from .machines.blocks import take_estimate as take_block_estimate
from .machines.charge import ChargeBalance
from .machines.condition import condition_of
from .machines.float_time import FloatTime
from .machines.selftest import SelfTest
from .scan.actions import Action, ClearTests, ForgetBattery, Forward, Reply, RestoreSettings
from .scan.context import StepContext
from .scan.flows import Flows, measure_flows
from .state import State
from .voltagefit import voltage_refusal
from .write_log import unchanged

RESTART_AFTER_S = 0.5  # the answer gets out first
NOT_STORED = Answer(
    False, "storage",
    "Results cannot be written to storage, so a restart would forget this: check the memory card "
    "first.",
)  # fmt: skip
PROTOCOL_REST = "test.protocol_rest_s"
_TAPS = frozenset(TAPS)
NOT_MEASURED = Flows()  # nothing that is asked here depends on currents


def look(state: State, inputs: Inputs, now: float) -> StepContext:
    """A context for questions between two steps. `inputs`: the scan as it was read."""
    believed = state.plausible.believed(inputs)
    flows = measure_flows(believed, state.setpoints.single_source)
    return StepContext(
        now, 0.0, state.boot, believed, state.setpoints, flows,
        doubts=state.plausible.reasons, is_doubtful=state.plausible.is_doubtful,
    )  # fmt: skip


def prechecks(state: State, ctx: StepContext) -> tuple[Precheck, ...]:
    """What a start would be asked now, for people to see before they ask (manual 8)."""
    return tuple(
        Precheck(
            check.name, check.refusal is None, check.refusal.text if check.refusal else check.text
        )
        for check in checks(state, ctx)
    )


def answer_writes(
    state: State, inputs: Inputs, commands: tuple[Command, ...], now: float
) -> tuple[State, list[Action]]:
    """Carry out commands that the machines need not see: settings written with the values they
    have. Answers and events are those of a step. `inputs`: the last scan that was looked at, with
    the present wall time."""
    believed = state.plausible.believed(inputs)
    ctx = StepContext(now, 0.0, state.boot, believed, state.setpoints, NOT_MEASURED)
    state, _ = handle(state, commands, ctx)
    return state, ctx.actions


def _refuse(state: State, code: str, text: str) -> tuple[State, Answer]:
    return state._replace(last_reason=text), Answer(False, code, text)


def _start(state: State, command: StartTest, ctx: StepContext) -> tuple[State, Answer]:
    if state.test.state is not TestState.IDLE:
        return _refuse(state, "running", f"A test is already {state.test.state.value}.")
    type_ = state.setpoints.test_type if command.type is None else str(command.type)
    if type_ not in ("1", "2"):
        return _refuse(state, "range", f"Test type {type_!r} is refused: allowed is 1 or 2.")
    if not 0.0 <= command.delay_h <= 500.0:
        return _refuse(
            state, "range", f"A delay of {command.delay_h:g} h is refused: allowed is 0 to 500 h."
        )
    if command.delay_h == 0.0:
        against = refusal(state, ctx)
        if against is not None:
            return _refuse(state, against.code, against.text)
    rest_s = ctx.sp.settings.integer(PROTOCOL_REST)
    if is_protocol(command.source):
        left = state.protocol_start + rest_s - ctx.now
        if left > 0.0:
            text = (
                f"Start by a protocol refused for {math.ceil(left)} s more: "
                f"{rest_s} s lie between two of them ({PROTOCOL_REST})."
            )
            return _refuse(state, "rest", text)
        state = state._replace(protocol_start=ctx.now)
    n = state.next_n
    stands = condition_of(state.charge, state.float_time, state.health, ctx)
    test = sequence.begin(n, type_, command.source, command.delay_h * 3600.0, False, stands, ctx)
    return state._replace(test=test, next_n=n + 1, refusal=None), Answer(True, data={"n": n})


def _stop(state: State, command: StopTest, ctx: StepContext) -> tuple[State, Answer, Moved | None]:
    if state.test.state in (TestState.IDLE, TestState.RETURNING):
        word = "No test is running." if state.test.state is TestState.IDLE else (
            "The test is already returning to the supply."
        )  # fmt: skip
        return *_refuse(state, "not_running", word), None
    n = state.test.record.n if state.test.record else 0
    moved = sequence.stop(state.test, f"Stopped by {command.source or 'a user'}.", ctx)
    return state, Answer(True, data={"n": n}), moved


def _ack(state: State, command: AckAlarm, ctx: StepContext) -> tuple[State, Answer]:
    key = command.key
    if key not in state.alarms.raised:
        return state, Answer(False, "unknown", f"No alarm {key!r} is raised.")
    state = state._replace(alarms=alarming.acknowledge(state.alarms, key, command.source, ctx))
    state = state._replace(losses=without(state.losses, key))
    if key == SETTINGS_LOST:
        return state._replace(settings_seen=True), ACCEPTED
    if key.startswith("relay."):
        name = key.removeprefix("relay.")
        relays = relaywatch.acknowledge(state.relays, name)
        if relays is state.relays:
            return state, Answer(True, "ok", "Acknowledged; the cause is still there.")
        state = state._replace(relays=relays)
    return state, ACCEPTED


def _reset(state: State, command: ResetData, ctx: StepContext) -> tuple[State, Answer]:
    if state.test.is_on:
        return state, Answer(False, "running", "A test is running; stop it before the reset.")
    if not ctx.inputs.storage_ok:
        return state, NOT_STORED
    ctx.do(ClearTests(command.source))
    blocks = state.blocks._replace(weak=0)
    health = capacity.reset(command.source, ctx)
    state = state._replace(health=health, blocks=blocks, last_reason="")
    if command.settings:
        ctx.do(RestoreSettings("battery", command.source))
    return state, ACCEPTED


def _replaced(state: State, command: BatteryReplaced, ctx: StepContext) -> tuple[State, Answer]:
    """Another battery is in: what was before counts no more, and nothing is known of this one."""
    if state.test.is_on:
        return state, Answer(False, "running", "A test is running; stop it before.")
    if state.on_battery or state.in_outage:
        text = "The load is on the battery: say it when the supply is back."
        return state, Answer(False, "on_battery", text)
    if not ctx.inputs.storage_ok:
        return state, NOT_STORED
    last = state.next_n - 1
    ctx.do(ForgetBattery(last))
    return state._replace(
        health=capacity.replaced(command.source, ctx, command.at),
        float_time=FloatTime(),
        charge=ChargeBalance(),
        blocks=Blocks(),
        bank_fit=BankFit(),
        replaced_after=last,
        replaced_at=ctx.inputs.wall if command.at is None else command.at,
        last_reason="",
    ), Answer(True, data={"after": last})


def _take_health(state: State, ready: HealthReady, ctx: StepContext) -> State:
    """Adopt what the shell made of all discharges; it may ask for a test to confirm the last."""
    health = capacity.take_health(state.health, ready, ctx)
    plan = state.schedule
    if ready.confirm and ready.text:  # without a text no discharge has ended: it is told again
        why = "The last discharge differs from those before it."
        plan = schedule.confirm(plan, state.next_n - 1, why, ctx)
    return state._replace(health=health, schedule=plan)


def _settings(state: State, command: ChangeSettings, index: int, ctx: StepContext) -> Answer | None:
    """None = forwarded to the shell. What may not change now is refused here."""
    refused = change_refusal(state, command.changes, ctx.sp.settings, ctx.inputs)
    if refused is not None:
        return refused
    ctx.do(Forward(index, command))
    return None


def change_refusal(
    state: State, changes: Mapping[str, object], settings: Settings, inputs: Inputs
) -> Answer | None:
    """Why `changes` may not take effect now; asked when they are wanted, and again when they are
    durable and about to be taken over. `inputs` as they are believed."""
    for key in ("system.voltage", "system.single_source"):
        if key not in changes or changes[key] == settings[key]:
            continue
        value: Value = changes[key]  # type: ignore[assignment]
        if state.test.is_on or state.on_battery:
            where = "in a test" if state.test.is_on else "on battery"
            text = f"{key} = {value} is refused {where}."
            return Answer(
                False, "running", text, {"key": key, "value": value, "allowed": "not " + where}
            )
        if key == "system.voltage":
            text, allowed = voltage_refusal(int(float(str(value))), state, inputs)
            if text:
                return Answer(
                    False, "interlock", text, {"key": key, "value": value, "allowed": allowed}
                )
    return _tap_fault(changes, settings, inputs)


def _tap_fault(changes: Mapping[str, object], settings: Settings, inputs: Inputs) -> Answer | None:
    """Why the taps cannot be where this change says they are, as far as their voltages tell."""
    if _TAPS.isdisjoint(changes):
        return None
    if not any(key in changes and changes[key] != settings[key] for key in TAPS):
        return None
    values = {**settings, **changes}
    blocks = int(str(values["system.voltage"])) // 12
    battery = inputs.battery_v
    bank = battery.value if battery.good else None
    found = check_tap_volts(wired_taps(values, blocks), channel_volts(inputs), bank)
    if found is None:
        return None
    key, allowed = found
    value = values[key]
    text = f"{key} = {value} is refused: allowed is {allowed}."
    return Answer(False, "interlock", text, {"key": key, "value": value, "allowed": allowed})


def landing_refusal(state: State, inputs: Inputs, old: Settings, new: Settings) -> Answer | None:
    """Why settings that have become durable may not take effect: the disk was slow, and the
    station is no longer what it was when they were let pass. `inputs`: the scan as it was read."""
    changes = {key: new[key] for key in new.differing(old)}
    return change_refusal(state, changes, old, state.plausible.believed(inputs))


def _other(
    state: State, command: Command, index: int, ctx: StepContext
) -> tuple[State, Answer | None]:
    if isinstance(command, AckAlarm):
        return _ack(state, command, ctx)
    if isinstance(command, ResetData):
        return _reset(state, command, ctx)
    if isinstance(command, BatteryReplaced):
        return _replaced(state, command, ctx)
    if isinstance(command, ChangeSettings):
        answer = _settings(state, command, index, ctx)
        if answer is None and command.from_wire:
            for found in unchanged(command, ctx.sp.settings):
                ctx.tell(found.key, Kind.COMMAND, found.text, source=found.source, notify=False)
        return state, answer
    if isinstance(command, SwitchUnsolicited):
        word = "on (function 20)" if command.is_on else "off (function 21)"
        text = f"The master has switched unsolicited responses {word}."
        ctx.tell(
            "dnp3.unsolicited", Kind.COMMAND, text, value=command.is_on, source=command.source,
            notify=False,
        )  # fmt: skip
        return state._replace(unsolicited=command.is_on), ACCEPTED
    if isinstance(command, Note | NoteWrite):
        ctx.tell(command.key, Kind.COMMAND, command.text, source=command.source, notify=False)
        return state, ACCEPTED
    if isinstance(command, NoteLoss):
        key, text = command.key, command.text
        alarms = without_other(state.alarms, key, text)
        return state._replace(alarms=alarms, losses={**state.losses, key: text}), ACCEPTED
    if isinstance(command, NextTestIn):
        return state._replace(
            schedule=schedule.set_next(state.schedule, command.hours, ctx)
        ), ACCEPTED
    if isinstance(command, Calibrate):
        if state.test.is_on or state.on_battery:
            return state, Answer(False, "running", "No calibration in a test or on battery.")
        ctx.do(Forward(index, command))
        return state, None
    if state.test.is_on:
        return state, Answer(False, "running", "Refused: a test is running.")
    if isinstance(command, CapacityCheck):
        health = capacity.force(state.health, command.low, command.source, ctx)
        return state._replace(health=health), ACCEPTED
    if isinstance(command, RunSelfTest):
        return state._replace(selftest=SelfTest(started=ctx.now)), ACCEPTED
    if isinstance(command, RestartUnit):
        ctx.tell("system.restart", Kind.COMMAND, "Restart asked for.", source=command.source)
        return state._replace(
            restart_at=ctx.now + RESTART_AFTER_S, restart_source=command.source
        ), ACCEPTED
    return state, Answer(False, "unknown", f"Unknown command {type(command).__name__}.")


def _tell_refusal(command: Command, text: str, ctx: StepContext) -> None:
    """The event log carries the sentence of a refusal too (DESIGN section 3)."""
    key, word = "command.refused", ""
    if isinstance(command, StartTest | StopTest):
        key, word = "test.refused", "Test refused: " if isinstance(command, StartTest) else ""
    source = getattr(command, "source", "core")
    ctx.tell(key, Kind.COMMAND, word + text, source=source, notify=False)


def _is_too_late(state: State, command: Command) -> bool:
    """A restart is due, and would end or lose what this asks; the defaults that PB1 and PB2 ask
    for, held together, and what is only written down are carried out."""
    if state.restart_at is None or isinstance(command, Note | NoteWrite | NoteLoss | HealthReady):
        return False
    is_button = getattr(command, "source", "") in (state.restart_source, "PB2")
    return not (is_button and isinstance(command, ChangeSettings))


def handle(
    state: State, commands: tuple[Command, ...], ctx: StepContext
) -> tuple[State, Moved | None]:
    """Carry out all commands of this step in their order; answers go into the tray."""
    moved: Moved | None = None
    for index, command in enumerate(commands):
        answer: Answer | None
        if isinstance(command, EstimateReady):
            state = state._replace(
                test=sequence.take_estimate(state.test, command, ctx),
                outage=outage.take_estimate(state.outage, command),
                blocks=take_block_estimate(state.blocks, command),
            )
            answer = ACCEPTED
        elif isinstance(command, HealthReady):
            state, answer = _take_health(state, command, ctx), ACCEPTED
        elif _is_too_late(state, command):
            state, answer = _refuse(state, "restart", "A restart is due; ask again after it.")
        elif moved is not None and isinstance(command, StartTest | StopTest):
            state, answer = _refuse(state, "busy", "A test has just been stopped; ask again.")
        elif isinstance(command, StartTest):
            state, answer = _start(state, command, ctx)
            if not answer.ok:
                state = state._replace(refusal=RefusedStart(answer.text, ctx.inputs.wall))
        elif isinstance(command, StopTest):
            state, answer, ended = _stop(state, command, ctx)
            if ended is not None:
                moved = ended
                state = state._replace(test=ended.test)
        else:
            state, answer = _other(state, command, index, ctx)
        if answer is not None:
            if not answer.ok:
                _tell_refusal(command, answer.text, ctx)
            ctx.do(Reply(index, answer))
    # what came after the stop (its last estimate, say) counts
    return state, None if moved is None else moved._replace(test=state.test)
