"""What the HAT's chips and input pins are exposed to, with the noise of a real cabinet."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

VOLTS_NOISE, AMPS_NOISE, TEMPERATURE_NOISE = 0.003, 0.006, 0.04  # standard deviations
SIZE = 2048
DRAWN = 11  # numbers used up by one sense: no divisor of SIZE


class Sense(NamedTuple):
    """One instant of the plant. Whole-bank volts at the terminals.

    Battery amps positive = charging; load, charger and supply positive = their normal flow.
    `guard` True = active, `powered` False = the HAT has no power.
    """

    battery_v: float
    load_v: float
    charger_v: float
    supply_v: float
    battery_a: float
    load_a: float
    charger_a: float
    supply_a: float
    io_v: tuple[float, float, float, float]
    temperature_c: float
    batt_path: bool
    guard: bool
    powered: bool


class Noise:
    """Gaussian numbers from a table, the same ones for the same seed."""

    __slots__ = ("_at", "_table")

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self._table = [random.gauss(0.0, 1.0) for _ in range(SIZE + DRAWN)]
        self._at = 0

    def upon(self, sense: Sense) -> Sense:
        """`sense` as it is measured: volts, amps and temperature are a little off."""
        table, at = self._table, self._at
        self._at = (at + DRAWN) % SIZE
        return Sense(
            sense.battery_v + VOLTS_NOISE * table[at],
            sense.load_v + VOLTS_NOISE * table[at + 1],
            sense.charger_v + VOLTS_NOISE * table[at + 2],
            sense.supply_v + VOLTS_NOISE * table[at + 3],
            sense.battery_a + AMPS_NOISE * table[at + 4],
            sense.load_a + AMPS_NOISE * table[at + 5],
            sense.charger_a + AMPS_NOISE * table[at + 6],
            sense.supply_a + AMPS_NOISE * table[at + 7],
            sense.io_v,
            sense.temperature_c + TEMPERATURE_NOISE * table[at + 8],
            sense.batt_path,
            sense.guard,
            sense.powered,
        )
