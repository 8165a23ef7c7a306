"""Cases of the end of a discharge: cut off with 45 down to 0.4 % of the run left, as in an outage.

What is left is what the box will see: its own volts end the run, whatever their gain error is.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from btrmd.estimate import slope
from btrmd.estimate.curve import refer
from btrmd.estimate.ending import FARTHEST, ending_numbers, near_end, spared
from btrmd.estimate.shape import shape_of
from btrmd.estimate.view import Remaining, prepare

from .batteries import Array
from .cases import CUTOFF, discharges
from .dataset import ENDING, Set, condition, cut, likeness, stack
from .loads import KINDS

SHARE = {"cc": 1.3, "cp": 0.9, "duty": 1.2, "steps": 0.9, "restless": 0.4, "change": 0.4}
PARTS = (0.55, 0.65, 0.75, 0.85, 0.9, 0.93, 0.96, 0.98, 0.99, 0.996)  # of the run, for the table
OFF = 5000  # added to the seed: other batteries than those of the other tables


def make_endings(seed: int, family: str, number: int, n: int) -> Set:
    """Cases of one family, never told the rated Ah: some `n` discharges a load, three cuts each."""
    made: list[tuple[object, ...]] = []
    for place, kind in enumerate(KINDS):
        own = (seed + OFF) * 1000 + number * 10 + place
        rng = np.random.default_rng(own)
        for d in discharges(own, family, kind, max(2, int(n * SHARE[kind])), True):
            assert d.sound is not None
            for mode, rows in cut(rng, d, ENDING):
                curve = refer(rows, d.blocks, None)
                shape = shape_of(curve, slope.skip_ah(curve)) if curve.load.amps > 0.0 else None
                if shape is None:
                    continue
                view = prepare(curve, shape, None, rows[-1].temp_c, CUTOFF, None)
                numbers, drawn_ln = ending_numbers(view)
                seen = rows[-1].time_s
                y = np.clip(np.log(max(d.true_s - seen, 1.0)) - drawn_ln, -FARTHEST, FARTHEST)
                made.append(
                    (numbers, float(y), float(np.exp(drawn_ln)), seen, d.true_s,
                     likeness(d.sound.ratios), 1.0, curve.load.kind, family, kind, mode,
                     d.amps / d.rated_ah, *condition(d))
                )  # fmt: skip
    return stack(made)


def ending_table(cases: Set, plain: Array, answers: Array) -> str:
    """By part of the run: median and 90th percentile of |what is told / what is left - 1| and its
    median, in %; part of the cases that are told more than 10 % too long, and inside the interval,
    in %. All loads, then those under a constant load. `answers` with the interval as told, `plain`
    before it was stretched."""
    left = cases.true - cases.seen
    told = [
        spared(Remaining(*own), near_end(Remaining(*bare)), seen)
        for own, bare, seen in zip(answers, plain, cases.seen, strict=True)
    ]
    off = 100.0 * (np.exp([own.centre for own in told]) / left - 1.0)
    ends = np.exp([(own.low, own.high) for own in told])
    inside = (ends[:, 0] <= left) & (left <= ends[:, 1])
    part = cases.seen / cases.true
    lines = [f"{'':24s}{'n':>6s} {'med':>6s} {'p90':>6s} {'bias':>6s} {'long':>6s} {'cover':>6s}"]
    for name, kinds in (("", KINDS), (", constant", ("cc", "cp"))):
        for least, most in pairwise(PARTS):
            some = (part >= least) & (part < most) & np.isin(cases.kind, kinds)
            if not some.any():
                continue
            title = f"{100 * least:.0f}..{100 * most:.3g} % seen{name}"
            lines.append(
                f"{title:24s}{some.sum():6d} {np.median(np.abs(off[some])):6.1f}"
                f" {np.percentile(np.abs(off[some]), 90):6.1f} {np.median(off[some]):6.1f}"
                f" {100.0 * np.mean(off[some] > 10.0):6.1f} {100.0 * np.mean(inside[some]):6.1f}"
            )
    return "\n".join(lines)
