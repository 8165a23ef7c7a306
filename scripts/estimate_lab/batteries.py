"""Random lead-acid banks: what is drawn before a family of curves gives them their voltage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATED_AH = (7.0, 7.2, 9.0, 12.0, 17.0, 18.0, 20.0, 24.0, 26.0, 33.0, 35.0, 40.0, 45.0, 50.0,
            55.0, 65.0, 75.0, 80.0, 90.0, 100.0, 120.0)  # fmt: skip
LEAST_A, MOST_A = 0.2, 20.0


class Banks(NamedTuple):
    """Arrays, one place a bank. `ah` 20 h rating, `soh` part of it that is left, `maker` spread of
    the rating's honesty, `weak` charge of the weakest cell over the others' (1 = none), `start`
    part of the charge already gone at the start, `amps` mean load A, `ohm` block resistance."""

    ah: Array
    soh: Array
    maker: Array
    blocks: Array
    temp: Array
    weak: Array
    start: Array
    amps: Array
    ohm: Array
    surface_v: Array
    surface_q: Array
    dip_v: Array
    dip_q: Array
    gain_v: Array
    gain_i: Array
    noise_v: Array

    @property
    def charge(self) -> Array:
        """20 h charge at the bank's temperature and age, Ah."""
        cold = np.where(
            self.temp < 25.0, 1.0 - 0.0065 * (25.0 - self.temp), 1.0 + 0.002 * (self.temp - 25.0)
        )
        return self.ah * self.soh * self.maker * np.minimum(cold, 1.03)


def draw(rng: np.random.Generator, n: int) -> Banks:
    """`n` banks over the whole range of use: 7..120 Ah, C/100..C/2, -10..45 degC, 12..48 V."""
    ah = rng.choice(RATED_AH, n)
    light = np.exp(rng.uniform(np.log(0.01), np.log(0.25), n))
    rate = np.where(rng.random(n) < 0.65, light, np.exp(rng.uniform(np.log(0.05), np.log(0.5), n)))
    amps = np.clip(rate * ah, LEAST_A, MOST_A)
    soh = np.where(rng.random(n) < 0.5, rng.uniform(0.75, 1.08, n), rng.uniform(0.38, 1.0, n))
    short = rng.random(n) < 0.07
    partial = rng.random(n) < 0.1
    quiet = rng.random(n) < 0.12
    start = np.where(partial, rng.uniform(0.02, 0.25, n), rng.uniform(0.0, 0.02, n))
    ohm = 0.16 / ah * np.exp(rng.normal(0.0, 0.25, n)) * soh ** -rng.uniform(0.2, 1.2, n)
    # one in four: long leads, tired joints, thick plates
    ohm *= np.where(rng.random(n) < 0.25, np.exp(rng.uniform(0.0, np.log(6.0), n)), 1.0)
    temp = np.clip(rng.normal(23.0, 10.0, n), -10.0, 45.0)
    cold_ohm = 1.0 + 0.012 * np.maximum(0.0, 25.0 - temp)
    return Banks(
        ah=ah,
        soh=soh,
        maker=np.exp(rng.normal(0.0, 0.05, n)),
        blocks=rng.integers(1, 5, n).astype(float),
        temp=temp,
        weak=np.where(short, rng.uniform(0.6, 0.92, n), 1.0),
        start=start,
        amps=amps,
        ohm=ohm * cold_ohm,
        surface_v=np.where(partial, 0.0, rng.uniform(0.0, 0.6, n)),
        surface_q=rng.uniform(0.002, 0.02, n),
        dip_v=np.where(quiet, 0.0, rng.uniform(0.0, 0.18, n)),
        dip_q=rng.uniform(0.003, 0.025, n),
        gain_v=np.clip(rng.normal(0.0, 0.005, n), -0.01, 0.01),
        gain_i=np.clip(rng.normal(0.0, 0.005, n), -0.01, 0.01),
        noise_v=rng.uniform(0.001, 0.008, n),
    )
