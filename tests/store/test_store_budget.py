"""The budgets: bytes written a day, bytes kept for ever, and the pace that spares the card."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import pytest
from store_bench import Station, a_curve, a_record, an_event, station

from btrmd.model.events import EventClass, Kind
from btrmd.store import curves, events, maintenance, tests
from btrmd.store.curves import encode_rows
from btrmd.store.database import HARD_BYTES, WAL_BYTES
from btrmd.store.schema import prepare
from btrmd.store.trends import TIERS, TREND_KEYS
from btrmd.store.write_budget import (
    ALARM_HOLD_S,
    COMMIT_BYTES,
    EVENT_HOLD_S,
    MINUTES,
    ROWS,
    WriteBudget,
)
from btrmd.store.write_queue import WriteQueue

MEGABYTE = 1_000_000


def written() -> int:
    """Bytes this process has handed to write(), files of the database and its log included."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise AssertionError("no wchar in /proc/self/io")


def a_day(unit: Station, day: int) -> None:
    """144 flushes of minutes, a 4 h test, the state every ten minutes, 60 single events."""
    writer = unit.writer
    curve = a_curve(14_400, seed=day)
    values = {key: 12.345 + i for i, key in enumerate(TREND_KEYS)}
    for block in range(144):
        for minute in range(10):
            index = block * 10 + minute
            values["battery.voltage"] = 13.0 + math.sin(index / 50)
            writer.trend(1_700_006_400 + day * 86_400 + 60 * index, values)
            if index < 240:
                writer.commit(curve=(day, curve[60 * index : 60 * index + 60]))
                assert writer.flush()
        if block % 2 == 0:
            writer.commit(events=[an_event()])
            assert writer.flush()
        writer.commit(state={"saved": block, "alarms": ["battery.low_voltage"] * 8})
        assert writer.flush()
        if block == 24:
            writer.commit(test=a_record(day), finish=True)
            assert writer.flush()


