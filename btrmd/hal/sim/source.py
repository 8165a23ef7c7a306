"""The DC supply of the plant: a stiff voltage source with a switch."""

from __future__ import annotations

DEFAULT_V = 13.6  # per block: above a floating battery, so that it feeds the load at rest
OHMS = 0.003  # output and wiring


class Supply:
    """`volts` is what it gives without load, whole bank; `on` False means 0 V at SUPPLY+."""

    __slots__ = ("on", "volts")

    def __init__(self, blocks: int) -> None:
        self.on = True
        self.volts = DEFAULT_V * blocks
