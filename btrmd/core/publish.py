"""Publish: the value of every point of the table, from the state and the scan it was made from."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.alarms import ALARMS
from ..model.block_taps import CHANNELS, MOST_BLOCKS, block_volts
from ..model.board import Inputs
from ..model.chemistry import hours_at, new_charge_ah
from ..model.discharge import (
    RELIEVED_LEAST_S,
    Estimate,
    TestResult,
    TestState,
    is_relieved,
)
from ..model.readings import BAD, GOOD, MISSING, Measurement, Reading, Value
from ..model.schedule import format_waiting
from ..model.snapshot import AlarmView
from .capacity_test.state import CapacityTest
from .machines.blocks import deviations, measure_blocks
from .machines.charge import full_ah
from .outputs import battery_fault
from .scan.load_source import load_source
from .state import State
from .unknown import WORDS, unknown_registers
from .waiting import waiting_of

CHANNELS_AT_ONE = dict.fromkeys(CHANNELS, 1.0)  # which blocks have both ends wired
FAULTS = frozenset(alarm.key for alarm in ALARMS if alarm.is_fault)  # R179


def _measured(m: Measurement, wall: float, now: float) -> Reading:
    if m.quality is GOOD:
        return Reading(m.value, GOOD, wall)
    if m.quality is BAD or m.quality is MISSING:
        return Reading(None, m.quality, wall)
    return Reading(m.value, m.quality, wall - max(now - m.at, 0.0))


def running_estimate(state: State) -> Estimate | None:
    """The estimate people see: of the test that runs, else of the last finished one."""
    test = state.test
    if test.is_on and test.estimate is not None:
        return test.estimate
    return state.health.estimate


def remaining_s(state: State, inputs: Inputs, now: float) -> float | None:
    """Seconds to the cutoff in an outage; from the last test's run time while nothing better is
    known, scaled by the load and the charge it began with. None outside an outage, while the
    battery does not carry the load (a charger does: what little it gives says nothing), or when
    nothing is known."""
    outage = state.outage
    amps, load = inputs.battery_a, inputs.load_a
    if not state.in_outage:
        return None
    if amps.good and is_relieved(amps.value, load.value if load.good else None):
        return None
    elapsed = now - outage.progress.t0
    if outage.relieved_s > RELIEVED_LEAST_S:  # the estimate is of the rest
        elapsed -= outage.relieved_s
    if outage.estimate is not None:
        return max(outage.estimate.ert_s - elapsed, 0.0)
    mean = outage.progress.mean_a
    if not mean or mean <= 0.0:
        return None
    whole = _by_last_test_s(state, mean)
    if whole is None:
        whole = _by_rating_s(state, mean)
    return None if whole is None else max(_part_begun(state) * whole - elapsed, 0.0)


def _part_begun(state: State) -> float:
    """Part of the full charge (0..1) that the outage began with; 1 where nobody knows."""
    record = state.outage.record
    begun = record.started_at_charge if record is not None else None
    return 1.0 if begun is None else begun


def _by_last_test_s(state: State, amps: float) -> float | None:
    """Seconds from full that the last tested run time makes at `amps`."""
    last = state.health.measured
    if last is None or last.estimate_s is None or not last.average_current:
        return None
    tested_a = last.average_current
    if amps <= tested_a:  # a lighter load takes more out, but nobody has seen that here
        return last.estimate_s * tested_a / amps
    return 3600.0 * hours_at(last.estimate_s / 3600.0, tested_a, amps)


def _is_empty(state: State, inputs: Inputs) -> bool:
    """In an outage: the battery is below its cutoff, whatever was estimated before."""
    volts = inputs.battery_v
    return state.in_outage and volts.good and volts.value < state.setpoints.th.cutoff_v


UNTESTED = 0.8  # of a new battery's charge: what one that was never tested is taken for


def _by_rating_s(state: State, amps: float) -> float | None:
    """Seconds that a full battery that was never tested lasts, by its rating and the load."""
    rated = state.setpoints.rated_ah
    if rated is None:
        return None
    return 3600.0 * UNTESTED * new_charge_ah(rated, amps) / amps


def _sources(state: State, inputs: Inputs, wall: float) -> dict[str, Reading]:
    """Presence, with the quality of the voltage it was told from."""

    def presence(is_present: bool | None, m: Measurement) -> Reading:
        if m.quality is not GOOD and is_present is not True:  # current proves it without volts
            return Reading(None, m.quality, wall)
        return Reading(is_present, GOOD if is_present is not None else MISSING, wall)

    return {
        "supply.present": presence(state.presence.supply.state, inputs.supply_v),
        "charger.present": presence(state.presence.charger.state, inputs.charger_v),
    }


def _weak_block(state: State) -> int | None:
    """The block that will end the run: of the discharge under way, else of the last one."""
    if not state.setpoints.taps:
        return None
    running = state.outage.estimate if state.outage.record is not None else state.test.estimate
    return state.blocks.weak if running is None else running.weak_block


def _blocks(state: State, inputs: Inputs, wall: float) -> dict[str, Reading]:
    """The voltage of each block and how far it is from the mean; missing where no tap is."""
    sp = state.setpoints
    volts = measure_blocks(inputs, sp)
    apart = deviations(volts, inputs.battery_v.value if inputs.battery_v.good else None)
    is_wired = [block_volts(sp.taps, CHANNELS_AT_ONE, 1.0)] if sp.taps else []
    made: dict[str, Reading] = {}
    for n in range(1, MOST_BLOCKS + 1):
        has_ends = bool(is_wired) and n <= sp.blocks and is_wired[0][n - 1] is not None
        for name, values in (("voltage", volts), ("deviation", apart)):
            value = values[n - 1] if has_ends else None
            quality = GOOD if value is not None else BAD if has_ends else MISSING
            made[f"battery.block{n}.{name}"] = Reading(value, quality, wall)
    return made


def _result(test: CapacityTest, state: State) -> str:
    last = state.health.last
    return TestResult.NONE.value if last is None else last.result


def _values(
    state: State, inputs: Inputs, identity: Mapping[str, Value], now: float
) -> dict[str, Value]:
    """Points that are known by themselves; None = not known (yet)."""
    sp, test, health, alarms = state.setpoints, state.test, state.health, state.alarms.raised
    last, record = health.last, test.record
    estimate = running_estimate(state)
    digital, outputs = state.digital, state.outputs
    delayed = test.state is TestState.DELAYED
    faults = any(key in FAULTS for key in alarms)
    extended = sp.settings.get("dnp3.extended") is True
    keys = tuple(alarms)
    number = record.n if record is not None else None if last is None else last.n
    charge = state.charge.part(full_ah(sp, health))
    waiting = waiting_of(state, inputs, now)
    return {
        "battery.low_capacity": "battery.low_capacity" in alarms,
        "battery.low_voltage": "battery.low_voltage" in alarms,
        "battery.charge": None if charge is None else 100.0 * charge,
        "battery.weak_block": _weak_block(state),
        "battery.soh": health.soh_pct,
        "battery.soh_low": health.soh_low_pct,
        "battery.soh_high": health.soh_high_pct,
        "battery.resistance_growth": health.resistance_growth_pct,
        "supply.lost": "supply.lost" in alarms,
        "io1.digital": digital.io1.tripped,
        "io2.digital": digital.io2.tripped,
        "io1.alarm": "io1" in alarms,
        "io2.alarm": "io2" in alarms,
        "io1.output": battery_fault(keys) if sp.io1_config >= 3 else False,
        "io2.output": battery_fault(keys) if sp.io2_config >= 3 else None,
        "io1.config": sp.io1_config,
        "io2.config": sp.io2_config,
        "capacity.state": health.state.value,
        "test.state": test.state.value,
        "test.running": test.is_on,
        "test.result": _result(test, state),
        "test.failed": last is not None and last.result in ("low", "aborted"),
        "test.number": number,
        "test.reason": state.last_reason,
        "test.data_present": last is not None,
        "test.enabled": sp.test_enabled,
        "test.interval": sp.interval_s,
        "test.next": state.schedule.next_s(sp.interval_s, now),
        "test.waiting": "" if waiting is None else format_waiting(waiting, inputs.wall),
        "test.start_in": max(test.due - now, 0.0) if delayed else None,
        "test.elapsed": now - test.progress.t0 if test.k1 and test.progress.t0 else None,
        "test.last_at": None if last is None else last.ended_at,
        "test.last_duration": None if last is None else last.duration_s,
        "test.last_current": None if last is None else last.average_current,
        "test.last_temperature": None if last is None else last.average_temperature,
        "test.last_voltage": None if last is None else last.end_voltage,
        "runtime.estimate": None if estimate is None else estimate.ert_s,
        "runtime.estimate_low": None if estimate is None else estimate.low_s,
        "runtime.estimate_high": None if estimate is None else estimate.high_s,
        "runtime.remaining": 0.0 if _is_empty(state, inputs) else remaining_s(state, inputs, now),
        "runtime.minimum": sp.minimum_runtime_s,
        "ups.enabled": sp.ups_enabled,
        "ups.on_battery": state.on_battery,
        "load.source": load_source(inputs, outputs, sp, state.bank_fit.is_wrong),
        "lvd.enabled": sp.lvd_enabled,
        "lvd.open": state.lvd.is_open,
        "relay.k1": outputs.k1,
        "relay.k2": outputs.k2,
        "relay.k3": outputs.k3,
        "system.voltage": sp.th.system_v,
        "system.uptime": now - state.boot,
        "system.self_test": state.selftest.state,
        "dnp3.unsolicited": is_unsolicited(state),
        "alarm.fault": bool(alarms) if extended else faults,
        "alarm.any": bool(alarms),
        "alarm.list": keys,
        **identity,
    }


def is_unsolicited(state: State) -> bool:
    """DNP3 events are sent unasked: by the settings, or as a master has switched it (R106)."""
    if state.unsolicited is not None:
        return state.unsolicited
    return state.setpoints.settings.get("dnp3.unsolicited") is True


def points(
    state: State, inputs: Inputs, identity: Mapping[str, Value], now: float
) -> dict[str, Reading]:
    """Key -> reading for every point of the table. `identity`: model, firmware, build date.

    `inputs` is the scan as it was read; what is not believed of it is shown as bad.
    """
    inputs = state.plausible.believed(inputs)
    wall = inputs.wall
    guard = inputs.guard
    made = {
        "battery.voltage": _measured(inputs.battery_v, wall, now),
        "battery.current": _measured(inputs.battery_a, wall, now),
        "load.voltage": _measured(inputs.load_v, wall, now),
        "load.current": _measured(inputs.load_a, wall, now),
        "supply.voltage": _measured(inputs.supply_v, wall, now),
        "supply.current": _measured(inputs.supply_a, wall, now),
        "charger.voltage": _measured(inputs.charger_v, wall, now),
        "charger.current": _measured(inputs.charger_a, wall, now),
        "io1.voltage": _measured(inputs.io1_v, wall, now),
        "io2.voltage": _measured(inputs.io2_v, wall, now),
        "io3.voltage": _measured(inputs.io3_v, wall, now),
        "io4.voltage": _measured(inputs.io4_v, wall, now),
        "system.temperature": _measured(inputs.temperature, wall, now),
        "guard.active": Reading(guard, MISSING if guard is None else GOOD, wall),
        **_sources(state, inputs, wall),
        **_blocks(state, inputs, wall),
    }
    for key, value in _values(state, inputs, identity, now).items():
        made[key] = Reading(value, MISSING if value is None else GOOD, wall)
    for key, bits in zip(WORDS, unknown_registers(made), strict=True):
        made[key] = Reading(bits, GOOD, wall)
    return made


def alarm_views(state: State) -> tuple[AlarmView, ...]:
    """The raised alarms for people and programs."""
    return tuple(
        AlarmView(key, a.text, a.since, True, a.latched, a.acknowledged)
        for key, a in state.alarms.raised.items()
    )
