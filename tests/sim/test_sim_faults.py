"""What can be wrong with a site: weak supplies, unequal blocks, readings and lines that lie."""

from __future__ import annotations

import itertools
import json

import pytest

from btrmd.hal.board import HatBoard
from btrmd.hal.chips.i2c import I2CBus
from btrmd.hal.config import REFERENCE, load_hardware
from btrmd.hal.sim.keys import KEYS, set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.hal.sim.reading_fault import read_lie
from btrmd.hal.sim.saved import encode_plant, restore_plant
from btrmd.hal.sim.truth import truth as truth_of
from btrmd.hal.sim.world import open_world

CONFIG = load_hardware(REFERENCE)


def changed(plant: Plant, **keys: object) -> None:
    set_keys(plant, {key.replace("__", "."): value for key, value in keys.items()})


# --- a weak supply -------------------------------------------------------------------------------


def test_ohms_take_their_volts_and_a_dead_short_of_them_is_caught_by_the_guard(run, plant):
    changed(plant, load__amps=5, supply__ohms=0.2)
    run(plant, 2)
    # 13.6 V less 5 A in 0.203 ohm; the HAT lives on the battery, which is higher now
    assert plant.sense().supply_v == pytest.approx(13.6 - 5.0 * 0.203, abs=0.01)
    assert plant.sense().supply_a == pytest.approx(5.0, abs=0.01)
    assert not plant.sense().guard
    changed(plant, supply__ohms=0.8, charger__on=0)
    plant.set_coil("k1", True)  # else the guard lets go after 10 s, and has to come again
    run(plant, 300)
    sense = plant.sense()
    assert sense.guard
    assert sense.load_v > 12.0, "the battery gives what the supply cannot"
    assert sense.battery_a < -1.0
    assert 0.3 < sense.supply_a < 2.0
    assert plant.dropped_s == 0.0


@pytest.mark.parametrize("blocks", [1, 4])
def test_beyond_its_limit_a_supply_gives_its_limit_and_the_battery_the_rest(run, blocks):
    plant = Plant(blocks)
    plant.noise = False
    changed(plant, load__amps=5, supply__limit_a=3, charger__on=0)
    run(plant, 3)
    sense = plant.sense()
    assert sense.guard
    assert sense.supply_a == pytest.approx(3.0, abs=0.1)
    assert sense.battery_a == pytest.approx(-2.0 - 4.0 / sense.battery_v, abs=0.15)
    assert plant.dropped_s == 0.0
    changed(plant, supply__limit_a="none")
    run(plant, 30)
    assert plant.sense().supply_a > 5.0
    assert not plant.sense().guard


@pytest.mark.parametrize(("inrush", "holds"), [(2.0, True), (6.0, False)])
def test_at_its_limit_a_supply_goes_on_feeding_a_bus_that_falls(run, inrush, holds):
    """3 A come, 4 A and the HAT are taken for 20 ms: 10 mF fall by 2.3 V. Where 12 A are taken
    they fall to the guard's 21 V, and it closes again."""
    plant = Plant(2)
    plant.noise = False
    changed(plant, supply__on=0, charger__on=0)
    run(plant, 3)
    assert plant.guard.active
    changed(plant, load__amps=2, load__inrush=inrush, supply__on=1, supply__limit_a=3)
    plant.lowest_v_block = 20.0
    moves = plant.guard.moves
    run(plant, 12)
    assert plant.guard.active is not holds
    assert plant.guard.moves - moves == (1 if holds else 2)
    fallen = 27.2 - 0.06 - plant.lowest_v_block * 2
    if holds:
        assert fallen == pytest.approx((4.0 + 4.0 / 27.2 - 3.0) * 0.02 / 0.01, abs=0.1)
    else:
        assert plant.lowest_v_block == pytest.approx(10.5, abs=0.1)


