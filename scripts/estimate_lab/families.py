"""Families of discharge curves: nine published or measured forms, each with parameters at random.

Each gives volts of a 12 V block over depth of discharge. Forms: Shepherd 1965 and Tremblay 2009;
Copetti, Lorenzo, Chenlo 1993 (CIEMAT); two-RC circuit; electrolyte and kinetics after Bode 1977
and Newman; two wells (Manwell and McGowan 1993); measured shapes, stretched; acid that diffuses
into the pores (Bode's voltage of it); active mass that is used up.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from .batteries import Array, Banks
from .shapes import SHAPES

RT_F = 8.314 / 96485.0


class Family(Protocol):
    """Keeps its own state; `step` takes A and s and returns volts a block with a cell at `weak`."""

    def step(self, amps: Array, dt: Array) -> Array: ...


def u(rng: np.random.Generator, low: float, high: float, n: int) -> Array:
    return rng.uniform(low, high, n)


class _Depth:
    """Depth of discharge from a rate-dependent charge; the rate is what the battery feels."""

    def __init__(self, rng: np.random.Generator, banks: Banks, scale: tuple[float, float]) -> None:
        n = banks.ah.size
        self.b = banks
        self.ohms = _Ohms(rng, banks)
        self.full = banks.charge * u(rng, *scale, n)
        self.peukert = banks.rate
        self.slow = banks.amps.copy()
        self.tau = u(rng, 1800.0, 9000.0, n)
        self.q = banks.start * self.full
        self.i20 = banks.ah / 20.0

    def depth(self, amps: Array, dt: Array) -> Array:
        self.slow += (amps - self.slow) * (1.0 - np.exp(-dt / self.tau))
        # saturated below C/20: a lighter load gets little more
        rate = np.maximum(self.slow / self.i20, 0.5)
        self.q += amps * dt / 3600.0
        return np.asarray(self.q / (self.full * rate**-self.peukert))


def with_weak(banks: Banks, shape: object, x: Array) -> Array:
    """Block mean of a bank in which a part of the cells has less charge than the others."""
    good = shape(x)  # type: ignore[operator]
    bad = np.maximum(shape(np.minimum(x / banks.weak, 1.6)), 0.0)  # type: ignore[operator]
    return np.asarray(good * (1.0 - banks.weak_part) + bad * banks.weak_part)


class _Ohms:
    """The resistance a step of the load meets; it grows as the acid is used up."""

    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        self.ohm = banks.ohm
        self.growth = u(rng, 0.0, 0.6, banks.ah.size)
        self.steady = u(rng, 0.0, 0.7, banks.ah.size)

    def drop(self, amps: Array, x: Array) -> Array:
        deep = np.clip(x, 0.0, 1.1)
        grown = 1.0 + self.steady * deep + self.growth * deep**2 / (1.25 - deep)
        return np.asarray(self.ohm * amps * grown)


class Shepherd(_Depth):
    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        super().__init__(rng, banks, (1.02, 1.25))
        n = banks.ah.size
        self.e0 = u(rng, 12.45, 12.95, n)
        self.k = np.exp(u(rng, np.log(0.03), np.log(0.3), n))
        self.line = u(rng, 0.2, 1.4, n)
        self.react = u(rng, 0.0, 0.8, n)
        self.star = banks.amps.copy() * 0.0
        self.star_tau = u(rng, 30.0, 900.0, n)
        self.a, self.bexp = u(rng, 0.0, 0.35, n), np.exp(u(rng, np.log(12.0), np.log(80.0), n))

    def step(self, amps: Array, dt: Array) -> Array:
        x = self.depth(amps, dt)
        self.star += (amps - self.star) * (1.0 - np.exp(-dt / self.star_tau))
        push = self.react * self.b.ohm * (0.5 * self.star + 0.5 * amps)

        def shape(x: Array) -> Array:
            left = np.maximum(1.0 - x, 0.004)
            bend = self.k * np.minimum(x, 1.0) / left + push * 0.3 / left
            over = np.maximum(x - 0.996, 0.0) * 200.0
            start = self.a * np.exp(-self.bexp * x)
            return np.asarray(self.e0 - self.line * x - bend + start - over)

        return np.asarray(with_weak(self.b, shape, x) - self.ohms.drop(amps, x))


class Ciemat:
    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        n = banks.ah.size
        self.b = banks
        self.ohms = _Ohms(rng, banks)
        self.c10 = banks.ah * banks.soh * banks.maker * u(rng, 0.82, 1.0, n)
        self.a1, self.a2 = u(rng, 0.5, 0.75, n), u(rng, 0.7, 1.0, n)
        self.v0, self.v1 = u(rng, 2.06, 2.11, n), u(rng, 0.09, 0.19, n)
        self.p1, self.p2 = u(rng, 0.1, 0.9, n), u(rng, 0.12, 0.35, n)
        self.p3 = u(rng, 1.2, 1.8, n)
        self.rise = u(rng, 0.005, 0.03, n)
        self.slow = banks.amps.copy()
        self.tau = u(rng, 1800.0, 9000.0, n)
        self.q = banks.start * self.c10
        self.age = banks.soh ** -u(rng, 0.0, 0.8, n)

    def step(self, amps: Array, dt: Array) -> Array:
        self.slow += (amps - self.slow) * (1.0 - np.exp(-dt / self.tau))
        self.q += amps * dt / 3600.0
        dt25 = self.b.temp - 25.0
        i10 = self.c10 / 10.0
        total = self.c10 * (1.0 + self.a1) / (1.0 + self.a1 * (self.slow / i10) ** self.a2)
        x = self.q / (total * np.maximum(1.0 + 0.005 * dt25, 0.3))

        def shape(x: Array) -> Array:
            soc = np.maximum(1.0 - x, 0.015)
            factor = (
                self.p1 / (1.0 + (amps / self.c10 * 3.0) ** 1.3)
                + self.p2 / soc**self.p3
                + self.rise
            )
            over = np.maximum(x - 0.985, 0.0) * 30.0
            drop = amps / (self.c10 * 1.0) * factor * (1.0 - 0.007 * dt25) * self.age
            return np.asarray(6.0 * (self.v0 - self.v1 * x - drop - over))

        return with_weak(self.b, shape, x)


class Circuit(_Depth):
    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        super().__init__(rng, banks, (0.98, 1.15))
        n = banks.ah.size
        self.full_v, self.span = u(rng, 12.65, 13.0, n), u(rng, 0.8, 1.5, n)
        self.bow = u(rng, -0.35, 0.45, n)
        self.r1, self.r2 = banks.ohm * u(rng, 0.2, 1.0, n), banks.ohm * u(rng, 0.2, 1.5, n)
        self.t1, self.t2 = u(rng, 20.0, 300.0, n), u(rng, 600.0, 5000.0, n)
        self.v1, self.v2 = np.zeros(n), np.zeros(n)
        self.knee, self.width = u(rng, 0.3, 1.2, n), np.exp(u(rng, np.log(0.04), np.log(0.25), n))

    def step(self, amps: Array, dt: Array) -> Array:
        x = self.depth(amps, dt)
        self.v1 += (amps * self.r1 - self.v1) * (1.0 - np.exp(-dt / self.t1))
        self.v2 += (amps * self.r2 - self.v2) * (1.0 - np.exp(-dt / self.t2))

        def shape(x: Array) -> Array:
            deep = np.minimum(x, 1.3)
            knee = self.knee * np.exp(np.minimum((deep - 1.0) / self.width, 3.0))
            ocv = self.full_v - self.span * (deep + self.bow * deep * (1.0 - deep))
            return np.asarray(ocv - knee)

        return np.asarray(with_weak(self.b, shape, x) - self.ohms.drop(amps, x) - self.v1 - self.v2)


class Electrolyte:
    """Acid is used up; what is at the plates lags behind what is in the pores and between them."""

    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        n = banks.ah.size
        self.b = banks
        self.ohms = _Ohms(rng, banks)
        self.m0 = u(rng, 5.2, 6.8, n)
        self.used = u(rng, 0.72, 0.97, n)
        self.full = banks.charge * u(rng, 1.02, 1.2, n)
        self.lag = u(rng, 0.02, 0.14, n) * 10.0 / np.maximum(banks.soh, 0.4) ** u(rng, 0, 0.6, n)
        self.tau = u(rng, 1200.0, 9000.0, n)
        self.behind = np.zeros(n)
        self.i0 = banks.ah * np.exp(u(rng, np.log(0.02), np.log(0.4), n))
        self.film = u(rng, 0.0, 0.5, n)
        self.film_w = u(rng, 0.05, 0.25, n)
        self.q = banks.start * self.full
        self.react = banks.soh ** u(rng, 0.0, 1.0, n)

    def step(self, amps: Array, dt: Array) -> Array:
        self.q += amps * dt / 3600.0
        want = self.lag * amps / self.b.ah * (1.0 + 0.01 * np.maximum(0.0, 25.0 - self.b.temp))
        self.behind += (want - self.behind) * (1.0 - np.exp(-dt / self.tau))
        x = self.q / self.full
        kelvin = self.b.temp + 273.0

        def shape(x: Array) -> Array:
            part = 1.0 - self.used * np.minimum(x, 1.4) - self.behind
            acid = self.m0 * np.maximum(part, 0.004)
            lg = np.log10(acid)
            ocv = 1.922 + 0.148 * lg + 0.063 * lg**2 + 0.074 * lg**3 + 0.033 * lg**4
            kinetic = (
                2.0
                * RT_F
                * kelvin
                * np.arcsinh(amps / (2.0 * self.i0 * self.react * np.sqrt(acid / self.m0)))
            )
            film = self.film / 6.0 * np.exp((np.minimum(x, 1.3) - 1.0) / self.film_w)
            low = np.maximum(0.004 - part, 0.0) * 20.0
            return np.asarray(6.0 * (ocv - kinetic - film - low))

        return np.asarray(with_weak(self.b, shape, x) - self.ohms.drop(amps, x))


class Wells:
    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        n = banks.ah.size
        self.b = banks
        self.ohms = _Ohms(rng, banks)
        self.full = banks.charge * u(rng, 1.05, 1.3, n)
        self.c = u(rng, 0.3, 0.65, n)
        self.k = np.exp(u(rng, np.log(0.25), np.log(2.0), n)) / 3600.0
        self.near = self.c * self.full * (1.0 - banks.start)
        self.far = (1.0 - self.c) * self.full * (1.0 - banks.start)
        self.e0, self.a = u(rng, 12.6, 12.95, n), u(rng, 0.7, 1.6, n)
        self.bend, self.d = u(rng, 0.02, 0.22, n), u(rng, 1.02, 1.25, n)

    def step(self, amps: Array, dt: Array) -> Array:
        gap = self.far / (1.0 - self.c) - self.near / self.c
        flow = self.k * self.c * (1.0 - self.c) * gap
        self.near += flow * dt - amps * dt / 3600.0
        self.far -= flow * dt
        x = 1.0 - self.near / (self.c * self.full)

        def shape(x: Array) -> Array:
            deep = np.minimum(x, 1.0)
            over = np.maximum(x - 1.0, 0.0) * 30.0
            knee = self.bend * deep / (self.d - deep)
            return np.asarray(self.e0 - self.a * deep - knee - over)

        return np.asarray(with_weak(self.b, shape, x) - self.ohms.drop(amps, x))


class Measured(_Depth):
    """Shapes of measured discharges, mixed in pairs, bent and stretched; the rest as a circuit."""

    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        super().__init__(rng, banks, (0.9, 1.05))
        n = banks.ah.size
        self.first, self.second = rng.integers(0, len(SHAPES), n), rng.integers(0, len(SHAPES), n)
        self.mix = u(rng, -0.25, 1.25, n)
        self.bend = np.exp(rng.normal(0.0, 0.12, n))
        self.stretch = np.exp(rng.normal(0.0, 0.12, n))
        self.i10 = banks.ah * banks.soh / 10.0
        self.r1, self.t1 = banks.ohm * u(rng, 0.3, 2.0, n), u(rng, 60.0, 3000.0, n)
        self.v1 = np.zeros(n)
        self.knee, self.width = u(rng, 0.0, 0.25, n), u(rng, 0.02, 0.08, n)
        self.table = np.array(SHAPES)

    def step(self, amps: Array, dt: Array) -> Array:
        x = self.depth(amps, dt)
        self.v1 += (amps * self.r1 - self.v1) * (1.0 - np.exp(-dt / self.t1))

        def shape(x: Array) -> Array:
            deep = np.clip(x, 0.0, 1.3) ** self.bend
            place = np.minimum(deep * 50.0, 50.0)
            k = np.minimum(place.astype(int), 49)
            part = place - k
            one = self.table[self.first, k] * (1 - part) + self.table[self.first, k + 1] * part
            two = self.table[self.second, k] * (1 - part) + self.table[self.second, k + 1] * part
            volts = one + (two - one) * self.mix
            knee = self.knee * np.exp(np.minimum((deep - 1.0) / self.width, 2.0))
            return np.asarray(
                11.0 + (volts - 11.0) * self.stretch - knee - np.maximum(deep - 1.0, 0.0) * 12.0
            )

        ohmic = self.ohms.drop(amps, x) - self.b.ohm * self.i10 + self.v1 - self.r1 * self.i10
        return np.asarray(with_weak(self.b, shape, x) - ohmic)


class Ends(_Depth):
    """Measured shapes whose ends are sharper or softer, as makers' tables tell of their types.

    Part of the run to 1.833 V a cell at which 1.85 is reached, from constant-current tables of 26
    AGM, deep-cycle and pure-lead models: 0.96 to 0.995 from 5 h on, 0.92 (small standby blocks) to
    0.99 (pure lead) at an hour; charge at an hour over that at twenty 0.44 to 0.68.
    """

    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        super().__init__(rng, banks, (0.92, 1.08))
        n = banks.ah.size
        self.table = np.array(SHAPES)
        self.pick = rng.integers(0, len(SHAPES), n)
        self.bend = np.exp(rng.normal(0.0, 0.08, n))
        self.stretch = np.exp(rng.normal(0.0, 0.1, n))
        hours = np.clip(banks.charge / banks.amps, 1.0, 20.0)
        softer = u(rng, 0.0, 0.05, n) * (1.0 - np.log(hours) / np.log(20.0))
        self.raised = u(rng, -0.1, 0.35, n) - softer * 3.0
        self.width = np.exp(u(rng, np.log(0.012), np.log(0.08), n)) + softer
        self.r1, self.t1 = banks.ohm * u(rng, 0.3, 2.0, n), u(rng, 60.0, 2500.0, n)
        self.v1 = np.zeros(n)
        self.i10 = banks.ah * banks.soh / 10.0

    def step(self, amps: Array, dt: Array) -> Array:
        x = self.depth(amps, dt)
        self.v1 += (amps * self.r1 - self.v1) * (1.0 - np.exp(-dt / self.t1))

        def shape(x: Array) -> Array:
            deep = np.clip(x, 0.0, 1.3) ** self.bend
            place = np.minimum(deep * 50.0, 50.0)
            k = np.minimum(place.astype(int), 49)
            part = place - k
            volts = self.table[self.pick, k] * (1 - part) + self.table[self.pick, k + 1] * part
            inside = np.minimum(deep, 1.0)
            raised = self.raised * inside * (1.0 - np.exp((inside - 1.0) / self.width))
            over = np.maximum(deep - 1.0, 0.0) * (8.0 + 0.3 / self.width)
            return np.asarray(11.0 + (volts - 11.0) * self.stretch + raised - over)

        ohmic = self.ohms.drop(amps, x) - self.b.ohm * self.i10 + self.v1 - self.r1 * self.i10
        return np.asarray(with_weak(self.b, shape, x) - ohmic)


class Pores:
    """Acid in four places from the pores to the free acid, by diffusion; Bode's voltage of it."""

    PLACES = 4

    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        n = banks.ah.size
        self.b = banks
        self.ohms = _Ohms(rng, banks)
        self.m0 = u(rng, 5.2, 6.6, n)
        self.full = banks.charge * u(rng, 1.08, 1.3, n)
        self.used = u(rng, 0.78, 1.0, n)  # of the acid, at the end of the active mass
        pores = u(rng, 0.35, 0.7, n)
        rest = (1.0 - pores) / (self.PLACES - 1)
        self.capacity = np.vstack([pores, *[rest] * (self.PLACES - 1)])
        self.level = np.repeat((1.0 - self.used * banks.start)[None, :], self.PLACES, axis=0)
        self.flow = np.exp(u(rng, np.log(0.3), np.log(2.0), n)) / 3600.0
        self.i0 = banks.ah * np.exp(u(rng, np.log(0.02), np.log(0.5), n))
        self.area = u(rng, 0.3, 1.2, n)
        self.q = banks.start * self.full

    def step(self, amps: Array, dt: Array) -> Array:
        self.q += amps * dt / 3600.0
        parts = 1 + int(np.max(dt * self.flow) / 0.1)
        for _ in range(parts):
            move = self.flow * (dt / parts) * (self.level[1:] - self.level[:-1])
            self.level[:-1] += move / self.capacity[:-1]
            self.level[1:] -= move / self.capacity[1:]
            self.level[0] -= self.used * amps * (dt / parts) / 3600.0 / self.full / self.capacity[0]
        kelvin = self.b.temp + 273.0
        near = self.level[0]
        x = self.q / self.full

        def shape(x: Array) -> Array:
            part = near - self.used * (x - self.q / self.full)
            acid = self.m0 * np.maximum(part, 0.004)
            lg = np.log10(acid)
            ocv = 1.922 + 0.148 * lg + 0.063 * lg**2 + 0.074 * lg**3 + 0.033 * lg**4
            mass = np.maximum(1.0 - np.minimum(x, 1.0), 0.004) ** self.area
            kinetic = RT_F * kelvin * 2.0 * np.arcsinh(amps / (2.0 * self.i0 * mass))
            low = np.maximum(0.004 - part, 0.0) * 20.0 + np.maximum(x - 1.0, 0.0) * 5.0
            return np.asarray(6.0 * (ocv - kinetic - low))

        return np.asarray(with_weak(self.b, shape, x) - self.ohms.drop(amps, x))


