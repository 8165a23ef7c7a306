"""Batteries that are not lead-acid, for the finding "this does not look like a lead-acid bank".

Open-circuit volts of a cell over the part of the charge that is gone, as textbooks show them for
each chemistry (Linden's Handbook of Batteries, chapters on each), bent and stretched at random; a
resistance and a slow polarisation on top. A capacitor's voltage is a line.
"""

from __future__ import annotations

import numpy as np

from .batteries import Array, Banks

GONE = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0])

# cells in series for a 12 V block, V a cell
CELLS: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "lifepo4": ((4,), (3.45, 3.36, 3.34, 3.33, 3.32, 3.30, 3.295, 3.29, 3.28, 3.26, 3.23, 3.18,
                       3.05, 2.85, 2.5)),
    "liion": ((3,), (4.18, 4.14, 4.11, 4.06, 3.97, 3.89, 3.81, 3.73, 3.67, 3.63, 3.58, 3.48, 3.40,
                     3.25, 3.0)),
    "lto": ((5, 6), (2.68, 2.60, 2.55, 2.50, 2.44, 2.40, 2.36, 2.33, 2.30, 2.27, 2.23, 2.15, 2.08,
                     1.95, 1.7)),
    "nicd": ((9, 10), (1.42, 1.36, 1.33, 1.30, 1.275, 1.26, 1.25, 1.24, 1.23, 1.215, 1.195, 1.15,
                       1.10, 1.03, 0.9)),
}  # fmt: skip
CAPACITOR = "capacitor"
NAMES = (*CELLS, CAPACITOR)


class Other:
    """One chemistry for all banks of a batch: `step` as the families of lead-acid curves."""

    def __init__(self, name: str, rng: np.random.Generator, banks: Banks) -> None:
        n = banks.ah.size
        self.b = banks
        # banks of another chemistry are rated at an hour or five: little is lost to the rate
        self.full = banks.charge * rng.uniform(0.95, 1.15, n)
        self.rate = rng.uniform(0.0, 0.06, n)
        self.ohm = banks.ohm * np.exp(rng.uniform(np.log(0.3), np.log(2.0), n))
        self.slow = self.ohm * rng.uniform(0.3, 2.0, n)
        self.tau = rng.uniform(60.0, 1500.0, n)
        self.lag = np.zeros(n)
        self.q = rng.uniform(0.0, 0.06, n) * self.full
        self.bend = np.exp(rng.normal(0.0, 0.08, n))
        self.shift = rng.normal(0.0, 0.004, n)
        if name == CAPACITOR:
            self.start, self.end = rng.uniform(13.2, 13.9, n), rng.uniform(5.0, 9.0, n)
            self.cells = np.ones(n)
        else:
            self.cells = rng.choice(np.array(CELLS[name][0], dtype=float), n)
        self.name = name

    def step(self, amps: Array, dt: Array) -> Array:
        self.q += amps * dt / 3600.0
        self.lag += (amps * self.slow - self.lag) * (1.0 - np.exp(-dt / self.tau))
        size = self.full * np.maximum(amps * 20.0 / self.b.ah, 0.5) ** -self.rate
        x = self.q / size
        if self.name == CAPACITOR:
            volts = self.start + (self.end - self.start) * x
        else:
            deep = np.clip(x, 0.0, 1.0) ** self.bend
            cell = np.interp(deep, GONE, CELLS[self.name][1]) + self.shift
            volts = self.cells * cell - np.maximum(x - 1.0, 0.0) * 40.0
        return np.asarray(volts - amps * self.ohm - self.lag)
