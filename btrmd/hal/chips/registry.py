"""The registry of chips: which parts a hardware.toml may name, each driver with its simulated twin.

A new part is one driver, one twin and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from .ads1115 import Ads1015, Ads1115
from .current import CurrentChip
from .i2c import I2CBus
from .ina219 import GAINS, Ina219
from .ina228 import RANGES, Ina228
from .sim_ads1115 import SimAds1015, SimAds1115
from .sim_chip import Instant, PlantTime, SimChip, Volts
from .sim_ina219 import SimIna219
from .sim_ina228 import SimIna228


class CurrentKind(NamedTuple):
    """`make(bus, address, range_mv, first_check)`; `twin(volts at the shunt, plant time, random,
    instant)`; `ranges_mv` full scales."""

    make: Callable[[I2CBus, int, int, float], CurrentChip]
    twin: Callable[[Volts, PlantTime, Random, Instant], SimChip]
    ranges_mv: tuple[int, ...]


class VoltageKind(NamedTuple):
    """`make(bus, address, inputs)`: an ADC of four inputs with an ADS1115's registers;
    `twin(volts at each of the four pins, random, instant)`."""

    make: Callable[[I2CBus, int, list[int]], Ads1115]
    twin: Callable[[Sequence[Volts], Random, Instant], SimChip]


CURRENT_CHIPS: Final[Mapping[str, CurrentKind]] = {
    "ina219": CurrentKind(Ina219, SimIna219, tuple(GAINS)),
    "ina228": CurrentKind(Ina228, SimIna228, tuple(RANGES)),
}
VOLTAGE_CHIPS: Final[Mapping[str, VoltageKind]] = {
    "ads1115": VoltageKind(Ads1115, SimAds1115),
    "ads1015": VoltageKind(Ads1015, SimAds1015),
}
