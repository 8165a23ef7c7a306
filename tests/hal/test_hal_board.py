"""The board on simulated wires: quality, faults, recovery, shunt drop, single source, buttons."""

from __future__ import annotations

import itertools

import pytest
from hal_bench import Bench, Sense

from btrmd.hal.channels import KEYS
from btrmd.model.board import Inputs
from btrmd.model.readings import BAD, GOOD, MISSING, STALE, Quality

FIELDS = dict(zip(KEYS, Inputs._fields, strict=False))
OWN = {
    0x40: {"battery_a"},
    0x41: {"load_a"},
    0x44: {"charger_a"},
    0x45: {"supply_a"},
    0x48: {"io1_v", "io2_v", "io3_v", "io4_v"},
    0x4A: {"battery_v", "load_v", "charger_v", "supply_v"},
    0x49: {"temperature"},
}


def with_quality(inputs: Inputs, quality: Quality) -> set[str]:
    return {name for name in FIELDS.values() if getattr(inputs, name).quality is quality}


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.scans(1.0)
    return bench


def test_every_channel_reads_what_the_plant_has(bench: Bench) -> None:
    inputs = bench.scan()
    sense = bench.plant.now
    for name in ("battery", "load", "charger", "supply"):
        for unit, step in (("v", 0.0025), ("a", 0.005)):
            value = getattr(inputs, f"{name}_{unit}").value
            assert value == pytest.approx(getattr(sense, f"{name}_{unit}"), abs=step)
    for channel, volts in enumerate(sense.io_v, 1):
        assert getattr(inputs, f"io{channel}_v").value == pytest.approx(volts, abs=0.0025)
    assert inputs.temperature.value == pytest.approx(23.5, abs=0.0625)
    assert with_quality(inputs, GOOD) == set(FIELDS.values())
    assert inputs.wall == pytest.approx(bench.now + 1.7e9)
    assert dict(inputs.chips) == {f"0x{address:02x}": True for address in OWN}
    assert bench.board.findings() == []


def test_discharge_and_negative_temperature_keep_their_sign(bench: Bench) -> None:
    bench.plant.put(battery_a=-18.5, temperature_c=-12.25)
    inputs = bench.scans(1.2)
    assert inputs.battery_a.value == pytest.approx(-18.5, abs=0.005)
    assert inputs.temperature.value == pytest.approx(-12.25)


def test_nothing_is_good_before_it_was_read() -> None:
    bench = Bench()
    bench.plant.i2c_faults = dict.fromkeys(OWN, "nack")
    inputs = bench.scan()
    assert with_quality(inputs, BAD) == set(FIELDS.values())


# --- shunt drop ---------------------------------------------------------------------------------


def test_the_shunt_drop_is_corrected_at_full_current(bench: Bench) -> None:
    bench.plant.put(battery_a=-22.0, load_a=22.0, supply_a=20.0, charger_a=15.0)
    inputs = bench.scan()
    for name in ("battery_v", "load_v", "charger_v", "supply_v"):
        # uncorrected they would be 30 to 44 mV off
        truth = getattr(bench.plant.now, name)
        assert getattr(inputs, name).value == pytest.approx(truth, abs=0.002)


def test_what_the_drop_has_added_is_told_so_that_a_chip_that_hangs_shows(bench: Bench) -> None:
    volts = ("battery_v", "load_v", "charger_v", "supply_v")
    bench.plant.put(battery_a=-2.0, load_a=2.0, supply_a=2.0, charger_a=1.0)
    first = bench.scan()
    assert first.drops_v == pytest.approx((0.004, -0.004, 0.002, 0.004), abs=2e-5)
    # the terminals' volts move so that the chip's inputs stand still
    bench.plant.put(battery_a=-12.0, load_a=12.0, supply_a=10.0, charger_a=11.0)
    bench.plant.put(
        **{
            name: getattr(bench.plant.now, name) + change
            for name, change in zip(volts, (0.02, -0.02, 0.02, 0.016), strict=True)
        }
    )
    second = bench.scan()
    for place, name in enumerate(volts):
        moved = getattr(second, name).value - getattr(first, name).value
        assert abs(moved) > 0.015
        assert moved == pytest.approx(second.drops_v[place] - first.drops_v[place], abs=0.004)
    bench.plant.i2c_faults[0x41] = "nack"
    assert bench.scans(0.5).drops_v[1] == 0.0, "not corrected while the current is not known"


def test_without_a_good_current_the_divider_stands_alone(bench: Bench) -> None:
    bench.plant.put(load_a=20.0)
    bench.scan()
    bench.plant.i2c_faults[0x41] = "nack"
    inputs = bench.scans(0.5)
    assert inputs.load_a.quality is BAD
    assert inputs.load_v.good
    # the divider sees the load's minus terminal lifted by 20 A x 2 mOhm
    assert inputs.load_v.value == pytest.approx(13.2 + 0.040, abs=0.002)


