"""The simulated chips against their data sheets, register by register."""

from __future__ import annotations

import errno
from random import Random

import pytest
from hal_bench import StillPlant

from btrmd.hal.chips.sim_ads1115 import SimAds1115
from btrmd.hal.chips.sim_ina219 import SimIna219
from btrmd.hal.chips.sim_tmp102 import SimTmp102
from btrmd.hal.config import REFERENCE, load_hardware
from btrmd.hal.sim.wires import SimWires


def ina219(volts: float = 0.01) -> tuple[SimIna219, list[float]]:
    clock = [0.0]
    return SimIna219(lambda: volts, lambda: clock[0], Random(1)), clock


def test_ina219_conversion_ready_is_cleared_by_reading_power() -> None:
    chip, clock = ina219()
    assert chip.read(2) & 2
    chip.read(3)
    assert not chip.read(2) & 2
    clock[0] += 0.1
    assert chip.read(2) & 2


@pytest.mark.parametrize(("gain", "full"), [(0, 4000), (1, 8000), (2, 16000), (3, 32000)])
def test_ina219_gain_sets_full_scale(gain: int, full: int) -> None:
    chip, _ = ina219(1.0)
    chip.write(0, 0x2007 | gain << 11)
    assert chip.read(1) == full
    chip, _ = ina219(-1.0)
    chip.write(0, 0x2007 | gain << 11)
    assert chip.read(1) == 0x10000 - full


def test_ina219_reset_bit_restores_the_defaults() -> None:
    chip, _ = ina219()
    assert chip.read(0) == 0x399F
    chip.write(0, 0x2977)
    assert chip.read(0) == 0x2977
    chip.write(0, 0x8000)
    assert chip.read(0) == 0x399F


def test_ina219_read_only_registers_and_the_void_calibration_bit() -> None:
    chip, _ = ina219(0.01)
    chip.write(1, 0x1234)
    assert chip.read(1) == 1000
    chip.write(5, 0x1001)
    assert chip.read(5) == 0x1000


def test_what_was_converted_in_an_instant_is_converted_anew_when_anything_changes() -> None:
    instant, volts = [object()], [0.01]
    chip = SimIna219(lambda: volts[0], lambda: 0.0, Random(1), lambda: instant[0])
    adc = SimAds1115([lambda: volts[0]] * 4, Random(1), lambda: instant[0])

    def shown() -> tuple[int, int]:
        adc.write(1, 0xC3E3)
        return chip.read(1), adc.read(0)

    first = shown()
    assert first == (1000, 80)
    volts[0] = 0.1
    assert shown() == first  # as promised by who says that it is the same instant
    instant[0] = object()
    assert shown() == (10000, 800)
    chip.write(0, 0x2007)  # another range, 40 mV, and the converter's +-2.048 V
    adc.write(1, 0xC5E3)
    assert (chip.read(1), adc.read(0)) == (4000, 1600)
    chip.write(0, 0x399F)
    assert shown() == (10000, 800)
    chip.power_up()
    assert chip.read(1) == 10000
    chip.noisy = adc.noisy = True
    noisy = {shown() for _ in range(20)}
    assert len({one for one, _ in noisy}) > 5
    assert len({other for _, other in noisy}) > 5
    chip.noisy = adc.noisy = False
    assert shown() == (10000, 800)


def test_ads1115_converts_the_input_it_is_told_when_it_is_told() -> None:
    volts = [0.5, 1.0, 2.0, 3.0]
    chip = SimAds1115([lambda i=i: volts[i] for i in range(4)], Random(1))
    assert chip.read(1) == 0x8583
    for channel in range(4):
        chip.write(1, 0xC3E3 + (channel << 12))
        assert chip.read(0) == round(volts[channel] * 8000)
        assert chip.read(1) == 0xC3E3 + (channel << 12)
    volts[3] = 1.5
    assert chip.read(0) == 24000  # single-shot: still the conversion that was started
    chip.write(1, 0x73E3)  # without OS nothing is started
    assert chip.read(0) == 24000
    assert chip.read(1) & 0x8000


def test_ads1115_differential_inputs_gain_and_saturation() -> None:
    chip = SimAds1115([lambda: 1.0, lambda: 3.0, lambda: 0.0, lambda: 5.0], Random(1))
    chip.write(1, 0x83E3)
    assert chip.read(0) == 0x10000 - 16000
    chip.write(1, 0xF3E3)
    assert chip.read(0) == 32767
    chip.write(1, 0xF1E3)  # +-6.144 V
    assert chip.read(0) == round(5.0 / 6.144 * 32768)