class Mass(_Depth):
    """Active mass is used up, what is left carries the current; acid thins evenly."""

    def __init__(self, rng: np.random.Generator, banks: Banks) -> None:
        super().__init__(rng, banks, (1.0, 1.2))
        n = banks.ah.size
        self.full_v, self.span = u(rng, 12.6, 13.0, n), u(rng, 0.7, 1.4, n)
        self.push = u(rng, 0.1, 0.5, n)
        self.r0 = np.exp(u(rng, np.log(0.02), np.log(0.5), n))
        self.power = u(rng, 0.5, 2.5, n)
        self.lag, self.tau_v = np.zeros(n), u(rng, 60.0, 3000.0, n)

    def step(self, amps: Array, dt: Array) -> Array:
        x = self.depth(amps, dt)
        rate = amps / self.b.ah
        self.lag += (rate - self.lag) * (1.0 - np.exp(-dt / self.tau_v))

        def shape(x: Array) -> Array:
            left = np.maximum(1.0 - np.minimum(x, 1.0), 0.003) ** self.power
            over = self.push * np.arcsinh(self.lag / (2.0 * self.r0 * left))
            return np.asarray(self.full_v - self.span * x - over - np.maximum(x - 1.0, 0.0) * 20.0)

        return np.asarray(with_weak(self.b, shape, x) - self.ohms.drop(amps, x))


FAMILIES = {
    "shepherd": Shepherd,
    "ciemat": Ciemat,
    "circuit": Circuit,
    "electrolyte": Electrolyte,
    "wells": Wells,
    "measured": Measured,
    "pores": Pores,
    "mass": Mass,
    "ends": Ends,
}
