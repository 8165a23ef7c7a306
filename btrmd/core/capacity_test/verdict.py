"""Verdict: what a finished discharge says about the battery (manual 7.3.1, 7.3.2).

Low is what lies below the limit, as the manual has it; whether that is firm is a second question.
It is not where the interval of this discharge alone or that of all together holds the minimum,
where something was found that the estimate is not made for, or where the battery may have been
short of charge: then it is marked, and the reason says so.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.discharge import Estimate, TestRecord, TestResult, sure_s
from ...model.result_words import FINDINGS, format_hours, format_lasting, is_combined
from ..scan.context import StepContext
from .state import CapacityTest, End
from .type1 import own_of, side_of

FULL_V = 0.05  # V a block: a Type 2 test that ends so near the cutoff has measured the run time
MEASURED = "measured"
COLLAPSED = "shorted_cell"  # the mark of a bank that has fallen at once


class Judgement(NamedTuple):
    """`doubts`: half sentences on why the result is not firm. `is_clear`: both intervals lie on
    the result's side of the minimum and nothing was found."""

    result: TestResult
    text: str
    doubts: tuple[str, ...] = ()
    is_clear: bool = True


def _type2(test: CapacityTest, ctx: StepContext, record: TestRecord) -> Judgement:
    minimum = ctx.sp.type2_minimum_v
    end = record.end_voltage
    if test.end is End.CUTOFF:
        text = f"{test.reason} The planned time was {format_hours(ctx.sp.type2_s)}."
        return Judgement(TestResult.LOW, text)
    if end is None:
        return Judgement(TestResult.ABORTED, "The end voltage is not known.")
    if end >= minimum:
        text = f"{test.reason} {end:.3f} V is at or above {minimum:.3f} V."
        return Judgement(TestResult.GOOD, text)
    return Judgement(TestResult.LOW, f"{test.reason} {end:.3f} V is below {minimum:.3f} V.")


def _type1(test: CapacityTest, record: TestRecord) -> Judgement:
    """`record` carries the estimate already."""
    ert, low, high = record.estimate_s, record.estimate_low_s, record.estimate_high_s
    minimum = record.minimum_runtime_s or 0.0
    if ert is None or low is None or high is None:
        why = test.no_estimate or "No estimate was possible."
        return Judgement(TestResult.ABORTED, f"{test.reason} {why}")
    sentence = f"{test.reason} {format_lasting(record).removesuffix('.')}"
    if minimum <= 0.0:
        return Judgement(TestResult.NONE, f"{sentence}; no minimum runtime is set.")
    good = ert >= minimum
    doubts = []
    if low <= minimum <= high and high > low:
        doubts.append(f"the interval {format_hours(low)} to {format_hours(high)} holds it")
    own = own_of(Estimate(ert, low, high, own_s=record.own_estimate_s,
                          own_low_s=record.own_low_s, own_high_s=record.own_high_s))  # fmt: skip
    elapsed = record.duration_s or 0.0
    reported = Estimate(ert, low, high)
    if good and not doubts and side_of(reported, minimum, elapsed) != 1:
        span = format_hours(sure_s(reported, elapsed))
        doubts.append(f"a weak cell or block that does not show yet could end it after {span}")
    if is_combined(record) and side_of(own, minimum, elapsed) != (1 if good else -1):
        span = f"{format_hours(own.low_s)} to {format_hours(own.high_s)}"
        doubts.append(f"this discharge alone says {format_hours(own.ert_s)} ({span})")
    word = "at or above the minimum" if good else "below the minimum"
    result = TestResult.GOOD if good else TestResult.LOW
    return Judgement(result, f"{sentence}: {word}.", tuple(doubts), not doubts)


def _short_of_charge(record: TestRecord) -> str:
    """Half a sentence on a start that was not from a full battery."""
    charge = record.started_at_charge
    if charge is None:
        return "nobody knows how full the battery was at its start"
    return f"the battery was at about {100.0 * charge:.0f} % at its start"


