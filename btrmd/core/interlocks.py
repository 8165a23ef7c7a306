"""Interlocks: may a capacity test start now, and if not, why, in one sentence."""

from __future__ import annotations

from typing import NamedTuple

from .desk import Desk
from .lvd import Lvd
from .presence import Presence
from .relaywatch import RelayWatch
from .selftest import SelfTest
from .transfer import Transfer, Where

LOAD_MIN_A = 0.2
TEMP_LOW_C, TEMP_HIGH_C = 0.0, 45.0

# Alarms that forbid a test. Capacity, digital inputs and a low clock battery do not.
FAULT_ALARMS = (
    "overcurrent",
    "temperature.high",
    "wiring.current_balance",
    "system.voltage_mismatch",
    "storage",
)


class Refusal(NamedTuple):
    """`code` a short word for programs, `text` one sentence for people."""

    code: str
    text: str


def _sensor(desk: Desk) -> Refusal | None:
    inputs = desk.inputs
    needed = [
        ("battery voltage", inputs.battery_v),
        ("battery current", inputs.battery_a),
        ("load voltage", inputs.load_v),
        ("load current", inputs.load_a),
        ("supply voltage", inputs.supply_v),
        ("supply current", inputs.supply_a),
        ("charger voltage", inputs.charger_v),
        ("temperature", inputs.temperature),
    ]
    if not desk.sp.single_source:
        needed.append(("charger current", inputs.charger_a))
    for name, measured in needed:
        if not measured.good:
            return Refusal("sensor", f"The {name} has no good reading ({measured.quality.value}).")
    if inputs.batt_path is None or inputs.guard is None:
        return Refusal("sensor", "The BATT_PATH or GUARD line cannot be read.")
    return None


def refusal(
    selftest: SelfTest,
    relays: RelayWatch,
    alarms: tuple[str, ...],
    transfer: Transfer,
    lvd: Lvd,
    presence: Presence,
    desk: Desk,
) -> Refusal | None:
    """The first reason against a test now; None when it may start. `alarms`: the active keys."""
    inputs, th = desk.inputs, desk.sp.th
    if not selftest.is_over:
        return Refusal("selftest", "The self-test is still running.")
    if relays.faulty:
        names = ", ".join(name.upper() for name in relays.faulty)
        return Refusal("relay", f"A relay fault is latched ({names}); acknowledge it once mended.")
    for key in alarms:
        if key in FAULT_ALARMS or key.startswith("sensor."):
            return Refusal("alarm", f"The alarm {key} is active.")
    bad = _sensor(desk)
    if bad is not None:
        return bad
    if lvd.is_open:
        return Refusal("lvd", "The low-voltage disconnect is open.")
    if transfer.where is not Where.SUPPLY or transfer.carried:
        return Refusal("on_battery", "The load is on the battery.")
    if inputs.guard:
        return Refusal("guard", "The bus guard is active.")
    if not presence.supply.present:
        return Refusal(
            "supply",
            f"The supply is not present: it needs {th.supply_present_v:.2f} V for 10 s, "
            f"now {inputs.supply_v.value:.2f} V.",
        )
    if not presence.charger.present:
        return Refusal(
            "charger",
            f"The charger is not present: it needs {th.charger_present_v:.2f} V for 10 s, "
            f"now {inputs.charger_v.value:.2f} V.",
        )
    if inputs.battery_v.value <= th.start_v:
        return Refusal(
            "battery",
            f"The battery is at {inputs.battery_v.value:.2f} V; a test starts only above "
            f"{th.start_v:.2f} V.",
        )
    if inputs.load_a.value < LOAD_MIN_A:
        return Refusal(
            "load",
            f"The load takes {inputs.load_a.value:.2f} A; a test needs at least {LOAD_MIN_A} A.",
        )
    if not TEMP_LOW_C <= inputs.temperature.value <= TEMP_HIGH_C:
        return Refusal(
            "temperature",
            f"The temperature is {inputs.temperature.value:.1f} °C; a test needs 0 to 45 °C.",
        )
    return None