# --- faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", OWN)
@pytest.mark.parametrize("step", [0.1, 1.0])
def test_a_lost_chip_makes_its_own_points_bad_and_no_others(address: int, step: float) -> None:
    bench = Bench()
    bench.scans(5.0, step)
    bench.plant.i2c_faults[address] = "nack"
    inputs = bench.scans(3.5 if step < 1.0 else 4.0, step)
    assert with_quality(inputs, BAD) == OWN[address]
    assert with_quality(inputs, GOOD) == set(FIELDS.values()) - OWN[address]
    assert [key for key, answers in inputs.chips if not answers] == [f"0x{address:02x}"]
    (finding,) = bench.board.findings()
    assert f"0x{address:02x}" in finding
    bench.plant.i2c_faults[address] = "off"
    inputs = bench.scans(1.1, step)
    assert with_quality(inputs, GOOD) == set(FIELDS.values())
    assert all(answers for _, answers in inputs.chips)
    assert bench.board.findings() == []


def test_three_failed_reads_are_bad_and_two_are_not(bench: Bench) -> None:
    bench.plant.i2c_faults[0x40] = "nack"
    qualities = [bench.scan().battery_a.quality for _ in range(3)]
    assert qualities == [GOOD, GOOD, BAD]
    bench.plant.i2c_faults.clear()
    assert bench.scan().battery_a.quality is GOOD


def test_two_seconds_without_a_fresh_one_are_stale(bench: Bench) -> None:
    bench.scan()
    bench.plant.i2c_faults[0x40] = "nack"
    bench.plant.put(battery_a=9.0)
    first, second, third = (bench.scan(1.0).battery_a for _ in range(3))
    assert (first.quality, second.quality, third.quality) == (GOOD, STALE, BAD)
    assert second.value == pytest.approx(0.4)  # the last good one, not 0.0
    assert second.at == pytest.approx(bench.now - 3.0)


@pytest.mark.parametrize("address", [0x40, 0x41, 0x44, 0x45, 0x48, 0x4A])
@pytest.mark.parametrize("step", [0.1, 0.25, 1.0])
@pytest.mark.parametrize("phase", range(4))
def test_a_stuck_chip_is_bad_within_two_seconds(address: int, step: float, phase: int) -> None:
    bench = Bench()
    bench.scans(4.0 + phase * step, step)
    bench.plant.i2c_faults[address] = "stuck"
    bench.plant.put(battery_a=-9.0, load_a=9.0, charger_a=0.0, supply_a=0.0, battery_v=11.9)
    inputs = bench.scans(2.0, step)
    assert with_quality(inputs, BAD) == OWN[address]
    assert [key for key, answers in inputs.chips if not answers] == [f"0x{address:02x}"]
    for _ in range(25):  # and does not come back by chance
        inputs = bench.scan(step)
        assert with_quality(inputs, BAD) == OWN[address]
    bench.plant.i2c_faults[address] = "off"
    inputs = bench.scans(max(0.3, 2 * step), step)
    assert with_quality(inputs, GOOD) == set(FIELDS.values())


@pytest.mark.parametrize("ready", [0x0000, 0x0002])
def test_a_current_chip_is_found_frozen_with_conversion_ready_either_way(ready: int) -> None:
    bench = Bench()
    bench.scans(1.0)
    bench.plant.i2c_faults[0x41] = "stuck"
    bench.wires.read_word_data(0x41, 2)
    bench.wires._chips[0x41].registers[2] = ready
    bench.plant.put(load_a=1.0)
    seen = [bench.scan() for _ in range(20)]
    assert seen[-1].load_a.quality is BAD
    assert sum(inputs.load_a.good for inputs in seen) <= 6  # found at the next check: 0.5 s
    (finding,) = bench.board.findings()
    assert "frozen" in finding if ready else "stopped converting" in finding


@pytest.mark.parametrize("ready", [0x0000, 0x0002])
def test_a_part_whose_conversion_ready_never_moves_is_believed_while_it_takes_writes(
    ready: int,
) -> None:
    """Seen on the device machine: plain registers behind a real I2C bus."""
    bench = Bench()
    chip = bench.wires._chips[0x41]
    original = chip.read

    def read(register: int) -> int:
        value = original(register)
        return ready if register == 2 else value

    chip.read = read  # type: ignore[method-assign]
    bench.plant.put(load_a=1.0)
    inputs = bench.scans(3.0)
    assert with_quality(inputs, BAD) == set()
    assert inputs.load_a.value == pytest.approx(1.0, abs=0.01)
    bench.plant.i2c_faults[0x41] = "stuck"
    inputs = bench.scans(2.0)
    assert with_quality(inputs, BAD) == {"load_a"}


