"""The record that a dead daemon left open, closed at the next start."""

from __future__ import annotations

import pytest

from btrmd.core.recover import closed_after_death, with_means
from btrmd.model.discharge import CurveRow, TestRecord

ROWS = (
    CurveRow(0.0, 12.7, -2.0, 24.0, 1.8),
    CurveRow(10.0, 12.5, -4.0, None, 3.8),
    CurveRow(40.0, 12.4, 0.5, 26.0, 1.8),  # charged meanwhile: no part of the discharge,
    CurveRow(45.0, 12.4, 0.0, 26.0, 1.8),  # nor is what was idle
    CurveRow(50.0, 12.3, -2.0, 26.0, 1.8),
    CurveRow(54.0, 12.1, -2.0, 26.0, 1.8),
    CurveRow(55.0, 11.9, -2.0, 26.0, 1.8),
)


def record(**changes: object) -> TestRecord:
    made = TestRecord(n=7, type="2", source="test", started_at=1000.0, state="running")
    return made._replace(**changes)


@pytest.mark.parametrize(
    ("left", "result", "reason"),
    [
        ({}, "aborted", "The daemon stopped in the test."),
        ({"result": "good", "reason": "The planned 1 h are over."}, "good",
         "The planned 1 h are over."),
        ({"reason": "Stopped."}, "none", "Stopped."),
        ({"result": "low"}, "low", ""),
        ({"type": "outage"}, "none", "The daemon stopped in the outage."),
    ],
)  # fmt: skip
def test_a_verdict_already_reached_stands(
    left: dict[str, object], result: str, reason: str
) -> None:
    made = closed_after_death(record(**left), 2000.0, 55.0, ROWS)
    assert (made.state, made.result, made.reason) == ("finished", result, reason)
    assert (made.ended_at, made.duration_s) == (2000.0, 55.0)


def test_a_duration_that_is_known_is_kept() -> None:
    assert closed_after_death(record(duration_s=30.0), 2000.0, 55.0).duration_s == 30.0
    assert closed_after_death(record(), 2000.0, None).duration_s is None


def test_a_clock_that_went_back_ends_it_no_earlier_than_it_lasted() -> None:
    assert closed_after_death(record(), 900.0, 55.0).ended_at == 1055.0
    assert closed_after_death(record(), 900.0, None).ended_at == 1000.0


def test_the_means_come_from_what_was_discharged() -> None:
    made = with_means(record(), ROWS)
    # 10 s at 2 A, 30 s at 4 A, then 5 s at 2 A; the last row lasts no time
    assert made.average_current == pytest.approx((20.0 + 120.0 + 10.0) / 45.0)
    # 10 s at 24 degC, then 5 s at 26; where no temperature was known nothing counts
    assert made.average_temperature == pytest.approx((240.0 + 130.0) / 15.0)
    assert made.end_voltage == pytest.approx((12.3 + 12.1 + 11.9) / 3.0)


def test_without_rows_or_time_there_are_no_means() -> None:
    for rows in ((), ROWS[:1]):
        made = with_means(record(), rows)
        assert (made.average_current, made.average_temperature) == (None, None)
    assert with_means(record(), ()).end_voltage is None
    assert with_means(record(), ROWS[:1]).end_voltage == 12.7


def test_means_that_were_worked_out_stay() -> None:
    kept = record(average_current=9.0, average_temperature=8.0, end_voltage=7.0)
    assert with_means(kept, ROWS) == kept


def test_rows_that_are_out_of_order_weigh_nothing() -> None:
    rows = (
        ROWS[0],
        ROWS[1],
        CurveRow(5.0, 12.5, -9.0, 24.0, 1.8),
        CurveRow(7.0, 12.5, -9.0, 24.0, 1.8),
    )
    assert with_means(record(), rows).average_current == pytest.approx((20.0 + 18.0) / 12.0)