def _weigh(made: Judgement, test: CapacityTest, record: TestRecord, found: set[str]) -> TestRecord:
    """The record with its result, and marks and words for whatever makes it less than firm."""
    marks = {*record.marks, *found}
    doubts = [*made.doubts, *(FINDINGS[finding] for finding in FINDINGS if finding in found)]
    is_low = made.result is TestResult.LOW
    if is_low and "not_full" in record.marks and "not_full" not in found:
        doubts.append(_short_of_charge(record))
    is_clear = made.is_clear and not found
    if is_low and test.is_used and record.type == "1":
        doubts.append("the battery was discharged within the two days before")
    if is_low and ("not_full" in marks or (test.is_used and not is_clear)):
        marks.add("unconfirmed")
    text = made.text
    if doubts and made.result in (TestResult.GOOD, TestResult.LOW):
        marks.add("marginal")
        text = f"{text.removesuffix('.')}, but {'; '.join(doubts)}."
    return record._replace(result=made.result.value, reason=text, marks=tuple(sorted(marks)))


def with_estimate(record: TestRecord, estimate: Estimate | None) -> TestRecord:
    """The record with what the estimate says, of all together and of this discharge alone.

    A measured time is evidence by itself only where the discharge began with a full battery.
    """
    if estimate is None:
        return record
    reported = record._replace(
        estimate_s=estimate.ert_s,
        estimate_low_s=estimate.low_s,
        estimate_high_s=estimate.high_s,
        marks=_with_block(record.marks, estimate.weak_block),
    )
    if estimate.method == MEASURED and "not_full" in record.marks:
        return reported._replace(own_estimate_s=None, own_low_s=None, own_high_s=None)
    own = own_of(estimate)
    return reported._replace(own_estimate_s=own.ert_s, own_low_s=own.low_s, own_high_s=own.high_s)


def without_estimate(record: TestRecord) -> TestRecord:
    """The record of a discharge whose readings are not believed: nothing is concluded from them."""
    return record._replace(
        estimate_s=None, estimate_low_s=None, estimate_high_s=None, own_estimate_s=None,
        own_low_s=None, own_high_s=None, marks=_with_block(record.marks, 0),
    )  # fmt: skip


def _is_contradicted(test: CapacityTest, ctx: StepContext) -> bool:
    """The battery's volts or a current, which the estimate is made from, contradict something."""
    return "battery.voltage" in ctx.doubts or test.watch.balance is not None


def _with_block(marks: tuple[str, ...], weak: int) -> tuple[str, ...]:
    """The marks with the block that ends the run, as the newest estimate has it."""
    others = tuple(mark for mark in marks if not mark.startswith("weak_block:"))
    return (*others, f"weak_block:{weak}") if weak else others


def measured(seconds: float, before: Estimate | None) -> Estimate:
    """The time to the cutoff as an estimate; what was found on the way there stays found."""
    found = () if before is None else before.findings
    weak = 0 if before is None else before.weak_block
    return Estimate(seconds, seconds, seconds, MEASURED, findings=found, weak_block=weak)


def judge(test: CapacityTest, ctx: StepContext) -> TestRecord:
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
    estimate = test.estimate
    is_full = record.type == "1" or (
        abs(ctx.sp.type2_minimum_v - ctx.sp.th.cutoff_v) <= FULL_V * ctx.sp.blocks + 1e-6
    )
    if test.end is End.CUTOFF and is_full and record.duration_s is not None:
        estimate = measured(record.duration_s, estimate)
    record = with_estimate(record, estimate)
    if test.end is End.ABORT and (test.collapse or _is_contradicted(test, ctx)):
        record, estimate = without_estimate(record), None
    if test.end is End.ABORT:
        made = Judgement(TestResult.ABORTED, test.reason)
    else:
        made = _type2(test, ctx, record) if record.type == "2" else _type1(test, record)
    found = set() if estimate is None else {f for f in estimate.findings if f in FINDINGS}
    if test.collapse and test.end is End.ABORT:
        found.add(COLLAPSED)
    return _weigh(made, test, record, found)
