"""A bank of blocks in series that are not alike, each with its own health and shorted cells.

It answers to the same calls as one Battery, in means per block, so that the plant need not know
which of the two it has: a bank of equal blocks is one Battery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .battery import Charge, SimBattery

CELLS = 6  # in a 12 V block


class Bank:
    """`blocks` Battery objects carry the same current; the terminal voltage is their sum.

    `soh` is the health of the blocks without one of their own; `own_soh` (block 1.. -> 0.05..1.2)
    and `shorted` (block 1.. -> 0..6 cells) are what makes a block differ.
    """

    __slots__ = ("_parts", "_shares", "own_soh", "shorted", "soh")

    def __init__(
        self,
        parts: Sequence[SimBattery],
        soh: float,
        own_soh: Mapping[int, float],
        shorted: Mapping[int, int],
    ) -> None:
        """`parts`: one Battery a block, in the state from which the bank goes on."""
        self._parts = list(parts)
        self.soh = soh
        self.own_soh = dict(own_soh)
        self.shorted = dict(shorted)
        self._shares = [1.0 - shorted.get(n, 0) / CELLS for n in range(1, len(parts) + 1)]
        self.set_up(self._parts[0].rated_ah, soh, self._parts[0].temperature_c)

    @property
    def parts(self) -> list[SimBattery]:
        """The blocks, the one at Battery- first."""
        return self._parts

    def volts_under(self, amps: float) -> list[float]:
        """Volts of each block while `amps` (positive = charging) flow."""
        found = (part.thevenin() for part in self._parts)
        pairs = zip(self._shares, found, strict=True)
        return [share * (volts + ohms * amps) for share, (volts, ohms) in pairs]

    # --- what a Battery answers to -------------------------------------------------------------

    @property
    def _weakest(self) -> SimBattery:
        return min(self._parts, key=lambda part: part.charge.soc * part.whole_as)

    @property
    def charge(self) -> Charge:
        """The state of the block that has the least left: it ends the discharge."""
        return self._weakest.charge

    @property
    def rated_ah(self) -> float:
        return self._parts[0].rated_ah

    @property
    def temperature_c(self) -> float:
        return self._parts[0].temperature_c

    @property
    def whole_as(self) -> float:
        """What the smallest block can hold, in ampere-seconds."""
        return min(part.whole_as for part in self._parts)

    @property
    def r_fast(self) -> float:
        return sum(part.r_fast for part in self._parts) / len(self._parts)

    def set_up(self, rated_ah: float, soh: float, temperature_c: float) -> None:
        """Another size, age or temperature; own health and states of charge stay."""
        self.soh = soh
        for n, part in enumerate(self._parts, 1):
            part.set_up(rated_ah, self.own_soh.get(n, soh), temperature_c)

    def set_soc(self, soc: float) -> None:
        """Every block at rest at `soc` (0..1) of what it can hold."""
        for part in self._parts:
            part.set_soc(soc)

    def copy(self) -> Bank:
        """Another bank in the same state."""
        return Bank([part.copy() for part in self._parts], self.soh, self.own_soh, self.shorted)

    def thevenin(self) -> tuple[float, float]:
        """(volts without current, ohms) at this instant, the mean of the blocks."""
        return self._mean([part.thevenin() for part in self._parts])

    def thevenin_after(self, dt: float) -> tuple[float, float]:
        """The same as it will be after `dt` s; see Battery.thevenin_after."""
        return self._mean([part.thevenin_after(dt) for part in self._parts])

    def advance(self, dt: float, amps: float) -> None:
        """Carry `amps` (positive = charging) for `dt` s."""
        for part in self._parts:
            part.advance(dt, amps)

    def _mean(self, found: Sequence[tuple[float, float]]) -> tuple[float, float]:
        volts = ohms = 0.0
        for share, (part_v, part_r) in zip(self._shares, found, strict=True):
            volts += share * part_v
            ohms += share * part_r
        return volts / len(found), ohms / len(found)


def made_bank(
    now: SimBattery | Bank,
    blocks: int,
    own_soh: Mapping[int, float],
    shorted: Mapping[int, int],
) -> SimBattery | Bank:
    """The bank of `blocks` that goes on from `now`: one Battery while all blocks are alike."""
    base = now.parts[0] if isinstance(now, Bank) else now
    soh = now.soh
    own = {n: value for n, value in own_soh.items() if n <= blocks}
    bad = {n: cells for n, cells in shorted.items() if n <= blocks and cells}
    if not own and not bad:
        if isinstance(now, SimBattery):
            return now
        single = base.copy()
        single.set_up(base.rated_ah, soh, base.temperature_c)
        return single
    if isinstance(now, Bank):
        parts = [part.copy() for part in now.parts[:blocks]]
        parts += [base.copy() for _ in range(blocks - len(parts))]
    else:
        parts = [base.copy() for _ in range(blocks)]
    return Bank(parts, soh, own, bad)
