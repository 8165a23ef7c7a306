"""A reading that lies: what one channel of a chip tells in place of what is there.

The plant stays true; the lie is put between a terminal and its chip, so that everything from the
register up believes it.
"""

from __future__ import annotations

import re
from math import isfinite
from random import Random
from typing import NamedTuple

from ...model.value_text import read_number
from .sense import Sense

POINTS = (
    "battery.voltage", "battery.current", "load.voltage", "load.current", "charger.voltage",
    "charger.current", "supply.voltage", "supply.current", "system.temperature", "io1.voltage",
    "io2.voltage", "io3.voltage", "io4.voltage",
)  # fmt: skip
ALLOWED = (
    "off, hold, xFACTOR (x-10..x10, as x0.78), +N or -N (at most 1000, as -2.0), drift:N an hour "
    "(-1000..1000) or noise:N (0..1000)"
)
HIGHEST = 1000.0
HIGHEST_FACTOR = 10.0

_FORM = re.compile(r"(x|\+|-|drift:|noise:)(.+)")


class Lie(NamedTuple):
    """`kind` hold|x|+|drift|noise; `amount` the factor, V (A, degC), V an hour, or V (largest)."""

    kind: str
    amount: float = 0.0

    @property
    def text(self) -> str:
        """As `read_lie` takes it."""
        if self.kind == "hold":
            return "hold"
        if self.kind == "+":
            return f"{self.amount:+g}"
        return f"x{self.amount:g}" if self.kind == "x" else f"{self.kind}:{self.amount:g}"


def read_lie(text: str) -> Lie | None:
    """The lie that `text` names; None = off. Raises ValueError for anything else."""
    if text == "hold":
        return Lie("hold")
    if text == "off":
        return None
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(text)
    form, number = match.groups()
    amount = read_number(number)
    if not isfinite(amount):
        raise ValueError(text)
    if form == "x":
        if abs(amount) > HIGHEST_FACTOR:
            raise ValueError(text)
        return Lie("x", amount)
    if form in "+-" and (number[0] in "+-" or abs(amount) > HIGHEST):
        raise ValueError(text)
    if form == "noise:" and amount < 0.0:
        raise ValueError(text)
    if abs(amount) > HIGHEST:
        raise ValueError(text)
    if form == "-":
        return Lie("+", -amount)
    return Lie(form.rstrip(":"), amount)


def true_value(sense: Sense, point: str) -> float:
    """What is there to be told, in V, A or degC."""
    if point.startswith("io"):
        return sense.io_v[int(point[2]) - 1]
    if point == "system.temperature":
        return sense.temperature_c
    name, kind = point.split(".")
    return float(getattr(sense, f"{name}_{'v' if kind == 'voltage' else 'a'}"))


class ReadingFault:
    """One lying channel. `since`: plant second at which it began; `held`: what a hold tells."""

    __slots__ = ("_random", "held", "lie", "since")

    def __init__(self, lie: Lie, since: float, held: float, seed: int = 1) -> None:
        self.lie = lie
        self.since = since
        self.held = held
        self._random = Random(seed)

    def tell(self, true: float, now: float) -> float:
        """What the channel tells of `true` at plant second `now`."""
        kind, amount = self.lie
        if kind == "x":
            return true * amount
        if kind == "+":
            return true + amount
        if kind == "drift":
            return true + amount * (now - self.since) / 3600.0
        if kind == "noise":
            return true + self._random.uniform(-amount, amount)
        return self.held
