"""What the maker tells of a battery beyond its rated Ah: its charge under a load, how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from typing import NamedTuple

from ..model.battery_table import BatteryTable, TableRow
from ..model.chemistry import LEAD_ACID
from .rating import new_charge_ah

USUAL_END = 0.978  # part of the run at which the knee is reached, where no type is told
END_SPAN = 0.012  # by which the types differ

# Part of the run to the usual cutoff at which the knee is reached: AGM and pure lead from makers'
# constant-current tables (charge to 1.85 V a cell over that to 1.833, from 5 h on); the others by
# repute alone, tubular as sharp as pure lead, gel and flooded softer than AGM.
END_OF_TYPE = {"agm": 0.98, "gel": 0.962, "flooded": 0.955, "tubular": 0.985, "pure-lead": 0.988}

CUTOFF_V = LEAD_ACID.cutoff_v / LEAD_ACID.cells  # V a cell
MEAN_V = 1.95  # V a cell over a discharge: what turns the watts of a table into amps
# What the last 0.083 V a cell (1.75 to 1.833) hold of the charge: at an hour, and at twenty. Means
# of the constant-current tables of fourteen AGM series (0.04 to 0.11 and 0.014 to 0.045).
LAST_1H, LAST_20H, LAST_V = 0.075, 0.027, LEAD_ACID.end_cell_v


class Maker(NamedTuple):
    """`new_ah(amps)`: Ah a new battery gives to the usual cutoff at 25 degC under `amps` (> 0);
    `is_reported`: from its own table, not from the average of all tables. `end`: part of the run
    (0..1) at which the knee (`knee_v`) is reached, None = not told."""

    new_ah: Callable[[float], float]
    is_reported: bool = False
    end: float | None = None

    @property
    def is_type_known(self) -> bool:
        """Whether somebody said what kind of battery it is, and with that that it is lead-acid."""
        return self.is_reported or self.end is not None

    @property
    def sharpness(self) -> float:
        """0 for an end not told or usual, about -2 (soft) .. 2 (sharp)."""
        if self.end is None:
            return 0.0
        return max(-3.0, min((self.end - USUAL_END) / END_SPAN, 2.0))


def average_maker(size_ah: float, end: float | None = None) -> Maker:
    """The average of makers' tables for a battery of `size_ah` (20 h charge)."""
    return Maker(lambda amps: new_charge_ah(size_ah, amps), end=end)


def maker_of(rated_ah: float, battery_type: str, table: BatteryTable | None) -> Maker:
    """The maker as told: `battery_type` as the setting battery.type (others than END_OF_TYPE tell
    nothing), `table` of one block or bank of `rated_ah` (20 h charge)."""
    end = END_OF_TYPE.get(battery_type)
    if table is None:
        return average_maker(rated_ah, end)
    charges = [(end_v, _charges(table, end_v)) for end_v in table.ends]
    return Maker(lambda amps: _to_cutoff(charges, rated_ah, amps), True, end)


def _charges(table: BatteryTable, end_v: float) -> list[tuple[float, float]]:
    """A and Ah of the rows to `end_v`, by rising A."""
    scale = MEAN_V if table.is_watts else 1.0
    return [_charge(row, scale) for row in table.to_end(end_v)]


def _charge(row: TableRow, scale: float) -> tuple[float, float]:
    return row.load / scale, row.load / scale * row.hours


def _to_cutoff(
    charges: Sequence[tuple[float, Sequence[tuple[float, float]]]], rated_ah: float, amps: float
) -> float:
    """Ah to the cutoff under `amps`: between the two end voltages beside it, else from the nearest
    by what the last volts hold on average."""
    above = [one for one in charges if one[0] >= CUTOFF_V - 1e-4]
    below = [one for one in charges if one[0] < CUTOFF_V - 1e-4]
    if above and below:
        (high_v, high), (low_v, low) = above[-1], below[0]
        part = (high_v - CUTOFF_V) / (high_v - low_v)
        early, late = _at(high, rated_ah, amps), _at(low, rated_ah, amps)
        return early + part * max(0.0, late - early)
    end_v, rows = above[-1] if above else below[0]
    charge = _at(rows, rated_ah, amps)
    hours = max(1.0, min(charge / amps, 20.0))
    last = LAST_20H + (LAST_1H - LAST_20H) * (1.0 - log(hours) / log(20.0))
    return charge * (1.0 - last * (CUTOFF_V - end_v) / (CUTOFF_V - LAST_V))


def _at(rows: Sequence[tuple[float, float]], rated_ah: float, amps: float) -> float:
    """Ah under `amps` by one end voltage's rows: between two of them by ln A; outside of them the
    nearest one's, changed as the average of all makers changes."""
    if amps <= rows[0][0] or amps >= rows[-1][0]:
        near_a, charge = rows[0] if amps <= rows[0][0] else rows[-1]
        return charge * new_charge_ah(rated_ah, amps) / new_charge_ah(rated_ah, near_a)
    right = next(k for k, (row_a, _) in enumerate(rows) if row_a >= amps)
    (low_a, low), (high_a, high) = rows[right - 1], rows[right]
    part = log(amps / low_a) / log(high_a / low_a)
    return exp(log(low) + part * log(high / low))
