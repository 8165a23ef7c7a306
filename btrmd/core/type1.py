"""Type 1 policy: how long a short test runs, and when it may end early (BATTERY, test policy)."""

from __future__ import annotations

from typing import NamedTuple

from ..model.discharge import Estimate

SHORTEST_S = 3600.0
LONGEST_S = 4 * 3600.0
UNKNOWN_AH_S = 2 * 3600.0
CHARGE_PART = 0.3  # of the rated charge, at the load's current
EVALUATE_AFTER_S = 20 * 60.0
EVALUATE_AFTER_PART = 0.03  # of the rated charge
EVALUATE_EVERY_S = 60.0
EARLY_AFTER_S = 3600.0  # statistical stops only after 60 min; safety stops at any time
ESTIMATE_PART = 0.5  # never take more than half of what the estimate says is there
NARROW_PART = 0.10  # half-width of the interval, of the estimate
HITS = 3
HITS_APART_S = 300.0


class Policy(NamedTuple):
    """`planned_s` after time 0. `side`: the interval lies below (-1), around (0) or above (+1) the
    minimum runtime; `hits` how often in a row, `hit_at` and `evaluated_at` s after time 0.
    `whole_s` what was planned before the first estimate, 0.0 until then."""

    planned_s: float = UNKNOWN_AH_S
    side: int = 0
    hits: int = 0
    hit_at: float = 0.0
    evaluated_at: float = 0.0
    whole_s: float = 0.0


def planned_length(rated_ah: float | None, load_a: float) -> float:
    """clamp(0.3 rated_ah / load, 1 h, 4 h) in s; 2 h when the rated Ah is not known."""
    if rated_ah is None or load_a <= 0.0:
        return UNKNOWN_AH_S
    return min(max(CHARGE_PART * rated_ah / load_a * 3600.0, SHORTEST_S), LONGEST_S)


def may_evaluate(
    policy: Policy, elapsed_s: float, charge_ah: float, rated_ah: float | None
) -> bool:
    """Once a minute, after 20 min and 3 % of the rated charge."""
    return (
        elapsed_s >= EVALUATE_AFTER_S
        and charge_ah >= EVALUATE_AFTER_PART * (rated_ah or 0.0)
        and elapsed_s - policy.evaluated_at >= EVALUATE_EVERY_S
    )


def weigh(policy: Policy, estimate: Estimate, elapsed_s: float, minimum_s: float) -> Policy:
    """Take one more estimate into account: shorten the plan, count agreeing verdicts.

    The newest estimate shortens what was planned at first: one that was too short for a moment
    must not end the test before it is seen to be wrong.
    """
    whole = policy.whole_s or policy.planned_s
    planned = min(whole, ESTIMATE_PART * estimate.ert_s)
    policy = policy._replace(whole_s=whole)
    side = 0
    if minimum_s > 0.0:
        side = -1 if estimate.high_s < minimum_s else 1 if estimate.low_s > minimum_s else 0
    if side == 0 or side != policy.side:
        return policy._replace(
            planned_s=planned, side=side, hits=1 if side else 0, hit_at=elapsed_s
        )
    if elapsed_s - policy.hit_at >= HITS_APART_S:
        return policy._replace(planned_s=planned, hits=policy.hits + 1, hit_at=elapsed_s)
    return policy._replace(planned_s=planned)


def early_stop(
    policy: Policy, estimate: Estimate, elapsed_s: float, charge_ah: float, load_ah_s: float
) -> str:
    """The sentence why the test may end now, "" while it may not.

    `load_ah_s`: mean discharge current in A, so that ESTIMATE_PART compares charge with charge.
    """
    if charge_ah > ESTIMATE_PART * estimate.ert_s / 3600.0 * load_ah_s:
        return "Half of the estimated charge is used."
    if estimate.is_knee:
        return "The voltage falls ever faster: the end is near."
    if elapsed_s < EARLY_AFTER_S:
        return ""
    if policy.side and policy.hits >= HITS:
        word = "below" if policy.side < 0 else "above"
        return f"The whole interval lies {word} the minimum runtime."
    if (estimate.high_s - estimate.low_s) / 2.0 < NARROW_PART * estimate.ert_s:
        return "The estimate is certain to 10 %."
    return ""
