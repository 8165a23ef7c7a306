"""The season: the temperature to be expected in a month, from those of the discharges so far."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

from .ageing import YEAR_S

LEAST = 4  # temperatures, over ...
LEAST_SPAN_S = 0.6 * YEAR_S  # ... so long, else the coldest one seen counts
RIDGE = 0.5  # a swing is believed as far as it was seen


class Season:
    """Calling it with a wall time s gives degC; None where no temperature is known."""

    def __init__(self, temps: Sequence[tuple[float, float]]) -> None:
        """`temps` (wall time s, 0 = not known; degC) in any order."""
        self._coldest = min((temp for _, temp in temps), default=None)
        self._terms: tuple[float, float, float] | None = None
        dated = [(at, temp) for at, temp in temps if at > 0.0]
        if len(dated) >= LEAST:
            times = [at for at, _ in dated]
            if max(times) - min(times) >= LEAST_SPAN_S:
                self._terms = _fit(dated)

    def __call__(self, at: float | None) -> float | None:
        if self._coldest is None or self._terms is None or at is None:
            return self._coldest
        mean, cosine, sine = self._terms
        angle = 2.0 * pi * at / YEAR_S
        return mean + cosine * cos(angle) + sine * sin(angle)


def _fit(dated: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Mean, cosine and sine of a year's swing: least squares, the swing held by a ridge."""
    middle = sum(temp for _, temp in dated) / len(dated)
    rows = [[0.01, 0.0, 0.0, 0.0], [0.0, RIDGE, 0.0, 0.0], [0.0, 0.0, RIDGE, 0.0]]
    for at, temp in dated:
        angle = 2.0 * pi * at / YEAR_S
        terms = (1.0, cos(angle), sin(angle), temp - middle)
        for i in range(3):
            for j in range(4):
                rows[i][j] += terms[i] * terms[j]
    for i in range(3):  # Gauss and Jordan; the ridge keeps every pivot away from 0
        pivot = rows[i][i]
        rows[i] = [value / pivot for value in rows[i]]
        for j in range(3):
            if j != i:
                factor = rows[j][i]
                rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    return middle + rows[0][3], rows[1][3], rows[2][3]
