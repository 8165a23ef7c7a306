"""The battery's character against the makers' figures and the measured shape (BATTERY.md)."""

from __future__ import annotations

import time

import pytest

from btrmd.hal.sim.battery import SimBattery
from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.hal.sim.truth import truth as truth_of


def discharged(
    rate: float,
    end_v: float,
    *,
    rated_ah: float = 17.0,
    soh: float = 1.0,
    temperature_c: float = 25.0,
    dt: float = 5.0,
) -> tuple[float, list[float]]:
    """(charge in units of the rating, volts) of a run from full at `rate` x rating to `end_v`."""
    battery = SimBattery(rated_ah, soh, temperature_c)
    amps, spent, curve = rate * rated_ah, 0.0, []
    while True:
        battery.advance(dt, -amps)
        spent += dt
        emf, ohms = battery.thevenin()
        curve.append(emf - ohms * amps)
        if curve[-1] <= end_v:
            return rate * spent / 3600.0, curve


@pytest.mark.parametrize(
    ("hours", "charge"),
    [(1, 0.50), (2, 0.59), (3, 0.69), (5, 0.78), (8, 0.86), (10, 0.90), (20, 0.98)],
)
@pytest.mark.parametrize("rated_ah", [7.0, 100.0])
def test_charge_against_rate(hours, charge, rated_ah):
    found, _ = discharged(charge / hours, 11.1, rated_ah=rated_ah)
    assert found == pytest.approx(charge, abs=0.02)


def test_the_rating_is_a_20_h_figure_to_10_5_v():
    assert discharged(0.05, 10.5)[0] == pytest.approx(1.0, abs=0.01)


def test_the_shape_at_c10_is_the_measured_one():
    _, curve = discharged(0.1, 11.0)
    for share, volts in zip(
        (0.10, 0.25, 0.50, 0.75, 0.90, 0.95),
        (12.55, 12.38, 12.05, 11.69, 11.38, 11.23),
        strict=True,
    ):
        assert curve[int(share * len(curve))] == pytest.approx(volts, abs=0.025)


def test_coup_de_fouet_dips_below_the_plateau_that_follows():
    _, curve = discharged(0.1, 12.5, dt=1.0)
    trough = min(curve[:300])
    plateau = max(curve[300:900])
    assert 0.01 < plateau - trough < 0.1
    again = SimBattery()
    again.charge.removed = 0.1  # not full: no dip
    for _ in range(120):
        again.advance(1.0, -1.7)
    emf, ohms = again.thevenin()
    assert emf - ohms * 1.7 > trough + 0.05


@pytest.mark.parametrize(
    ("temperature_c", "share", "within"),
    [(-10.0, 0.74, 0.02), (0.0, 0.86, 0.02), (10.0, 0.92, 0.02), (40.0, 1.03, 0.015)],
)
def test_capacity_against_temperature(temperature_c, share, within):
    usual, _ = discharged(0.1, 11.1)
    found, _ = discharged(0.1, 11.1, temperature_c=temperature_c)
    assert found / usual == pytest.approx(share, abs=within)


def test_age_takes_capacity_and_adds_resistance():
    usual, _ = discharged(0.05, 10.5)
    old, _ = discharged(0.05, 10.5, soh=0.7)
    assert old / usual == pytest.approx(0.7, abs=0.03)
    assert SimBattery(17.0, 0.7).r_ohmic > 1.15 * SimBattery(17.0).r_ohmic


def test_it_recovers_at_rest():
    battery = SimBattery()
    for _ in range(1800):
        battery.advance(1.0, -10.0)
    under_load = battery.thevenin()[0]
    battery.advance(3600.0, 0.0)
    assert battery.thevenin()[0] > under_load + 0.2


def test_one_long_step_at_rest_is_many_short_ones():
    one, many = SimBattery(), SimBattery()
    for battery in (one, many):
        battery.advance(600.0, -2.0)
        battery.charge.surface = 0.5
    one.advance(3600.0, 0.0)
    for _ in range(3600):
        many.advance(1.0, 0.0)
    assert one.thevenin()[0] == pytest.approx(many.thevenin()[0], abs=1e-6)


