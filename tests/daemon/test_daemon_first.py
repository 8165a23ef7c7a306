"""The first start of a unit, and the first after a crash: what the files say is in force."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from waiting import wait_until

from btrmd.core.recover import closed_after_death
from btrmd.model.discharge import CurveRow, TestRecord

Make = Callable[..., DaemonProcess]


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_site_files_time_to_the_first_test_counts_down(make: Make, is_enabled: bool) -> None:
    unit = make()
    site = f"[defaults]\ntest.next_h = 7\ntest.enabled = {str(is_enabled).lower()}\n"
    (unit.config_dir / "btrmd.toml").write_text(site)
    unit.start()
    assert unit.value("test.next") == pytest.approx(7 * 3600.0, abs=60.0)
    unit.set(test__enabled=True)
    assert unit.value("test.next") == pytest.approx(7 * 3600.0, abs=60.0)
    unit.set(test__next_h=3)
    wait_until(lambda: unit.value("test.next") < 3 * 3600.0 + 1.0)
    assert unit.stop() == 0
    unit.start()
    assert unit.value("test.next") == pytest.approx(3 * 3600.0, abs=60.0), "it is for new units"


def test_a_wrong_time_in_the_site_file_is_told(make: Make) -> None:
    unit = make()
    (unit.config_dir / "btrmd.toml").write_text("[defaults]\ntest.next_h = 501\n")
    unit.spawn()
    assert unit.wait_end() == 1
    assert "test.next_h = 501 is refused: allowed is 0..500 h" in unit.log


ROWS = [CurveRow(10.0 * k, 12.6 - 0.001 * k, -2.0 if k % 2 else -4.0, 20.0 + 0.1 * k, None)
        for k in range(61)]  # fmt: skip


def test_a_record_closed_after_a_crash_has_its_means(tmp_path: Path) -> None:
    left = TestRecord(n=1, type="outage", state="running", started_at=1.7e9)
    closed = closed_after_death(left, 1.8e9, ROWS[-1].time_s, ROWS)
    assert closed.duration_s == 600.0
    assert closed.average_current == pytest.approx(3.0)
    assert closed.average_temperature == pytest.approx(22.95)
    assert closed.end_voltage == pytest.approx(12.54)
    known = left._replace(average_current=5.0, end_voltage=11.0)
    kept = closed_after_death(known, 1.8e9, ROWS[-1].time_s, ROWS)
    assert (kept.average_current, kept.end_voltage) == (5.0, 11.0)
    assert closed_after_death(left, 1.8e9, None).average_current is None


def _rows_on_disk(unit: DaemonProcess) -> int:
    """Rows of curves that a crash leaves."""
    path = unit.state_dir / "history.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as found:
        return int(found.execute("SELECT total(rows) FROM curves").fetchone()[0])


def test_an_outage_that_is_cut_off_by_a_crash_has_its_means(make: Make) -> None:
    unit = make(speed=60).start()
    unit.wait_selftest()
    unit.sim(supply__on=False, charger__on=False)
    unit.wait_value("ups.on_battery", True)
    unit.login()
    # a crash may cost what has not been written yet, up to a minute of it
    wait_until(lambda: _rows_on_disk(unit) > 5, 90.0)
    unit.kill()
    unit.start()
    (record,) = [test for test in unit.tests().values() if test["n"] == 1]
    assert record["state"] == "finished"
    assert record["average_current"] > 0.5
    assert 10.0 < record["end_voltage"] < 14.0
    assert record["average_temperature"] is not None