def test_tmp102_formats() -> None:
    for celsius, word in ((25.0, 0x1900), (-25.0, 0xE700), (0.0625, 0x0010), (127.9375, 0x7FF0)):
        chip = SimTmp102(lambda celsius=celsius: celsius, Random(1))
        assert chip.read(0) == word  # SBOS397, table 3
    chip = SimTmp102(lambda: 25.0, Random(1))
    chip.write(0, 0)
    assert chip.read(0) == 0x1900
    chip.write(1, 0x60B0)
    assert chip.read(0) & 1


def test_wires_swap_bytes_and_nack_like_the_kernel() -> None:
    plant = StillPlant()
    wires = SimWires(plant, load_hardware(REFERENCE))  # type: ignore[arg-type]
    assert wires.read_word_data(0x40, 0) == 0x9F39
    with pytest.raises(OSError, match=r"\[Errno 121\]") as caught:
        wires.read_word_data(0x20, 0)
    assert caught.value.errno == errno.EREMOTEIO
    plant.i2c_faults[0x40] = "nack"
    with pytest.raises(OSError, match="121"):
        wires.write_word_data(0x40, 0, 0)
    plant.i2c_faults[0x40] = "off"
    assert wires.read_word_data(0x40, 0) == 0x9F39


def test_stuck_registers_do_not_move_and_take_nothing() -> None:
    plant = StillPlant()
    wires = SimWires(plant, load_hardware(REFERENCE))  # type: ignore[arg-type]
    before = wires.read_word_data(0x41, 1)
    plant.i2c_faults[0x41] = "stuck"
    plant.put(load_a=20.0)
    plant.plant_s += 1.0
    ready = wires.read_word_data(0x41, 2)
    wires.read_word_data(0x41, 3)
    wires.write_word_data(0x41, 0, 0)
    assert wires.read_word_data(0x41, 1) == before
    assert wires.read_word_data(0x41, 2) == ready
    assert wires.read_word_data(0x41, 0) == 0x9F39
    plant.i2c_faults[0x41] = "off"
    assert wires.read_word_data(0x41, 1) != before


def test_without_power_every_chip_nacks_and_wakes_up_with_defaults() -> None:
    plant = StillPlant()
    wires = SimWires(plant, load_hardware(REFERENCE))  # type: ignore[arg-type]
    wires.write_word_data(0x40, 0, 0x7729)
    plant.put(powered=False)
    for address in (0x40, 0x41, 0x44, 0x45, 0x48, 0x49, 0x4A):
        with pytest.raises(OSError, match="121"):
            wires.read_word_data(address, 0)
    plant.put(powered=True)
    assert wires.read_word_data(0x40, 0) == 0x9F39


def test_the_divider_carries_the_shunt_drop() -> None:
    plant = StillPlant()
    wires = SimWires(plant, load_hardware(REFERENCE))  # type: ignore[arg-type]
    plant.put(battery_v=12.0, battery_a=-20.0, supply_v=13.0, supply_a=20.0)

    def pin(channel: int) -> float:
        config = 0xC3E3 + (channel << 12)
        wires.write_word_data(0x4A, 1, (config & 0xFF) << 8 | config >> 8)
        word = wires.read_word_data(0x4A, 0)
        return ((word & 0xFF) << 8 | word >> 8) * 0.125e-3

    # discharge pulls the star ground's view of the battery down by 40 mV, and so does the supply's
    assert pin(0) * 20 == pytest.approx(11.96, abs=0.002)
    assert pin(3) * 20 == pytest.approx(12.96, abs=0.002)


def test_noise_is_five_per_cent_and_sometimes_a_spike() -> None:
    plant = StillPlant()
    wires = SimWires(plant, load_hardware(REFERENCE))  # type: ignore[arg-type]
    plant.put(load_a=20.0)
    wires.write_word_data(0x41, 0, 0x7729)  # gain /2
    plant.i2c_faults[0x41] = "noise"
    counts = []
    for _ in range(3000):
        word = wires.read_word_data(0x41, 1)
        count = (word & 0xFF) << 8 | word >> 8
        counts.append(count - 0x10000 if count & 0x8000 else count)
    quiet = [count for count in counts if 3800 <= count <= 4200]
    assert 0.95 < len(quiet) / len(counts) < 0.995
    assert min(quiet) < 3820
    assert max(quiet) > 4180


def test_a_chip_that_was_stuck_takes_a_write_again_though_another_was_asked_first() -> None:
    plant = StillPlant()
    wires = SimWires(plant, load_hardware(REFERENCE))  # type: ignore[arg-type]
    plant.i2c_faults[0x40] = "stuck"
    wires.read_word_data(0x40, 5)
    plant.i2c_faults.clear()
    wires.read_word_data(0x41, 1)  # in the same instant
    wires.write_word_data(0x40, 5, 0x0010)
    assert wires.read_word_data(0x40, 5) == 0x0010
