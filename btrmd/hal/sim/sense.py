"""What the HAT's chips and input pins are exposed to, with the noise of a real cabinet."""

from __future__ import annotations

from random import Random
from typing import NamedTuple, Protocol

from .bank import Bank
from .battery import SimBattery
from .circuit import Circuit
from .guard import SimGuard
from .lockout import Lockout
from .relays import Relays

VOLTS_NOISE, AMPS_NOISE, TEMPERATURE_NOISE = 0.003, 0.006, 0.04  # standard deviations
SENSE_PATH_V = 6.0  # BATT_PATH: half a block's volts after K3
PULLED_LOW_V = 0.1
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


SHUNT_OHM = 0.002


class Terminals(Protocol):
    """What of a plant its terminals and lines show."""

    blocks: int
    battery: SimBattery | Bank
    circuit: Circuit
    relays: Relays
    guard: SimGuard
    hat: Lockout
    single_source: bool
    io_v: list[float]
    taps: tuple[str, ...]
    pulls_low: dict[str, bool]
    load_bypass: float
    bus_v: float
    taken_a: float

    @property
    def battery_c(self) -> float: ...


def tapped(plant: Terminals) -> list[float]:
    """The IO channels with those that are wired to taps of the bank; one that was given volts of
    its own (chN.volts) keeps them."""
    io_v, amps = list(plant.io_v), plant.circuit.battery_a
    bank_v = plant.circuit.battery_v
    battery = plant.battery
    if isinstance(battery, Bank):
        volts = battery.volts_under(amps)
        # the parts in their ratio: the circuit has solved the whole
        scale = bank_v / (sum(volts) or 1.0)
        volts = [scale * v for v in volts]
    else:
        volts = [bank_v / plant.blocks] * plant.blocks
    below = SHUNT_OHM * amps
    for v, channel in zip(volts, plant.taps, strict=False):
        below += v
        if channel != "none" and io_v[int(channel[2]) - 1] == 0.0:
            io_v[int(channel[2]) - 1] = max(below, 0.0)
    return io_v


def measure(plant: Terminals) -> Sense:
    """What is at the terminals and lines of `plant` in this instant, without noise."""
    circuit, relays = plant.circuit, plant.relays
    charger_a, supply_a = circuit.charger_a, circuit.supply_a
    if plant.single_source:
        supply_a, charger_a = supply_a + charger_a, 0.0
    ch1, ch2, ch3, ch4 = tapped(plant) if plant.taps else plant.io_v
    if plant.pulls_low["ch1"]:
        ch1 = min(ch1, PULLED_LOW_V)
    if plant.pulls_low["ch2"]:
        ch2 = min(ch2, PULLED_LOW_V)
    return Sense(
        battery_v=circuit.battery_v,
        load_v=plant.bus_v,
        charger_v=circuit.charger_v,
        supply_v=circuit.supply_v,
        battery_a=circuit.battery_a,
        load_a=plant.taken_a * (1.0 - plant.load_bypass),
        charger_a=charger_a,
        supply_a=supply_a,
        io_v=(ch1, ch2, ch3, ch4),
        temperature_c=plant.battery_c,
        batt_path=circuit.node_v > SENSE_PATH_V and not relays.k3_open,
        guard=plant.guard.active,
        powered=plant.hat.is_on,
    )
