"""The verdict: result, words and marks from what was measured, and how sure they are."""

from __future__ import annotations

import pytest
from core_scenes import Bench, last, phase, rested, step_context, supply

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import CapacityTest, End, Watch
from btrmd.core.capacity_test.type1 import Policy, early_stop, own_of, weigh
from btrmd.core.capacity_test.verdict import judge, measured, with_estimate
from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.float_time import FloatTime
from btrmd.model.commands import CapacityCheck, StartTest
from btrmd.model.discharge import Capacity, Estimate, TestRecord
from btrmd.model.result_words import FINDINGS

# --- The verdict, by itself: result, words and marks from what was measured ----------------------

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


@pytest.mark.parametrize(
    ("doubted", "balance", "is_kept"),
    [("", None, True), ("charger.voltage", None, True), ("guard.active", None, True),
     ("battery.voltage", None, False), ("", 990.0, False)],
)  # fmt: skip
def test_what_was_estimated_of_what_is_contradicted_is_taken_back(
    doubted: str, balance: float | None, is_kept: bool
) -> None:
    weak = FIRM._replace(weak_block=2)
    test = CapacityTest(
        record=with_estimate(RECORD, weak), end=End.ABORT, reason="Over.", estimate=weak,
        progress=PROGRESS, watch=Watch(balance=balance),
    )  # fmt: skip
    ctx = step_context()
    ctx.doubts = {doubted: "It is."} if doubted else {}
    made = judge(test, ctx)
    hours = (10 * HOUR, 9.9 * HOUR, 10.1 * HOUR) if is_kept else (None, None, None)
    assert (made.estimate_s, made.estimate_low_s, made.estimate_high_s) == hours
    assert (made.own_estimate_s, made.own_low_s, made.own_high_s) == hours
    assert ("weak_block:2" in made.marks) is is_kept
    assert (made.result, made.reason) == ("aborted", "Over.")


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


# --- How sure a verdict is: this discharge alone against all together, findings, and the start

AH = 40.0
LOW_ALARM = "battery.low_capacity"


def estimate(
    hours: float, part: float = 0.1, own: float | None = None, own_part: float = 0.16
) -> Estimate:
    """`hours` with an interval of +-`part`; `own` hours: what this discharge alone says."""
    made = Estimate(hours * HOUR, hours * HOUR * (1 - part), hours * HOUR * (1 + part))
    if own is None:
        return made
    alone = [own * HOUR * factor for factor in (1.0, 1 - own_part, 1 + own_part)]
    return made._replace(own_s=alone[0], own_low_s=alone[1], own_high_s=alone[2])


def bench_for(minimum_h: float = 5.0, **settings: object) -> Bench:
    chosen = {"battery__rated_ah": AH, "test__minimum_runtime_min": int(minimum_h * 60)}
    return Bench(**{**chosen, **settings})  # type: ignore[arg-type]


def run_test(
    bench: Bench, made: Estimate, *, missing_ah: float = 0.0, used_h: float | None = None
) -> TestRecord:
    """A Type 1 test, started by hand on a battery short of `missing_ah`, used `used_h` h ago."""
    bench.dt = 1.0
    bench.estimate = made
    bench.run(20.0)
    bench.state = bench.state._replace(
        charge=ChargeBalance(missing_ah, 0.2),
        float_time=FloatTime(30 * HOUR, None if used_h is None else used_h * HOUR),
    )
    start_now(bench, "1")
    bench.dt = 5.0
    bench.until("idle", 5 * HOUR)
    bench.run(10.0)
    return last(bench)


def start_now(bench: Bench, type_: str) -> None:
    """As the battery stands, without any more time on float."""
    assert bench.ask(StartTest(type_, source="test")).ok
    bench.until("running", 60.0)


# --- the policy ----------------------------------------------------------------------------------


def weighed(made: Estimate, times: int = 4) -> Policy:
    policy = Policy(4 * HOUR)
    for number in range(times):
        policy = weigh(policy, made, HOUR + 300.0 * number, 5 * HOUR)
    return policy


def test_a_hit_needs_this_discharge_and_all_together_on_one_side() -> None:
    assert weighed(estimate(11.0, own=11.0)).hits == 4
    assert weighed(estimate(11.0, own=5.2)).hits == 0, "its own interval holds the minimum"
    assert weighed(estimate(11.0, own=4.0)).hits == 0
    assert weighed(estimate(5.2, own=11.0)).hits == 0
    assert weighed(estimate(9.0, own=9.0)).hits == 0, "a fault may hide so early"
    assert weighed(estimate(4.0, own=3.9)).side == -1