def test_while_the_bus_falls_a_limited_supply_is_read_at_its_limit(run):
    plant = Plant(1)
    plant.noise = False
    changed(plant, load__amps=5, supply__limit_a=3, charger__on=0)
    plant.step(0.005)
    sense = plant.sense()
    assert not sense.guard
    assert sense.supply_a == pytest.approx(3.0)
    assert sense.load_v == pytest.approx(13.57 - (5.0 + 4.0 / 13.6 - 3.0) * 0.005 / 0.01, abs=0.05)
    assert sense.supply_v == pytest.approx(sense.load_v + 0.03, abs=0.05)


def test_a_limit_without_a_battery_behind_it_locks_the_load_out(run, plant):
    changed(plant, load__amps=5, supply__limit_a=3, battery__fuse=0, charger__on=0)
    run(plant, 3)
    assert plant.sense().load_a == 0.0
    assert plant.lowest_v_block < 9.0
    assert plant.dead_s > 0.0
    assert plant.dropped_s == 0.0


def test_an_inrush_lasts_20_ms_of_each_transfer(run, plant):
    changed(plant, load__amps=2, load__inrush=10)
    run(plant, 1)
    assert plant.lowest_v_block > 13.0, "no transfer, no inrush"
    plant.set_coil("k2", True)
    plant.set_coil("k1", True)
    plant.heartbeat()
    plant.step(0.012)
    assert plant.sense().load_a == 20.0
    plant.step(0.1)
    assert plant.sense().load_a == 2.0
    assert plant.dropped_s == 0.0


# --- a bank of unequal blocks --------------------------------------------------------------------


def test_the_bank_is_the_sum_of_its_blocks_and_the_weak_one_ends_it(run):
    even, uneven = Plant(4), Plant(4)
    for plant in (even, uneven):
        plant.noise = False
        changed(plant, load__amps=3, charger__on=0)
    changed(uneven, battery__block2__soh=0.4)
    for plant in (even, uneven):
        changed(plant, supply__on=0)
        run(plant, 3600, 1.0)
    assert (
        truth_of(uneven)["battery"]["true_runtime_s"]
        < 0.75 * truth_of(even)["battery"]["true_runtime_s"]
    )
    blocks = uneven.battery.volts_under(0.0)
    assert sum(blocks) == pytest.approx(4 * uneven.battery.thevenin()[0])
    assert min(blocks) == blocks[1]
    assert blocks[0] == blocks[2] == blocks[3]


def test_a_shorted_cell_takes_a_sixth_of_its_block(run, plant):
    before = plant.battery.thevenin()[0]
    changed(plant, battery__block1__shorted_cells=1)
    assert plant.battery.thevenin()[0] == pytest.approx(before * 5 / 6)
    changed(plant, battery__block1__shorted_cells=0)
    assert plant.battery.thevenin()[0] == pytest.approx(before)


def test_a_block_that_the_bank_does_not_have_waits_for_it(plant):
    changed(plant, battery__block2__soh=0.5, battery__soc=0.7)
    assert truth_of(plant)["battery"]["soc"] == pytest.approx(0.7)
    changed(plant, battery__blocks=2)
    assert [part.soh for part in plant.battery.parts] == [1.0, 0.5]
    assert truth_of(plant)["battery"]["soc"] == pytest.approx(0.7)
    changed(plant, battery__soh=0.9)
    assert plant.battery.soh == 0.9
    assert not plant.block_soh, "the health of the bank is that of all its blocks"


def test_an_unequal_bank_on_float_stays_where_it_is(run):
    plant = Plant(4)
    plant.noise = False
    changed(plant, battery__block3__soh=0.6)
    for _ in range(48):
        plant.coast(3600.0)
    assert plant.sense().battery_v == pytest.approx(4 * 13.52, abs=0.1)
    assert 0.0 <= plant.sense().charger_a < 0.1


# --- readings and lines that lie -----------------------------------------------------------------


def station():
    """A world and a board on it."""
    world = open_world(CONFIG, None)
    world.plant.noise = False
    board = HatBoard(CONFIG, I2CBus(lambda: world.wires), world.pins.factory)
    now = [0.0]

    def scan(seconds: float = 0.1):
        for _ in range(max(round(seconds / 0.1), 1)):
            world.plant.heartbeat()
            world.advance(0.1)
            now[0] += 0.1
            inputs = board.read(now[0], now[0])
        return inputs

    return world, scan


