"""The core's part of the bench: steps of a station at rest and in a test."""

from __future__ import annotations

import time

from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import new_state
from btrmd.core.step import step
from btrmd.model.board import Inputs
from btrmd.model.readings import GOOD, Measurement
from btrmd.model.settings import Settings
from btrmd.model.site import Site

CHIPS = tuple((chip, True) for chip in ("0x40", "0x41", "0x44", "0x45", "0x48", "0x49", "0x4a"))


def run_steps(count: int) -> float:
    """Seconds that `count` steps of one second take, a fresh scan each."""
    settings = Settings.defaults(Site())
    state = new_state(Setpoints.of(settings), 0.0)
    began = time.perf_counter()
    for n in range(count):
        now = float(n)

        def at(value: float, now: float = now) -> Measurement:
            return Measurement(value, GOOD, now)

        scan = Inputs(
            at(13.5), at(0.1), at(13.5), at(2.0), at(13.5), at(0.1), at(13.6), at(2.3), at(25.0),
            at(0.0), at(0.0), at(0.0), at(0.0), True, False, False, False, CHIPS, 1.8e9 + now,
        )  # fmt: skip
        state, _ = step(state, scan, settings, (), now)
    return time.perf_counter() - began
