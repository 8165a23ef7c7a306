"""The battery's condition at a start, and the marks a test gets from it."""

from __future__ import annotations

from core_scenes import step_context

from btrmd.core.machines.capacity import CapacityHealth
from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.condition import StartCondition, condition_of
from btrmd.core.machines.float_time import FloatTime

H = 3600.0
RATED: dict[str, object] = {"battery.rated_ah": 100.0}


def test_marks() -> None:
    assert StartCondition().marks == ()
    assert StartCondition(is_full=False).marks == ("not_full",)
    assert StartCondition(is_rested=False).marks == ("not_rested",)
    assert StartCondition(is_full=False, is_rested=False).marks == ("not_full", "not_rested")


def test_what_is_known_of_a_battery() -> None:
    ctx = step_context(changes=RATED)
    made = condition_of(ChargeBalance(12.34567, 1.0), FloatTime(1.0, 48 * H), CapacityHealth(), ctx)
    assert made == StartCondition(charge=0.877, is_full=False, is_rested=False, is_used=False)
    rested = FloatTime(24 * H, 48 * H)
    made = condition_of(ChargeBalance(1.0, 1.0), rested, CapacityHealth(), ctx)
    assert made == StartCondition(charge=0.99, is_full=True, is_rested=True, is_used=False)


def test_a_discharge_counts_as_known_for_48_h() -> None:
    ctx = step_context(changes=RATED)
    for age, used in ((None, False), (48 * H - 1.0, True), (48 * H, False)):
        made = condition_of(
            ChargeBalance(near_s=20.0), FloatTime(24 * H, age), CapacityHealth(), ctx
        )
        assert (made.charge, made.is_used, made.is_full) == (None, used, not used), age
