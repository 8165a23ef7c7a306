"""A recorded discharge plays to the row: the file's volts and amps, time only while K1 is on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.load import read_profile
from btrmd.hal.sim.replay import ReplayRecord, read_record
from btrmd.hal.sim.truth import truth as truth_of
from btrmd.model.errors import DataError, SettingError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "bboxx_17ah_2A3.csv"


def rows() -> list[tuple[float, float, float, float]]:
    with EXAMPLE.open() as file:
        return [
            (float(row["time_s"]), float(row["battery_v"]), float(row["battery_a"]),
             float(row["temp_c"]))
            for row in csv.DictReader(file)
        ]  # fmt: skip


def start(run, plant, path: Path = EXAMPLE) -> None:
    """Replay set, proving done, K1 on: the record's second 0 is now."""
    set_keys(plant, {"battery.replay": path})
    run(plant, 5)
    plant.set_coil("k2", True)
    run(plant, 30)
    plant.set_coil("k1", True)
    plant.heartbeat()
    plant.step(0.015)


def test_before_k1_it_floats_one_volt_above_the_first_row(run, plant):
    plant.noise = True  # has no say in a replay
    set_keys(plant, {"battery.replay": EXAMPLE})
    run(plant, 20)
    first = rows()[0]
    sense = plant.sense()
    assert sense.battery_v == pytest.approx(first[1] + 1.0, abs=1e-3)
    assert sense.load_a == pytest.approx(-first[2])
    assert 0.0 < sense.battery_a < 0.1
    assert sense.charger_v >= 12.6
    assert sense.supply_a == pytest.approx(-first[2])  # no HAT draw
    plant.set_coil("k2", True)
    run(plant, 30)
    assert plant.sense().battery_v == pytest.approx(first[1] + 1.0, abs=1e-3)


def test_every_row_comes_at_its_second_with_its_numbers(run, plant):
    start(run, plant)
    at = plant.plant_s
    for time_s, volts, amps, temp_c in rows():
        while plant.plant_s < at + time_s - 1e-9:
            plant.heartbeat()
            plant.step(min(1.0, at + time_s - plant.plant_s))
        sense = plant.sense()
        assert sense.battery_v == pytest.approx(volts, abs=1e-4)
        if time_s == 0.0:  # S1 has opened this instant: the bus capacitor still carries the load
            continue
        assert sense.battery_a == pytest.approx(amps, abs=1e-6)
        assert sense.load_a == pytest.approx(-amps, abs=1e-6)
        assert sense.temperature_c == pytest.approx(temp_c, abs=1e-6)
    run(plant, 600, 1.0)
    last, before = rows()[-1], rows()[-2]
    slope = (last[1] - before[1]) / (last[0] - before[0])
    assert plant.sense().battery_v == pytest.approx(last[1] + 600 * slope, abs=1e-3)
    assert plant.sense().battery_a == pytest.approx(last[2])


def test_the_interpolation_between_rows_is_linear(run, plant):
    start(run, plant)
    run(plant, 329, 1.0)  # half way from 29 s to 629 s
    assert plant.sense().battery_v == pytest.approx((12.065 + 12.038) / 2, abs=1e-4)


def test_time_stops_while_k1_is_off(run, plant):
    start(run, plant)
    run(plant, 629, 1.0)
    volts = plant.sense().battery_v
    plant.set_coil("k1", False)
    run(plant, 3600, 1.0)
    assert plant.sense().battery_v == pytest.approx(rows()[0][1] + 1.0, abs=1e-3)
    plant.set_coil("k1", True)
    plant.heartbeat()
    plant.step(0.015)
    assert plant.sense().battery_v == pytest.approx(volts, abs=1e-3)
    assert plant.dropped_s == 0.0


