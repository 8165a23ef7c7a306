"""The hypotheses about a battery: a bank of small Kalman filters that branch at every discharge.

Each holds the level (ln of the charge over a new battery's), its drift (ln a year) and the error
that all estimates of this battery share (in units of an estimate's own sd), with their covariance.
At a discharge each becomes: as before, has dropped, goes over its cliff, was restored, and "this
reading is off". What fits the reading gains weight; the rest is pruned. How much of an interval is
shared error and how much is scatter is one more thing that differs between them, so the scatter of
the site's own discharges decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, pi
from typing import NamedTuple

from .ageing import (
    DEAD,
    DEAD_PART,
    DEAD_SD,
    DRIFT_NOISE,
    DROP,
    DROP_SD,
    DROP_YEAR,
    FALL,
    FALL_SD,
    FIRST,
    LEVEL_NOISE,
    RESTORED,
    RESTORED_BY,
    RESTORED_SD,
    WAYS,
    fall_hazard,
    late_drift,
)
from .evidence import LEAST_SD, Start

KEPT = 18  # hypotheses after each discharge
LEAST_SPAN = 0.1  # years: what is tested again within days is tested because something happened
LEAST_WEIGHT = 1e-6
RECENT = 3  # a change is news for so many discharges
FALL_YEAR = 0.12  # more cliffs a year are not looked for: a finding needs the reading, not the age
OFF = 0.015  # readings that are off, and how far (ln)
OFF_SD = 0.35
OFF_FAR = 0.7  # ... or so much of how far it is: no reading is too wild to be merely off
OFF_MEASURED = 0.1  # a time that was measured is off so many times less often

AS_BEFORE, DROPPED, FALLS, RISEN = range(4)


class Scatter(NamedTuple):
    """`weight` among sites; variances over the told one: `shared` by all estimates of a battery,
    `fresh` in each."""

    weight: float
    shared: float
    fresh: float


# What an estimate is off by comes from the shape of its battery's curve: of 495 batteries simulated
# by two models that are not the laboratory's, 80 % of the variance was the same in all their tests.
# Sites whose readings scatter as they say must be told apart soon, so those keep a quarter.
SCATTERS = (
    Scatter(0.25, 0.03, 0.95),
    Scatter(0.20, 0.4, 0.6),
    Scatter(0.25, 0.8, 0.12),
    Scatter(0.12, 0.95, 0.02),
    Scatter(0.12, 0.3, 0.2),
    Scatter(0.06, 0.05, 0.06),
)


class Hypothesis(NamedTuple):
    """`weight` of all (0..1). `level`, `drift`, `bias` with their covariance. `change` what kind
    was the last one, `since` so many discharges ago (this one is 0), `before` the level there."""

    weight: float
    scatter: int
    level: float
    drift: float
    bias: float
    ll: float
    ld: float
    lb: float
    dd: float
    db: float
    bb: float
    change: int = AS_BEFORE
    since: int = 99
    before: float = 0.0
    is_off: bool = False


Bank = tuple[Hypothesis, ...]


def first_bank() -> Bank:
    """Before the first discharge."""
    return tuple(
        Hypothesis(
            scatter.weight * way.weight * weight, k, level, way.drift, 0.0,
            sd * sd, 0.0, 0.0, way.sd * way.sd, 0.0, scatter.shared,
        )
        for k, scatter in enumerate(SCATTERS)
        for way in WAYS
        for weight, level, sd in FIRST
    )  # fmt: skip


def ahead(h: Hypothesis, years: float) -> Hypothesis:
    """The hypothesis `years` later, if it ages as it did."""
    if years <= 0.0:
        return h
    late = late_drift(h.level)
    drift = h.drift + late * years
    mean = 0.5 * (h.drift + drift)
    # that it ages ever faster is expected, not known: its own discharges must be able to deny it
    noise = (DRIFT_NOISE**2 + late**2) * years
    return h._replace(
        level=h.level + mean * years,
        drift=drift,
        ll=h.ll + years * (2.0 * h.ld + years * (h.dd + noise / 3.0)) + LEVEL_NOISE**2 * years,
        ld=h.ld + years * (h.dd + 0.5 * noise),
        lb=h.lb + years * h.db,
        dd=h.dd + noise,
    )


def branches(h: Hypothesis, years: float, age: float) -> list[Hypothesis]:
    """What may have become of it `years` later; `age` years since the first discharge."""
    span = max(years, LEAST_SPAN)
    drop = 1.0 - exp(-DROP_YEAR * span)
    fall = 1.0 - exp(-min(FALL_YEAR, fall_hazard(age, h.level)) * span)
    _, k, level, drift, bias, ll, ld, lb, dd, db, bb, change, _, before, _ = ahead(h, years)
    since = min(99, h.since + 1)
    weight = h.weight
    same = weight * (1.0 - drop - fall - RESTORED - OFF)
    moved = 0.2 * SCATTERS[k].shared  # errors depend on the state of the battery: some are new
    half = 0.5 * span
    found = [
        Hypothesis(
            same, k, level, drift, bias, ll, ld, lb, dd, db, bb, change, since, before, False
        ),
        Hypothesis(
            weight * OFF, k, level, drift, bias, ll, ld, lb, dd, db, bb, change, since, before, True
        ),
    ]
    for part, lost, sd in ((1.0 - DEAD_PART, DROP, DROP_SD), (DEAD_PART, DEAD, DEAD_SD)):
        found.append(Hypothesis(
            weight * drop * part, k, level + lost, drift, bias,
            ll + sd * sd, ld, lb, dd, db, bb + moved, DROPPED, 0, level, False,
        ))  # fmt: skip
    found.append(Hypothesis(
        weight * fall, k, level + FALL * half, drift + FALL, bias,
        ll + (FALL_SD * half) ** 2 + (FALL * half) ** 2 / 3.0,
        ld + FALL_SD**2 * half, lb, dd + FALL_SD**2, db, bb + 0.5 * moved, FALLS, 0, level, False,
    ))  # fmt: skip
    found.append(Hypothesis(
        weight * RESTORED, k, level + RESTORED_BY, drift, bias,
        ll + RESTORED_SD**2, ld, lb, dd, db, bb + moved, RISEN, 0, level, False,
    ))  # fmt: skip
    return found


class WeighedDischarge(NamedTuple):
    """`value` ln and its told `sd`; `more` variance that no other reading shares; `is_measured`:
    nothing was estimated; `starts`: how it may have begun (evidence.Start), empty where nobody
    knows: then it says "at least so much"; `rehearsal`: ln and sd of what the estimate would have
    said over what was measured."""

    value: float
    sd: float
    more: float
    is_measured: bool
    starts: tuple[Start, ...]
    rehearsal: tuple[float, float] | None = None


def after(bank: Bank, reading: WeighedDischarge, years: float, age: float) -> Bank:
    """The bank after one more discharge, `years` after the one before; `age` see `branches`."""
    later = [branch for h in bank for branch in branches(h, years, age)]
    if not reading.starts:
        return pruned([reported_at_least(branch, reading) for branch in later])
    return pruned(
        [reported(branch, reading, start) for branch in later for start in reading.starts]
    )


def reported(h: Hypothesis, reading: WeighedDischarge, start: Start) -> Hypothesis:
    """After a reading that began as `start` says; the weight times how likely that was."""
    sd, noise = _errors(h, reading, start.sd)
    if h.is_off and reading.is_measured:
        h = h._replace(weight=OFF_MEASURED * h.weight)
    h = _update(h, reading.value + start.shift, 1.0, sd, noise, start.weight)
    if reading.rehearsal is None:
        return h
    off, sd = reading.rehearsal
    return _update(h, off, 0.0, sd, SCATTERS[h.scatter].fresh * sd**2 + LEAST_SD**2, 1.0)


def reported_at_least(h: Hypothesis, reading: WeighedDischarge) -> Hypothesis:
    """After a reading that began nobody knows how full: the level is at least what it says.

    The normal distribution cut off there, by its mean and variance; a level that lies above as it
    is stays as it is, and so does its weight.
    """
    bias, noise = _errors(h, reading, 0.0)
    to_l, to_d, to_b = h.ll + bias * h.lb, h.ld + bias * h.db, h.lb + bias * h.bb
    sd = (to_l + bias * to_b + noise) ** 0.5
    z = (h.level + bias * h.bias - reading.value) / sd
    likely = max(0.5 * erfc(-z / 2.0**0.5), 1e-12)
    # so far down that the tail formula loses its digits, the ratio is -z nearly
    ratio = exp(-0.5 * z * z) / (2.0 * pi) ** 0.5 / likely if z > -6.0 else -z
    gain, less = ratio / sd, ratio * (ratio + z) / sd**2
    return h._replace(
        weight=h.weight * likely,
        level=h.level + gain * to_l, drift=h.drift + gain * to_d, bias=h.bias + gain * to_b,
        ll=h.ll - less * to_l * to_l, ld=h.ld - less * to_l * to_d, lb=h.lb - less * to_l * to_b,
        dd=h.dd - less * to_d * to_d, db=h.db - less * to_d * to_b, bb=h.bb - less * to_b * to_b,
    )  # fmt: skip


def _errors(h: Hypothesis, reading: WeighedDischarge, start_sd: float) -> tuple[float, float]:
    """By how much the shared error moves the reading, and the variance of all others."""
    more = reading.more + start_sd**2
    if h.is_off:
        more += max(OFF_SD, OFF_FAR * abs(reading.value - h.level)) ** 2
    if reading.is_measured:
        return 0.0, LEAST_SD**2 + more
    return reading.sd, SCATTERS[h.scatter].fresh * reading.sd**2 + more


def _update(
    h: Hypothesis, value: float, level: float, bias: float, noise: float, weight: float
) -> Hypothesis:
    """Kalman's: `value` was seen of `level` times the level plus `bias` times the bias, with the
    variance `noise`."""
    to_l = level * h.ll + bias * h.lb
    to_d = level * h.ld + bias * h.db
    to_b = level * h.lb + bias * h.bb
    var = level * to_l + bias * to_b + noise
    off = value - level * h.level - bias * h.bias
    gain_l, gain_d, gain_b = to_l / var, to_d / var, to_b / var
    likely = exp(-0.5 * off * off / var) / (2.0 * pi * var) ** 0.5
    return Hypothesis(
        h.weight * weight * likely, h.scatter,
        h.level + gain_l * off, h.drift + gain_d * off, h.bias + gain_b * off,
        h.ll - gain_l * to_l, h.ld - gain_l * to_d, h.lb - gain_l * to_b,
        h.dd - gain_d * to_d, h.db - gain_d * to_b, h.bb - gain_b * to_b,
        h.change, h.since, h.before, h.is_off,
    )  # fmt: skip


def pruned(found: Sequence[Hypothesis]) -> Bank:
    """The likeliest of them, like ones merged, weights adding up to 1; every scatter keeps one."""
    total = sum(h.weight for h in found)
    if not total > 0.0:
        total = 1e-300
    groups: dict[tuple[int, int, int, bool], list[Hypothesis]] = {}
    for h in found:
        if h.weight >= LEAST_WEIGHT * total:
            key = (h.scatter, h.change, min(h.since, RECENT), h.is_off)
            groups.setdefault(key, []).append(h)
    merged = sorted((_merged(group) for group in groups.values()), key=lambda h: -h.weight)
    kept = merged[:KEPT]
    have = {h.scatter for h in kept}
    for h in merged[KEPT:]:
        if h.scatter not in have:
            have.add(h.scatter)
            kept.append(h)
    total = sum(h.weight for h in kept)
    return tuple(h._replace(weight=h.weight / total) for h in kept)


def _merged(group: Sequence[Hypothesis]) -> Hypothesis:
    """One with the mean and the covariance of all."""
    if len(group) == 1:
        return group[0]
    total = sum(h.weight for h in group)
    parts = [(h.weight / total, h) for h in group]
    level = sum(w * h.level for w, h in parts)
    drift = sum(w * h.drift for w, h in parts)
    bias = sum(w * h.bias for w, h in parts)
    ll = ld = lb = dd = db = bb = before = 0.0
    for w, h in parts:
        x, y, z = h.level - level, h.drift - drift, h.bias - bias
        ll += w * (h.ll + x * x)
        ld += w * (h.ld + x * y)
        lb += w * (h.lb + x * z)
        dd += w * (h.dd + y * y)
        db += w * (h.db + y * z)
        bb += w * (h.bb + z * z)
        before += w * h.before
    like = max(group, key=lambda h: h.weight)
    return Hypothesis(
        total, like.scatter, level, drift, bias, ll, ld, lb, dd, db, bb,
        like.change, like.since, before, like.is_off,
    )  # fmt: skip
