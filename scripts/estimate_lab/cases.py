"""Cases: discharges of the families, cut off as a test would be, with the true run time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .batteries import Array, Banks, best, draw, honest, plain, start_v
from .families import FAMILIES
from .loads import Load
from .others import NAMES, Other

CUTOFF = 11.0
MOST_STEPS = 14000
LEAST_S, LEAST_SHORTED_S = 1500.0, 1200.0  # shorter runs are none
PARTS = {"deep": (0.45, 0.8), "late": (0.75, 0.95), "end": (0.88, 0.97)}
LAST = (0.004, 0.45)  # part of the run that is left in the mode "last", evenly in ln
LEAST_PART = 0.25  # of the 20 h charge: a bank that gives less does not carry this load at all


class Sound(NamedTuple):
    """The same bank new, sound, full and at 25 degC under a constant load: `ratios` V above the
    cutoff at 50, 75 and 90 % of the charge over that at 10 %, `end` part of the run at which 0.1 V
    above the cutoff is reached, `charge` Ah to the cutoff."""

    ratios: tuple[float, float, float]
    end: float
    charge: float


class Discharge(NamedTuple):
    """One bank's rows (s, bank V, battery A negative, degC) up to the cutoff, and the truth."""

    family: str
    kind: str
    number: int
    blocks: int
    rated_ah: float
    amps: float
    temp: float
    rows: Array
    true_s: float
    sound: Sound | None = None
    bank: Banks | None = None  # its own column of the banks drawn


def discharges(
    seed: int, family: str, kind: str, n: int, is_exact: bool = False
) -> Iterator[Discharge]:
    """Simulate `n` banks of one family under one kind of load; those that end too soon drop out.

    `sound` of each is of the same battery at its best: a restless load, or a weak cell, would say
    more about itself than about the battery. `is_exact`: volts are measured without gain error, so
    that the truth is when the measured volts, not the battery's, reach the cutoff.
    """
    banks = draw(np.random.default_rng(seed), n)
    if family in NAMES:
        yield from run(seed, family, kind, plain(banks))
        return
    first = np.zeros(n)
    for d in run(seed, family, "cc", best(banks)):
        first[d.number] = d.amps * d.true_s / 3600.0
    banks = honest(np.random.default_rng((seed, 1)), banks, first)
    if is_exact:
        banks = banks._replace(gain_v=np.zeros(n))
    steady = {d.number: _sound(d) for d in run(seed, family, "cc", best(banks))}
    for d in run(seed, family, kind, banks):
        sound = steady.get(d.number)
        if sound is not None:
            yield d._replace(sound=sound, bank=banks.one(d.number))


def _sound(d: Discharge) -> Sound | None:
    """None for a curve too flat to speak of a shape."""
    q = np.cumsum(-d.rows[:, 2] * np.diff(d.rows[:, 0], prepend=0.0)) / 3600.0
    v = d.rows[:, 1] / d.blocks - CUTOFF
    part = q / q[-1]
    high, *lower = (
        float(np.median(v[np.abs(part - place) <= 0.03])) for place in (0.1, 0.5, 0.75, 0.9)
    )
    if not high > 0.12:
        return None
    late = part > 0.5
    under = np.flatnonzero(v[late] < 0.1)
    end = float(part[late][under[0]]) if under.size else 1.0
    return Sound((lower[0] / high, lower[1] / high, lower[2] / high), end, float(q[-1]))


