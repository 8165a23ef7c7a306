"""The battery of the plant: one 12 V VRLA block with an electrochemical character, times blocks.

Fitted to the makers' charge-against-rate figures and to the measured C/10 shape (BATTERY.md):
tests/sim holds the comparison. Everything here is per 12 V block; a bank of blocks in series
carries the same current at `blocks` times the volts. Current is positive while charging.

The parts, each exact for a constant current over any step length:

* two wells of charge (kinetic battery model): `soc` is the whole, `lag` how far the plates are
  behind the acid; the plates' own level `head` = soc - (1 - C) lag makes the voltage. This gives
  rate-dependent capacity, recovery after rest and a slow absorption phase.
* the voltage of the plates as a function of their level, with a soft and a hard knee.
* ohmic resistance (level, temperature, age) and two relaxation polarisations.
* surface charge: the overpotential of float and absorption, which leaks away by a Tafel law.
* coup de fouet: the dip in the first ~3 % of charge after a full charge.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import exp, log, sqrt

# Fitted together: charge to 1.85 V/cell against rate within 0.02 of rated, C/10 shape within 25 mV.
WELL = 0.3935051  # share of the charge that stands at the plates
FLOW = 0.8872969 / 3600.0  # 1/s, how fast the two wells level out
WHOLE = 1.1036727  # charge of both wells at 25 C, in units of the 20 h rating
V_BASE = 11.63445
V_SLOPE = 1.181642
SOFT_V, SOFT_W = 0.6611244, 0.1756999
HARD_V, HARD_W = 3.0, 0.00868
R_OHMIC = 0.16  # ohm for 1 Ah
R_EMPTY = 0.5866  # extra share of it when the plates are empty
R_FAST, TAU_FAST = 0.10, 20.0
R_SLOW, TAU_SLOW = 0.1495, 400.0

SURFACE_F = 28.0  # farad per Ah: surface charge is about half a percent of the rating at float
TAFEL_V = 0.39  # volts per e-fold of gassing current, per block
FLOAT_A = 0.0008  # A per Ah of gassing current at FLOAT_S
FLOAT_S = 0.7  # surface charge on float at 13.5 V a block
DIP_V = 0.11  # coup de fouet at C/10
DIP_Q = 0.004  # charge removed at its trough, in units of the rating
SELF_DISCHARGE = 1.2e-8  # of the charge per second, 3 % a month
FLOOR_V = 4.0  # a block does not fall below this: its cells never reverse here

# Capacity against temperature: about 0.65 %/C below 25 C, saturating above (BATTERY.md).
TEMPERATURE = ((-40.0, 0.42), (-20.0, 0.68), (-10.0, 0.79), (0.0, 0.89), (10.0, 0.94),
               (25.0, 1.0), (40.0, 1.03), (60.0, 1.04))  # fmt: skip


def capacity_factor(temperature_c: float) -> float:
    """Capacity at `temperature_c` (degC) over that at 25 degC."""
    below = TEMPERATURE[0]
    if temperature_c <= below[0]:
        return below[1]
    for above in TEMPERATURE[1:]:
        if temperature_c < above[0]:
            share = (temperature_c - below[0]) / (above[0] - below[0])
            return below[1] + share * (above[1] - below[1])
        below = above
    return below[1]


@dataclass(slots=True)
class Charge:
    """The state that a battery carries through time."""

    soc: float = 1.0  # 0..1 of what it can hold now
    lag: float = 0.0
    surface: float = FLOAT_S  # V
    fast: float = 0.0  # V, negative while discharging
    slow: float = 0.0  # V
    removed: float = 0.0  # charge taken since it was full, in units of the rating


class SimBattery:
    """One block. `rated_ah` is the 20 h rating, `soh` capacity over rating, 0.05..1.2."""

    __slots__ = (
        "_dt", "_e_fast", "_e_flow", "_e_slow", "_leak", "_surface_f", "_whole",
        "charge", "r_fast", "r_ohmic", "r_slow", "rated_ah", "soh", "temperature_c",
    )  # fmt: skip

    def __init__(
        self, rated_ah: float = 17.0, soh: float = 1.0, temperature_c: float = 25.0
    ) -> None:
        self.charge = Charge()
        self._dt = -1.0
        self.set_up(rated_ah, soh, temperature_c)

    def set_up(self, rated_ah: float, soh: float, temperature_c: float) -> None:
        """Another size, age or temperature; the state of charge stays what it was."""
        self.rated_ah = rated_ah
        self.soh = soh
        self.temperature_c = temperature_c
        self._whole = WHOLE * rated_ah * 3600.0 * soh * capacity_factor(temperature_c)
        cold = max(0.0, 25.0 - temperature_c)
        warm = max(0.0, temperature_c - 25.0)
        grown = (
            (1.0 + 0.012 * cold) * max(0.85, 1.0 - 0.004 * warm) * (1.0 + 0.5 * (1.0 / soh - 1.0))
        )
        grown = max(grown, 0.5) / rated_ah
        self.r_ohmic = R_OHMIC * grown
        self.r_fast = R_FAST * grown
        self.r_slow = R_SLOW * grown
        self._surface_f = SURFACE_F * rated_ah
        self._leak = FLOAT_A * rated_ah * exp(-FLOAT_S / TAFEL_V)

    def set_soc(self, soc: float) -> None:
        """At rest at `soc` (0..1) from now on; full means floated."""
        self.charge = Charge(soc=soc, surface=FLOAT_S if soc >= 1.0 else 0.0, removed=1.0 - soc)

    def copy(self) -> SimBattery:
        """Another battery in the same state."""
        twin = SimBattery(self.rated_ah, self.soh, self.temperature_c)
        twin.charge = Charge(**asdict(self.charge))
        return twin

    @property
    def head(self) -> float:
        """Level of charge at the plates: soc at rest, lower in a discharge, 0 = exhausted."""
        return self.charge.soc - (1.0 - WELL) * self.charge.lag

    @property
    def whole_as(self) -> float:
        """What it can hold now, in ampere-seconds."""
        return self._whole

    def thevenin(self) -> tuple[float, float]:
        """(volts without current, ohms) at this instant."""
        charge = self.charge
        head = charge.soc - (1.0 - WELL) * charge.lag
        volts = V_BASE + V_SLOPE * head + charge.surface + charge.fast + charge.slow
        resistance = self.r_ohmic
        if head < 1.0:
            resistance *= 1.0 + R_EMPTY * (1.0 - head) * (1.0 - head)
            if head < 0.25:
                volts -= SOFT_V * exp(-head / SOFT_W) + HARD_V * exp(-max(head, -0.02) / HARD_W)
            else:
                volts -= SOFT_V * exp(-head / SOFT_W)
        else:
            volts -= SOFT_V * exp(-head / SOFT_W)
        if charge.fast < 0.0 and charge.removed < 0.04:
            # The dip belongs to the current that has flowed for a while: `fast` is that current.
            rate = -charge.fast / (self.r_fast * self.rated_ah * 0.1)
            x = charge.removed / DIP_Q
            volts -= DIP_V * sqrt(rate if rate < 4.0 else 4.0) * x * exp(1.0 - x)
        return (volts if volts > FLOOR_V else FLOOR_V), resistance

    def thevenin_after(self, dt: float) -> tuple[float, float]:
        """The same as it will be after `dt` s, with the current of those `dt` s as the unknown.

        For long steps on a charger: solving with this is an implicit step, stable at any length.
        """
        self._prepare(dt)
        volts, ohms = self.thevenin()
        charge = self.charge
        volts -= charge.fast * (1.0 - self._e_fast) + charge.slow * (1.0 - self._e_slow)
        volts -= V_SLOPE * (1.0 - WELL) * charge.lag * (self._e_flow - 1.0)
        ohms += self.r_fast * (1.0 - self._e_fast) + self.r_slow * (1.0 - self._e_slow)
        per_amp = dt + (1.0 - WELL) / (WELL * FLOW) * (1.0 - self._e_flow)
        ohms += V_SLOPE * per_amp / self._whole
        ohms += (1.0 - self._acceptance()) * dt / self._surface_f
        leak = self._leak * exp(charge.surface / TAFEL_V) * dt / self._surface_f
        volts -= min(leak, charge.surface)
        return volts, ohms

    def advance(self, dt: float, amps: float) -> None:
        """Carry `amps` (positive = charging) for `dt` s."""
        if dt != self._dt:
            self._prepare(dt)
        charge = self.charge
        surface = charge.surface
        into = amps
        if amps > 0.0:
            into = amps * self._acceptance()
            leak = self._leak * exp(surface / TAFEL_V)
            surface += (amps - into - leak) * dt / self._surface_f
        elif surface > 0.0:
            if surface > 0.02:
                # Tafel leakage alone has a closed form; the discharge then takes its part.
                still = exp(-surface / TAFEL_V)
                surface = -TAFEL_V * log(still + self._leak * dt / (self._surface_f * TAFEL_V))
            surface += amps * dt / self._surface_f
        charge.surface = surface if surface > 0.0 else 0.0
        whole = self._whole
        e_flow = self._e_flow
        # lag' = -I / (whole WELL) - FLOW lag, solved for a constant current.
        charge.lag = charge.lag * e_flow - into * (1.0 - e_flow) / (whole * WELL * FLOW)
        soc = charge.soc + into * dt / whole - SELF_DISCHARGE * dt
        charge.soc = 1.0 if soc > 1.0 else soc if soc > 0.0 else 0.0
        charge.fast += (amps * self.r_fast - charge.fast) * (1.0 - self._e_fast)
        charge.slow += (amps * self.r_slow - charge.slow) * (1.0 - self._e_slow)
        removed = charge.removed - into * dt / (self.rated_ah * 3600.0)
        charge.removed = 0.0 if removed < 0.0 or soc >= 0.9995 else removed

    def _acceptance(self) -> float:
        """Share of a charging current that becomes charge; the rest gasses."""
        head = self.head
        if head <= 0.94:
            return 1.0
        return 0.0 if head >= 1.1 else (1.1 - head) / 0.16

    def _prepare(self, dt: float) -> None:
        self._dt = dt
        self._e_flow = exp(-dt * FLOW)
        self._e_fast = exp(-dt / TAU_FAST)
        self._e_slow = exp(-dt / TAU_SLOW)
