"""The slope method: the voltage drawn on to the cutoff as a line, then shortened for the knee."""

from __future__ import annotations

from .curve import Curve
from .maker import Maker
from .shape import Shape

SKIP = 0.05  # of the rated charge: coup de fouet and the float charge's last trace
SKIP_MOST = 0.3  # never more than this part of what was seen

# A straight line knows no knee: measured on recorded discharges, the charge that is left is the
# line's divided by 1.65 early in the run, and by more the later it is.
KNEE = 1.65
KNEE_LATE = 0.5  # added, times the square of the part of the charge that is gone
BURSTY = 0.88  # of it, when the load bursts: the cutoff comes in a burst, after the battery's rest

# What a battery of known rating may be expected to do, as long as little has been seen of it.
EXPECTED_V = 1.25  # V a block lost over the whole charge, early in the run, as a straight line
EXPECTED_HEALTH = 0.9  # of a new battery's charge
EXPECTED_SD = 0.4  # of the expected slope: ages 40..100 %, makers, temperatures
SEEN_SD_V = 0.04  # V: how far the early curve wanders from its line
LEAST_V = 0.05  # a curve that falls less over the rated charge is taken to fall so much
LEAST_S = 60.0


def skip_ah(curve: Curve) -> float:
    """The charge at the start that tells of the float charge, not of the battery."""
    return min(SKIP * curve.size_ah, SKIP_MOST * curve.seen_ah)


def left_ah(curve: Curve, shape: Shape, maker: Maker | None, cutoff_v: float) -> float:
    """Ah left to the cutoff (V a block) at the load ahead; always positive. `maker` None: the
    rated Ah is not known."""
    slope = shape.slope if maker is None else _temper(shape.slope, curve, maker)
    slope = max(slope, LEAST_V / curve.size_ah)
    straight = max(0.0, (shape.now_v - cutoff_v) / slope)
    gone = curve.seen_ah
    left = straight / KNEE
    for _ in range(3):
        part = gone / (gone + left)
        left = straight / (KNEE + KNEE_LATE * part * part)
    load = curve.load
    if load.has_bursts:
        left *= BURSTY
    if load.is_constant_power:
        left /= curve.mean_v / ((shape.now_v + cutoff_v) / 2.0)
    return max(left, LEAST_S * load.ahead / 3600.0)


def _temper(slope: float, curve: Curve, maker: Maker) -> float:
    """The slope between what was seen and what such a battery does, by what each is worth."""
    expected = EXPECTED_V / (EXPECTED_HEALTH * maker.new_ah(curve.load.ahead))
    seen_weight = (curve.seen_ah / SEEN_SD_V) ** 2
    expected_weight = 1.0 / (EXPECTED_SD * expected) ** 2
    return (slope * seen_weight + expected * expected_weight) / (seen_weight + expected_weight)
