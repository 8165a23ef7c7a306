"""Outputs: what the coils, contacts and LEDs must do now, from what the machines decided."""

from __future__ import annotations

from ..model.alarms import ALARMS
from ..model.board import Outputs
from ..model.discharge import LEAST_LOAD_A
from .capacity_test.state import CapacityTest
from .machines.beside import FAR_V
from .machines.buttons import Buttons, leds
from .machines.digital import OUTPUT_NC, OUTPUT_NO
from .machines.lvd import Lvd
from .machines.presence import Presence
from .machines.transfer import Transfer, Where
from .scan.context import StepContext

GIVEN_PART = 0.8  # of what the load takes


def on_supply(
    transfer: Transfer, outputs: Outputs, presence: Presence, ctx: StepContext,
    k1_is_doubted: bool,
) -> bool:  # fmt: skip
    """True when the load is proven on the supply: K1 off, bus up, and the current is there. Where
    `k1_is_doubted` a load that takes next to nothing proves nothing: it may hang on it, and what
    the supply gives may be what this unit takes."""
    inputs, th = ctx.inputs, ctx.sp.th
    if transfer.where is not Where.SUPPLY or outputs.k1 or inputs.guard is not False:
        return False
    if presence.supply.above_since is None or not inputs.load_v.good:
        return False
    if inputs.load_v.value < th.ups_transfer_v or _is_by_k2(ctx):
        return False
    if not (inputs.load_a.good and inputs.supply_a.good):
        return False
    if inputs.load_a.value < LEAST_LOAD_A:
        return not k1_is_doubted
    least_a = GIVEN_PART * inputs.load_a.value
    if inputs.supply_a.value < least_a:
        return False
    return not k1_is_doubted or _given_a(ctx) >= least_a


def _given_a(ctx: StepContext) -> float:
    """What the supply gives the load, A: what is left of its current whatever this unit takes, or
    what neither battery nor charger account for, whichever is more."""
    inputs = ctx.inputs
    given_a = inputs.supply_a.value - ctx.flows.hat
    if ctx.sp.single_source or not (inputs.battery_a.good and inputs.charger_a.good):
        return given_a
    rest_a = inputs.load_a.value + inputs.battery_a.value - inputs.charger_a.value
    return max(given_a, rest_a)


def _is_by_k2(ctx: StepContext) -> bool:
    """The load of a joined source is far below it: a K1 that stays on feeds it by way of K2."""
    supply, load = ctx.inputs.supply_v, ctx.inputs.load_v
    far = FAR_V * ctx.sp.blocks
    return ctx.sp.single_source and supply.good and supply.value - load.value > far


def is_unproven(before: bool, proven: bool, ctx: StepContext) -> bool:
    """True while a load that the currents could tell of has not been `proven` on the supply since,
    `before` in the last scan: it may hang on a K1 that does not let go, and take little by now."""
    load = ctx.inputs.load_a
    return before if not load.good or load.value < LEAST_LOAD_A else not proven


BATTERY_FAULTS = frozenset(alarm.key for alarm in ALARMS if alarm.is_battery_fault)


def _pulls_low(config: int, fault: bool) -> bool:
    """CH output, R172: normally low opens on a fault, normally open closes on it."""
    if config == OUTPUT_NO:
        return fault
    return config == OUTPUT_NC and not fault


def battery_fault(alarms: tuple[str, ...]) -> bool:
    """What the CH output signals: battery faults only (R172)."""
    return any(key in BATTERY_FAULTS for key in alarms)


def keep_path_open(
    test: CapacityTest, transfer: Transfer, outputs: Outputs, proven: bool, ctx: StepContext
) -> bool:
    """UPS mode off: K3 keeps the battery off the load, pulled only when that drops nothing."""
    if ctx.sp.ups_enabled or test.is_on:
        return False
    if transfer.where is not Where.SUPPLY or transfer.carried:
        return False
    return proven or outputs.k3


def combine(
    test: CapacityTest,
    transfer: Transfer,
    lvd: Lvd,
    path_open: bool,
    alarms: tuple[str, ...],
    buttons: Buttons,
    in_selftest: bool,
    ctx: StepContext,
) -> Outputs:
    """One set of outputs; everything False is the safe state."""
    fault = battery_fault(alarms)
    push, status = leds(buttons, in_selftest, bool(alarms), ctx.now)
    return Outputs(
        k1=test.k1 or transfer.where is Where.BATTERY,
        k2=test.k2,
        k3=lvd.is_driven or path_open,
        ch1=_pulls_low(ctx.sp.io1_config, fault),
        ch2=_pulls_low(ctx.sp.io2_config, fault),
        led_pb1=push,
        led_pb2=push,
        led_status=status,
    )
