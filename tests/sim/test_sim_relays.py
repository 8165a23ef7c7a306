"""Contacts move at their milliseconds, make before break, and never without heartbeat."""

from __future__ import annotations

import pytest

from btrmd.hal.sim.plant import Plant
from btrmd.hal.sim.relays import Relays
from btrmd.hal.sim.truth import truth as truth_of


def moments(plant: Plant, names: tuple[str, ...], seconds: float) -> dict[str, float]:
    """Milliseconds from now at which each contact changed."""
    before = {name: getattr(plant.relays, name) for name in names}
    found: dict[str, float] = {}
    start = plant.plant_s
    while plant.plant_s < start + seconds:
        plant.step(0.001)
        for name in names:
            if name not in found and getattr(plant.relays, name) is not before[name]:
                found[name] = round((plant.plant_s - start) * 1000)
    return found


def test_k1_makes_before_it_breaks(plant):
    plant.heartbeat()
    plant.set_coil("k1", True)
    assert moments(plant, ("s1_open", "s2_closed"), 0.03) == {"s2_closed": 5, "s1_open": 15}
    assert truth_of(plant)["relays"]["k1"] == {"coil": True, "contact": True}
    plant.set_coil("k1", False)
    assert moments(plant, ("s1_open", "s2_closed"), 0.03) == {"s1_open": 5, "s2_closed": 15}


def test_a_change_of_mind_never_opens_both(plant):
    for pause_ms in range(1, 25):
        plant.heartbeat()
        plant.set_coil("k1", True)
        for _ in range(pause_ms):
            plant.step(0.001)
        plant.set_coil("k1", False)
        for _ in range(20):
            plant.step(0.001)
            assert plant.relays.s2_closed or not plant.relays.s1_open
        assert not plant.relays.s1_open
        assert not plant.relays.s2_closed


@pytest.mark.parametrize(("name", "contact"), [("k2", "k2_open"), ("k3", "k3_open")])
def test_k2_and_k3_open_their_path_in_5_ms(plant, name, contact):
    plant.heartbeat()
    plant.set_coil(name, True)
    assert moments(plant, (contact,), 0.02) == {contact: 5}


@pytest.mark.parametrize("dt", [0.01, 0.1, 1.0])
def test_two_seconds_without_an_edge_release_every_coil(plant, dt):
    for name in ("k1", "k2", "k3"):
        plant.set_coil(name, True)
    plant.heartbeat()
    for _ in range(round(2.0 / dt) - (1 if dt < 1.0 else 0)):
        plant.step(dt)
    if dt < 1.0:
        assert all(relay["coil"] for relay in truth_of(plant)["relays"].values())
    plant.step(dt)
    plant.step(0.02)
    assert not any(relay["coil"] for relay in truth_of(plant)["relays"].values())
    assert not any(relay["contact"] for relay in truth_of(plant)["relays"].values())
    assert plant.dropped_s == 0.0
    plant.heartbeat()  # the pins still say on
    plant.step(0.02)
    assert all(relay["contact"] for relay in truth_of(plant)["relays"].values())


def test_no_coil_pulls_before_the_first_edge(plant):
    plant.set_coil("k2", True)
    plant.step(1.0)
    assert not truth_of(plant)["relays"]["k2"]["coil"]


@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
@pytest.mark.parametrize("energised", [False, True])
def test_welded_contacts_stay_and_an_open_coil_is_dead(run, plant, name, energised):
    plant.set_coil(name, energised)
    run(plant, 1)
    plant.relay_faults[name] = "welded"
    plant.set_coil(name, not energised)
    run(plant, 1)
    assert truth_of(plant)["relays"][name] == {"coil": not energised, "contact": energised}
    plant.relay_faults[name] = "off"
    run(plant, 1)
    assert truth_of(plant)["relays"][name]["contact"] is (not energised)
    plant.relay_faults[name] = "open"
    plant.set_coil(name, True)
    run(plant, 1)
    assert truth_of(plant)["relays"][name] == {"coil": False, "contact": False}


def test_a_late_heartbeat_moves_the_deadline():
    relays = Relays()
    relays.heartbeat(0.0)
    relays.heartbeat(1.5)
    relays.command("k2", True, 1.5)
    relays.fire(2.0)
    assert relays.coils["k2"]
    assert relays.due == 3.5
    relays.fire(3.5)
    assert not relays.coils["k2"]


@pytest.mark.parametrize("fault", ["welded", "chatter"])
def test_a_k3_that_is_mended_drops_nothing_while_its_contacts_come_back(run, plant, fault):
    """Until they are there nobody can feed the load; from then on an open path drops it."""
    plant.load.hold(2.0)
    plant.heartbeat()
    plant.set_coil("k3", True)
    run(plant, 0.1)
    plant.relay_faults["k3"] = "welded"
    plant.touch()
    plant.set_coil("k3", False)
    plant.supply.on = False
    plant.touch()
    run(plant, 1.0)
    assert plant.dead_s > 0.9
    if fault == "chatter":
        plant.relay_faults["k3"] = fault
        plant.touch()
        plant.step(0.001)  # too short for a move
    assert plant.relays.k3_open
    plant.relay_faults["k3"] = "off"
    plant.touch()
    run(plant, 1.0)
    assert not plant.relays.k3_open
    assert plant.dropped_s == 0.0
    plant.heartbeat()
    plant.set_coil("k3", True)
    run(plant, 0.5)
    plant.set_coil("k3", False)
    run(plant, 0.5)
    assert plant.dropped_s == pytest.approx(0.5, abs=0.02), "the daemon's own doing, and 5 ms more"
