"""Type 1 policy: how long a short test runs, and when it may end early (BATTERY, test policy)."""

from __future__ import annotations

from typing import NamedTuple

from ...model.discharge import Estimate, sure_s

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
    `whole_s` what was planned before the first estimate, 0.0 until then. `may_stop`: statistics
    may end the test: nothing was found in the curve, and this discharge alone says of the minimum
    what it says with the earlier ones."""

    planned_s: float = UNKNOWN_AH_S
    side: int = 0
    hits: int = 0
    hit_at: float = 0.0
    evaluated_at: float = 0.0
    whole_s: float = 0.0
    may_stop: bool = True


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


def own_of(estimate: Estimate) -> Estimate:
    """What this discharge alone says."""
    own, low, high = estimate.own_s, estimate.own_low_s, estimate.own_high_s
    if own is None or low is None or high is None:
        return estimate
    return estimate._replace(ert_s=own, low_s=low, high_s=high)


def side_of(estimate: Estimate, minimum_s: float, elapsed_s: float) -> int:
    """Where the whole interval lies: below (-1) or above (+1) the minimum runtime, or around it.

    Above it only with what a fault that does not show yet may take. An interval that is a point
    (measured) at the minimum reaches it.
    """
    sure = sure_s(estimate, elapsed_s)
    if sure > minimum_s or estimate.low_s == estimate.high_s == minimum_s:
        return 1
    return -1 if estimate.high_s < minimum_s else 0


def weigh(policy: Policy, estimate: Estimate, elapsed_s: float, minimum_s: float) -> Policy:
    """Take one more estimate into account: shorten the plan, count agreeing verdicts.

    The newest estimate shortens what was planned at first: one that was too short for a moment
    must not end the test before it is seen to be wrong. A verdict counts where this discharge
    alone and all together lie on one side, else the evidence that contradicts would not be seen.
    """
    whole = policy.whole_s or policy.planned_s
    own = own_of(estimate)
    planned = min(whole, ESTIMATE_PART * min(estimate.ert_s, own.ert_s))
    side, agree = 0, True
    if minimum_s > 0.0:
        side = side_of(estimate, minimum_s, elapsed_s)
        agree = side == side_of(own, minimum_s, elapsed_s)
    may_stop = agree and not estimate.findings
    policy = policy._replace(whole_s=whole, planned_s=planned, may_stop=may_stop)
    if not may_stop:
        side = 0
    if side == 0 or side != policy.side:
        return policy._replace(side=side, hits=1 if side else 0, hit_at=elapsed_s)
    if elapsed_s - policy.hit_at >= HITS_APART_S:
        return policy._replace(hits=policy.hits + 1, hit_at=elapsed_s)
    return policy


def early_stop(
    policy: Policy, estimate: Estimate, elapsed_s: float, charge_ah: float, load_ah_s: float
) -> str:
    """The sentence why the test may end now, "" while it may not.

    `load_ah_s`: mean discharge current in A, so that ESTIMATE_PART compares charge with charge.
    """
    own = own_of(estimate)
    if charge_ah > ESTIMATE_PART * min(estimate.ert_s, own.ert_s) / 3600.0 * load_ah_s:
        return "Half of the estimated charge is used."
    if estimate.is_knee:
        return "The voltage falls ever faster: the end is near."
    if elapsed_s < EARLY_AFTER_S or not policy.may_stop:
        return ""
    if policy.side and policy.hits >= HITS:
        word = "below" if policy.side < 0 else "above"
        return f"The whole interval lies {word} the minimum runtime."
    if all((one.high_s - one.low_s) / 2.0 < NARROW_PART * one.ert_s for one in (estimate, own)):
        return "The estimate is certain to 10 %."
    return ""
