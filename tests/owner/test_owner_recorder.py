"""The recorder: spacing, means, and what a bad reading does to a row."""

from __future__ import annotations

import pytest

from btrmd.model.board import Inputs
from btrmd.model.readings import BAD, GOOD, Measurement
from btrmd.owner.recorder import Recorder, spacing_s

T0 = 1000.0


def scan(volts: float | None = 12.5, amps: float | None = -2.0) -> Inputs:
    def measured(value: float | None) -> Measurement:
        return Measurement(value or 0.0, BAD if value is None else GOOD, 0.0)

    return Inputs(
        battery_v=measured(volts), battery_a=measured(amps),
        temperature=measured(23.5), load_a=measured(2.0),
    )  # fmt: skip


def record(seconds: float, tick: float) -> Recorder:
    recorder = Recorder()
    recorder.start(7, T0)
    ticks = round(seconds / tick)
    for i in range(1, ticks + 1):
        recorder.add(scan(), T0 + i * tick)
    return recorder


@pytest.mark.parametrize(
    ("time_s", "expected"), [(0, 1), (59.9, 1), (60, 10), (14399, 10), (14400, 60), (1e6, 60)]
)
def test_spacing(time_s: float, expected: float) -> None:
    assert spacing_s(time_s) == expected


@pytest.mark.parametrize("tick", [0.1, 1.0])
def test_every_second_then_every_ten_then_every_minute(tick: float) -> None:
    times = [row.time_s for row in record(5 * 3600.0, tick).rows()]
    assert times[0] == tick  # the step at the transfer is seen
    first = [t for t in times if t <= 60.0]
    test = [t for t in times if 60.0 < t <= 14400.0]
    later = [t for t in times if t > 14400.0]
    assert len(first) == pytest.approx(60, abs=1)
    assert len(test) == pytest.approx(1434, abs=1)
    assert len(later) == pytest.approx(60, abs=1)


def test_a_row_is_the_mean_of_its_interval() -> None:
    recorder = Recorder()
    recorder.start(1, T0)
    recorder.add(scan(13.0), T0 + 0.1)
    for i in range(2, 12):
        recorder.add(scan(12.0 + 0.1 * i), T0 + 0.1 * i)
    rows = recorder.rows()
    assert [row.time_s for row in rows] == [0.1, 1.1]
    assert rows[0].battery_v == 13.0
    assert rows[1].battery_v == pytest.approx(12.0 + 0.1 * 6.5)


def test_bad_readings_are_left_out_and_never_zero() -> None:
    recorder = Recorder()
    recorder.start(1, T0)
    recorder.add(scan(12.5), T0 + 1.0)
    recorder.add(scan(None), T0 + 2.0)  # nothing good since the row before: no row
    recorder.add(scan(12.4), T0 + 2.5)
    recorder.add(scan(None), T0 + 3.0)
    assert [(row.time_s, row.battery_v) for row in recorder.rows()] == [(1.0, 12.5), (3.0, 12.4)]
    bad = Inputs(battery_v=scan().battery_v, battery_a=scan().battery_a)
    recorder.add(bad, T0 + 4.0)
    assert recorder.rows()[-1].temp_c is None
    assert recorder.rows()[-1].load_a is None


def test_rows_are_handed_out_once_and_the_last_piece_at_the_stop() -> None:
    recorder = record(10.0, 0.1)
    assert not recorder.has_handed_out
    handed = recorder.fresh()
    assert len(handed) == 10
    assert recorder.has_handed_out
    assert recorder.fresh() == []
    recorder.add(scan(11.9), T0 + 10.3)
    recorder.stop()
    assert [row.time_s for row in recorder.fresh()] == [10.3]
    assert recorder.n is None
    recorder.add(scan(), T0 + 20.0)  # over: nothing is recorded
    assert recorder.fresh() == []
    recorder.start(8, T0 + 30.0)
    assert list(recorder.rows()) == []
    assert not recorder.has_handed_out
