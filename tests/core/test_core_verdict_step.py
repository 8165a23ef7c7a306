"""The verdict, by itself: result, words and marks from what was measured."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import CapacityTest, End
from btrmd.core.capacity_test.type1 import own_of
from btrmd.core.capacity_test.verdict import judge, measured, with_estimate
from btrmd.model.discharge import Estimate, TestRecord

HOUR = 3600.0
FIRM = Estimate(10 * HOUR, 9.9 * HOUR, 10.1 * HOUR)
RECORD = TestRecord(n=7, type="1", minimum_runtime_s=3 * HOUR, duration_s=2 * HOUR)
PROGRESS = Progress(charge_as=100.0, seconds=50.0, temp_ks=1000.0, temp_s=50.0,
                    window=((1.0, 12.0), (2.0, 12.2)))  # fmt: skip


def judged(
    estimate: Estimate | None = FIRM, *, end: End = End.PLANNED, record: TestRecord = RECORD,
    is_used: bool = False, no_estimate: str = "", progress: Progress = PROGRESS, **changes: object,
) -> TestRecord:  # fmt: skip
    test = CapacityTest(record=record, end=end, reason="Over.", estimate=estimate,
                        no_estimate=no_estimate, is_used=is_used, progress=progress)  # fmt: skip
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return judge(test, step_context(changes=dotted))


def said(**put: object) -> tuple[str, tuple[str, ...]]:
    made = judged(**put)  # type: ignore[arg-type]
    return made.result, made.marks


def test_means_are_part_of_every_record() -> None:
    made = judged()
    assert (made.average_current, made.average_temperature, made.end_voltage) == (2.0, 20.0, 12.1)
    assert (made.estimate_s, made.estimate_low_s, made.estimate_high_s) == (
        10 * HOUR, 9.9 * HOUR, 10.1 * HOUR,
    )  # fmt: skip


def test_an_aborted_one_has_the_reason_and_no_verdict() -> None:
    made = judged(end=End.ABORT)
    assert (made.result, made.reason, made.marks) == ("aborted", "Over.", ())


# --- Type 1 --------------------------------------------------------------------------------------


def test_at_or_above_the_minimum_is_good_and_below_it_low() -> None:
    made = judged(Estimate(3 * HOUR, 3 * HOUR, 3 * HOUR))
    assert (made.result, made.marks) == ("good", ())
    assert made.reason == "Over. Lasts 3 h 00 min, needs 3 h: at or above the minimum."
    made = judged(Estimate(3 * HOUR - 1.0, 3 * HOUR - 1.0, 3 * HOUR - 1.0))
    assert (made.result, made.marks) == ("low", ())
    assert made.reason == "Over. Lasts 2 h 59 min, needs 3 h: below the minimum."


def test_without_a_minimum_or_an_estimate_there_is_no_verdict() -> None:
    made = judged(record=RECORD._replace(minimum_runtime_s=0.0))
    assert (made.result, made.reason) == (
        "none", "Over. Lasts about 10 h 00 min; no minimum runtime is set.",
    )  # fmt: skip
    assert judged(record=RECORD._replace(minimum_runtime_s=None)).result == "none"
    made = judged(None)
    assert (made.result, made.reason) == ("aborted", "Over. No estimate was possible.")
    for part in ("estimate_s", "estimate_low_s", "estimate_high_s"):
        known = RECORD._replace(estimate_s=1.0, estimate_low_s=1.0, estimate_high_s=1.0)
        assert judged(None, record=known._replace(**{part: None})).result == "aborted", part
    assert judged(None, no_estimate="Too short.").reason == "Over. Too short."


def test_an_interval_that_holds_the_minimum_is_marginal() -> None:
    made = judged(Estimate(4 * HOUR, 3 * HOUR, 5 * HOUR))
    assert (made.result, made.marks) == ("good", ("marginal",))
    assert made.reason.endswith(
        "at or above the minimum, but the interval 3 h 00 min to 5 h 00 min holds it."
    )
    made = judged(Estimate(2 * HOUR, 1 * HOUR, 3 * HOUR))
    assert (made.result, made.marks) == ("low", ("marginal",))
    assert said(estimate=Estimate(2 * HOUR, 1 * HOUR, 2.9 * HOUR)) == ("low", ())


def test_a_good_one_that_a_hidden_fault_could_end_earlier_is_marginal() -> None:
    made = judged(Estimate(4 * HOUR, 3.9 * HOUR, 4.1 * HOUR),
                  record=RECORD._replace(duration_s=600.0))  # fmt: skip
    assert (made.result, made.marks) == ("good", ("marginal",))
    assert "a weak cell or block that does not show yet could end it after" in made.reason


def test_where_this_discharge_alone_says_otherwise_it_is_marginal() -> None:
    both = FIRM._replace(own_s=2 * HOUR, own_low_s=1.9 * HOUR, own_high_s=2.1 * HOUR)
    made = judged(both)
    assert (made.result, made.marks) == ("good", ("marginal",))
    assert made.reason.endswith(
        "but this discharge alone says 2 h 00 min (1 h 54 min to 2 h 06 min)."
    )
    assert (made.own_estimate_s, made.own_low_s, made.own_high_s) == (
        2 * HOUR, 1.9 * HOUR, 2.1 * HOUR,
    )  # fmt: skip
    agrees = FIRM._replace(own_s=9 * HOUR, own_low_s=8.9 * HOUR, own_high_s=9.1 * HOUR)
    assert judged(agrees).marks == ()


LOW = Estimate(2 * HOUR, 1.9 * HOUR, 2.1 * HOUR)
NOT_FULL = RECORD._replace(marks=("not_full",))


def test_a_low_of_a_battery_that_was_not_full_or_was_used_needs_another_test() -> None:
    made = judged(LOW, record=NOT_FULL)
    assert (made.result, made.marks) == ("low", ("marginal", "not_full", "unconfirmed"))
    assert made.reason.endswith("but nobody knows how full the battery was at its start.")
    known = judged(LOW, record=NOT_FULL._replace(started_at_charge=0.456))
    assert known.reason.endswith("but the battery was at about 46 % at its start.")
    # used before, and clear: marginal only by that
    made = judged(LOW, is_used=True)
    assert (made.result, made.marks) == ("low", ("marginal",))
    assert made.reason.endswith("but the battery was discharged within the two days before.")
    doubtful = judged(Estimate(2 * HOUR, 1.9 * HOUR, 3 * HOUR), is_used=True)
    assert doubtful.marks == ("marginal", "unconfirmed")
    found = judged(LOW._replace(findings=("load_changed",)), is_used=True)
    assert found.marks == ("load_changed", "marginal", "unconfirmed")
    # a good one needs none
    assert judged(record=NOT_FULL).marks == ("not_full",)
    assert judged(is_used=True).marks == ()


def test_what_the_curve_shows_is_said_and_marked() -> None:
    made = judged(FIRM._replace(findings=("load_changed", "unheard_of")))
    assert (made.result, made.marks) == ("good", ("load_changed", "marginal"))
    assert made.reason.endswith("but the load changed in the discharge.")
    both = judged(LOW._replace(findings=("not_full",)), record=NOT_FULL)
    assert both.reason.endswith("but the battery was not full at its start.")
    aborted = judged(FIRM._replace(findings=("load_changed",)), end=End.ABORT)
    assert (aborted.marks, aborted.reason) == (("load_changed",), "Over.")


def test_reaching_the_cutoff_is_the_measured_time() -> None:
    made = judged(FIRM, end=End.CUTOFF)
    assert (made.estimate_s, made.estimate_low_s, made.estimate_high_s) == (
        2 * HOUR, 2 * HOUR, 2 * HOUR,
    )  # fmt: skip
    assert made.result == "low"
    assert made.own_estimate_s == 2 * HOUR
    # by itself it is evidence only from a full start
    assert judged(FIRM, end=End.CUTOFF, record=NOT_FULL).own_estimate_s is None
    assert judged(FIRM, record=NOT_FULL).own_estimate_s == 10 * HOUR
    unknown = judged(FIRM, end=End.CUTOFF, record=RECORD._replace(duration_s=None))
    assert unknown.estimate_s == 10 * HOUR


# --- Type 2 --------------------------------------------------------------------------------------

TWO = RECORD._replace(type="2")


def two(end: End = End.PLANNED, minimum_mv: int = 12100, **more: object) -> TestRecord:
    return judged(None, end=end, record=TWO, test__type2_minimum_mv=minimum_mv,
                  test__type2_min=90, **more)  # type: ignore[arg-type] # fmt: skip


def test_type_2_is_judged_by_its_end_voltage() -> None:
    made = two()
    assert (made.result, made.reason) == ("good", "Over. 12.100 V is at or above 12.100 V.")
    made = two(minimum_mv=12101)
    assert (made.result, made.reason) == ("low", "Over. 12.100 V is below 12.101 V.")
    made = two(End.CUTOFF)
    assert (made.result, made.reason) == ("low", "Over. The planned time was 1 h 30 min.")
    made = two(progress=Progress())
    assert (made.result, made.reason) == ("aborted", "The end voltage is not known.")
    assert two(minimum_mv=12101, is_used=True).marks == ()


@pytest.mark.parametrize(("minimum_mv", "is_full"), [(11000, True), (11050, True), (11060, False),
                                                     (10950, True), (10940, False)])  # fmt: skip
def test_type_2_that_ends_at_the_cutoff_has_measured_the_run_time(
    minimum_mv: int, is_full: bool
) -> None:
    made = two(End.CUTOFF, minimum_mv)
    assert made.estimate_s == (2 * HOUR if is_full else None)


# --- with an estimate ----------------------------------------------------------------------------


def test_a_record_takes_an_estimate_and_its_block() -> None:
    assert with_estimate(RECORD, None) is RECORD
    named = with_estimate(RECORD._replace(marks=("not_full", "weak_block:1")),
                          FIRM._replace(weak_block=3))  # fmt: skip
    assert named.marks == ("not_full", "weak_block:3")
    assert with_estimate(named, FIRM).marks == ("not_full",)
    assert own_of(FIRM) == FIRM
    for missing in ("own_s", "own_low_s", "own_high_s"):
        whole = FIRM._replace(own_s=1.0, own_low_s=0.5, own_high_s=2.0)
        assert own_of(whole)[:3] == (1.0, 0.5, 2.0)
        part = whole._replace(**{missing: None})
        assert own_of(part) == part


def test_a_measured_time_keeps_what_was_found_on_the_way() -> None:
    made = measured(5.0, FIRM._replace(findings=("load_changed",), weak_block=2))
    assert (made.ert_s, made.low_s, made.high_s, made.method) == (5.0, 5.0, 5.0, "measured")
    assert (made.findings, made.weak_block) == (("load_changed",), 2)
    assert (measured(5.0, None).findings, measured(5.0, None).weak_block) == ((), 0)
