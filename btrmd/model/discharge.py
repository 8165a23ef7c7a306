"""A discharge: one capacity test or one real outage, from its start to its verdict.

Its record, the rows of its curve, and the estimate of the run time with what is sure of it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class TestState(Enum):
    __test__ = False
    IDLE = "idle"
    DELAYED = "delayed"
    PROVING = "proving"
    RUNNING = "running"
    RETURNING = "returning"


class TestResult(Enum):
    __test__ = False
    NONE = "none"
    GOOD = "good"
    LOW = "low"
    ABORTED = "aborted"


class Capacity(Enum):
    UNKNOWN = "unknown"
    GOOD = "good"
    LOW = "low"


class TestRecord(NamedTuple):
    """One row of the list of tests (DESIGN section 8). Times s, volts V whole bank, amps A.

    `type` "1", "2" or "outage". `state` TestState value while it goes on, "finished" after.
    `started_at`, `ended_at`: wall time s since 1970; `duration_s` from K1 on to K1 off on the
    process clock; None where not known (yet). `average_current` is the mean discharge, positive.
    `estimate_s` .. `estimate_high_s` is what people are told, `own_estimate_s` .. `own_high_s` what
    this discharge says by itself: only that is evidence for later ones. `started_at_charge`: part
    of the full charge (0..1) that was in the battery at the start, None where not known.
    """

    n: int
    type: str
    state: str = "proving"
    result: str = "none"
    reason: str = ""
    source: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
    duration_s: float | None = None
    average_current: float | None = None
    average_temperature: float | None = None
    end_voltage: float | None = None
    estimate_s: float | None = None
    estimate_low_s: float | None = None
    estimate_high_s: float | None = None
    minimum_runtime_s: float | None = None
    marks: tuple[str, ...] = ()
    own_estimate_s: float | None = None
    own_low_s: float | None = None
    own_high_s: float | None = None
    started_at_charge: float | None = None


TestRecord.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test class


class CurveRow(NamedTuple):
    """One sample: s from K1 on, bank V, battery A (negative = discharging), degC, load A; V of each
    block from Battery- on where taps are wired, () without, None where one is not known."""

    time_s: float
    battery_v: float
    battery_a: float
    temp_c: float | None
    load_a: float | None
    block_v: tuple[float | None, ...] = ()


LEAST_LOAD_A: Final = 0.2  # a smaller load does not show in the currents
LEAST_LOAD_PART: Final = 0.25  # of the load: less says nothing of how long the battery would last
RELIEVED_LEAST_S: Final = 60.0  # less is the moment of a transfer, and counts as discharging


def is_relieved(battery_a: float, load_a: float | None) -> bool:
    """Whether the battery gives a load of `load_a` A nothing, or next to nothing: a charger or the
    supply carries it. `battery_a` negative = discharging."""
    if battery_a >= 0.0:
        return True
    return load_a is not None and load_a >= LEAST_LOAD_A and -battery_a < LEAST_LOAD_PART * load_a


class Estimate(NamedTuple):
    """Run time from test start to the cutoff, s: point estimate, ends of the 90 % interval;
    `is_knee`: the voltage already falls ever faster. `findings`: marks (`load_changed`,
    `not_lead_acid`, `shorted_cell`, `not_full`, `history_differs`) under which no verdict is firm.
    `own_s`, `own_low_s`, `own_high_s`: what this discharge alone says, where earlier ones were
    combined with it; None = the same as the first three. `weak_block`: the number (1 = at Battery-)
    of the block that will end the run, 0 = none stands out."""

    ert_s: float
    low_s: float
    high_s: float
    method: str = ""
    warnings: tuple[str, ...] = ()
    is_knee: bool = False
    findings: tuple[str, ...] = ()
    own_s: float | None = None
    own_low_s: float | None = None
    own_high_s: float | None = None
    weak_block: int = 0


# Hidden faults: what a weak cell or block may take from a run before the curve shows it.
#
# One block in four with 0.6 of its charge, or one cell in six with 0.5, bends the bank's curve only
# where its own charge ends; until then the curve is a sound bank's, and an estimate from it comes
# out long: by 13 to 34 % in the median at 35 to 50 % of the run (scripts/bench_faults,
# docs/estimate.md). So a minimum run time is firmly met only with much in hand, or once the curve
# has gone past where such a fault shows. What is taken for sure lies beyond the truth in 2 to 3 %
# of such banks with a weak block then, in 10 % of those with a weak cell.
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