def test_a_day_with_a_test_stays_below_ten_megabytes(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        before = written()
        a_day(unit, 1)
        unit.fold()
        used = written() - before
        # What it took in: a file of 5 MB that held it would prove nothing about the day.
        assert len(list(unit.history.curve(1))) == 14_400
        assert len(unit.history.events()) == 72
    assert used < 10 * MEGABYTE, f"{used} bytes were written"
    assert used > MEGABYTE / 2, "the measurement misses the database"


def test_the_log_beside_the_database_stays_small(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        reader = unit.history.database.reader()
        for n in range(1, 40):
            unit.writer.commit(events=[an_event() for _ in range(400)])
            assert unit.writer.flush()
            assert unit.history.events(after=n)
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (39 * 400,)
        assert (tmp_path / "history.db-wal").stat().st_size < 2 * WAL_BYTES


# --- for ever ------------------------------------------------------------------------------------


def database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    prepare(connection)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    return connection


def test_the_limits_add_up_to_fifty_megabytes() -> None:
    assert maintenance.SOFT_BYTES < HARD_BYTES
    # the log may overshoot by one transaction before it is cut back
    assert HARD_BYTES + 2 * WAL_BYTES <= 50 * MEGABYTE
    row = 12 + len(TREND_KEYS) * 5  # every value at its four bytes and a byte of header
    trends = sum(TIERS.values()) * row
    # What is never given up must leave room below the soft limit.
    assert trends + events.FLOOR * 1_000 + tests.KEEP * 300 < maintenance.SOFT_BYTES


def test_numbers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP", 100)
    monkeypatch.setattr(tests, "KEEP", 5)
    connection = database(tmp_path / "x.db")
    events.insert_events(connection, [an_event(n) for n in range(1, 251)])
    for n in range(1, 11):
        tests.upsert_test(connection, a_record(n))
        curves.append_rows(connection, n, a_curve(20))
    connection.executemany(
        "INSERT INTO trend_60 (t) VALUES (?)",
        ((60 * i,) for i in range(TIERS[60] + 500)),
    )
    assert maintenance.trim(connection) == {EventClass.ALARMS: 150}
    assert connection.execute("SELECT count(*) FROM trend_60").fetchone()[0] == TIERS[60]
    assert maintenance.trim(connection) == {}
    assert events.select_events(connection, 0, 1, None)[0].n == 151
    assert [t.n for t in tests.select_tests(connection, True, 100)] == [10, 9, 8, 7, 6]
    assert curves.oldest_curve(connection, None, 100) == 6
    connection.close()


def test_room_is_made_from_the_oldest_curves_and_results_stay(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.db")
    events.insert_events(connection, [an_event(n) for n in range(1, events.FLOOR + 3001)])
    for n in range(1, 31):
        tests.upsert_test(connection, a_record(n))
        curves.append_rows(connection, n, a_curve(4000, seed=n))
    whole = maintenance.used_bytes(connection)

    def lengths() -> list[int]:
        return [
            sum(count for _, count in curves.select_chunks(connection, n)) for n in range(1, 31)
        ]

    for _ in range(20):
        assert maintenance.drop_least(connection)
    assert lengths() == [671] * 20 + [4000] * 10
    assert maintenance.used_bytes(connection) < whole
    last = curves.unpack(curves.select_chunks(connection, 1))
    assert [row.time_s for row in last][-1] == 3999.0

    maintenance.drop_least(connection)
    maintenance.drop_least(connection)
    count = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    assert count == events.FLOOR
    for _ in range(20):
        assert maintenance.drop_least(connection)
    assert lengths() == [0] * 20 + [4000] * 10
    steps = 0
    while maintenance.drop_least(connection):
        steps += 1
        assert steps < 100
    assert lengths() == [0] * 30
    assert len(tests.select_tests(connection, True, 100)) == 30
    assert connection.execute("SELECT count(*) FROM events").fetchone()[0] == events.FLOOR
    connection.close()


def test_the_writer_makes_room_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "SOFT_BYTES", 170_000)
    curve = a_curve(4000)
    with station(tmp_path) as unit:
        for n in range(1, 21):
            unit.writer.commit(test=a_record(n), curve=(n, curve), finish=True)
            assert unit.writer.flush()
        unit.fold()
        used = maintenance.used_bytes(unit.history.database.reader())
        assert used < 170_000 + 2 * len(encode_rows(curve))
        lengths = [len(list(unit.history.curve(n))) for n in range(1, 21)]
        assert lengths == sorted(lengths), "the oldest are thinned first"
        assert set(lengths) - {0} == {671, 4000}
        assert lengths.count(4000) >= 10
        assert len(unit.history.tests()) == 20


# --- the pace ------------------------------------------------------------------------------------


def waiting(kind: Kind = Kind.RAISE, now: float = 0.0) -> WriteQueue:
    pending = WriteQueue()
    pending.add_events([an_event(1, kind)], kind in (Kind.RAISE, Kind.CLEAR), now)
    return pending


def spent(now: float) -> WriteBudget:
    """A pace whose allowance is used up."""
    write_budget = WriteBudget(now)
    for _ in range(10_000):
        write_budget.wrote(1, now)
    return write_budget


def test_nothing_is_due_when_nothing_waits() -> None:
    assert WriteBudget(0.0).due(WriteQueue(), 5.0) == math.inf


def test_single_events_are_written_at_once_and_storms_are_gathered() -> None:
    assert WriteBudget(0.0).due(waiting(), 0.0) <= 0.0
    assert spent(0.0).due(waiting(), 0.0) == ALARM_HOLD_S
    assert spent(0.0).due(waiting(Kind.COMMAND), 0.0) == EVENT_HOLD_S
    assert spent(0.0).due(waiting(now=3 * 86_400.0), 3 * 86_400.0) <= 3 * 86_400.0


def test_who_waits_and_what_is_a_result_is_never_put_off() -> None:
    write_budget = spent(100.0)
    answer, record, clear = waiting(now=100.0), waiting(now=100.0), waiting(now=100.0)
    answer.waiters.append(lambda _: None)
    record.add_test(a_record(1))
    clear.add_clear(3)
    for pending in (answer, record, clear):
        assert write_budget.due(pending, 100.0) <= 100.0


def test_curve_rows_wait_for_a_chunk_or_a_minute() -> None:
    write_budget, pending, rows = WriteBudget(0.0), WriteQueue(), a_curve(ROWS)
    pending.add_rows(1, rows[:-1], 100.0)
    assert write_budget.due(pending, 100.0) == 160.0
    pending.add_rows(1, rows[-1:], 120.0)
    assert write_budget.due(pending, 120.0) <= 120.0


def test_minutes_are_written_by_ten_and_not_faster_than_every_ten_seconds() -> None:
    write_budget, pending = WriteBudget(0.0), WriteQueue()
    for i in range(MINUTES - 1):
        pending.add_minute(60 * i, (1,))
    assert write_budget.due(pending, 600.0) == math.inf
    pending.add_minute(60 * MINUTES, (1,))
    assert write_budget.due(pending, 600.0) <= 600.0
    write_budget.wrote(0, 600.0)
    assert write_budget.due(pending, 601.0) == 610.0


def test_a_disk_that_refuses_is_asked_after_1_2_4_and_at_most_60_s() -> None:
    write_budget, pending, now, waits = WriteBudget(0.0), WriteQueue(), 0.0, []
    pending.add_test(a_record(1))
    pending.take()
    for _ in range(8):
        write_budget.refused(now)
        due = write_budget.due(pending, now)
        waits.append(due - now)
        now = due
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    pending.waiters.append(lambda _: None)
    assert write_budget.due(pending, now) <= now
    write_budget.wrote(0, now)
    assert not write_budget.is_refused


def test_a_storm_of_a_day_is_held_to_one_write_a_minute() -> None:
    write_budget, pending, writes, now = WriteBudget(0.0), WriteQueue(), 0, 0.0
    for second in range(86_400):
        now = float(second)
        pending.add_events([an_event(second + 1)], True, now)
        if write_budget.due(pending, now) <= now:
            writes += 1
            work = pending.take()
            pending.remove(work, now)
            pending.take_unpublished()
            write_budget.wrote(len(work.events), now)
    assert 1400 < writes < 1600


def test_an_ordinary_day_of_events_is_never_held() -> None:
    write_budget, now = WriteBudget(0.0), 0.0
    for _ in range(7 * 100):  # a week with a hundred events a day
        now += 864.0
        assert write_budget.due(waiting(now=now), now) <= now
        write_budget.wrote(1, now)
    assert 100 * COMMIT_BYTES < 4 * MEGABYTE


def test_a_disk_that_refuses_for_a_week_is_tried_every_minute() -> None:
    """A card may be full over a holiday: the pauses end at 60 s, however many there were."""
    budget, pending, now = WriteBudget(0.0), waiting(), 0.0
    pauses = []
    for _ in range(7 * 24 * 60):
        budget.refused(now)
        due = budget.due(pending, now)
        pauses.append(due - now)
        now = due
    assert pauses[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert set(pauses[7:]) == {60.0}
    budget.wrote(1, now)
    budget.refused(now)
    assert budget.due(pending, now) == now + 1.0
