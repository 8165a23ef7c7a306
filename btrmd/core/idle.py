"""Idle: may the core look at this scan later, because it holds nothing new?

Ten scans a second are read whatever happens. In a cabinet where nothing moves, nine of ten of
them tell the machines nothing: looking at them anyway costs more of a small processor than all
the rest of the daemon. What a machine could act on ends that within the same scan.
"""

from __future__ import annotations

from ..model.board import Inputs
from ..model.discharge import TestState
from .state import State
from .transfer import Where

LOOK_EVERY_S = 1.0  # the longest time between two looks of the core at an idle station
BAND, BAND_C = 0.1, 0.5  # V or A, degC: well above the noise of a channel, below what matters


def is_idle(state: State) -> bool:
    """True while no machine is under way: no test, no outage, nothing pressed, nothing pending.

    Timers of seconds keep the core awake, so that a delay is as long as it says; those of hours
    (the schedule, rest) do not: they are late by `LOOK_EVERY_S` at most.
    """
    return (
        state.test.state is TestState.IDLE
        and state.transfer.where is Where.SUPPLY
        and state.transfer.low_ticks == 0
        and not state.on_battery
        and state.outage.record is None
        and not state.outputs.k1
        and not state.outputs.k2
        and state.selftest.is_over
        and state.digital.io1.since is None
        and state.digital.io2.since is None
        and state.buttons.pb1_since is None
        and state.buttons.pb2_since is None
        and state.restart_at is None
        and state.last_now >= state.buttons.flash_until
        and not _is_timing(state)
    )


def _is_timing(state: State) -> bool:
    """True while a delay of seconds runs: of presence, an alarm, the LVD, a relay's evidence."""
    alarms, lvd, relays = state.alarms, state.lvd, state.relays
    return (
        bool(alarms.pending)
        or any(not source.present and source.there_since is not None for source in state.presence)
        or any(not source.known and source.below_since is not None for source in state.presence)
        or any(alarm.clearing is not None for alarm in alarms.raised.values())
        or lvd.low_since is not None
        or lvd.high_since is not None
        or lvd.remembered
        or any(contact.odd_since is not None and not contact.faulty for contact in relays.contacts)
        or relays.recharge.waited_s > 0.0
        or state.plausible.is_timing
        or state.guard.is_timing
        or state.battery_use.flows_since is not None
    )


def is_same(seen: Inputs, scan: Inputs) -> bool:
    """True when `scan` tells nothing that `seen` did not: same lines and qualities, near values."""
    if (
        scan.guard is not seen.guard
        or scan.batt_path is not seen.batt_path
        or scan.pb1
        or scan.pb2
        or scan.chips is not seen.chips
        or scan.storage_ok is not seen.storage_ok
        or scan.clock_ok is not seen.clock_ok
        or scan.settings_ok is not seen.settings_ok
    ):
        return False
    for old, new in zip(seen[:8], scan[:8], strict=True):  # volts and amps in turn
        if new[1] is not old[1] or not -BAND < new[0] - old[0] < BAND:
            return False
    old, new = seen.temperature, scan.temperature
    if new[1] is not old[1] or not -BAND_C < new[0] - old[0] < BAND_C:
        return False
    for old, new in zip(seen[9:13], scan[9:13], strict=True):
        if new[1] is not old[1] or not -BAND < new[0] - old[0] < BAND:
            return False
    return True