@pytest.mark.parametrize("finding", FINDINGS)
def test_no_statistics_end_a_test_with_a_finding(finding: str) -> None:
    sure = estimate(9.0, 0.05)
    assert early_stop(weighed(sure), sure, 2 * HOUR, 1.0, 2.0)
    found = sure._replace(findings=(finding,))
    assert early_stop(weighed(found), found, 2 * HOUR, 1.0, 2.0) == ""


def test_what_history_narrowed_is_not_certain() -> None:
    both = estimate(9.0, 0.05, own=8.5, own_part=0.16)
    policy = Policy(4 * HOUR, may_stop=True)
    assert early_stop(policy, both, 2 * HOUR, 1.0, 2.0) == ""
    narrow = estimate(9.0, 0.05, own=8.5, own_part=0.08)
    assert early_stop(policy, narrow, 2 * HOUR, 1.0, 2.0) == "The estimate is certain to 10 %."
    apart = weighed(estimate(9.0, 0.05, own=4.0, own_part=0.08))
    assert early_stop(apart, narrow, 2 * HOUR, 1.0, 2.0) == ""


def test_no_more_than_half_of_what_either_says_is_taken() -> None:
    both = estimate(9.0, own=4.0)
    assert weighed(both).planned_s == 2 * HOUR
    assert early_stop(Policy(), both, 1800.0, 4.01, 2.0) == "Half of the estimated charge is used."
    assert early_stop(Policy(), both, 1800.0, 3.99, 2.0) == ""


# --- verdicts ------------------------------------------------------------------------------------


def test_history_cannot_make_a_verdict_firm_that_the_discharge_contradicts() -> None:
    """The bank of 0.7 after four tests at 0.95: what is told is not what it showed."""
    bench = bench_for(5.0)
    record = run_test(bench, estimate(5.55, 0.09, own=4.2, own_part=0.17))
    assert record.result == "good", "the point estimate decides the word (manual 7.3.1)"
    assert record.marks == ("marginal",)
    assert record.duration_s == pytest.approx(2.1 * HOUR, rel=0.02), "to its planned length"
    assert record.reason.endswith(
        "Lasts about 5 h 33 min, needs 5 h: at or above the minimum, but a weak cell or block that "
        "does not show yet could end it after 3 h 17 min; this discharge alone says 4 h 12 min "
        "(3 h 29 min to 4 h 54 min)."
    )
    assert (record.own_estimate_s, record.estimate_s) == (4.2 * HOUR, pytest.approx(5.55 * HOUR))
    assert record.own_low_s == pytest.approx(4.2 * HOUR * 0.83)
    assert record.own_high_s == pytest.approx(4.2 * HOUR * 1.17)


def test_a_firm_verdict_has_both_on_its_side() -> None:
    record = run_test(bench_for(5.0), estimate(11.0, 0.1, own=11.4))
    assert (record.result, record.marks) == ("good", ())
    assert record.duration_s == pytest.approx(HOUR, abs=10.0)
    record = run_test(bench_for(5.0), estimate(3.5, 0.1, own=3.4))
    assert (record.result, record.marks) == ("low", ())


def test_a_fault_that_does_not_show_yet_is_allowed_for() -> None:
    """A bank with one block of 0.6 looks a quarter better than it is, until that block ends."""
    record = run_test(bench_for(5.0), estimate(6.1, 0.1))  # 5 h 29 min at least, by its interval
    assert (record.result, record.marks) == ("good", ("marginal",))
    assert record.reason.endswith(
        "but a weak cell or block that does not show yet could end it after 4 h 08 min."
    )
    assert record.duration_s == pytest.approx(3.05 * HOUR, rel=0.02), "to its planned length"


def test_without_history_the_discharge_alone_is_all_there_is() -> None:
    record = run_test(bench_for(5.0), estimate(7.5, 0.1))
    assert (record.own_estimate_s, record.own_low_s, record.own_high_s) == (
        record.estimate_s,
        record.estimate_low_s,
        record.estimate_high_s,
    )


