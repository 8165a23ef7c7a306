"""Two-point calibration: accuracy on real parts' tolerances, and refusal of nonsense."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hal_bench import Bench

from btrmd.hal.calibration import Calibration, ChannelCalibration
from btrmd.model.errors import SettingError

AT, AUTHOR = "2026-03-01T10:00:00Z", "bench"


def calibrate(bench: Bench, key: str, field: str, low: float, high: float, index: int = -1) -> None:
    """What a person with a meter does: two known values, two raw readings."""
    points = []
    for value in (low, high):
        if index >= 0:
            volts = list(bench.plant.now.io_v)
            volts[index] = value
            bench.plant.put(io_v=tuple(volts))
        else:
            bench.plant.put(**{field: value})
        bench.scans(2.5)
        raw = bench.board.raw(key)
        assert raw is not None
        points.append((raw, value))
    bench.board.calibration = bench.board.calibration.with_points(key, *points, AT, AUTHOR)


@pytest.mark.parametrize("gain", [0.96, 1.04])
@pytest.mark.parametrize("offset", [-0.1, 0.1])
def test_after_calibration_every_channel_keeps_its_promise(gain: float, offset: float) -> None:
    names = ("battery", "load", "charger", "supply")
    errors = {f"voltage.{name}": (gain, offset) for name in (*names, "io1", "io4")}
    errors |= {f"current.{name}": (gain, -offset) for name in names}
    errors["temperature"] = (1.0, 2.0)
    bench = Bench(errors=errors)
    bench.scans(1.0)
    bench.plant.put(battery_a=10.0, battery_v=13.5)
    inputs = bench.scan()
    assert abs(inputs.battery_v.value - 13.5) > 0.155  # it was not good before: beyond 1 % + 20 mV
    assert abs(inputs.battery_a.value - 10.0) > 0.130
    for name in names:
        calibrate(bench, f"{name}.current", f"{name}_a", 0.0, 20.0)
        bench.plant.put(**{f"{name}_a": 15.0})  # a meter at the terminals, current flowing
        calibrate(bench, f"{name}.voltage", f"{name}_v", 10.0, 50.0)
    calibrate(bench, "io1.voltage", "io_v", 1.0, 50.0, index=0)
    calibrate(bench, "io4.voltage", "io_v", 1.0, 50.0, index=3)
    calibrate(bench, "system.temperature", "temperature_c", 5.0, 45.0)
    for volts, amps in itertools.product((9.0, 12.6, 27.0, 58.0), (-20.0, -3.0, 0.0, 7.5, 22.0)):
        bench.plant.put(**{f"{name}_v": volts for name in names})
        bench.plant.put(**{f"{name}_a": amps for name in names}, io_v=(volts, 0.0, 0.0, volts))
        inputs = bench.scan()
        for name in names:
            measured = getattr(inputs, f"{name}_v").value
            assert abs(measured - volts) <= 0.01 * volts + 0.020, (name, volts, amps)
            measured = getattr(inputs, f"{name}_a").value
            assert abs(measured - amps) <= 0.01 * abs(amps) + 0.030, (name, amps)
        assert abs(inputs.io1_v.value - volts) <= 0.01 * volts + 0.020
        assert abs(inputs.io4_v.value - volts) <= 0.01 * volts + 0.020
    bench.plant.put(temperature_c=25.0)
    assert bench.scans(1.2).temperature.value == pytest.approx(25.0, abs=0.13)


def test_ideal_parts_need_none() -> None:
    bench = Bench()
    bench.scans(0.5)
    bench.plant.put(load_v=11.87, load_a=3.21)
    inputs = bench.scan()
    assert inputs.load_v.value == pytest.approx(11.87, abs=0.02)
    assert inputs.load_a.value == pytest.approx(3.21, abs=0.03)


def test_the_line_goes_through_both_points() -> None:
    calibration = Calibration().with_points(
        "battery.voltage", (10.1, 10.0), (50.3, 50.0), AT, AUTHOR
    )
    gain, offset = calibration.factors("battery.voltage")
    assert gain * 10.1 + offset == pytest.approx(10.0)
    assert gain * 50.3 + offset == pytest.approx(50.0)
    assert calibration.factors("load.voltage") == (1.0, 0.0)
    entry = calibration["battery.voltage"]
    assert (entry.at, entry.author, entry.points) == (AT, AUTHOR, ((10.1, 10.0), (50.3, 50.0)))
    assert dict(calibration.without("battery.voltage")) == {}


def test_it_survives_a_json_file() -> None:
    calibration = Calibration().with_points("io2.voltage", (0.0, 0.1), (30.0, 30.4), AT, AUTHOR)
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    assert dict(again) == dict(calibration)
    assert isinstance(again["io2.voltage"], ChannelCalibration)


@pytest.mark.parametrize(
    ("key", "first", "second", "allowed"),
    [
        ("battery.volts", (0.0, 0.0), (10.0, 10.0), "battery.voltage"),
        ("battery.voltage", (0.0, 0.0), (10.0, 12.0), "0.9..1.1"),
        ("battery.voltage", (10.0, 10.0), (10.0, 20.0), "at least 1 apart"),
        ("battery.voltage", (10.0, 10.0), (10.5, 10.5), "at least 1 apart"),
        ("battery.voltage", (10.0, 10.0), (20.0, 10.0), "at least 1 apart"),
        ("battery.voltage", (10.0, 20.0), (20.0, 10.0), "0.9..1.1"),
        ("battery.voltage", (10.0, 11.0), (50.0, 51.0), "offset"),
        ("load.current", (0.0, 0.6), (20.0, 20.6), "offset"),
        ("load.current", (0.0, 0.0), (float("nan"), 20.0), "-50..50"),
        ("load.current", (0.0, 0.0), (20.0, float("inf")), "-50..50"),
        ("io1.voltage", (0.0, 0.0), (600.0, 600.0), "-1..80"),
        ("system.temperature", (20.0, 20.0), (21.0, 22.0), "at least 10 apart"),
    ],
)
def test_nonsense_is_refused(
    key: str, first: tuple[float, float], second: tuple[float, float], allowed: str
) -> None:
    with pytest.raises(SettingError) as caught:
        Calibration().with_points(key, first, second, AT, AUTHOR)
    assert allowed in str(caught.value)
    assert key in str(caught.value)


GOOD_ENTRY: dict[str, Any] = {
    "gain": 1.0,
    "offset": 0.0,
    "at": AT,
    "author": AUTHOR,
    "points": [[0.0, 0.0], [10.0, 10.0]],
}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"no.such": GOOD_ENTRY},
        {"io1.voltage": 5},
        {"io1.voltage": {**GOOD_ENTRY, "points": [[0.0, 0.0]]}},
        {"io1.voltage": {**GOOD_ENTRY, "points": [[0.0, "x"], [10.0, 10.0]]}},
        {"io1.voltage": {**GOOD_ENTRY, "gain": 1.05}},
        {"io1.voltage": {"gain": 1.0}},
    ],
)
def test_a_damaged_file_is_refused(data: object) -> None:
    with pytest.raises(SettingError, match="calibration"):
        Calibration.from_dict(data)
    Calibration.from_dict({"io1.voltage": GOOD_ENTRY})


def test_a_calibration_takes_effect_at_the_next_scan() -> None:
    bench = Bench()
    before = bench.scan().io2_v.value
    bench.board.calibration = Calibration().with_points(
        "io2.voltage", (0.0, 0.0), (10.0, 10.5), AT, AUTHOR
    )
    assert bench.scan().io2_v.value == pytest.approx(before * 1.05)
    assert bench.board.raw("io2.voltage") == pytest.approx(before)
