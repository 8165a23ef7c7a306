"""The registry of chips: which parts a hardware.toml may name, each with its simulated twin.

A new part is one driver, one twin (hal/sim) and one entry here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ..i2c import I2CBus
from .ads1015 import Ads1015
from .ads1115 import Ads1115
from .current import CurrentChip
from .ina219 import GAINS, Ina219
from .ina228 import RANGES, Ina228


class CurrentKind(NamedTuple):
    """`make(bus, address, range_mv, first_check)`; `ranges_mv` full scales; `twin` the class of the
    simulated part as MODULE:NAME, imported only in simulation."""

    make: Callable[[I2CBus, int, int, float], CurrentChip]
    ranges_mv: tuple[int, ...]
    twin: str


class VoltageKind(NamedTuple):
    """`make(bus, address, inputs)`: an ADC of four inputs with an ADS1115's registers."""

    make: Callable[[I2CBus, int, list[int]], Ads1115]
    twin: str


CURRENT_CHIPS: Final[Mapping[str, CurrentKind]] = {
    "ina219": CurrentKind(Ina219, tuple(GAINS), "btrmd.hal.sim.registers:SimIna219"),
    "ina228": CurrentKind(Ina228, tuple(RANGES), "btrmd.hal.sim.ina228:SimIna228"),
}
VOLTAGE_CHIPS: Final[Mapping[str, VoltageKind]] = {
    "ads1115": VoltageKind(Ads1115, "btrmd.hal.sim.registers:SimAds1115"),
    "ads1015": VoltageKind(Ads1015, "btrmd.hal.sim.registers:SimAds1015"),
}


def twin_of(kind: CurrentKind | VoltageKind) -> Callable[..., Any]:
    """The class of the simulated part."""
    module, _, name = kind.twin.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
