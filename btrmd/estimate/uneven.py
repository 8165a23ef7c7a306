"""An uneven load: how the volts follow the current at once and slowly, apart from the charge."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

FAST_SD = 1.0  # of the resistance expected: how far the fitted one may be off, not measured ...
FAST_SD_MEASURED = 0.3  # ... and measured from steps
SLOW_PART = 0.5  # the slow resistance is expected to be so much of the fast one, sd 1.5 of it
SLOW_SD = 1.5
BEND_V = 0.6  # V: how far the curve bends over what was seen
NOISE_V = 0.015  # V: what neither current nor charge explains
TELLING = 40.0  # rows are worth at most so many: neighbours say the same
SKIP = 0.1  # of the rows: coup de fouet


def follow(times: Sequence[float], amps: Sequence[float], tau_s: float) -> list[float]:
    """The current as a battery with time constant `tau_s` has felt it, A."""
    felt = amps[1]
    found = []
    for k, now in enumerate(amps):
        if k:
            felt += (now - felt) * (1.0 - exp(-(times[k] - times[k - 1]) / tau_s))
        found.append(felt)
    return found


def uneven(
    q: Sequence[float],
    volts: Sequence[float],
    amps: Sequence[float],
    slow: Sequence[float],
    mean: float,
    expected: float,
    is_measured: bool,
) -> tuple[float, float]:
    """Ohm a block that the volts follow at once, and slowly; least squares with priors.

    `expected` Ohm, from steps where `is_measured`.
    """
    first = int(SKIP * len(q))
    end = q[-1] or 1.0
    sd = expected * (FAST_SD_MEASURED if is_measured else FAST_SD) + 1e-5
    # unknown: level, slope, bend, fast, slow; the last three are drawn to what is expected
    prior = (0.0, 0.0, 0.0, expected, SLOW_PART * expected)
    least = (1e-6, 1e-6, BEND_V**-2, sd**-2, (SLOW_SD * expected + 1e-5) ** -2)
    weight = min(1.0, TELLING / (len(q) - first)) / NOISE_V**2
    matrix = [[least[i] if i == j else 0.0 for j in range(5)] for i in range(5)]
    right = [least[i] * prior[i] for i in range(5)]
    for k in range(first, len(q)):
        x = q[k] / end
        row = (1.0, -x, -x * x, mean - amps[k], mean - slow[k])
        for i in range(5):
            part = weight * row[i]
            right[i] += part * volts[k]
            line = matrix[i]
            for j in range(5):
                line[j] += part * row[j]
    found = solve(matrix, right)
    return max(0.0, found[3]), max(0.0, found[4])


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The solution of a small positive definite system, by elimination."""
    n = len(right)
    for i in range(n):
        for k in range(i + 1, n):
            part = matrix[k][i] / matrix[i][i]
            for j in range(i, n):
                matrix[k][j] -= part * matrix[i][j]
            right[k] -= part * right[i]
    for i in reversed(range(n)):
        rest = sum(matrix[i][j] * right[j] for j in range(i + 1, n))
        right[i] = (right[i] - rest) / matrix[i][i]
    return right