@pytest.mark.parametrize(
    ("point", "field"),
    [
        ("battery.voltage", "battery_v"), ("battery.current", "battery_a"),
        ("load.voltage", "load_v"), ("load.current", "load_a"),
        ("charger.voltage", "charger_v"), ("charger.current", "charger_a"),
        ("supply.voltage", "supply_v"), ("supply.current", "supply_a"),
        ("system.temperature", "temperature"), ("io1.voltage", "io1_v"), ("io4.voltage", "io4_v"),
    ],
)  # fmt: skip
def test_a_reading_lies_as_told_and_everything_else_is_true(point, field):
    world, scan = station()
    world.change({"ch1.volts": 5, "ch4.volts": 7, "battery.soc": 0.5, "temperature.c": 20})
    true = scan(3.0)
    value = getattr(true, field).value
    key = f"fault.reading.{point}"
    assert world.change({key: "x0.5"})
    assert getattr(scan(1.2), field).value == pytest.approx(0.5 * value, abs=0.03)
    world.change({key: "-2.0"})
    lying = scan(1.2)
    assert getattr(lying, field).value == pytest.approx(value - 2.0, abs=0.06)
    others = [name for name in true._fields[:13] if name != field]
    for name in others:
        assert getattr(lying, name).value == pytest.approx(getattr(true, name).value, abs=0.08)
    world.change({key: "off"})
    assert getattr(scan(1.5), field).value == pytest.approx(value, abs=0.06)


def test_a_held_reading_stays_where_it_was_while_the_plant_moves_on():
    world, scan = station()
    held = scan(2.0).battery_v.value
    world.change({"fault.reading.battery.voltage": "hold"})
    world.change({"battery.soc": 0.4})
    inputs = scan(2.0)
    assert inputs.battery_v.value == pytest.approx(held, abs=0.03)
    assert inputs.battery_v.good
    assert all(answers for _, answers in inputs.chips), "the chip itself is well"
    assert world.plant.sense().battery_v < held - 0.5


def test_a_drift_is_in_volts_an_hour_and_noise_within_its_bounds():
    world, scan = station()
    true = scan(2.0).supply_v.value
    world.change({"fault.reading.supply.voltage": "drift:-36"})
    assert scan(60.0).supply_v.value == pytest.approx(true - 0.6, abs=0.03)
    world.change({"fault.reading.supply.voltage": "noise:0.5"})
    seen = [scan().supply_v.value - true for _ in range(200)]
    assert -0.53 < min(seen) < -0.3
    assert 0.3 < max(seen) < 0.53


@pytest.mark.parametrize(
    ("line", "level", "reported"),
    [("guard", "low", True), ("guard", "high", False),  # active low
     ("batt_path", "high", True), ("batt_path", "low", False)],
)  # fmt: skip
def test_a_line_tells_its_level_whatever_is_there(line, level, reported):
    world, scan = station()
    world.change({f"fault.{line}": level})
    assert getattr(scan(), line) is reported
    world.change({"supply.on": 0, "battery.fuse": 0, "charger.on": 0})
    assert getattr(scan(2.0), line) is reported
    world.change({f"fault.{line}": "off"})
    assert getattr(scan(), line) is (line == "guard")


# --- chatter -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
@pytest.mark.parametrize("coil", [False, True])
def test_chattering_contacts_move_by_themselves(run, name, coil):
    plant = Plant()
    plant.noise = False
    plant.set_coil(name, coil)
    run(plant, 1)
    set_keys(plant, {f"fault.relay.{name}": "chatter"})
    seen = []
    for _ in range(200):
        run(plant, 0.01, 0.01)
        seen.append(plant.relays.contact(name))
    moves = sum(a is not b for a, b in itertools.pairwise(seen))
    assert 10 < moves < 60
    assert plant.dropped_s == 0.0
    set_keys(plant, {f"fault.relay.{name}": "off"})
    run(plant, 1)
    assert plant.relays.contact(name) is coil


