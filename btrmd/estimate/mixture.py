"""A mixture of normal distributions: its distribution function and its quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, sqrt

Part = tuple[float, float, float]  # weight, mean, sd
ROOT2 = sqrt(2.0)


def below(parts: Sequence[Part], value: float) -> float:
    """How much of the mixture lies below `value`; weights need not add up to 1."""
    total = sum(part[0] for part in parts)
    return (
        sum(0.5 * weight * (1.0 + erf((value - mean) / (sd * ROOT2))) for weight, mean, sd in parts)
        / total
    )


def quantile(parts: Sequence[Part], share: float) -> float:
    """The value below which `share` (0..1, exclusive) of the mixture lies, within 1e-4."""
    low = min([mean - 6.0 * sd for _, mean, sd in parts])
    high = max([mean + 6.0 * sd for _, mean, sd in parts])
    total = sum([part[0] for part in parts])
    halves = [(0.5 * weight, mean, sd * ROOT2) for weight, mean, sd in parts]
    while high - low > 1e-4:  # `below`, without what is the same each time
        middle = 0.5 * (low + high)
        found = sum([half * (1.0 + erf((middle - mean) / sd)) for half, mean, sd in halves])
        if found / total < share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
