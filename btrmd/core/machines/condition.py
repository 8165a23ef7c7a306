"""Condition: how the battery stands when a discharge begins, so that its result can be weighed."""

from __future__ import annotations

from typing import NamedTuple

from ..scan.context import StepContext
from .capacity import CapacityHealth
from .charge import ChargeBalance, full_ah, need_ah
from .float_time import NO_DISCHARGE_S, FloatTime


class StartCondition(NamedTuple):
    """`charge` part of the full charge, 0..1, None where it is not known. `is_full`: as far as
    anyone can tell. `is_rested`: on float for 24 h, no discharge for 48 h. `is_used`: a discharge
    is known within the last 48 h (a new station knows of none, and has not seen 24 h either)."""

    charge: float | None = None
    is_full: bool = True
    is_rested: bool = True
    is_used: bool = False

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks a test that begins now gets."""
        marks = () if self.is_full else ("not_full",)
        return marks if self.is_rested else (*marks, "not_rested")


def condition_of(
    balance: ChargeBalance, float_time: FloatTime, health: CapacityHealth, ctx: StepContext
) -> StartCondition:
    """The battery's condition now."""
    whole = full_ah(ctx.sp, health)
    part = balance.part(whole)
    age = float_time.undischarged_s
    is_used = age is not None and age < NO_DISCHARGE_S
    return StartCondition(
        charge=None if part is None else round(part, 3),
        is_full=balance.is_full(whole, need_ah(ctx), is_used),
        is_rested=float_time.is_rested,
        is_used=is_used,
    )