def run(seed: int, family: str, kind: str, banks: Banks) -> Iterator[Discharge]:
    rng = np.random.default_rng((seed, 2))
    n = banks.ah.size
    model = Other(family, rng, banks) if family in NAMES else FAMILIES[family](rng, banks)
    load = Load(rng, kind, banks)
    stretch = np.maximum(load.dt, banks.charge / banks.amps * 3600.0 / (MOST_STEPS * 0.6))
    dt = stretch
    t = np.zeros(n)
    q = np.zeros(n)
    volts = np.full(n, 12.5)
    times, shown, currents = [], [], []
    true = np.full(n, np.nan)
    for _ in range(MOST_STEPS):
        amps = load.now(t, volts)
        q += amps * dt / 3600.0
        sound = model.step(amps, dt)
        start = start_v(banks, q / banks.charge) - banks.shorted_v / banks.blocks
        before = volts
        volts = sound + start
        over = np.isnan(true) & (volts < CUTOFF) & ((t > 600.0) | (volts < CUTOFF - 0.5))
        share = np.clip((before - CUTOFF) / np.maximum(before - volts, 1e-6), 0.0, 1.0)
        true[over] = (t - dt * (1.0 - share))[over] if len(times) else 0.0
        times.append(t.copy())
        shown.append(volts.astype(np.float32))
        currents.append(amps.astype(np.float32))
        if not np.isnan(true).any():
            break
        t = t + dt
    stack_t, stack_v, stack_i = np.array(times), np.array(shown), np.array(currents)
    for k in range(n):
        own = (column[:, k] for column in (stack_t, stack_v, stack_i))
        d = _finish(rng, family, kind, banks, k, *own, true[k])
        if d is not None:
            yield d


def _finish(
    rng: np.random.Generator, family: str, kind: str, banks: Banks, k: int, t: Array, v: Array,
    i: Array, true_s: float,
) -> Discharge | None:  # fmt: skip
    """The discharge as measured; None for a bank that does not carry its load at all."""
    if not true_s > (LEAST_SHORTED_S if banks.shorted_v[k] > 0.0 else LEAST_S):
        return None
    rows = _measure(rng, banks, k, t, v, i)
    rows = rows[rows[:, 0] <= true_s]
    mean = float(i[: len(rows)].mean())
    least = 0.0 if banks.shorted_v[k] > 0.0 else LEAST_PART * (1.0 - banks.start[k])
    if mean * true_s / 3600.0 < least * banks.charge[k]:
        return None
    return Discharge(
        family, kind, k, int(banks.blocks[k]), float(banks.ah[k]), mean,
        float(banks.temp[k]), rows, float(true_s),
    )  # fmt: skip


def _measure(rng: np.random.Generator, banks: Banks, k: int, t: Array, v: Array, i: Array) -> Array:
    """What the board would show: gain errors, noise, whole counts."""
    blocks = banks.blocks[k]
    bank = v * blocks * (1.0 + banks.gain_v[k]) + rng.normal(0.0, banks.noise_v[k], v.size) * blocks
    step = 0.004 * blocks
    bank = np.round(bank / step) * step
    amps = -i * (1.0 + banks.gain_i[k]) + rng.normal(0.0, 0.004, v.size)
    amps = np.round(amps / 0.01) * 0.01
    warm = banks.temp[k] + rng.normal(0.0, 1.0)
    return np.column_stack([t, bank, amps, np.round(np.full(v.size, warm), 1)])


def test_length(rng: np.random.Generator, d: Discharge, mode: str) -> float:
    """How much of the discharge an estimate may see, s; "deep", "late" and "end": the second half,
    the last quarter, the last tenth, as in an outage; "last": anywhere in its last half."""
    if mode in PARTS:
        return d.true_s * float(rng.uniform(*PARTS[mode]))
    if mode == "last":
        return d.true_s * (1.0 - float(np.exp(rng.uniform(*np.log(LAST)))))
    if mode == "policy":
        length = min(max(0.3 * d.rated_ah / d.amps * 3600.0, 3600.0), 14400.0)
    elif mode == "hour":
        length = 3600.0
    elif mode == "free":
        length = float(np.exp(rng.uniform(np.log(1500.0), np.log(0.8 * d.true_s + 1501.0))))
    else:
        length = float(rng.uniform(0.15, 0.7)) * d.true_s
    return min(length, d.true_s * (0.8 - 0.25 * float(rng.random())))