def test_a_thermometer_in_the_wrong_format_is_put_right(bench: Bench) -> None:
    bench.plant.put(temperature_c=30.0)
    bench.wires.write_word_data(0x49, 1, 0xB060)  # extended mode: the same bits mean 15 degC
    values = [bench.scan().temperature.value for _ in range(30)]
    assert set(values) <= {23.5, 30.0}
    assert values[-1] == 30.0


@pytest.mark.parametrize("address", [0x48, 0x4A])
def test_a_frozen_adc_never_sells_one_input_for_another(bench: Bench, address: int) -> None:
    """Its last conversion (input 3) is what every input would read."""
    for phase in range(8):
        bench.plant.i2c_faults = {address: "stuck"}
        inputs = bench.scan()
        assert with_quality(inputs, BAD) == OWN[address], phase
        bench.plant.i2c_faults = {}
        bench.scans(0.1 * (phase + 1))


def test_a_stuck_thermometer_looks_like_a_still_day(bench: Bench) -> None:
    bench.plant.i2c_faults[0x49] = "stuck"
    bench.plant.put(temperature_c=55.0)
    inputs = bench.scans(5.0)
    assert inputs.temperature.good
    assert inputs.temperature.value == pytest.approx(23.5)


def test_a_noisy_chip_stays_within_its_noise_and_its_spikes_are_rejected(bench: Bench) -> None:
    bench.plant.put(battery_a=-10.0)
    bench.scan()
    bench.plant.i2c_faults = {0x40: "noise", 0x4A: "noise"}
    amps, volts = [], []
    for _ in range(2000):
        inputs = bench.scan()
        if inputs.battery_a.good:
            amps.append(inputs.battery_a.value)
        if inputs.battery_v.good:
            volts.append(inputs.battery_v.value)
    assert len(amps) > 1900
    assert len(volts) > 1900
    # about 40 spikes anywhere in +-40 A (0..80 V) were among them; two in a row are no spike
    assert sum(abs(value + 10.0) > 1.3 for value in amps) <= 4
    assert sum(abs(value - 13.5) > 1.8 for value in volts) <= 4
    assert max(amps) - min(amps) > 0.5  # it does make noise


@pytest.mark.parametrize("step", [0.1, 1.0])
def test_a_real_step_is_seen_in_the_same_scan(step: float) -> None:
    bench = Bench()
    bench.scans(4.0, step)
    bench.plant.put(supply_a=0.0, battery_a=-5.0, load_v=12.6, battery_v=12.6)
    inputs = bench.scan(step)
    assert inputs.supply_a.value == pytest.approx(0.0, abs=0.005)
    assert inputs.battery_a.value == pytest.approx(-5.0, abs=0.005)
    assert inputs.load_v.value == pytest.approx(12.6, abs=0.003)


def test_full_scale_is_a_failure(bench: Bench) -> None:
    bench.plant.put(load_a=60.0, io_v=(100.0, 12.0, 24.0, 48.0), temperature_c=-56.0)
    inputs = bench.scans(3.2)
    assert with_quality(inputs, BAD) == {"load_a", "io1_v", "temperature"}
    assert inputs.io2_v.good
    assert dict(inputs.chips)["0x48"] is False
    bench.plant.put(load_a=20.0, io_v=(50.0, 12.0, 24.0, 48.0), temperature_c=20.0)
    inputs = bench.scans(1.1)
    assert with_quality(inputs, GOOD) == set(FIELDS.values())
    assert dict(inputs.chips)["0x48"] is True


def test_a_chip_that_lost_its_configuration_gets_it_back(bench: Bench) -> None:
    """Without power for a moment the INA219 wakes up with gain /8 and no averaging."""
    before = bench.wires.read_word_data(0x40, 0)
    bench.plant.put(powered=False)
    inputs = bench.scans(4.0)
    assert with_quality(inputs, BAD) == set(FIELDS.values())
    bench.plant.put(powered=True)
    assert bench.wires.read_word_data(0x40, 0) != before
    inputs = bench.scans(2.0)
    assert bench.wires.read_word_data(0x40, 0) == before
    assert with_quality(inputs, GOOD) == set(FIELDS.values())


# --- the bus ------------------------------------------------------------------------------------


def test_without_a_bus_the_board_stands_and_says_so_and_recovers() -> None:
    bench = Bench()
    bench.bus_is_there = False
    inputs = bench.scans(3.0)
    assert with_quality(inputs, BAD) == set(FIELDS.values())
    assert not any(answers for _, answers in inputs.chips)
    assert inputs.batt_path is True  # the pins do not depend on the bus
    (finding,) = bench.board.findings()
    assert "No such file" in finding
    assert bench.opens <= 4  # about once a second, not at each of 30 scans
    bench.bus_is_there = True
    inputs = bench.scans(2.1)
    assert with_quality(inputs, GOOD) == set(FIELDS.values())
    assert bench.board.findings() == []


