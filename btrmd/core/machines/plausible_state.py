"""What the plausibility check remembers between two scans, and the scan with what it believes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ...model.board import Inputs
from ...model.readings import BAD, Measurement
from ..scan.due import due_if
from ..scan.relations import BATTERY, NOTHING, PAIRS, POINTS, Found, Tie
from .drop import NO_DROP, Drop
from .lines import InputLines
from .motion import Motion
from .rise import NOT_ASKED, Rise

TIES = len(Tie)
NEVER_TIES = (float("-inf"),) * TIES
FIELDS = ("battery_v", "load_v", "charger_v", "supply_v")
CURRENTS = {
    "load_a": "load.current", "charger_a": "charger.current", "supply_a": "supply.current",
}  # fmt: skip
NO_REASONS: Mapping[str, str] = MappingProxyType({})


class Odd(NamedTuple):
    """Why a reading is not believed, one sentence; `doubted`: it may be the other one's fault.
    `off_v`: V by which it read more than the other one when it was named."""

    reason: str
    doubted: bool = False
    well_s: float = 0.0
    off_v: float = 0.0


class Backward(NamedTuple):
    """A current below zero where a diode stands: for `seconds`, or not believed, for `reason`."""

    seconds: float = 0.0
    reason: str = ""


def without_backward(inputs: Inputs, backward: Mapping[str, Backward]) -> Inputs:
    """The scan with the currents that are not believed made bad."""
    changed: dict[str, Measurement] = {}
    for name, one in backward.items():
        current: Measurement = getattr(inputs, name)
        if one.reason and current.good:
            changed[name] = Measurement(current.value, BAD, current.at)
    return inputs._replace(**changed) if changed else inputs  # type: ignore[arg-type]


class Plausible(NamedTuple):
    """Memory between two scans. Lists of four are by voltage, the others by relation."""

    volts: tuple[float | None, ...] = (None,) * 4
    motion: Motion = Motion()
    rise: Rise = NOT_ASKED
    jumped: tuple[bool, ...] = (False,) * 4  # and nobody has vouched for it since
    agreed_s: tuple[float, ...] = (0.0,) * 4  # since it has jumped, for what that proves
    witness_at: tuple[float, ...] = (float("-inf"),) * 4
    found: Found = NOTHING
    broken_s: tuple[float, ...] = (0.0,) * TIES
    broken_since: tuple[float, ...] = (0.0,) * TIES
    broken_at: tuple[float, ...] = NEVER_TIES  # the last time; -inf: it has agreed since
    gap_v: tuple[float, ...] = (0.0,) * TIES  # V of the first end above the second, that time
    odd: tuple[Odd | None, ...] = (None,) * 4
    backward: Mapping[str, Backward] = {}  # currents that flow against their diode
    lines: InputLines = InputLines()
    crept_v: float = 0.0  # V that the charger's reading has crept up while it gives nothing
    battery_is_tied: bool = False  # K1 is on; battery or guard have shown since: S2 is closed
    drop: Drop = NO_DROP  # from battery to load, in the discharge under way

    def next_due(self, now: float) -> float:
        """Every scan while a contradiction is being weighed."""
        return due_if(any(self.broken_s) or self.lines.guard_s > 0.0 or self.lines.path_s > 0.0)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Point -> why it is not believed, one sentence each."""
        if self.odd == NONE_ODD and self.lines.is_clear and not self.backward:
            return NO_REASONS
        found = {
            point: odd.reason
            for point, odd in zip(POINTS, self.odd, strict=True)
            if odd is not None
        }
        found.update(
            (CURRENTS[name], one.reason) for name, one in self.backward.items() if one.reason
        )
        return {**found, **self.lines.reasons}

    def is_odd(self, point: str) -> bool:
        """The reading of this voltage is not believed."""
        odd = self.odd[POINTS.index(point)]
        return odd is not None and not odd.doubted

    @property
    def is_doubtful(self) -> bool:
        """Two readings contradict each other, and it cannot be told which is wrong."""
        return self.odd != NONE_ODD and any(odd is not None and odd.doubted for odd in self.odd)

    @property
    def may_be_above(self) -> bool:
        """The battery's reading is doubted, and only for reading too low: whoever lies, the battery
        is at what it reads, or above."""
        if self.odd == NONE_ODD:
            return False  # nearly always
        gaps = [
            gap if ends[0] == BATTERY else -gap
            for seconds, gap, ends in zip(self.broken_s, self.gap_v, PAIRS, strict=True)
            if seconds > 0.0 and BATTERY in ends and all(
                (one := self.odd[end]) is not None and one.doubted for end in ends
            )
        ]  # fmt: skip
        return bool(gaps) and max(gaps) < 0.0

    def believed(self, inputs: Inputs) -> Inputs:
        """The scan with what is not believed made bad, or unreadable."""
        if self.odd == NONE_ODD and not self.backward and self.lines.is_clear:
            return inputs  # nearly always
        changed: dict[str, Measurement | bool | None] = {}
        for name, odd in zip(FIELDS, self.odd, strict=True):
            if odd is not None and not odd.doubted:
                measured: Measurement = getattr(inputs, name)
                if measured.good:
                    changed[name] = Measurement(measured.value, BAD, measured.at)
        inputs = without_backward(inputs, self.backward)
        if self.lines.guard_reason:
            changed["guard"] = None
        if self.lines.path_reason:
            changed["batt_path"] = None
        return inputs._replace(**changed) if changed else inputs  # type: ignore[arg-type]


NONE_ODD: tuple[Odd | None, ...] = (None,) * 4
