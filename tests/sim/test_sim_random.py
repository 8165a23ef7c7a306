"""Random life of the plant: whatever happens, currents add up and a source that can feed does."""

from __future__ import annotations

from random import Random

import pytest

from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant

STEPS = (0.001, 0.013, 0.1, 1.0)


def happen(random: Random, plant: Plant) -> None:
    """One thing a site, a fault or a daemon may do, short of opening the battery path."""
    blocks = plant.blocks
    draw = random.random()
    if draw < 0.25:
        set_keys(plant, {"supply.on": random.randint(0, 1)})
    elif draw < 0.35:
        volts = random.choice([9.0, 10.2, 11.4, 12.7, 13.6, 15.0])
        set_keys(plant, {"supply.volts": volts * blocks})
    elif draw < 0.42:
        set_keys(plant, {"charger.on": random.randint(0, 1)})
    elif draw < 0.50:
        set_keys(plant, {"load.amps": random.choice([0.0, 0.2, 2.0, 10.0, 25.0])})
    elif draw < 0.55:
        set_keys(plant, {"battery.soc": random.choice([0.0, 0.01, 0.1, 0.5, 1.0])})
    elif draw < 0.60:
        set_keys(plant, {"battery.fuse": random.choice([0, 1, 1, 1])})
    elif draw < 0.65:
        changes = {"battery.rated_ah": random.choice([1, 17, 100, 2000])}
        set_keys(plant, changes | {"temperature.c": random.uniform(-40, 90)})
    elif draw < 0.72:
        fault = random.choice(["off", "off", "welded", "open"])
        plant.relay_faults[random.choice(["k1", "k2"])] = fault
    else:
        plant.set_coil(random.choice(["k1", "k2"]), random.random() < 0.5)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_drops_the_load_while_a_source_could_feed_it(seed):
    random = Random(seed)
    plant = Plant(seed % 4 + 1, seed=seed)
    plant.noise = False
    for _ in range(300):
        happen(random, plant)
        for _ in range(random.randint(1, 8)):
            if random.random() < 0.9:
                plant.heartbeat()
            plant.step(random.choice(STEPS))
        circuit = plant.circuit
        on_bus = circuit.supply_a - circuit.hat_supply + circuit.path_a
        if on_bus > 1e-6:  # else the capacitor carries the load
            assert on_bus == pytest.approx(plant.taken_a, abs=1e-6)
            fed = circuit.supply_a + circuit.charger_a
            spent = plant.taken_a + circuit.battery_a + circuit.hat_a
            assert fed == pytest.approx(spent, abs=1e-6)
        assert 0.0 <= plant.battery.charge.soc <= 1.0
        assert plant.dropped_s == 0.0
    assert plant.lowest_v_block >= 0.0


def test_it_fails_when_the_guard_is_taken_away():
    random = Random(0)
    plant = Plant()
    plant.guard.is_fitted = False
    for _ in range(300):
        happen(random, plant)
        plant.heartbeat()
        plant.step(0.1)
    assert plant.dropped_s > 0.0
