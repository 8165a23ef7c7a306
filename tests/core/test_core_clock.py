"""A wall clock that is not set, or set in the middle: durations and charge do not go by it."""

from __future__ import annotations

import pytest
from core_scenes import Station, last, rested, start, supply
from station import WALL_0

from btrmd.model.commands import StartTest, StopTest
from btrmd.model.discharge import TestRecord

UNSET = 60.0  # 1970-01-01
AHEAD = WALL_0 + 12 * 365.0 * 86400.0
BACK = WALL_0 - 365.0 * 86400.0


def set_clock(station: Station, wall: float) -> None:
    station.wall = wall
    station.clock_ok = wall >= BACK


def outage(station: Station, then: float | None = None) -> TestRecord:
    """An outage of 1200 s; after half of it the clock says `then`."""
    supply(station, False)
    station.run(600.0)
    if then is not None:
        set_clock(station, then)
        station.run(2.0)
        running = last(station)
        assert running.started_at == pytest.approx(max(0.0, station.wall - 600.0), abs=10.0)
    station.run(600.0)
    supply(station, True)
    assert station.until(lambda s: last(s).state == "finished", 60.0)
    return last(station)


def capacity_test(station: Station, then: float | None = None) -> TestRecord:
    start(station)
    station.run(600.0)
    if then is not None:
        set_clock(station, then)
    station.run(600.0)
    assert station.ask(StopTest("test")).ok
    assert station.until(lambda s: last(s).state == "finished", 60.0)
    return last(station)


@pytest.mark.parametrize("then", [UNSET, AHEAD, BACK, WALL_0 + 90.0])
@pytest.mark.parametrize("discharge", [outage, capacity_test], ids=["outage", "test"])
def test_a_record_lasts_as_long_as_it_lasted_whatever_the_clock_does(
    discharge: object, then: float
) -> None:
    assert callable(discharge)
    station = rested()
    record: TestRecord = discharge(station, then)
    assert record.duration_s == pytest.approx(1205.0, abs=40.0)
    assert record.ended_at is not None
    if then != UNSET:
        assert record.ended_at - record.started_at == pytest.approx(record.duration_s, abs=75.0)
        assert "clock_not_set" not in record.marks
    else:
        assert 0.0 <= record.started_at <= record.ended_at
        assert "clock_not_set" in record.marks


@pytest.mark.parametrize("discharge", [outage, capacity_test], ids=["outage", "test"])
def test_a_clock_that_was_never_set_is_marked(discharge: object) -> None:
    assert callable(discharge)
    station = rested()
    set_clock(station, UNSET)
    record: TestRecord = discharge(station)
    assert record.marks.count("clock_not_set") == 1
    assert record.duration_s == pytest.approx(1205.0, abs=40.0)


@pytest.mark.parametrize("discharge", [outage, capacity_test], ids=["outage", "test"])
def test_a_clock_set_in_the_middle_dates_the_start_too(discharge: object) -> None:
    assert callable(discharge)
    station = rested()
    set_clock(station, UNSET)
    record: TestRecord = discharge(station, WALL_0)
    assert "clock_not_set" not in record.marks
    assert record.started_at == pytest.approx(WALL_0 - 600.0, abs=40.0)


def test_a_delayed_test_that_is_taken_back_ends_when_it_is_taken_back() -> None:
    station = rested()
    assert station.ask(StartTest("1", 2.0, source="test")).ok
    set_clock(station, AHEAD)
    assert station.ask(StopTest("test")).ok
    record = last(station)
    assert record.started_at == record.ended_at == pytest.approx(AHEAD, abs=5.0)
