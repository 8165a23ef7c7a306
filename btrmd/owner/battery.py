"""The battery as the settings tell it: its rating, its type, its maker's table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ..estimate.maker import Maker, maker_of
from ..estimate.rating import Rating
from ..estimate.run_time import estimate
from ..model.battery_table import read_battery_table
from ..model.discharge import CurveRow, Estimate
from ..model.settings import Settings

ANY_AH = 100.0  # stands for a rating that is not told; only the maker's end is used then


class Battery(NamedTuple):
    """`rated_ah` 20 h charge Ah, None = not told; `maker` what else is told; `rating` what a new
    one gives (of the maker's table where there is one), None without rated Ah."""

    rated_ah: float | None
    maker: Maker
    rating: Rating | None


def battery_of(settings: Settings) -> Battery:
    """What is told; the same object as long as nothing changes."""
    rated = settings["battery.rated_ah"]
    rated_ah = float(rated) if isinstance(rated, int | float) else None
    return _battery(rated_ah, str(settings["battery.type"]), str(settings["battery.table"] or ""))


def estimate_of(rows: Sequence[CurveRow], settings: Settings) -> Estimate:
    """The run time of the battery that the settings tell of. Raises NotEnough."""
    battery = battery_of(settings)
    return estimate(rows, settings.blocks, battery.rated_ah, maker=battery.maker)


@lru_cache(maxsize=4)
def _battery(rated_ah: float | None, kind: str, text: str) -> Battery:
    table = read_battery_table(text)
    maker = maker_of(rated_ah or ANY_AH, kind, table)
    if rated_ah is None:
        return Battery(None, maker, None)
    if table is None:
        return Battery(rated_ah, maker, Rating(rated_ah))

    def by_table(_: float, amps: float) -> float:
        return maker.new_ah(amps)

    return Battery(rated_ah, maker, Rating(rated_ah, by_table))
