"""Simulated banks of four blocks, one of them weak: is it named, and is the run time told right?

Prints the table that docs/results.md shows. The banks are those of the simulation, the voltages
are off as calibrated channels are (0.1 % and 10 mV at the tap, 3 mV of noise).
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from btrmd.core.capacity_test.type1 import planned_length  # noqa: E402
from btrmd.estimate.enough import NotEnough  # noqa: E402
from btrmd.estimate.run_time import estimate  # noqa: E402
from btrmd.estimate.thin import thin  # noqa: E402
from btrmd.estimate.weakest_block import weakest  # noqa: E402
from btrmd.hal.sim.bank import Bank  # noqa: E402
from btrmd.hal.sim.battery import SimBattery  # noqa: E402
from btrmd.model.discharge import CurveRow, Estimate  # noqa: E402

BLOCKS = 4
STEP_S = 10.0
CUTOFF_V = 11.0
SHORTEST_S = 3600.0  # a planned test is no shorter
GAIN, OFFSET_V, NOISE_V = 0.001, 0.010, 0.003


class Trial(NamedTuple):
    """One bank. `weak` 0 = all alike; `alone` the estimate without taps."""

    weak: int
    truth_s: float
    alone: Estimate | None
    found: Estimate | None


def trial(seed: int, weak_soh: float | None) -> Trial:
    """Discharge one bank to its end; the estimates are those at the end of the planned test."""
    random = Random(seed)
    rated = random.choice((17.0, 26.0, 40.0, 65.0, 100.0))
    amps = rated / random.uniform(3.0, 12.0)
    temp = random.uniform(15.0, 32.0)
    soh = random.uniform(0.85, 1.05)
    own = {n: soh + random.gauss(0.0, 0.015) for n in range(1, BLOCKS + 1)}
    weak = 0
    if weak_soh is not None:
        weak = random.randint(1, BLOCKS)
        own[weak] = weak_soh
    bank = Bank([SimBattery(rated, soh, temp) for _ in range(BLOCKS)], soh, own, {})
    bank.set_soc(1.0)
    gains = [1.0 + random.gauss(0.0, GAIN) for _ in range(BLOCKS)]
    offsets = [random.gauss(0.0, OFFSET_V) for _ in range(BLOCKS)]
    rows, t = [], 0.0
    while True:
        volts = bank.volts_under(-amps)
        taps, total = [], 0.0
        for n, v in enumerate(volts):
            total += v
            taps.append(total * gains[n] + offsets[n] + random.gauss(0.0, NOISE_V))
        bank_v = taps[-1]
        blocks = tuple(b - a for a, b in zip([0.0, *taps], taps, strict=False))
        rows.append(CurveRow(t, bank_v, -amps, temp, amps, blocks))
        if sum(volts) < CUTOFF_V * BLOCKS and t > 600.0:
            break
        bank.advance(STEP_S, -amps)
        t += STEP_S
    seen = rows[: max(2, int(planned_length(rated, amps) / STEP_S))]
    if seen[-1].time_s > 0.85 * t:  # the test would have ended before the bank does
        seen = rows[: max(2, int(0.6 * t / STEP_S))]
    short = thin(seen)
    try:
        alone = estimate(short, BLOCKS, rated)
    except NotEnough:
        return Trial(weak, t, None, None)
    return Trial(weak, t, alone, weakest(short, alone, BLOCKS, rated))


def inside(made: Estimate | None, truth_s: float) -> bool:
    return made is not None and made.low_s <= truth_s <= made.high_s


def main() -> None:
    """100 banks with a block at 0.6, 100 with blocks alike."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    weak = [trial(seed, 0.6) for seed in range(count)]
    alike = [trial(1000 + seed, None) for seed in range(count)]
    named = sum(t.found is not None and t.found.weak_block == t.weak for t in weak)
    wrong = sum(t.found is not None and t.found.weak_block not in (0, t.weak) for t in weak)
    false = sum(t.found is not None and t.found.weak_block > 0 for t in alike)
    print("| of so many banks | with taps | without |")
    print("|---|---|---|")
    print(f"| weak block (0.6) named, of {count} | {named} | - |")
    print(f"| another block named | {wrong} | - |")
    print(f"| a block named where all are alike, of {count} | {false} | - |")
    for name, trials in (("weak", weak), ("alike", alike)):
        both = [sum(inside(getattr(t, kind), t.truth_s) for t in trials) for kind in
                ("found", "alone")]  # fmt: skip
        print(f"| true run time in the interval ({name}) | {both[0]} | {both[1]} |")
    if "-v" in sys.argv:
        for t in weak:
            if t.found and t.alone:
                print(
                    t.weak,
                    t.found.weak_block,
                    round(t.truth_s),
                    round(t.found.ert_s),
                    round(t.found.low_s),
                    round(t.found.high_s),
                    round(t.alone.ert_s),
                )


if __name__ == "__main__":
    main()
