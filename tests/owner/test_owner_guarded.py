"""Guarded: what only tells something fails by itself."""

from __future__ import annotations

import pytest

from btrmd.model.commands import HealthReady
from btrmd.model.discharge import TestRecord
from btrmd.model.settings import Settings
from btrmd.owner.battery_history import BatteryHistory
from btrmd.owner.guarded import guarded


@pytest.mark.parametrize("error", [ValueError("math domain error"), KeyError("x"), MemoryError()])
def test_whatever_fails_is_logged_with_its_trace_and_replaced(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> int:
        raise error

    assert guarded("counting", lambda: 7, 0) == 7
    assert not caplog.records
    assert guarded("counting", fail, 0) == 0
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "counting: an error of its own")
    assert record.exc_info is not None


def test_whoever_ends_the_process_ends_it() -> None:
    def end() -> int:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        guarded("counting", end, 0)


class _TornHistory:
    """A store whose records are of another world."""

    def tests(self, limit: int | None = None) -> list[TestRecord]:
        raise ValueError("no such test")

    def curve(self, n: int) -> list[object]:
        raise ValueError("no such curve")


def test_a_history_that_cannot_be_read_does_not_keep_the_station_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings.defaults()
    memory = BatteryHistory(_TornHistory(), settings)  # type: ignore[arg-type]
    assert [one.getMessage() for one in caplog.records] == [
        "reading the discharges: an error of its own"
    ]
    assert memory.standing(settings, 1.8e9) == HealthReady(None)
