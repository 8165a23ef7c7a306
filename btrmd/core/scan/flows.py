"""Flows: who feeds the load, told from the currents alone, also when one of them is missing.

supply + charger = load + battery + HAT (DESIGN section 2; battery positive = charging). Coils and
lines are what was asked for and what is said; the currents are what is.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Inputs
from ...model.readings import Measurement

HAT_W = 4.0  # from the higher of supply and battery, or from neither (fed elsewhere)
HAT_FLOOR_V = 9.0  # below it the HAT is off
SURE_A, SURE_PART = 0.2, 0.05  # more than sensors are off: +-(1 % + 30 mA) each
OWN_A, OWN_PART = 0.1, 0.01  # beyond the HAT's full draw, which is a margin by itself
TRICKLES_A = 0.1  # two sensors are off by 30 mA each, and 1 % of what is little here
PAST_PART = 0.02  # charger and battery sensor may each be 1 % off what goes past the load
BALANCE_A, BALANCE_PART = 0.3, 0.05
CONDUCTS_A = 0.3  # so much, and the path is closed: more than an unnoticed error of the sum
DIODE_V = 0.03
CHARGES_A = 0.05  # DESIGN 8b: a charger that gives more is there


class Flows(NamedTuple):
    """Amps; None = too little is known.

    `path` what comes to the load through K3 and S2, from battery and charger, at least that much;
    `supply` the same through S1. `discharge` what the battery itself gives to the load, `charge`
    what it surely takes: with neither, it may as well be cut off (fuse F2).
    `balanced` False: the currents contradict each other, so that none of this is sure; None: one
    of them is missing and was worked out from the others.
    """

    path: float | None = None
    supply: float | None = None
    discharge: float | None = None
    charge: float | None = None
    load: float | None = None
    hat: float = 0.0
    balanced: bool | None = None

    @property
    def carries(self) -> bool:
        """Battery or charger feed the load, by all that is known."""
        return self.path is not None and self.balanced is not False and self.path > 0.0

    def trickles(self, past_a: float = 0.0) -> bool:
        """Battery or charger give the load something, by all four currents: too little to be sure
        of by their sum alone, and more than two sensors are off by; `past_a` flows from the charger
        to the battery meanwhile."""
        if self.path is None or self.load is None or not self.balanced:
            return False
        return self.path + _sure(self.load) > TRICKLES_A + PAST_PART * past_a

    @property
    def discharges(self) -> bool:
        """The battery feeds the load, by all that is known."""
        return self.carries and self.discharge is not None and self.discharge > 0.0

    @property
    def uses_battery(self) -> bool:
        """The battery takes or gives current, by all that is known: fuse F2 is whole."""
        gives = self.discharge is not None and self.discharge > 0.0
        return gives or (self.charge is not None and self.charge > 0.0)

    @property
    def supplies(self) -> bool:
        """The supply feeds the load, by all that is known."""
        return self.supply is not None and self.balanced is not False and self.supply > 0.0

    @property
    def alone(self) -> bool:
        """The supply feeds the whole load."""
        return self.supplies and not self.carries


def hat_amps(inputs: Inputs) -> float:
    """What the HAT takes at most, from its 4 W and the higher of supply and battery."""
    volts = HAT_FLOOR_V
    for m in (inputs.supply_v, inputs.battery_v):
        if m.good and m.value > volts:
            volts = m.value
    return HAT_W / volts


def k2_current(inputs: Inputs, single_source: bool) -> Measurement:
    """What comes by K2, A: the charger's current. A joined source (`single_source`) has none of its
    own; there it is what the battery takes."""
    return inputs.battery_a if single_source else inputs.charger_a


def measure_flows(inputs: Inputs, single_source: bool) -> Flows:
    """The flows of one scan. `single_source`: supply_a is the sum of supply and charger."""
    supply, load, battery = inputs.supply_a, inputs.load_a, inputs.battery_a
    charger = inputs.charger_a
    hat = hat_amps(inputs)
    missing = (
        not supply.good, not load.good, not battery.good, not (single_source or charger.good)
    )  # fmt: skip
    lost = sum(missing) if True in missing else 0
    if lost > 1:
        return Flows(hat=hat)
    s, a, b = supply.value, load.value, battery.value
    c = 0.0 if single_source else charger.value
    balanced: bool | None = None
    if not lost:
        rest = s + c - a - b
        allowed = BALANCE_A + BALANCE_PART * max(abs(s), abs(c), abs(a), abs(b))
        balanced = -allowed <= rest <= hat + allowed
    elif missing[0]:
        s = a + b - c + hat
    elif missing[1]:
        a = max(s + c - b - hat, 0.0)
    elif missing[2]:
        b = s + c - a - hat
    else:
        c = max(a + b + hat - s, 0.0)
    sure = _sure(a)
    if single_source:
        # the one source feeds the load, or charges, or both: only the battery's own part is sure
        path = min(-b - hat, a)  # what takes nothing is not carried
        through = min(s - hat - max(b, 0.0), a - max(-b, 0.0))
    else:
        path = min(a - s, c - b - hat)
        through = min(s - hat, a + b - c)
    return Flows(
        path=path - sure,
        supply=through - sure,
        discharge=-b - hat - OWN_A - OWN_PART * max(a, 0.0),
        charge=b - OWN_A - OWN_PART * max(a, 0.0),
        load=a,
        hat=hat,
        balanced=balanced,
    )


def _sure(load_a: float) -> float:
    """What may be wrong with a sum of currents, A, that feeds a load of `load_a`."""
    return SURE_A + SURE_PART * max(load_a, 0.0)
