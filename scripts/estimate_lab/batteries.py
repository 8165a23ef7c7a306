"""Random lead-acid banks: what is drawn before a family of curves gives them their voltage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btrmd.estimate.rating import new_charge_ah

Array = NDArray[np.float64]

RATED_AH = (7.0, 7.2, 9.0, 12.0, 17.0, 18.0, 20.0, 24.0, 26.0, 33.0, 35.0, 40.0, 45.0, 50.0,
            55.0, 65.0, 75.0, 80.0, 90.0, 100.0, 120.0)  # fmt: skip
LEAST_A, MOST_A = 0.2, 20.0


class Banks(NamedTuple):
    """Arrays, one place a bank. `ah` 20 h rating, `soh` part of it that is left, `maker` factor of
    its charge (see `honest`), `weak` charge of the weakest cells over the others' (1 = none) and
    `weak_part` how many of the cells are weak (a cell, or a block of six), `shorted_v` V of the
    whole bank missing because of a shorted cell, `start` part of the charge already gone at the
    start, `amps` mean load A, `ohm` block resistance, `rate` Peukert's exponent less 1.

    `surface_v` V of float charge at the start. It decays over `surface_q` (part of the charge), or,
    where `plateau_q` is not 0, stays for `plateau_q` and then falls over `surface_q`. `slow_v`:
    what leaves over `slow_q`, a tenth of the charge, because acid levels out so slowly."""

    ah: Array
    soh: Array
    maker: Array
    blocks: Array
    temp: Array
    weak: Array
    weak_part: Array
    shorted_v: Array
    start: Array
    amps: Array
    ohm: Array
    rate: Array
    surface_v: Array
    surface_q: Array
    plateau_q: Array
    slow_v: Array
    slow_q: Array
    dip_v: Array
    dip_q: Array
    gain_v: Array
    gain_i: Array
    noise_v: Array

    def one(self, k: int) -> Banks:
        """Bank `k` alone."""
        return Banks(*(column[k : k + 1] for column in self))

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
    soh = np.where(rng.random(n) < 0.55, rng.uniform(0.75, 1.12, n), rng.uniform(0.38, 1.0, n))
    blocks = rng.integers(1, 5, n)
    # one bank in twenty has a weak cell, and of those of several blocks as many a weak block
    cell = rng.random(n) < 0.05
    block = (rng.random(n) < 0.06) & (blocks > 1) & ~cell
    weak = np.where(cell | block, rng.uniform(0.52, 0.95, n), 1.0)
    weak_part = np.where(cell, 1.0 / 6.0, np.where(block, 1.0, 0.0)) / blocks
    short = (rng.random(n) < 0.008) & ~cell & ~block
    partial = rng.random(n) < 0.06
    quiet = rng.random(n) < 0.12
    start = np.where(partial, rng.uniform(0.02, 0.35, n), rng.uniform(0.0, 0.02, n))
    late = rng.random(n) < 0.18  # the float charge stays for a while before it falls
    ohm = 0.16 / ah * np.exp(rng.normal(0.0, 0.25, n)) * soh ** -rng.uniform(0.2, 1.2, n)
    # one in four: long leads, tired joints, thick plates
    ohm *= np.where(rng.random(n) < 0.25, np.exp(rng.uniform(0.0, np.log(6.0), n)), 1.0)
    temp = np.clip(rng.normal(23.0, 10.0, n), -10.0, 45.0)
    cold_ohm = 1.0 + 0.012 * np.maximum(0.0, 25.0 - temp)
    return Banks(
        ah=ah,
        soh=soh,
        maker=np.ones(n),
        blocks=blocks.astype(float),
        temp=temp,
        weak=weak,
        weak_part=weak_part,
        shorted_v=np.where(short, rng.uniform(0.8, 2.15, n), 0.0),
        start=start,
        amps=amps,
        ohm=ohm * cold_ohm,
        # at C/10 all makers' tables agree; at C/2.5 some cycling blocks hold a third more
        rate=np.where(
            rng.random(n) < 0.2,
            rng.uniform(0.0, 0.1, n),
            np.clip(rng.normal(0.19, 0.055, n), 0.06, 0.35),
        ),
        surface_v=np.where(
            partial & (rng.random(n) < 0.6),
            0.0,
            np.where(late, rng.uniform(0.2, 1.1, n), rng.uniform(0.0, 0.7, n)),
        ),
        surface_q=np.where(late, rng.uniform(0.002, 0.025, n), rng.uniform(0.002, 0.02, n)),
        plateau_q=np.where(late, rng.uniform(0.0005, 0.025, n), 0.0),
        # measured at C/5..C/32 from full: 0.03 to 0.12 V, gone after a fifth of the charge
        slow_v=np.where(rng.random(n) < 0.5, 0.0, rng.uniform(0.0, 0.13, n)),
        slow_q=np.exp(rng.uniform(np.log(0.03), np.log(0.2), n)),
        dip_v=np.where(quiet, 0.0, rng.uniform(0.0, 0.18, n)),
        dip_q=rng.uniform(0.003, 0.025, n),
        gain_v=np.clip(rng.normal(0.0, 0.005, n), -0.01, 0.01),
        gain_i=np.clip(rng.normal(0.0, 0.005, n), -0.01, 0.01),
        noise_v=rng.uniform(0.001, 0.008, n),
    )


def start_v(banks: Banks, part: Array) -> Array:
    """V a block that float charge adds and the coup de fouet takes, at `part` of the charge."""
    decay = np.exp(-part / banks.surface_q)
    fall = np.clip(1.0 - (part - banks.plateau_q) / banks.surface_q, 0.0, 1.0)
    surface = banks.surface_v * np.where(banks.plateau_q > 0.0, fall, decay)
    dip = np.exp(-part / banks.dip_q) * (1.0 - np.exp(-part / (0.15 * banks.dip_q)))
    slow = banks.slow_v * np.exp(-part / banks.slow_q)
    return np.asarray(surface + slow - banks.dip_v * dip)


def honest(rng: np.random.Generator, banks: Banks, new_ah: Array) -> Banks:
    """The same banks, each with the charge that makers' tables give at its load, nearly.

    `new_ah`: what each gave new, sound, at 25 degC. Tables of 26 models agree within 4 % (sd) at
    20 h, 7 at 5 h, 11 at an hour (charge to 1.833 V a cell over that in 20 h to 1.75); a few
    batteries hold far more than their label says (a measured 17 Ah block 18.8 Ah in 6 h).
    """
    n = banks.ah.size
    law = np.array([new_charge_ah(ah, amps) for ah, amps in zip(banks.ah, banks.amps, strict=True)])
    hours = np.clip(law / banks.amps, 1.0, 20.0)
    sd = 0.04 + 0.07 * (1.0 - np.log(hours) / np.log(20.0))
    cycling = rng.random(n) < 0.15
    off = np.where(cycling, rng.normal(0.1, 0.12, n), rng.normal(0.0, 1.0, n) * sd)
    ratio = np.divide(law, new_ah, out=np.ones(n), where=new_ah > 0.0)
    return banks._replace(maker=ratio * np.exp(off))


def best(banks: Banks) -> Banks:
    """The same banks new, sound, full, at 25 degC, measured without error."""
    n = banks.ah.size
    old = np.sqrt(banks.soh)  # the resistance that age has added, on average
    return banks._replace(
        soh=np.ones(n),
        temp=np.full(n, 25.0),
        weak=np.ones(n),
        weak_part=np.zeros(n),
        shorted_v=np.zeros(n),
        start=np.zeros(n),
        ohm=banks.ohm * old,
        surface_v=np.zeros(n),
        slow_v=np.zeros(n),
        dip_v=np.zeros(n),
        gain_v=np.zeros(n),
        gain_i=np.zeros(n),
        noise_v=np.full(n, 1e-4),
    )


def plain(banks: Banks) -> Banks:
    """The same banks without what only lead-acid has at the start of a discharge."""
    none = np.zeros(banks.ah.size)
    return banks._replace(
        weak=none + 1.0, weak_part=none, shorted_v=none, surface_v=none, slow_v=none, dip_v=none,
        start=none,
    )  # fmt: skip
