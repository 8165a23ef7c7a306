"""Plays a recorded discharge in place of the battery and the load (DESIGN section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...model.errors import DataError
from .table import read_table

CUTOFF_V = 11.0  # per block
HIGHEST_V, HIGHEST_A = 80.0, 40.0
FLOAT_A = 0.02
RECHARGE_A, RECHARGE_S = 0.5, 1800.0  # what the charger gives once the load is back


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A recorded discharge: whole-bank volts, amps negative while discharging, degC."""

    path: str
    times: tuple[float, ...]
    volts: tuple[float, ...]
    amps: tuple[float, ...]
    temps: tuple[float, ...]  # empty when the file has none

    @property
    def last_slope(self) -> float:
        """V/s between the last two rows: how it goes on after them."""
        if len(self.times) < 2:
            return 0.0
        return (self.volts[-1] - self.volts[-2]) / (self.times[-1] - self.times[-2])

    def crossing(self, volts: float) -> float | None:
        """Seconds to the first fall to `volts` (whole bank), by the last slope if need be."""
        if self.volts[0] <= volts:
            return 0.0
        for at in range(1, len(self.times)):
            high, low = self.volts[at - 1], self.volts[at]
            if low <= volts:
                share = (high - volts) / (high - low)
                return (
                    self.times[at - 1]
                    - self.times[0]
                    + share * (self.times[at] - self.times[at - 1])
                )
        slope = self.last_slope
        if slope >= 0.0:
            return None
        return self.times[-1] - self.times[0] + (volts - self.volts[-1]) / slope


def read_record(path: Path) -> ReplayRecord:
    """Read a record: header time_s,battery_v,battery_a and, if there is one, temp_c.

    Raises DataError naming the file, the line and what was expected.
    """
    rows = read_table(path, ("time_s", "battery_v", "battery_a"), ("temp_c",))
    for line, row in rows:
        if not 0.0 < row[1] <= HIGHEST_V:
            raise DataError(
                f"{path}, line {line}: battery_v {row[1]:g}: expected above 0 to {HIGHEST_V:g} V."
            )
        if abs(row[2]) > HIGHEST_A:
            raise DataError(
                f"{path}, line {line}: battery_a {row[2]:g}: expected"
                f" -{HIGHEST_A:g}..{HIGHEST_A:g} A, negative while discharging."
            )
    if all(row[2] >= 0.0 for _, row in rows):
        raise DataError(
            f"{path}: battery_a is nowhere negative: expected a discharge, negative = discharging."
        )
    columns = list(zip(*(row for _, row in rows), strict=True))
    temps = columns[3] if len(columns) > 3 else ()
    return ReplayRecord(str(path), columns[0], columns[1], columns[2], temps)


class Replay:
    """A record with the place it has come to. `played_s` counts while K1 carries the load,
    `rested_s` afterwards."""

    __slots__ = (
        "_row", "amps", "float_v", "played_s", "record", "rested_s", "temperature_c", "volts",
    )  # fmt: skip

    def __init__(self, record: ReplayRecord, blocks: int, played_s: float = 0.0) -> None:
        self.record = record
        self.float_v = record.volts[0] + 1.0 * blocks  # before the load moves
        self.played_s = 0.0
        self.rested_s = 0.0
        self._row = 0
        self.volts = 0.0
        self.amps = 0.0  # what the load takes, 0 or more
        self.temperature_c: float | None = None
        self.advance(played_s)

    @property
    def charge_a(self) -> float:
        """What a charger gives now, K2 closed: a discharge is followed by a recharge."""
        is_due = self.played_s > 0.0 and self.rested_s < RECHARGE_S
        return RECHARGE_A if is_due else FLOAT_A

    def rest(self, dt: float) -> None:
        """`dt` s pass with the load on the supply."""
        self.rested_s += dt

    def advance(self, dt: float) -> None:
        """`dt` s of the record pass; volts, amps and temperature_c follow."""
        self.played_s += dt
        self.rested_s = 0.0
        record = self.record
        times = record.times
        at = times[0] + self.played_s
        row = self._row
        last = len(times) - 1
        while row < last and times[row + 1] <= at:
            row += 1
        self._row = row
        if row == last:
            self.volts = max(0.0, record.volts[last] + record.last_slope * (at - times[last]))
            self.amps = max(0.0, -record.amps[last])
            self.temperature_c = record.temps[last] if record.temps else None
            return
        share = (at - times[row]) / (times[row + 1] - times[row])
        volts, amps, temps = record.volts, record.amps, record.temps
        self.volts = volts[row] + share * (volts[row + 1] - volts[row])
        self.amps = max(0.0, -(amps[row] + share * (amps[row + 1] - amps[row])))
        if temps:
            self.temperature_c = temps[row] + share * (temps[row + 1] - temps[row])
