"""Capacity, step by step: which results are adopted, and what is said of them."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.capacity import (
    CapacityHealth,
    adopt,
    conclude,
    force,
    low_alarm_text,
    needs_confirming,
    replaced,
    reset,
    take_health,
)
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.model.commands import HealthReady
from btrmd.model.discharge import Capacity, Estimate, TestRecord

GOOD = TestRecord(n=1, type="1", result="good")
LOW = TestRecord(n=2, type="1", result="low", marks=())
LOW_HEALTH = CapacityHealth(state=Capacity.LOW, low_alarm=True, low_text="old", is_probable=True)


def told(ctx: StepContext) -> list[tuple[str, object, str]]:
    return [(a.event.key, a.event.value, a.event.text) for a in ctx.actions if isinstance(a, Tell)]


def test_a_low_that_is_firm_is_an_alarm() -> None:
    made = adopt(CapacityHealth(), LOW)
    assert (made.state, made.low_alarm, made.forced, made.is_probable) == (
        Capacity.LOW, True, False, False,
    )  # fmt: skip
    assert made.low_text != ""
    assert low_alarm_text(made) == f"Low battery capacity. {made.low_text}"


def test_a_low_that_was_forced_is_one_that_was_measured_now() -> None:
    made = adopt(CapacityHealth(Capacity.LOW, forced=True), LOW)
    assert not made.forced
    assert "forced" not in low_alarm_text(made)


def test_a_low_that_is_marginal_is_probable() -> None:
    made = adopt(CapacityHealth(), LOW._replace(marks=("marginal",)))
    assert (made.state, made.low_alarm, made.is_probable) == (Capacity.LOW, True, True)
    assert low_alarm_text(made).startswith("Low battery capacity, probably. ")
    assert needs_confirming(LOW._replace(marks=("marginal",)))
    assert not needs_confirming(LOW)
    assert not needs_confirming(GOOD._replace(marks=("marginal",)))


def test_what_is_not_confirmed_or_no_result_changes_nothing() -> None:
    before = CapacityHealth()
    for record in (LOW._replace(marks=("unconfirmed",)), GOOD._replace(result="aborted"),
                   GOOD._replace(result="none")):  # fmt: skip
        assert adopt(before, record) == before._replace(last=record), record


def test_a_good_one_takes_everything_back() -> None:
    made = adopt(LOW_HEALTH._replace(forced=True), GOOD)
    assert made == CapacityHealth(state=Capacity.GOOD, last=GOOD)


def test_a_good_one_with_a_finding_takes_no_low_back() -> None:
    found = GOOD._replace(marks=("marginal", "load_changed"))
    assert adopt(LOW_HEALTH, found) == LOW_HEALTH._replace(last=found)
    assert adopt(CapacityHealth(), found).state is Capacity.GOOD
    for marks in (("marginal",), ("load_changed",)):
        assert adopt(LOW_HEALTH, GOOD._replace(marks=marks)).state is Capacity.GOOD


def test_the_last_that_has_measured_a_time_is_what_is_shown() -> None:
    measured = GOOD._replace(estimate_s=100.0, estimate_low_s=80.0, estimate_high_s=120.0)
    made = adopt(CapacityHealth(), measured)
    assert made.estimate == Estimate(100.0, 80.0, 120.0)
    assert adopt(made, GOOD).measured is measured
    assert adopt(made, measured._replace(n=9, result="aborted")).measured is measured
    assert adopt(made, measured._replace(n=9, result="none")).measured == measured._replace(
        n=9, result="none"
    )
    ends = measured._replace(estimate_low_s=None, estimate_high_s=None)
    assert adopt(made, ends).estimate == Estimate(100.0, 100.0, 100.0)
    assert CapacityHealth().estimate is None


def test_another_capacity_is_told_once() -> None:
    ctx = step_context()
    made = conclude(CapacityHealth(), LOW._replace(marks=("marginal",)), ctx)
    assert told(ctx) == [("capacity.state", "low", "Capacity is probably low.")]
    again = step_context()
    conclude(made, LOW, again)
    assert told(again) == []
    good = step_context()
    conclude(made, GOOD, good)
    assert told(good) == [("capacity.state", "good", "Capacity is good.")]


def test_the_io_check_forces_and_takes_back() -> None:
    ctx = step_context()
    made = force(LOW_HEALTH, True, "PB", ctx)
    assert made == CapacityHealth(Capacity.LOW, True, True)
    assert low_alarm_text(made) == "Low battery capacity (forced by the IO check)."
    assert told(ctx) == [
        ("capacity.state", "low", "Capacity was set to low by the IO check: forced, not measured.")
    ]
    made = force(made, False, "PB", step_context())
    assert made == CapacityHealth(Capacity.GOOD, False, True)
    assert low_alarm_text(CapacityHealth()) == "Low battery capacity."


def test_what_the_discharges_say_together_is_taken_whole() -> None:
    ready = HealthReady(soh_pct=80.0, soh_low_pct=70.0, soh_high_pct=90.0, replace_at=5.0, text="T")
    ctx = step_context()
    made = take_health(LOW_HEALTH, ready, ctx)
    assert made == LOW_HEALTH._replace(
        soh_pct=80.0, soh_low_pct=70.0, soh_high_pct=90.0, replace_at=5.0
    )
    assert told(ctx) == [("battery.soh", 80.0, "T")]
    suspected = take_health(made, ready._replace(confirm=True), step_context())
    assert suspected.is_change_suspected
    assert not take_health(suspected, ready, step_context()).is_change_suspected
    grown = take_health(made, ready._replace(resistance_growth_pct=30.0), step_context())
    assert grown.resistance_growth_pct == 30.0
    quiet = step_context()
    take_health(LOW_HEALTH, ready._replace(text=""), quiet)
    assert told(quiet) == []


@pytest.mark.parametrize(
    ("at", "value", "on"), [(None, None, ""), (1_790_000_000.0, "2026-09-21", " on 2026-09-21")]
)
def test_another_battery_and_a_reset_leave_nothing(
    at: float | None, value: object, on: str
) -> None:
    ctx = step_context()
    assert replaced("web", ctx, at) == CapacityHealth()
    assert told(ctx) == [
        ("battery.replaced", value,
         f"The battery was replaced{on}: earlier discharges stay in the history and count no "
         "more.")
    ]  # fmt: skip
    ctx = step_context()
    assert reset("web", ctx) == CapacityHealth()
    assert told(ctx) == [("capacity.state", "unknown", "The battery test data were cleared.")]
