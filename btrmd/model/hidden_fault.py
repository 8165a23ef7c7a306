"""Hidden faults: what a weak cell or block may take from a run before the curve shows it.

One block in four with 0.6 of its charge, or one cell in six with 0.5, bends the bank's curve only
where its own charge ends; until then the curve is a sound bank's, and an estimate from it comes out
long: by 13 to 34 % in the median at 35 to 50 % of the run (scripts/bench_faults, docs/estimate.md).
So a minimum run time is firmly met only with much in hand, or once the curve has gone past where
such a fault shows. What is taken for sure lies beyond the truth in 2 to 3 % of such banks with a
weak block then, in 10 % of those with a weak cell.
"""

from __future__ import annotations

from typing import Final

from .discharge import Estimate

LEAST_SHARE: Final = 0.5  # of the estimate, which such a bank still lasts
SHOWS_FROM: Final = 0.25  # part of the estimated run from which such a fault begins to show ...
SHOWN_AT: Final = 0.95  # ... and by which it has


def sure_s(estimate: Estimate, elapsed_s: float) -> float:
    """Run time in s that is certain even with a hidden fault; `elapsed_s` s of it are over.

    Never more than the interval's lower end. A measured time is what it is.
    """
    if estimate.low_s == estimate.high_s:
        return estimate.ert_s
    part = elapsed_s / estimate.ert_s if estimate.ert_s > 0.0 else 1.0
    shown = max(0.0, min((part - SHOWS_FROM) / (SHOWN_AT - SHOWS_FROM), 1.0))
    share = LEAST_SHARE + shown * (1.0 - LEAST_SHARE)
    return min(estimate.low_s, share * estimate.ert_s)