def test_the_true_runtime_is_the_files_own_crossing(run, plant):
    set_keys(plant, {"battery.replay": EXAMPLE})
    said = truth_of(plant)["battery"]["true_runtime_s"]
    # 11429 s 11.078 V, 12029 s 10.854 V
    assert said == pytest.approx(11429 + 600 * 0.078 / 0.224, abs=0.1)
    start(run, plant)
    run(plant, round(said) - 5, 1.0)
    assert plant.crossed_s is None
    run(plant, 10, 1.0)
    assert plant.crossed_s == pytest.approx(said, abs=1.1)
    assert truth_of(plant)["battery"]["true_runtime_s"] == said


def test_the_crossing_goes_on_with_the_last_slope():
    record = ReplayRecord("x", (0.0, 100.0, 200.0), (12.0, 11.8, 11.6), (-1.0,) * 3, ())
    assert record.crossing(11.0) == pytest.approx(500.0)
    assert record.crossing(11.7) == pytest.approx(150.0)
    assert record.crossing(12.5) == 0.0
    rising = ReplayRecord("x", (0.0, 100.0), (12.0, 12.1), (-1.0,) * 2, ())
    assert rising.crossing(11.0) is None


def test_off_brings_the_model_back(run, plant):
    start(run, plant)
    set_keys(plant, {"battery.replay": "off"})
    run(plant, 5)
    assert plant.replay is None
    assert plant.sense().load_a == pytest.approx(2.0)


def test_a_supply_loss_in_a_replay_is_carried(run, plant):
    set_keys(plant, {"battery.replay": EXAMPLE})
    run(plant, 5)
    set_keys(plant, {"supply.on": 0})
    run(plant, 5)
    assert plant.sense().guard
    assert plant.sense().load_v > 12.5
    assert plant.dropped_s == plant.dead_s == 0.0


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", "", "header time_s,battery_v,battery_a"),
        ("time_s,battery_v,battery_a\n", "", "at least one row"),
        ("time_s,volts,battery_a\n0,12,-1\n", "line 1", "battery_v is missing"),
        ("time_s,battery_v,battery_a\n0,12,-1\n1,x,-1\n", "line 3", "expected a number"),
        ("time_s,battery_v,battery_a\n0,12,-1\n1,nan,-1\n", "line 3", "expected a number"),
        ("time_s,battery_v,battery_a\n0,12,-1\n\n1,12\n", "line 4", "expected a number"),
        ("time_s,battery_v,battery_a\n5,12,-1\n5,12,-1\n", "line 3", "more than the line before"),
        ("time_s,battery_v,battery_a\n0,120,-1\n", "line 2", "80 V"),
        ("time_s,battery_v,battery_a\n0,12,-100\n", "line 2", "-40..40 A"),
        ("time_s,battery_v,battery_a\n0,12,1\n1,12,1\n", "", "negative = discharging"),
        ("time_s,battery_v,battery_a\n0,\xe4,1\n", "", "no CSV text"),
    ],
)
def test_a_bad_record_is_named_with_its_line(tmp_path, text, line, expected):
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        read_record(path)
    assert str(path) in str(caught.value)
    assert line in str(caught.value)
    assert expected in str(caught.value)


def test_a_record_may_have_more_columns_in_any_order_and_no_temperature(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("# note\nload_a,battery_a,Time_s, battery_v\n9,-1,0,12\n9,-2,10,11.5\n")
    record = read_record(path)
    assert record.times == (0.0, 10.0)
    assert record.volts == (12.0, 11.5)
    assert record.amps == (-1.0, -2.0)
    assert record.temps == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time_s,amps\n0,26\n", "0..25 A"),
        ("time_s,amps\n5,1\n", "first to be 0"),
        ("amps\n1\n", "time_s is missing"),
    ],
)
def test_a_bad_profile_is_named(tmp_path, text, expected):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=expected):
        read_profile(path)


def test_a_missing_file_changes_nothing(plant, tmp_path):
    with pytest.raises(DataError, match=r"gone\.csv cannot be read"):
        set_keys(plant, {"load.amps": 9, "battery.replay": str(tmp_path / "gone.csv")})
    assert plant.load.amps == 2.0
    with pytest.raises(SettingError, match=r"battery\.replay"):
        set_keys(plant, {"battery.replay": 3})
