"""Verdict: what a finished discharge says about the battery (manual 7.3.1, 7.3.2)."""

from __future__ import annotations

from ..model.discharge import Estimate, TestRecord, TestResult
from .captest import CapTest, End, hours
from .desk import Desk

FULL_V = 0.05  # V a block: a Type 2 test that ends so near the cutoff has measured the run time


def _type2(test: CapTest, desk: Desk, record: TestRecord) -> tuple[TestResult, str]:
    minimum = desk.sp.type2_minimum_v
    end = record.end_voltage
    if test.end is End.CUTOFF:
        return TestResult.LOW, f"{test.reason} The planned time was {hours(desk.sp.type2_s)}."
    if end is None:
        return TestResult.ABORTED, "The end voltage is not known."
    if end >= minimum:
        return TestResult.GOOD, f"{test.reason} {end:.3f} V is at or above {minimum:.3f} V."
    return TestResult.LOW, f"{test.reason} {end:.3f} V is below {minimum:.3f} V."


def _type1(
    test: CapTest, estimate: Estimate | None, minimum: float
) -> tuple[TestResult, str, bool]:
    if estimate is None:
        why = test.no_estimate or "No estimate was possible."
        return TestResult.ABORTED, f"{test.reason} {why}", False
    said = f"{test.reason} Estimated run time {hours(estimate.ert_s)}"
    if minimum <= 0.0:
        return TestResult.NONE, f"{said}; no minimum runtime is set.", False
    marginal = estimate.low_s <= minimum <= estimate.high_s and estimate.high_s > estimate.low_s
    good = estimate.ert_s >= minimum
    word = "at or above" if good else "below"
    text = f"{said}, {word} the minimum of {hours(minimum)}"
    if marginal:
        text += f", but the interval {hours(estimate.low_s)} to {hours(estimate.high_s)} holds it"
    return (TestResult.GOOD if good else TestResult.LOW), text + ".", marginal


def judge(test: CapTest, desk: Desk) -> TestRecord:
    """The record with result, reason, averages and marks; pure arithmetic on what was measured.

    Reaching the cutoff gives the measured time as the estimate (low = high = it).
    """
    record = test.record
    assert record is not None
    progress = test.progress
    # the time the discharge took is fixed when it is over, not when the papers are written
    record = record._replace(
        average_current=progress.mean_a,
        average_temperature=progress.mean_temp,
        end_voltage=progress.mean_v,
    )
    marks = set(record.marks)
    estimate = test.estimate
    if test.end is End.ABORT:
        result, reason = TestResult.ABORTED, test.reason
    elif record.type == "2":
        result, reason = _type2(test, desk, record)
        full = abs(desk.sp.type2_minimum_v - desk.sp.th.cutoff_v) <= FULL_V * desk.sp.blocks
        if test.end is End.CUTOFF and full and record.duration_s is not None:
            measured = record.duration_s
            estimate = Estimate(measured, measured, measured, "measured")
    else:
        if test.end is End.CUTOFF and record.duration_s is not None:
            measured = record.duration_s
            estimate = Estimate(measured, measured, measured, "measured")
        result, reason, marginal = _type1(test, estimate, record.minimum_runtime_s or 0.0)
        if marginal:
            marks.add("marginal")
    if estimate is not None:
        record = record._replace(
            estimate_s=estimate.ert_s,
            estimate_low_s=estimate.low_s,
            estimate_high_s=estimate.high_s,
        )
    return record._replace(result=result.value, reason=reason, marks=tuple(sorted(marks)))