@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize(("hours", "result"), [(8.0, "good"), (3.0, "low")])
@pytest.mark.long
def test_with_a_finding_no_verdict_is_firm(finding: str, hours: float, result: str) -> None:
    bench = bench_for(5.0)
    record = run_test(bench, estimate(hours)._replace(findings=(finding,)))
    assert record.result == result
    assert {finding, "marginal"} <= set(record.marks)
    assert FINDINGS[finding] in record.reason
    assert ", but " in record.reason


def test_an_unknown_word_among_the_findings_becomes_no_mark() -> None:
    record = run_test(bench_for(5.0), estimate(8.0)._replace(findings=("nonsense",)))
    assert record.marks == ()


def test_what_was_found_stays_found_when_the_cutoff_is_reached() -> None:
    bench = bench_for(1.0)
    bench.estimate = estimate(8.0)._replace(findings=("shorted_cell",))
    bench.start("1")
    bench.dt = 5.0
    bench.run(0.9 * HOUR)
    bench.put(battery_v=10.9)
    bench.until("idle", 60.0)
    record = last(bench)
    assert record.estimate_s == record.own_estimate_s == record.duration_s
    assert {"shorted_cell", "marginal"} <= set(record.marks)


# --- the alarm -----------------------------------------------------------------------------------


def test_a_firm_low_raises_the_alarm_with_what_to_do() -> None:
    bench = bench_for(3.0)
    record = run_test(bench, estimate(2.0))
    assert record.marks == ()
    assert bench.state.health.state is Capacity.LOW
    assert bench.state.alarms.raised[LOW_ALARM].text == (
        "Low battery capacity. Lasts about 2 h 00 min, needs 3 h. "
        "Check the connections, test again rested, else replace the battery."
    )
    assert bench.reported("test.result")[0].text.endswith(
        "Lasts about 2 h 00 min, needs 3 h: below the minimum. "
        "Check the connections, test again rested, else replace the battery."
    )
    assert [event.text for event in bench.reported("capacity.state")] == ["Capacity is low."]


def test_a_marginal_low_of_a_full_rested_battery_is_probably_low() -> None:
    bench = bench_for(3.0)
    record = run_test(bench, estimate(2.9))
    assert record.marks == ("marginal",)
    assert bench.state.health.state is Capacity.LOW
    text = bench.state.alarms.raised[LOW_ALARM].text
    assert text.startswith("Low battery capacity, probably. Lasts about 2 h 54 min, needs 3 h.")
    assert "capacity probably low" in bench.reported("test.result")[0].text
    assert [event.text for event in bench.reported("capacity.state")] == [
        "Capacity is probably low."
    ]


@pytest.mark.parametrize("missing_ah", [2.5, 12.0])
def test_a_low_of_a_battery_that_was_not_full_condemns_nothing(missing_ah: float) -> None:
    bench = bench_for(3.0)
    record = run_test(bench, estimate(2.0), missing_ah=missing_ah)
    assert record.result == "low"
    assert record.marks == ("marginal", "not_full", "unconfirmed")
    assert f"at about {100 - missing_ah / AH * 100:.0f} % at its start." in record.reason
    assert bench.state.health.state is Capacity.UNKNOWN
    assert LOW_ALARM not in bench.alarms
    reported = bench.reported("test.result")[0].text
    assert "capacity perhaps low" in reported
    assert reported.endswith("then test again: this is no verdict yet.")


def test_a_low_that_is_known_stays_whatever_a_doubtful_test_says() -> None:
    bench = bench_for(3.0)
    run_test(bench, estimate(2.0))
    run_test(bench, estimate(1.5), missing_ah=12.0)
    assert bench.state.health.state is Capacity.LOW
    assert bench.state.alarms.raised[LOW_ALARM].text.startswith("Low battery capacity. Lasts about")


def test_a_good_battery_stays_good_when_a_doubtful_test_says_low() -> None:
    bench = bench_for(3.0)
    run_test(bench, estimate(6.0))
    record = run_test(bench, estimate(2.0), missing_ah=12.0)
    assert record.result == "low"
    assert bench.state.health.state is Capacity.GOOD
    assert LOW_ALARM not in bench.alarms


