"""The load bus through transfers, outages and faults: fed without a gap, or counted to the ms."""

from __future__ import annotations

import pytest

from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.hal.sim.truth import truth as truth_of


def changed(plant: Plant, **keys: object) -> None:
    set_keys(plant, {key.replace("_", ".", 1): value for key, value in keys.items()})


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
@pytest.mark.parametrize("amps", [0.2, 2.0, 10.0, 22.0])
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_whole_test_sequence_is_gap_free(run, blocks, amps, dt):
    plant = Plant(blocks)
    changed(plant, battery_rated_ah=100, load_amps=amps)
    run(plant, 5, dt)
    plant.set_coil("k2", True)
    run(plant, 30, dt)
    assert abs(plant.sense().charger_a) < 0.1
    plant.set_coil("k1", True)
    run(plant, 5, dt)
    sense = plant.sense()
    assert sense.battery_a <= -0.8 * sense.load_a
    assert sense.supply_a < 0.5  # the HAT's own draw
    assert sense.load_v >= sense.battery_v - 0.5
    plant.set_coil("k2", False)
    run(plant, 2, dt)
    plant.set_coil("k1", False)
    run(plant, 5, dt)
    assert plant.sense().load_v > 13.0 * blocks
    assert not plant.sense().guard
    assert plant.dropped_s == plant.dead_s == 0.0
    assert plant.lowest_v_block > 11.5


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
@pytest.mark.parametrize("amps", [0.2, 2.0, 10.0, 22.0])
def test_the_guard_carries_the_load_through_a_supply_loss(run, blocks, amps):
    plant = Plant(blocks)
    changed(plant, battery_rated_ah=100, load_amps=amps, charger_on=0)
    run(plant, 1)
    changed(plant, supply_on=0)
    run(plant, 3)
    sense = plant.sense()
    assert sense.guard
    assert sense.load_v > 11.5 * blocks
    assert sense.battery_a == pytest.approx(-amps - 4.0 / sense.battery_v, abs=0.05)
    assert plant.dropped_s == plant.dead_s == 0.0
    assert 10.0 <= plant.lowest_v_block < 10.5


def test_the_guard_lets_go_10_s_after_the_supply_is_back(run, plant):
    changed(plant, supply_on=0)
    run(plant, 3)
    changed(plant, supply_on=1)
    run(plant, 9.8)
    assert plant.sense().guard
    run(plant, 0.4)
    assert not plant.sense().guard
    assert plant.sense().supply_a > 1.9


def test_the_guard_holds_while_k1_is_on_or_the_supply_is_weak(run, plant):
    plant.set_coil("k1", True)
    changed(plant, supply_on=0, charger_on=0)
    run(plant, 1)
    changed(plant, battery_fuse=0)
    run(plant, 1)
    assert plant.sense().guard
    changed(plant, supply_on=1, supply_volts=11.4, battery_fuse=1)
    run(plant, 15)
    assert plant.sense().guard  # K1
    plant.set_coil("k1", False)
    run(plant, 15)
    assert plant.sense().guard  # 11.4 V
    changed(plant, supply_volts=13.6)
    run(plant, 10.1)
    assert not plant.sense().guard


def test_the_guard_beats_a_welded_and_a_stuck_transfer_relay(run, plant):
    plant.relay_faults["k1"] = "welded"
    plant.set_coil("k1", True)
    run(plant, 1)
    assert plant.sense().supply_a > 1.9  # it did not move
    changed(plant, supply_on=0)
    run(plant, 2)
    assert plant.sense().guard
    assert plant.dropped_s == plant.dead_s == 0.0


def test_without_a_guard_the_load_drops_until_k1_moves(run, plant):
    plant.guard.is_fitted = False
    run(plant, 1)
    changed(plant, supply_on=0)
    run(plant, 0.2, 0.01)
    plant.set_coil("k1", True)
    run(plant, 1)
    # 3.5 V of 10 mF at 2 A hold it for 17 ms, K1 needs 5 ms
    assert plant.dropped_s == pytest.approx(0.2 - 0.0175 + 0.005, abs=0.002)


def test_an_open_battery_path_is_dropped_when_the_battery_is_permitted(run, plant):
    plant.set_coil("k3", True)
    run(plant, 1)
    assert not plant.sense().batt_path
    changed(plant, supply_on=0)
    run(plant, 2)
    hold_up = (13.56 - 10.0) * 0.010 / 2.0  # the bus capacitor
    assert plant.dropped_s == pytest.approx(2.0 - hold_up, abs=0.001)
    assert plant.dead_s == 0.0
    plant.set_coil("k3", False)
    run(plant, 0.004, 0.001)
    before = plant.dropped_s
    run(plant, 1)
    assert plant.dropped_s == pytest.approx(before + 0.001, abs=1e-4)  # the contact: 5 ms in all


@pytest.mark.parametrize(
    "reason", [{"battery.fuse": 0, "charger.on": 0}, {"battery.soc": 0.0, "charger.on": 0}, {}]
)
def test_without_a_source_the_load_is_dead_not_dropped(run, plant, reason):
    if not reason:  # LVD, or UPS mode off
        plant.set_coil("k3", True)
        plant.unfed.is_permitted = False
    set_keys(plant, reason)
    run(plant, 1)
    changed(plant, supply_on=0)
    run(plant, 5)
    assert plant.dropped_s == 0.0
    assert plant.dead_s > 4.9