def test_a_load_behind_a_chattering_k3_is_dead_and_not_dropped(run, plant):
    changed(plant, fault__relay__k3="chatter", supply__on=0)
    run(plant, 5)
    assert plant.dead_s > 0.05
    assert plant.dropped_s < 0.05


# --- an open LVD ---------------------------------------------------------------------------------


def dark(plant: Plant, run, seconds: float) -> tuple[float, float]:
    """(dropped, dead) seconds while K3 keeps the battery off and there is no supply."""
    dropped, dead = plant.dropped_s, plant.dead_s
    run(plant, seconds)
    return plant.dropped_s - dropped, plant.dead_s - dead


def test_an_open_lvd_is_no_excuse_for_a_good_battery(run, plant):
    changed(plant, supply__on=0, charger__on=0)
    plant.unfed.lvd_is_open = True
    plant.set_coil("k3", True)
    dropped, _ = dark(plant, run, 5)
    assert dropped > 4.5


def test_it_is_one_from_10_5_v_until_a_minute_above_12_5_v(run, plant):
    changed(plant, supply__on=0, charger__on=0, battery__soc=0.01)
    run(plant, 1)
    plant.unfed.lvd_is_open = True
    plant.set_coil("k3", True)
    assert dark(plant, run, 5)[0] < 0.1
    changed(plant, battery__soc=0.6)  # 12.3 V: recovered, and not yet well
    assert dark(plant, run, 120)[0] == 0.0
    saved = json.loads(json.dumps(encode_plant(plant)))
    again = Plant()
    restore_plant(again, saved)
    assert again.unfed.is_lvd_justified
    changed(plant, battery__soc=1.0)
    assert dark(plant, run, 59)[0] == 0.0
    assert dark(plant, run, 10)[0] > 5.0


def test_a_policy_that_forbids_the_battery_is_one(run, plant):
    changed(plant, supply__on=0, charger__on=0)
    plant.unfed.is_permitted = False
    plant.set_coil("k3", True)
    assert dark(plant, run, 5)[0] == 0.0


# --- on the disk ---------------------------------------------------------------------------------


def test_all_of_it_outlives_the_process(run):
    plant = Plant(2)
    raw = {
        "supply.ohms": 0.3, "supply.limit_a": 4, "load.inrush": 3, "battery.block2.soh": 0.7,
        "battery.block1.shorted_cells": 1, "fault.reading.battery.voltage": "hold",
        "fault.reading.supply.voltage": "drift:-2", "fault.reading.load.voltage": "x0.9",
        "fault.reading.io1.voltage": "-1.5", "fault.reading.io2.voltage": "noise:0.25",
        "fault.guard": "low", "fault.batt_path": "high", "fault.relay.k2": "chatter",
    }  # fmt: skip
    set_keys(plant, raw)
    held = plant.sense().battery_v
    run(plant, 30)
    saved = json.loads(json.dumps(encode_plant(plant)))
    again = Plant()
    assert restore_plant(again, saved) == []
    assert encode_plant(again) == saved
    assert again.reading_faults["battery.voltage"].tell(3.0, 0.0) == pytest.approx(held, abs=0.03)
    assert [part.charge for part in again.battery.parts] == [
        part.charge for part in plant.battery.parts
    ]


@pytest.mark.parametrize("text", ["hold", "x0.78", "x-1", "+1.5", "-2", "drift:-0.5", "noise:0.3"])
def test_a_lie_is_written_as_it_is_read(text):
    lie = read_lie(text)
    assert lie is not None
    assert read_lie(lie.text) == lie


def test_every_sensor_has_its_key():
    points = [f"{name}.voltage" for name in CONFIG.voltages]
    points += [f"{name}.current" for name in CONFIG.currents] + ["system.temperature"]
    assert {f"fault.reading.{point}" for point in points} == {
        key for key in KEYS if key.startswith("fault.reading.")
    }
