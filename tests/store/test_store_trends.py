"""Trends: minute means, three tiers, which tier a range is answered from."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_bench import Station, station

from btrmd.model.errors import DataError
from btrmd.model.points import POINT
from btrmd.model.readings import Quality, Reading
from btrmd.owner.minute_mean import MinuteMean
from btrmd.store.history_db import HistoryDb
from btrmd.store.trends import TIERS, TREND_KEYS, RollUp, trim_trends

DAY = 1_700_006_400  # midnight UTC
KEY = "battery.voltage"


def points(value: float | bool | None, quality: Quality = Quality.GOOD) -> dict[str, Reading]:
    return {KEY: Reading(value, quality, 0.0)}


def feed(unit: Station, minutes: range, value: float | None = None) -> None:
    """One row a minute; the voltage is the number of the minute in mV unless given."""
    for i in minutes:
        volts = value if value is not None else i / 1000
        unit.writer.trend(DAY + 60 * i, {KEY: volts, "system.temperature": None})
        if i % 500 == 499:
            assert unit.writer.flush()
    assert unit.writer.flush()


def test_every_trend_is_a_numeric_point() -> None:
    for key in TREND_KEYS:
        assert key in POINT
        assert POINT[key].kind in ("float", "int", "bool")


# --- minute means --------------------------------------------------------------------------------


def test_a_minute_is_the_mean_of_its_good_readings() -> None:
    mean = MinuteMean()
    assert mean.add(points(12.0), DAY + 0.0) is None
    assert mean.add(points(13.0), DAY + 20.0) is None
    assert mean.add(points(99.0, Quality.STALE), DAY + 40.0) is None
    assert mean.add(points(None, Quality.BAD), DAY + 50.0) is None
    row = mean.add(points(50.0), DAY + 60.0)
    assert row is not None
    assert row.minute == DAY
    assert row.values[KEY] == 12.5
    assert row.values["load.voltage"] is None
    assert set(row.values) == set(TREND_KEYS)


def test_ten_snapshots_a_second_count_as_one_sample() -> None:
    mean = MinuteMean()
    for i in range(600):
        assert mean.add(points(1.0 if i % 10 == 0 else 5.0), DAY + i / 10) is None
    row = mean.close()
    assert row is not None
    assert row.values[KEY] == 1.0
    assert mean.close() is None


def test_bools_are_shares_and_clock_jumps_close_the_minute() -> None:
    mean = MinuteMean()
    on = {"ups.on_battery": Reading(True, Quality.GOOD, 0.0)}
    off = {"ups.on_battery": Reading(False, Quality.GOOD, 0.0)}
    for at, sample in ((0.0, on), (10.0, off), (20.0, off), (30.0, off)):
        mean.add(sample, DAY + at)
    row = mean.add(off, DAY - 86400.0)
    assert row is not None
    assert (row.minute, row.values["ups.on_battery"]) == (DAY, 0.25)
    row = mean.add(off, DAY + 5.0)
    assert row is not None
    assert row.minute == DAY - 86400


# --- tiers ---------------------------------------------------------------------------------------


def test_minutes_are_readable_at_once_and_after_a_restart(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.writer.trend(DAY, {KEY: 13.3915, "system.temperature": -5.06})
        found = unit.history.trends(DAY, DAY + 60, [KEY, "system.temperature"])
        assert found.rows == [(DAY, 13.392, -5.06)]
    history = HistoryDb(tmp_path)
    found = history.trends(DAY - 5, DAY + 60)
    assert found.keys == TREND_KEYS
    assert found.tier_s == 60
    assert found.rows[0][1] == 13.392
    assert found.rows[0][TREND_KEYS.index("load.voltage") + 1] is None
    history.close()


def test_tiers_are_means_of_the_one_below(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        feed(unit, range(2 * 1440 + 1))
        reader = unit.history.database.reader()
        quarters = reader.execute("SELECT t, battery_voltage FROM trend_900").fetchall()
        assert quarters == [(DAY + 900 * i, 15 * i + 7) for i in range(192)]
        days = reader.execute("SELECT t, battery_voltage FROM trend_86400").fetchall()
        assert [day[0] for day in days] == [DAY, DAY + 86400]
        assert days[0][1] == pytest.approx(719.5, abs=1.5)
        nothing = reader.execute("SELECT count(system_temperature) FROM trend_900").fetchone()
        assert nothing == (0,)


def test_a_restart_in_the_middle_completes_quarter_hour_and_day(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        feed(unit, range(1000, 1008))
    with station(tmp_path) as unit:
        feed(unit, range(1008, 1441))
        reader = unit.history.database.reader()
        quarter = reader.execute(
            "SELECT battery_voltage FROM trend_900 WHERE t = ?", (DAY + 66 * 900,)
        ).fetchone()
        assert quarter == (round(sum(range(1000, 1005)) / 5),)
        quarter = reader.execute(
            "SELECT battery_voltage FROM trend_900 WHERE t = ?", (DAY + 67 * 900,)
        ).fetchone()
        assert quarter == (1012,)
        day = reader.execute("SELECT battery_voltage FROM trend_86400 WHERE t = ?", (DAY,))
        assert day.fetchone()[0] == pytest.approx(1220, abs=5)


def test_after_a_kill_the_interrupted_quarter_hour_and_day_are_completed(tmp_path: Path) -> None:
    killed = HistoryDb(tmp_path)
    with killed.database.transaction(True) as connection:
        minutes = {DAY + 60 * i: (13_000,) * len(TREND_KEYS) for i in range(1400, 1424)}
        RollUp().store(connection, minutes, is_last=False)
    killed.close()
    with station(tmp_path) as unit:
        feed(unit, range(2880, 2881))
        reader = unit.history.database.reader()
        quarters = reader.execute("SELECT t FROM trend_900").fetchall()
        assert quarters == [(DAY + 93 * 900,), (DAY + 94 * 900,)]
        assert reader.execute("SELECT t FROM trend_86400").fetchall() == [(DAY,)]


def test_the_finest_tier_that_fits_answers(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        feed(unit, range(3 * 1440), 13.0)
        trends = unit.history.trends
        day = trends(DAY, DAY + 86399, [KEY])
        assert (day.tier_s, len(day.rows)) == (60, 1440)
        whole = trends(0, 2e9, [KEY])
        assert (whole.tier_s, len(whole.rows)) == (900, 287)  # the last one is not complete yet
        few = trends(0, 2e9, [KEY], limit=100)
        assert (few.tier_s, len(few.rows)) == (86400, 2)
        one = trends(0, 2e9, [KEY], limit=1)
        assert one.rows == [(DAY, 13.0)]
        assert trends(0, DAY - 1, [KEY]).rows == []


def test_old_times_come_from_the_tier_that_still_has_them(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        feed(unit, range(2 * 1440), 13.0)
        with unit.history.database.transaction(True) as connection:
            trim_trends(connection, {60: 100, 900: 50})
        trends = unit.history.trends
        assert trends(DAY + 2 * 86400 - 3600, DAY + 2 * 86400, [KEY]).tier_s == 60
        assert trends(DAY + 2 * 86400 - 10 * 3600, DAY + 2 * 86400, [KEY]).tier_s == 900
        assert trends(DAY, DAY + 2 * 86400, [KEY]).tier_s == 86400


def test_at_most_2000_rows_whatever_is_asked(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.writer.flush()
        with unit.history.database.transaction(True) as connection:
            connection.executemany(
                "INSERT INTO trend_86400 (t, battery_voltage) VALUES (?, ?)",
                ((DAY + 86400 * i, 13000) for i in range(TIERS[86400])),
            )
        found = unit.history.trends(0, 1e12, [KEY], limit=10**9)
        assert 1000 < len(found.rows) <= 2000
        assert {row[1] for row in found.rows} == {13.0}
        times = [row[0] for row in found.rows]
        assert times == sorted(set(times))


def test_an_unknown_key_is_refused_with_its_name(tmp_path: Path) -> None:
    with station(tmp_path) as unit, pytest.raises(DataError, match=r"points = 'no\.such'"):
        unit.history.trends(0, 1, ["no.such"])


def test_values_that_are_no_numbers_are_no_values(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.writer.trend(DAY, {KEY: float("nan"), "load.voltage": 1e300, "io1.voltage": 1.0})
        row = unit.history.trends(DAY, DAY, [KEY, "load.voltage", "io1.voltage"]).rows
        assert row == [(DAY, None, None, 1.0)]


def test_a_clock_that_was_wrong_costs_no_history(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        feed(unit, range(30), 13.0)
        unit.writer.trend(4_000_000_020, {KEY: 1.0})
        unit.writer.trend(0, {KEY: 2.0})
        feed(unit, range(30, 61), 13.0)
        with unit.history.database.transaction(True) as connection:
            trim_trends(connection)
        assert len(unit.history.trends(DAY, DAY + 3600, [KEY]).rows) == 61