def test_a_path_that_is_welded_open_cannot_feed(run, plant):
    plant.set_coil("k3", True)
    run(plant, 1)
    plant.relay_faults["k3"] = "welded"
    plant.set_coil("k3", False)
    run(plant, 1)
    changed(plant, supply_on=0)
    run(plant, 1)
    assert plant.dropped_s == 0.0
    assert plant.dead_s > 0.9


def test_the_dying_battery_lets_the_load_go_once_and_the_hat_too(run, plant):
    changed(plant, battery_soc=0.01, charger_on=0, supply_on=0, load_amps=5)
    run(plant, 3 * 3600, 1.0)
    truth = truth_of(plant)
    assert truth["load"]["amps"] == 0.0
    assert truth["load"]["dead_s"] > 3000
    assert truth["load"]["dropped_s"] == 0.0
    assert not plant.sense().powered
    plant.set_coil("k3", True)
    run(plant, 1)
    assert not truth_of(plant)["relays"]["k3"]["coil"]  # no power, no coil
    changed(plant, supply_on=1)
    run(plant, 3)
    assert plant.sense().powered
    assert truth_of(plant)["relays"]["k3"]["contact"]


def test_the_charger_feeds_the_load_through_node_n(run, plant):
    changed(plant, supply_on=0)
    run(plant, 60)
    sense = plant.sense()
    assert sense.charger_a > 2.0
    assert sense.charger_a == pytest.approx(
        sense.load_a + sense.battery_a + 4.0 / sense.battery_v, abs=0.02
    )


def test_two_equal_sources_share_and_the_sum_fits(run, plant):
    plant.set_coil("k2", True)
    changed(plant, load_amps=20, battery_rated_ah=100, battery_soc=0.9)
    plant.set_coil("k1", True)
    plant.guard.active = True  # both contacts closed, and they stay so
    run(plant, 600, 1.0)
    changed(plant, supply_volts=plant.battery.thevenin()[0] + 0.03)
    run(plant, 1)
    sense = plant.sense()
    assert sense.supply_a > 2.0
    assert sense.battery_a < -2.0
    hat = 4.0 / max(sense.supply_v, sense.battery_v)
    assert sense.supply_a - sense.battery_a == pytest.approx(20.0 + hat, abs=0.01)


@pytest.mark.parametrize("ohms", [1.5, 2.0, 4.0])
def test_the_hat_draws_no_weak_supply_below_the_battery(run, plant, ohms):
    """Its two diodes let it take from the battery what would: both end at the same volts."""
    plant.set_coil("k1", True)
    plant.set_coil("k2", True)
    changed(plant, supply_ohms=ohms, load_amps=2, battery_rated_ah=100)
    run(plant, 60, 1.0)
    sense = plant.sense()
    assert sense.supply_v == pytest.approx(sense.battery_v, abs=0.01)
    assert sense.supply_a == pytest.approx((13.6 - sense.supply_v) / (ohms + 0.003), abs=1e-3)
    hat = 4.0 / sense.battery_v
    assert 0.0 < sense.supply_a < hat
    assert -sense.battery_a == pytest.approx(sense.load_a + hat - sense.supply_a, abs=0.01)


def test_single_source_is_one_source_with_one_current(run, plant):
    plant.single_source = True
    changed(plant, battery_soc=0.5)
    run(plant, 60)
    sense = plant.sense()
    assert sense.charger_a == 0.0
    assert sense.supply_a == pytest.approx(2.0 + 4.0 / 13.6 + sense.battery_a, abs=0.02)
    assert sense.battery_a > 1.0
    changed(plant, supply_on=0)
    run(plant, 1)
    assert plant.sense().charger_v == 0.0
    assert truth_of(plant)["charger"]["on"] is False
    assert truth_of(plant)["charger"]["stage"] == "off"


def test_a_bypassed_load_misses_its_shunt_and_nothing_else(run, plant):
    changed(plant, wiring_load_bypass=0.25)
    run(plant, 1)
    assert plant.sense().load_a == pytest.approx(1.5)
    assert truth_of(plant)["load"]["amps"] == 2.0
    assert plant.sense().supply_a > 2.0


def test_a_profile_changes_the_load_within_the_step(run, plant, tmp_path):
    path = tmp_path / "radio.csv"
    path.write_text("time_s,amps\n0,1\n0.75,5\n1.0,1\n")
    changed(plant, load_profile=str(path))
    seen = []
    for _ in range(40):
        plant.step(0.1)
        seen.append(truth_of(plant)["load"]["amps"])
    assert sorted(set(seen)) == [1.0, 5.0]
    assert seen.count(5.0) == pytest.approx(10, abs=4)
    changed(plant, load_profile="off")
    run(plant, 3)
    assert plant.load.profile is None


def test_noise_is_small_seeded_and_not_in_the_truth(run):
    one, two = Plant(seed=7), Plant(seed=7)
    run(one, 1)
    run(two, 1)
    assert one.sense() == two.sense()
    assert one.sense() is one.sense()  # one measurement a step
    assert one.sense().battery_v != truth_of(one)["battery"]["volts"]
    assert one.sense().battery_v == pytest.approx(truth_of(one)["battery"]["volts"], abs=0.02)