def test_the_charger_goes_through_its_stages_and_fills_it(run, plant):
    set_keys(plant, {"battery.soc": 0.3})
    stages = []
    for _ in range(30 * 60):
        run(plant, 60, 1.0)
        stage = truth_of(plant)["charger"]["stage"]
        if not stages or stages[-1] != stage:
            stages.append(stage)
            volts = plant.sense().battery_v
            assert {"bulk": volts < 14.38, "absorption": volts > 14.3, "float": True}[stage]
    assert stages == ["bulk", "absorption", "float"]
    truth = truth_of(plant)
    assert truth["battery"]["soc"] > 0.99
    assert truth["battery"]["volts"] == pytest.approx(13.52, abs=0.03)
    assert 0.0 < truth["battery"]["amps"] < 0.1


def test_charger_off_and_on_again(run, plant):
    set_keys(plant, {"charger.on": 0})
    run(plant, 1)
    assert truth_of(plant)["charger"] == {"volts": 0.0, "amps": 0.0, "on": False, "stage": "off"}
    set_keys(plant, {"charger.on": 1})
    run(plant, 1)
    assert truth_of(plant)["charger"]["stage"] in ("bulk", "absorption")
    assert plant.sense().charger_v > 13.0


@pytest.mark.parametrize(
    ("keys", "blocks"),
    [
        ({"load.amps": 2.0}, 1),
        ({"load.amps": 20.0, "battery.rated_ah": 100, "battery.soh": 0.8}, 4),
        ({"load.amps": 5.0, "battery.rated_ah": 7, "temperature.c": 0}, 2),
    ],
)
def test_true_runtime_is_what_happens(run, keys, blocks):
    plant = Plant(blocks)
    set_keys(plant, keys)
    run(plant, 10)
    before = truth_of(plant)["battery"]["true_runtime_s"]
    plant.set_coil("k2", True)
    plant.set_coil("k1", True)
    run(plant, 1)
    in_test = truth_of(plant)["battery"]["true_runtime_s"]
    run(plant, 0.9 * before, 1.0)
    late = truth_of(plant)["battery"]["true_runtime_s"]
    while plant.crossed_s is None:
        run(plant, 1, 1.0)
    assert plant.sense().battery_v == pytest.approx(11.0 * blocks, abs=0.05)
    assert truth_of(plant)["battery"]["true_runtime_s"] == plant.crossed_s
    for said in (before, in_test, late):
        assert said == pytest.approx(plant.crossed_s, rel=0.002)


def test_true_runtime_follows_the_load_in_a_test_and_a_profile(run, plant, tmp_path):
    plant.set_coil("k1", True)
    run(plant, 3600, 1.0)
    light = truth_of(plant)["battery"]["true_runtime_s"]
    set_keys(plant, {"load.amps": 4})
    run(plant, 1)
    heavy = truth_of(plant)["battery"]["true_runtime_s"]
    assert 3600 < heavy < 0.65 * light
    path = tmp_path / "radio.csv"
    path.write_text("time_s,amps\n0,1\n55,3\n60,1\n")
    plant = Plant()
    set_keys(plant, {"load.profile": path})
    said = truth_of(plant)["battery"]["true_runtime_s"]
    plant.set_coil("k2", True)
    plant.set_coil("k1", True)
    while plant.crossed_s is None:
        run(plant, 5, 1.0)
    assert said == pytest.approx(plant.crossed_s, rel=0.02)


def test_no_load_has_no_runtime(plant):
    set_keys(plant, {"load.amps": 0})
    assert truth_of(plant)["battery"]["true_runtime_s"] is None


def test_looking_ahead_is_quick():
    plant = Plant()
    set_keys(plant, {"battery.rated_ah": 100, "load.amps": 0.2})
    start = time.thread_time()
    assert truth_of(plant)["battery"]["true_runtime_s"] > 400 * 3600
    assert time.thread_time() - start < 0.02


def test_four_hours_in_seconds_take_less_than_one(run, plant):
    plant.set_coil("k1", True)
    start = time.thread_time()
    run(plant, 14_400, 1.0)
    assert time.thread_time() - start < 1.0
