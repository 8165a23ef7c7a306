"""Presence: is the supply there, is the charger there (DESIGN section 3: for 10 s)."""

from __future__ import annotations

from typing import NamedTuple

from ..model.readings import Measurement
from .desk import Desk

PRESENT_S = 10.0  # volts above the threshold for so long: present


class Source(NamedTuple):
    """One source's timers on the process clock; None = the condition does not hold now.

    `above_since` good readings at or above its threshold, `below_since` good readings below it.
    Both None: its voltage is not known.
    """

    above_since: float | None = None
    below_since: float | None = None
    present: bool = False

    def above_for(self, now: float) -> float:
        """Seconds of good readings at or above the threshold, -1.0 when it is not above now."""
        return -1.0 if self.above_since is None else now - self.above_since

    def below_for(self, now: float) -> float:
        """Seconds of good readings below the threshold, -1.0 when it is not below now."""
        return -1.0 if self.below_since is None else now - self.below_since


class Presence(NamedTuple):
    supply: Source = Source()
    charger: Source = Source()


def _watch(source: Source, measured: Measurement, threshold: float, now: float) -> Source:
    if not measured.good:
        return source if source == Source() else Source()
    if measured.value >= threshold:
        if source.above_since is None:
            return Source(above_since=now)
        if not source.present and now - source.above_since >= PRESENT_S:
            return Source(above_since=source.above_since, present=True)
        return source
    if source.below_since is None:
        return Source(below_since=now)
    return source


def step_presence(presence: Presence, desk: Desk) -> Presence:
    """Follow supply.voltage >= 11.5 V and charger.voltage >= 12.6 V a block."""
    inputs, th = desk.inputs, desk.sp.th
    supply = _watch(presence.supply, inputs.supply_v, th.supply_present_v, desk.now)
    charger = _watch(presence.charger, inputs.charger_v, th.charger_present_v, desk.now)
    if supply is presence.supply and charger is presence.charger:
        return presence
    return Presence(supply, charger)
