"""Hidden faults: what a weak cell or block may take from a run before the curve shows it.

One block in four with 0.6 of its charge, or one cell in six with 0.5, bends the bank's curve only
where its own charge ends; until then the curve is a sound bank's, and an estimate from it came out
a quarter long (simulated banks, docs/estimate.md). So a minimum run time is firmly met only with
that much in hand, or once the curve has gone past where such a fault shows.
"""

from __future__ import annotations

from typing import Final

from .discharge import Estimate

LEAST_SHARE: Final = 0.8  # of the estimate, which such a bank still lasts
SHOWS_FROM: Final = 0.65  # part of the estimated run from which such a fault begins to show ...
SHOWN_AT: Final = 0.85  # ... and by which it has


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
