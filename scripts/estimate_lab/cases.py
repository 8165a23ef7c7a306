"""Cases: discharges of the families, cut off as a test would be, with the true run time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .batteries import Array, Banks, draw
from .families import FAMILIES
from .loads import Load

CUTOFF = 11.0
MOST_STEPS = 14000
LEAST_PART = 0.25  # of the 20 h charge: a bank that gives less does not carry this load at all


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
    ratios: tuple[float, float, float] | None = None


def discharges(seed: int, family: str, kind: str, n: int) -> Iterator[Discharge]:
    """Simulate `n` banks of one family under one kind of load; those that end too soon drop out.

    `ratios` of each are those of the same bank at a constant load: a restless load would say more
    about itself than about the battery.
    """
    steady = {d.number: _ratios(d) for d in _simulate(seed, family, "cc", n)}
    for d in _simulate(seed, family, kind, n):
        ratios = steady.get(d.number)
        if ratios is not None:
            yield d._replace(ratios=ratios)


def _ratios(d: Discharge) -> tuple[float, float, float] | None:
    """V above the cutoff at 50, 75 and 90 % of the charge over that at 10 %; None when flat."""
    q = np.cumsum(-d.rows[:, 2] * np.diff(d.rows[:, 0], prepend=0.0))
    v = d.rows[:, 1] / d.blocks - CUTOFF
    part = q / q[-1]
    high, *lower = (
        float(np.median(v[np.abs(part - place) <= 0.03])) for place in (0.1, 0.5, 0.75, 0.9)
    )
    if not high > 0.12:
        return None
    return lower[0] / high, lower[1] / high, lower[2] / high


def _simulate(seed: int, family: str, kind: str, n: int) -> Iterator[Discharge]:
    rng = np.random.default_rng(seed)
    banks = draw(rng, n)
    model = FAMILIES[family](rng, banks)
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
        plain = model.step(amps, dt)
        part = q / banks.charge
        start = banks.surface_v * np.exp(-part / banks.surface_q) - banks.dip_v * np.exp(
            -part / banks.dip_q
        ) * (1.0 - np.exp(-part / (0.15 * banks.dip_q)))
        before = volts
        volts = plain + start
        over = np.isnan(true) & (volts < CUTOFF) & ((t > 600.0) | (volts < CUTOFF - 0.5))
        share = np.clip((before - CUTOFF) / np.maximum(before - volts, 1e-6), 0.0, 1.0)
        true[over] = (t - dt * (1.0 - share))[over] if len(times) else 0.0
        times.append(t.copy())
        shown.append(volts.astype(np.float32))
        currents.append(amps.astype(np.float32))
        if not np.isnan(true).any():
            break
        t = t + dt
    stack_t, stack_v = np.array(times), np.array(shown)
    stack_i = np.array(currents)
    for k in range(n):
        if not true[k] > 1500.0:
            continue
        rows = _measure(rng, banks, k, stack_t[:, k], stack_v[:, k], stack_i[:, k])
        keep = rows[:, 0] <= true[k]
        rows = rows[keep]
        amps_mean = float(stack_i[: len(rows), k].mean())
        if amps_mean * true[k] / 3600.0 < LEAST_PART * banks.charge[k]:
            continue
        yield Discharge(
            family, kind, k, int(banks.blocks[k]), float(banks.ah[k]), amps_mean,
            float(banks.temp[k]), rows, float(true[k]),
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
    """How much of the discharge an estimate may see, s; "late": most of it, as in an outage."""
    if mode == "late":
        return d.true_s * float(rng.uniform(0.75, 0.97))
    if mode == "policy":
        length = min(max(0.3 * d.rated_ah / d.amps * 3600.0, 3600.0), 14400.0)
    elif mode == "hour":
        length = 3600.0
    elif mode == "free":
        length = float(np.exp(rng.uniform(np.log(1500.0), np.log(0.8 * d.true_s + 1501.0))))
    else:
        length = float(rng.uniform(0.15, 0.7)) * d.true_s
    return min(length, d.true_s * (0.8 - 0.25 * float(rng.random())))