def test_a_good_result_of_a_battery_that_was_not_full_is_all_the_better() -> None:
    bench = bench_for(3.0)
    run_test(bench, estimate(2.0))
    record = run_test(bench, estimate(6.0), missing_ah=8.0)
    assert (record.result, record.marks) == ("good", ("not_full",))
    assert bench.state.health.state is Capacity.GOOD
    assert LOW_ALARM not in bench.alarms


def test_a_discharge_within_two_days_makes_a_clear_low_probable_and_a_near_one_open() -> None:
    bench = bench_for(3.0)
    record = run_test(bench, estimate(2.9), used_h=40.0)
    assert record.marks == ("marginal", "not_rested", "unconfirmed")
    assert bench.state.health.state is Capacity.UNKNOWN
    record = run_test(bench, estimate(2.0), used_h=40.0)
    assert record.marks == ("marginal", "not_rested")
    assert "within the two days before" in record.reason
    assert bench.state.health.state is Capacity.LOW
    assert bench.state.alarms.raised[LOW_ALARM].text.startswith("Low battery capacity, probably.")


def test_a_later_firm_low_makes_the_alarm_say_so() -> None:
    bench = bench_for(3.0)
    run_test(bench, estimate(2.9))
    run_test(bench, estimate(1.5))
    assert bench.state.alarms.raised[LOW_ALARM].text.startswith(
        "Low battery capacity. Lasts about 1 h 30 min, needs 3 h."
    )
    assert len(bench.reported(LOW_ALARM)) == 1, "a changed text is no second alarm"


def test_a_good_result_with_a_finding_takes_no_low_back() -> None:
    bench = bench_for(3.0)
    run_test(bench, estimate(2.0))
    run_test(bench, estimate(6.0)._replace(findings=("load_changed",)))
    assert bench.state.health.state is Capacity.LOW
    assert LOW_ALARM in bench.alarms
    run_test(bench, estimate(6.0))
    assert LOW_ALARM not in bench.alarms


def test_the_io_check_still_forces_and_says_so() -> None:
    bench = bench_for(3.0)
    run_test(bench, estimate(2.0))
    bench.ask(CapacityCheck(True, "web"))
    bench.run(3.0)
    text = bench.state.alarms.raised[LOW_ALARM].text
    assert text == "Low battery capacity (forced by the IO check)."


# --- Type 2 --------------------------------------------------------------------------------------


def test_a_type_2_test_of_a_battery_that_was_not_full_condemns_nothing() -> None:
    bench = bench_for(3.0, test__type2_min=5)
    bench.run(20.0)
    bench.state = bench.state._replace(charge=ChargeBalance(12.0, 0.5))
    start_now(bench, "2")
    bench.put(battery_v=11.79)
    while phase(bench) == "running":
        bench.step()
    bench.free("battery_v")
    bench.until("idle", 60.0)
    record = last(bench)
    assert record.result == "low"
    assert record.marks == ("marginal", "not_full", "not_rested", "unconfirmed")
    assert record.reason.endswith(
        "11.790 V is below 11.800 V, but the battery was at about 70 % at its start."
    )
    assert LOW_ALARM not in bench.alarms


# --- outages -------------------------------------------------------------------------------------


def test_an_outage_keeps_what_it_says_alone_and_condemns_nothing() -> None:
    station = rested(load_a=4.0, rated_ah=17.0, test__minimum_runtime_min=600)
    station.dt = 5.0
    supply(station, False)
    station.run(1.5 * HOUR)
    supply(station, True)
    station.run(60.0)
    record = station.records[1]
    assert record.type == "outage"
    assert record.estimate_s == record.own_estimate_s
    assert record.own_low_s is not None
    assert station.state.health.state is Capacity.UNKNOWN
    assert LOW_ALARM not in station.state.alarms.keys


def test_a_measured_time_is_evidence_only_from_a_full_start() -> None:
    for missing_ah, is_own in ((0.0, True), (12.0, False)):
        bench = bench_for(1.0)
        bench.estimate = estimate(8.0)
        bench.run(20.0)
        bench.state = bench.state._replace(charge=ChargeBalance(missing_ah, 0.2))
        start_now(bench, "1")
        bench.dt = 5.0
        bench.run(0.9 * HOUR)
        bench.put(battery_v=10.9)
        bench.until("idle", 60.0)
        record = last(bench)
        assert record.estimate_s == record.duration_s
        assert record.own_estimate_s == (record.duration_s if is_own else None)
        assert ("unconfirmed" in record.marks) is not is_own
