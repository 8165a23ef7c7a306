"""Interlocks: may a capacity test start now, and if not, why, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..model.alarms import blocks_test
from ..model.value_text import format_number
from .machines.presence import Presence
from .machines.transfer import Where
from .scan.context import StepContext, named_readings
from .scan.load_source import BATTERY, NONE, SHARED, load_source
from .state import State

LOAD_MIN_A = 0.2
TEMP_LOW_C, TEMP_HIGH_C = 0.0, 45.0

UNKNOWN = "It is not known yet whether the {} is present: that takes 10 s."


class InterlockRefusal(NamedTuple):
    """`code` a short word for programs, `text` one sentence for people."""

    code: str
    text: str


def _sensor(ctx: StepContext) -> InterlockRefusal | None:
    inputs = ctx.inputs
    needed = [*named_readings(inputs)]
    if not ctx.sp.single_source:
        needed.append(("charger current", inputs.charger_a))
    for name, measured in needed:
        if not measured.good:
            return InterlockRefusal(
                "sensor", f"The {name} has no good reading ({measured.quality.value})."
            )
    if inputs.batt_path is None or inputs.guard is None:
        return InterlockRefusal("sensor", "The BATT_PATH or GUARD line cannot be read.")
    return None


class Check(NamedTuple):
    """One interlock: its name, how things stand, and what speaks against a test (None: nothing)."""

    name: str
    text: str
    refusal: InterlockRefusal | None


def _check(name: str, text: str, code: str, against: str) -> Check:
    return Check(name, text, InterlockRefusal(code, against) if against else None)


def checks(state: State, ctx: StepContext) -> Iterator[Check]:
    """Every interlock in the order in which a start asks them.

    The later ones read measurements: whoever wants only the first refusal stops before them.
    """
    lvd, relays = state.lvd, state.relays
    yield _check(
        "Self-test", "over", "selftest",
        "" if state.selftest.is_over else "The self-test is still running.",
    )  # fmt: skip
    names = ", ".join(name.upper() for name in relays.faulty)
    yield _check(
        "Relays", "no fault", "relay",
        f"A relay fault is latched ({names}); acknowledge it once mended." if names else "",
    )  # fmt: skip
    alarm = next((k for k in state.alarms.keys if _is_fault(k)), "")
    yield _check("Fault alarms", "none", "alarm", f"The alarm {alarm} is active." if alarm else "")
    yield Check("Readings", "good", _sensor(ctx) or _doubt(state))
    yield _check(
        "Low-voltage disconnect", "closed", "lvd",
        "The low-voltage disconnect is open." if lvd.is_open else "",
    )  # fmt: skip
    yield _check("Load", "on the supply", "on_battery", _load(state, ctx))
    yield _check(
        "Bus guard", "idle", "guard", "The bus guard is active." if ctx.inputs.guard else ""
    )
    yield from _measured(state.presence, ctx)


def _is_fault(key: str) -> bool:
    """An alarm that blocks a test, apart from those of the relays, which are asked before."""
    return blocks_test(key) and not key.startswith("relay.")


def _doubt(state: State) -> InterlockRefusal | None:
    if not state.plausible.is_doubtful:
        return None
    return InterlockRefusal("sensor", "Two readings contradict each other.")


def _load(state: State, ctx: StepContext) -> str:
    """What the place of the load says against a test."""
    transfer = state.transfer
    source = load_source(ctx.inputs, state.outputs, ctx.sp, state.bank_fit.is_wrong)
    if source == NONE:
        return "The load has no power."
    if transfer.where is Where.RETURNED:
        return "The load has just returned to the supply and is being watched."
    is_used = source == BATTERY or (state.on_battery and transfer.where is Where.SUPPLY)
    if transfer.where is Where.BATTERY or is_used:
        supply = ctx.inputs.supply_v
        if not supply.good or supply.value < ctx.sp.th.supply_present_v:
            return "The load is on the battery."
        if state.on_battery:
            return "The supply is back; the load stays on the battery until it has held."
        return "The load is on the battery while the supply is there, as in a test."
    if source == SHARED:
        return "The supply alone does not carry the load: the battery helps."
    return "The load has not been seen on the supply yet." if transfer.carried else ""


def _measured(presence: Presence, ctx: StepContext) -> Iterator[Check]:
    """The interlocks on measured values; one without a good reading is refused by _sensor too."""
    inputs, th = ctx.inputs, ctx.sp.th
    supply, charger, battery = (
        format_number(m.value, 2, "V") if m.good else "not known"
        for m in (inputs.supply_v, inputs.charger_v, inputs.battery_v)
    )
    yield _check(
        "Supply", f"{supply}; needs {th.supply_present_v:.2f} V for 10 s", "supply",
        "" if presence.supply.present and inputs.supply_v.good
        else UNKNOWN.format("supply") if presence.supply.state is None and inputs.supply_v.good
        else f"The supply is not present: it needs {th.supply_present_v:.2f} V for 10 s, "
        f"now {supply}.",
    )  # fmt: skip
    yield _check(
        "Charger", f"{charger}; needs {th.charger_present_v:.2f} V for 10 s", "charger",
        "" if presence.charger.present and inputs.charger_v.good
        else UNKNOWN.format("charger") if presence.charger.state is None and inputs.charger_v.good
        else f"The charger is not present: it needs {th.charger_present_v:.2f} V for 10 s, "
        f"now {charger}.",
    )  # fmt: skip
    yield _check(
        "Battery voltage", f"{battery}; must be greater than {th.start_v:.2f} V", "battery",
        "" if inputs.battery_v.good and inputs.battery_v.value > th.start_v
        else f"The battery is at {battery}; a test starts only above {th.start_v:.2f} V.",
    )  # fmt: skip
    load = format_number(inputs.load_a.value, 2, "A") if inputs.load_a.good else "not known"
    yield _check(
        "Load current", f"{load}; needs at least {LOAD_MIN_A} A", "load",
        "" if inputs.load_a.good and inputs.load_a.value >= LOAD_MIN_A
        else f"The load takes {load}; a test needs at least {LOAD_MIN_A} A.",
    )  # fmt: skip
    warm = inputs.temperature
    # reasons go out as SNMP DisplayString, which is ASCII: no degree sign
    degrees = format_number(warm.value, 1, "C") if warm.good else "not known"
    yield _check(
        "Temperature", f"{degrees}; needs {TEMP_LOW_C:.0f} to {TEMP_HIGH_C:.0f} C", "temperature",
        "" if warm.good and TEMP_LOW_C <= warm.value <= TEMP_HIGH_C
        else f"The temperature is {degrees}; a test needs 0 to 45 C.",
    )  # fmt: skip


def refusal(state: State, ctx: StepContext) -> InterlockRefusal | None:
    """The first reason against a test now; None when it may start."""
    found = (check.refusal for check in checks(state, ctx))
    return next((one for one in found if one is not None), None)
