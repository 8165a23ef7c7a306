"""Lines: do GUARD and BATT_PATH tell what the currents show?"""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Inputs, Outputs
from ..scan.flows import Flows
from ..scan.setpoints import Setpoints
from .presence import Presence

CONFIRM_S = 3.0
SETTLE_S = 0.5
# the guard lets go 10 s after a supply is back with K1 off (DESIGN section 2)
HOLDS_S = 15.0
MENDED_S = 60.0


class InputLines(NamedTuple):
    """`guard_s`, `path_s` seconds of contradiction; a reason means that the line is not believed.

    `guard_well_s`, `path_well_s`: how long a line that is not believed has agreed. `s1_proven`:
    the supply has fed the load since K1 was on last, so that S2 is open. `s1_held`: the guard was
    active as K1 was energised, and keeps S1 closed as long as K1 is (DESIGN section 2).
    """

    guard_s: float = 0.0
    guard_reason: str = ""
    guard_well_s: float = 0.0
    path_s: float = 0.0
    path_reason: str = ""
    path_well_s: float = 0.0
    s1_proven: bool = False
    s1_held: bool = False
    guard_since: float | None = None  # active since then
    alone_since: float | None = None  # the supply alone feeds the load since then

    @property
    def is_clear(self) -> bool:
        return not (self.guard_s or self.guard_reason or self.path_s or self.path_reason)

    @property
    def reasons(self) -> dict[str, str]:
        """Point or line -> why it is not believed."""
        found = {"guard.active": self.guard_reason, "batt_path": self.path_reason}
        return {key: reason for key, reason in found.items() if reason}


GUARD_HANGS = (
    "The GUARD line says that the bus guard is active, but the supply alone has fed the load for "
    "longer than the guard holds: the line is not believed."
)
GUARD_MISSES = (
    "The GUARD line says that the bus guard is idle, but the battery feeds the load with K1 "
    "released: the line is not believed."
)
PATH_MISSES = (
    "The BATT_PATH line says that the battery path is open, but the load is fed through it: the "
    "line is not believed."
)


def step_lines(
    lines: InputLines,
    inputs: Inputs,
    flows: Flows,
    outputs: Outputs,
    settled_s: float,
    presence: Presence,
    supply_is_odd: bool,
    supply_is_weak: bool,
    sp: Setpoints,
    now: float,
    dt: float,
) -> InputLines:
    """Judge both lines in this scan. `supply_is_weak`: the guard has had to help it often."""
    proven = not outputs.k1 and (lines.s1_proven or (flows.alone and inputs.guard is not True))
    held = lines.s1_held if outputs.k1 else inputs.guard is True and not lines.guard_reason
    if proven is not lines.s1_proven or held is not lines.s1_held:
        lines = lines._replace(s1_proven=proven, s1_held=held)
    # one that has moved between two scans does not hang
    if (inputs.guard is True) is (lines.guard_since is None) or inputs.guard_moved:
        lines = lines._replace(guard_since=now if inputs.guard else None)
    if flows.alone is (lines.alone_since is None):
        lines = lines._replace(alone_since=now if flows.alone else None)
    active_s = 0.0
    if lines.guard_since is not None and lines.alone_since is not None:
        active_s = now - max(lines.guard_since, lines.alone_since)
    hangs, misses = _guard(
        inputs, flows, outputs, min(settled_s, active_s) if inputs.guard else settled_s, presence,
        supply_is_odd, supply_is_weak, proven, sp, now,
    )  # fmt: skip
    path_misses = (
        inputs.batt_path is False and not outputs.k3 and settled_s >= SETTLE_S and flows.carries
    )
    if lines.is_clear and not (hangs or misses or path_misses):
        return lines
    return _path(
        _guarded(lines, hangs, misses, inputs, flows, dt), path_misses, inputs, outputs, dt
    )


def _guard(
    inputs: Inputs,
    flows: Flows,
    outputs: Outputs,
    settled_s: float,
    presence: Presence,
    supply_is_odd: bool,
    supply_is_weak: bool,
    proven: bool,
    sp: Setpoints,
    now: float,
) -> tuple[bool, bool]:
    """(active for longer than it can be, idle though it must be active)."""
    if inputs.guard is None or outputs.k1:
        return False, False
    supply = inputs.supply_v
    if inputs.guard:
        # a source at its limit makes the guard let go and close again between two scans
        well = not supply_is_weak and supply.good and not supply_is_odd
        well = well and supply.value >= sp.th.guard_release_v
        long = settled_s >= HOLDS_S and presence.supply.above_for(now) >= HOLDS_S
        return well and long and flows.alone, False
    dead = supply_is_odd or (supply.good and supply.value < sp.th.supply_absent_v)
    return False, dead and proven and settled_s >= SETTLE_S and flows.carries


def _guarded(
    lines: InputLines, hangs: bool, misses: bool, inputs: Inputs, flows: Flows, dt: float
) -> InputLines:
    if lines.guard_reason:
        moved = inputs.guard is (lines.guard_reason == GUARD_MISSES)
        agrees = not (hangs or misses) and (moved or flows.alone) and inputs.guard is not None
        if lines.guard_reason == GUARD_HANGS and inputs.guard:
            agrees = False
        well = lines.guard_well_s + dt if agrees else 0.0
        if well >= (CONFIRM_S if moved else MENDED_S):
            return lines._replace(guard_reason="", guard_well_s=0.0)
        return lines._replace(guard_well_s=well)
    if not (hangs or misses):
        left = max(lines.guard_s - 0.5 * dt, 0.0)
        return lines if left == lines.guard_s else lines._replace(guard_s=left)
    seconds = lines.guard_s + dt
    if seconds < CONFIRM_S:
        return lines._replace(guard_s=seconds)
    return lines._replace(guard_s=0.0, guard_reason=GUARD_HANGS if hangs else GUARD_MISSES)


def _path(
    lines: InputLines, misses: bool, inputs: Inputs, outputs: Outputs, dt: float
) -> InputLines:
    if lines.path_reason:
        well = lines.path_well_s + dt if inputs.batt_path and not outputs.k3 else 0.0
        if well >= CONFIRM_S:
            return lines._replace(path_reason="", path_well_s=0.0)
        return lines._replace(path_well_s=well)
    if not misses:
        left = max(lines.path_s - 0.5 * dt, 0.0)
        return lines if left == lines.path_s else lines._replace(path_s=left)
    seconds = lines.path_s + dt
    if seconds < CONFIRM_S:
        return lines._replace(path_s=seconds)
    return lines._replace(path_s=0.0, path_reason=PATH_MISSES)
