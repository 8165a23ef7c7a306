"""Trend ranges and the search in the events: what plots and the event log ask the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from btrmd.model.errors import DataError
from btrmd.model.events import Event, Kind
from btrmd.store.events import insert_events
from btrmd.store.history_db import HistoryDb
from btrmd.store.trends import COLUMNS, encode_means

START = 1_780_012_800  # 2026-05-29T00:00:00Z: the start of a day, an hour, a minute
DAY = 86400


@pytest.fixture
def history(tmp_path: Path) -> Iterator[HistoryDb]:
    found = HistoryDb(tmp_path)
    found.recover()
    yield found
    found.close()


def fill(history: HistoryDb, tier: int, values: dict[int, float]) -> None:
    """Put battery voltages by wall time into one tier."""
    connection = sqlite3.connect(history.database.path)
    places = ", ".join("?" * (1 + len(COLUMNS)))
    connection.executemany(
        f"INSERT INTO trend_{tier} VALUES ({places})",
        [(t, *encode_means({"battery.voltage": volts})) for t, volts in values.items()],
    )
    connection.commit()
    connection.close()


def test_every_stretch_keeps_its_lowest_and_highest_mean(history: HistoryDb) -> None:
    values = {START + 60 * i: 13.0 + (i % 7) / 100 for i in range(1440)}
    values[START + 60 * 700] = 10.9  # one minute of a day
    fill(history, 60, values)
    found = history.trend_ranges(START, START + DAY - 1, ["battery.voltage"], 100)
    assert found.keys == ("battery.voltage", "battery.voltage")
    assert found.tier_s % 60 == 0
    assert 90 <= len(found.rows) <= 100
    lows = [row[1] for row in found.rows]
    assert min(lows) == 10.9
    assert sum(low < 13.0 for low in lows) == 1
    assert max(row[2] for row in found.rows) == 13.06
    gaps = {after[0] - before[0] for before, after in zip(found.rows, found.rows[1:], strict=False)}
    assert gaps == {float(found.tier_s)}


@pytest.mark.parametrize("buckets", [1, 2, 3, 7, 60, 599, 2000])
@pytest.mark.parametrize("shift", [0, 1, 59, 3599])
def test_there_are_never_more_rows_than_asked_for(
    history: HistoryDb, buckets: int, shift: int
) -> None:
    fill(history, 60, {START + 60 * i: 12.0 for i in range(600)})
    found = history.trend_ranges(START + shift, START + shift + 30000, ["battery.voltage"], buckets)
    assert 1 <= len(found.rows) <= buckets


def test_few_rows_come_as_they_are(history: HistoryDb) -> None:
    fill(history, 60, {START: 12.0, START + 60: 12.5})
    found = history.trend_ranges(START, START + 3600, ["battery.voltage"], 500)
    assert (found.tier_s, list(found.rows)) == (
        60,
        [(float(START), 12.0, 12.0), (START + 60.0, 12.5, 12.5)],
    )


def test_a_year_is_looked_at_in_quarter_hours(history: HistoryDb) -> None:
    """The day's mean would hide a test of two hours."""
    fill(history, 86400, {START + DAY * i: 13.4 for i in range(365)})
    quarters = {START + 900 * i: 13.5 for i in range(365 * 96)}
    quarters[START + 900 * 20000] = 11.2
    fill(history, 900, quarters)
    fill(history, 60, {START + 364 * DAY + 60 * i: 13.5 for i in range(1440)})
    found = history.trend_ranges(START, START + 365 * DAY, ["battery.voltage"], 600)
    assert len(found.rows) <= 600
    assert min(row[1] for row in found.rows) == 11.2


def test_minutes_that_wait_for_the_writer_are_there(history: HistoryDb) -> None:
    fill(history, 60, {START: 12.0})
    history.pending.minutes[START + 60] = encode_means({"battery.voltage": 11.0})
    found = history.trend_ranges(START, START + 600, ["battery.voltage"], 2)
    assert [row[1:] for row in found.rows] == [(11.0, 12.0)]


def test_nothing_recorded_is_no_row_and_an_unknown_key_is_refused(history: HistoryDb) -> None:
    assert list(history.trend_ranges(START, START + DAY, ["battery.voltage"]).rows) == []
    with pytest.raises(DataError, match=r"no\.such"):
        history.trend_ranges(START, START + DAY, ["no.such"])


def event(n: int, key: str = "io1", kind: Kind = Kind.RAISE) -> Event:
    return Event(n, START + n, float(n), key, kind, True, None, "core", f"Event {n}.")


@pytest.fixture
def log(history: HistoryDb) -> HistoryDb:
    events = [
        event(1, "io1"),
        event(2, "io1.voltage", Kind.CHANGE),
        event(3, "io10"),
        event(4, "io1", Kind.CLEAR),
        event(5, "IO1"),
    ]
    connection = sqlite3.connect(history.database.path)
    insert_events(connection, events)
    connection.commit()
    connection.close()
    history.pending.events[6] = event(6, "io1.digital")
    return history


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"limit": 2}, [6, 5]),
        ({"before": 4}, [3, 2, 1]),
        ({"key": "io1"}, [6, 4, 2, 1]),
        ({"key": "io1.voltage"}, [2]),
        ({"key": "io1%"}, []),
        ({"kind": Kind.RAISE}, [6, 5, 3, 1]),
        ({"key": "io1", "kind": Kind.RAISE, "before": 6}, [1]),
    ],
)
def test_events_are_found_newest_first(
    log: HistoryDb, asked: dict[str, object], numbers: list[int]
) -> None:
    assert [found.n for found in log.find_events(**asked)] == numbers  # type: ignore[arg-type]
