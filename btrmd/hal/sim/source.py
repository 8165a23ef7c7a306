"""The DC supply of the plant: a voltage source with a switch, and what makes it weak."""

from __future__ import annotations

from math import inf

DEFAULT_V = 13.6  # per block: above a floating battery, so that it feeds the load at rest
OHMS = 0.003  # output and wiring


class Supply:
    """`volts` is what it gives without load, whole bank; `on` False means 0 V at SUPPLY+.

    `ohms` in series, on top of output and wiring; `limit_a` amps beyond which its volts collapse.
    """

    __slots__ = ("limit_a", "ohms", "on", "volts")

    def __init__(self, blocks: int) -> None:
        self.on = True
        self.volts = DEFAULT_V * blocks
        self.ohms = 0.0
        self.limit_a = inf
