"""Idle: does this scan tell the core nothing new, so that it may look later?

Ten scans a second are read whatever happens. In a cabinet where nothing moves, nine of ten of
them tell the machines nothing: looking at them anyway costs more of a small processor than all
the rest of the daemon. What a machine could act on ends that within the same scan, and so does
the time at which one wants to be looked at (`State.next_due`).
"""

from __future__ import annotations

from ..model.board import Inputs

LOOK_EVERY_S = 1.0  # the longest time between two looks of the core at an idle station
BAND, BAND_C = 0.1, 0.5  # V or A, degC: well above the noise of a channel, below what matters


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