def test_a_dead_bus_is_opened_again_and_a_dead_chip_does_not_cause_it(bench: Bench) -> None:
    bench.plant.i2c_faults[0x48] = "nack"
    bench.scans(5.0)
    assert bench.opens == 1
    bench.plant.i2c_faults = dict.fromkeys(OWN, "nack")
    bench.scans(5.0)
    assert 3 <= bench.opens <= 8
    bench.plant.i2c_faults = {}
    assert with_quality(bench.scans(2.1), GOOD) == set(FIELDS.values())


def test_a_hanging_bus_does_not_hang_the_scan(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count(1)

    def hang(*args: object, **kwargs: object) -> int:
        next(calls)
        raise TimeoutError(110, "Connection timed out")

    for name in ("read_word_data", "write_word_data", "i2c_rdwr"):
        monkeypatch.setattr(bench.wires, name, hang)
    inputs = bench.scans(0.5)
    assert inputs.battery_v.quality is BAD
    assert next(calls) - 1 <= 4  # of 20 ms each, in five scans: then the bus is given up for 1 s
    monkeypatch.undo()
    assert with_quality(bench.scans(2.1), GOOD) == set(FIELDS.values())


# --- configuration and lines --------------------------------------------------------------------


def test_a_channel_that_is_not_fitted_is_missing() -> None:
    reference = Bench().config
    voltages = {name: part for name, part in reference.voltages.items() if name != "io4"}
    pins = {name: pin for name, pin in reference.pins.items() if name != "guard"}
    bench = Bench(reference._replace(voltages=voltages, temperature=None, pins=pins))
    inputs = bench.scans(1.0)
    assert with_quality(inputs, MISSING) == {"io4_v", "temperature"}
    assert inputs.guard is None
    assert "0x49" not in dict(inputs.chips)
    assert bench.board.findings() == []


def test_single_source_knows_the_sum_only(bench: Bench) -> None:
    bench.board.single_source = True
    inputs = bench.scan()
    assert inputs.supply_a.value == pytest.approx(5.7, abs=0.01)
    assert inputs.charger_a.quality is MISSING
    bench.plant.i2c_faults[0x44] = "nack"
    inputs = bench.scans(0.5)
    assert inputs.supply_a.quality is BAD
    bench.plant.i2c_faults = {}
    bench.board.single_source = False
    inputs = bench.scan()
    assert inputs.charger_a.value == pytest.approx(0.6, abs=0.01)


def test_input_lines_mean_what_their_names_say(bench: Bench) -> None:
    inputs = bench.scan()
    assert (inputs.batt_path, inputs.guard, inputs.pb1, inputs.pb2) == (True, False, False, False)
    bench.plant.put(batt_path=False, guard=True)
    bench.pb1 = True
    inputs = bench.scan()
    assert (inputs.batt_path, inputs.guard, inputs.pb1, inputs.pb2) == (False, True, True, False)
    bench.pb1, bench.pb2 = False, True
    assert (bench.scan().pb1, bench.scan().pb2) == (False, True)
    pin = bench.pins.factory.pin(bench.config.pins["guard"].gpio)
    assert pin.state == 0  # active low on the wire


def test_the_clock_may_jump_back(bench: Bench) -> None:
    bench.now -= 500.0
    inputs = bench.scans(3.0)
    assert with_quality(inputs, GOOD) == set(FIELDS.values())
    bench.plant.i2c_faults[0x45] = "stuck"
    assert bench.scans(2.0).supply_a.quality is BAD


def test_raw_is_the_mean_of_two_seconds_without_calibration(bench: Bench) -> None:
    assert bench.board.raw("io2.voltage") == pytest.approx(12.0, abs=0.0025)
    bench.plant.put(io_v=(1.0, 14.0, 24.0, 48.0))
    bench.scans(1.0)
    assert bench.board.raw("io2.voltage") == pytest.approx(13.0, abs=0.06)
    bench.scans(1.0)
    assert bench.board.raw("io2.voltage") == pytest.approx(14.0, abs=0.0025)
    bench.plant.i2c_faults[0x48] = "nack"
    bench.scans(2.5)
    assert bench.board.raw("io2.voltage") is None
    assert bench.board.raw("no.such") is None


def test_the_stand_in_has_the_fields_of_the_plant() -> None:
    from btrmd.hal.sim.plant import Sense as PlantSense

    assert Sense._fields == PlantSense._fields
