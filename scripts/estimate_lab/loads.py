"""Loads of a bank over time: steady, constant power, bursts, slow steps, restless, one change."""

from __future__ import annotations

import numpy as np

from .batteries import MOST_A, Array, Banks

KINDS = ("cc", "cp", "duty", "steps", "restless", "change")
SEGMENTS = 400


class Load:
    """The current of every bank of a batch as time goes on. `kind` one of KINDS."""

    def __init__(self, rng: np.random.Generator, kind: str, banks: Banks) -> None:
        n = banks.ah.size
        self.kind = kind
        self.amps = banks.amps.copy()
        self.watts = self.amps * 12.1
        hours = banks.charge / self.amps
        self.dt = np.clip(hours * 3600.0 / 1500.0, 10.0, 120.0)
        if kind == "duty":
            self.period = rng.choice([300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0], n)
            self.duty = rng.uniform(0.06, 0.24, n)
            burst = np.minimum(self.amps * rng.uniform(1.5, 7.0, n), MOST_A)
            self.idle = np.maximum(
                (self.amps - self.duty * burst) / (1.0 - self.duty), 0.05 * self.amps
            )
            self.burst = burst
            self.phase = rng.uniform(0.0, 1.0, n) * self.period
            self.dt = np.clip(self.duty * self.period / 3.0, 5.0, 60.0)
        elif kind == "change":
            # somewhere in a test of the planned length a part of the load goes, or some comes
            planned = np.clip(0.3 * banks.ah / self.amps * 3600.0, 3600.0, 14400.0)
            self.at_s = planned * rng.uniform(0.05, 0.85, n)
            factor = np.exp(rng.uniform(np.log(0.35), np.log(2.5), n))
            self.after = np.clip(self.amps * factor, 0.2, MOST_A)
            self.dt = np.clip(hours * 3600.0 / 1500.0, 10.0, 60.0)
        elif kind in ("steps", "restless"):
            slow = kind == "steps"
            spread = rng.uniform(0.12, 0.38, n) if slow else rng.uniform(0.3, 0.7, n)
            hold = np.exp(rng.uniform(np.log(900.0), np.log(4800.0), n))
            if not slow:
                hold = rng.uniform(180.0, 600.0, n)
            again = rng.uniform(0.3, 0.85, n) if slow else np.zeros(n)
            level = np.empty((SEGMENTS, n))
            level[0] = rng.normal(0.0, 1.0, n)
            for k in range(1, SEGMENTS):
                level[k] = again * level[k - 1] + np.sqrt(1 - again**2) * rng.normal(0.0, 1.0, n)
            self.level = np.exp(spread * level - spread**2 / 2.0)
            self.ends = np.cumsum(hold * rng.uniform(0.3, 1.7, (SEGMENTS, n)), axis=0)
            self.at = np.zeros(n, dtype=int)
            self.dt = np.full(n, 30.0)
            self._all = np.arange(n)

    def now(self, t: Array, volts: Array) -> Array:
        """A, positive, at `t` s with `volts` a block at the step before."""
        if self.kind == "cc":
            return self.amps
        if self.kind == "cp":
            return np.asarray(self.watts / np.maximum(volts, 9.0))
        if self.kind == "duty":
            on = np.mod(t + self.phase, self.period) < self.duty * self.period
            return np.where(on, self.burst, self.idle)
        if self.kind == "change":
            return np.where(t < self.at_s, self.amps, self.after)
        # the segments repeat after SEGMENTS of them
        last = self.ends[-1]
        inside = np.mod(t, last)
        self.at = np.where(inside < self.ends[np.maximum(self.at - 1, 0), self._all], 0, self.at)
        for _ in range(3):
            over = self.ends[self.at, self._all] <= inside
            self.at = np.minimum(self.at + over, SEGMENTS - 1)
        return np.minimum(self.amps * self.level[self.at, self._all], MOST_A)
