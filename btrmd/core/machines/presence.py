"""Presence: is the supply there, is the charger there (DESIGN sections 3 and 8b: for 10 s)."""

from __future__ import annotations

from typing import NamedTuple

from ...model.readings import Measurement
from ..scan.context import StepContext
from ..scan.due import due_if
from ..scan.relations import delivers

PRESENT_S = 10.0  # volts above the threshold, or current, for so long: present


class Source(NamedTuple):
    """One source's timers on the process clock; None = the condition does not hold now.

    `above_since` good readings at or above its threshold, `below_since` good readings below it and
    no current that proves the contrary. Both None: its voltage is not known, or it delivers below
    its threshold. `there_since`: volts or current since then. `known`: it has been the one or the
    other for 10 s, so that `present` is a fact.
    """

    above_since: float | None = None
    below_since: float | None = None
    there_since: float | None = None
    present: bool = False
    known: bool = False

    def above_for(self, now: float) -> float:
        """Seconds of good readings at or above the threshold, -1.0 when it is not above now."""
        return -1.0 if self.above_since is None else now - self.above_since

    def below_for(self, now: float) -> float:
        """Seconds of good readings below the threshold, -1.0 when it is not below now."""
        return -1.0 if self.below_since is None else now - self.below_since

    @property
    def state(self) -> bool | None:
        """Present or not; None before that can be known."""
        return self.present if self.known else None

    @property
    def is_timing(self) -> bool:
        """It is about to be told present, or absent."""
        appears = not self.present and self.there_since is not None
        return appears or (not self.known and self.below_since is not None)


class Presence(NamedTuple):
    supply: Source = Source()
    charger: Source = Source()

    def next_due(self, now: float) -> float:
        """Every scan while one of the two comes or goes."""
        return due_if(self.supply.is_timing or self.charger.is_timing)


def _watch(
    source: Source, measured: Measurement, threshold: float, delivering: bool, now: float
) -> Source:
    if not (measured.good or delivering):
        return source if source == Source() else Source()
    above = measured.good and measured.value >= threshold
    there = above or delivering
    above_since = (now if source.above_since is None else source.above_since) if above else None
    there_since = (now if source.there_since is None else source.there_since) if there else None
    below_since = None
    if not there:
        below_since = now if source.below_since is None else source.below_since
    present = there and (
        source.present or (there_since is not None and now - there_since >= PRESENT_S - 1e-6)
    )
    known = source.known or present or (
        below_since is not None and now - below_since >= PRESENT_S - 1e-6
    )  # fmt: skip
    is_same = (
        above_since == source.above_since
        and below_since == source.below_since
        and there_since == source.there_since
        and present is source.present
        and known is source.known
    )
    return source if is_same else Source(above_since, below_since, there_since, present, known)


def step_presence(presence: Presence, ctx: StepContext) -> Presence:
    """Follow supply.voltage and charger.voltage at their thresholds, or their currents."""
    inputs, th = ctx.inputs, ctx.sp.th
    supply = _watch(
        presence.supply, inputs.supply_v, th.supply_present_v, ctx.supply_feeds, ctx.now
    )
    charger = _watch(
        presence.charger, inputs.charger_v, th.charger_present_v, delivers(inputs, ctx.sp), ctx.now
    )
    if supply is presence.supply and charger is presence.charger:
        return presence
    return Presence(supply, charger)
