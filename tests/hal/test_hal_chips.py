"""Other parts on the same board: INA228 and ADS1015, by one word in hardware.toml."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest
from hal_bench import Bench

from btrmd.hal.chips.registry import CURRENT_CHIPS, VOLTAGE_CHIPS
from btrmd.hal.config import REFERENCE, HardwareConfig, load_hardware, parse_hardware
from btrmd.model.errors import ConfigError
from btrmd.model.readings import BAD, GOOD

DATA = tomllib.loads(REFERENCE.read_text(encoding="utf-8"))
CURRENTS = ("battery", "load", "charger", "supply")


def config_of(range_mv: int = 160, adc: str = "ads1015", **currents: str) -> HardwareConfig:
    """The reference HAT with INA228s where `currents` does not say otherwise."""
    data: dict[str, Any] = copy.deepcopy(DATA)
    for name, table in data["current"].items():
        table["chip"] = currents.get(name, "ina228")
        if table["chip"] == "ina228":
            table["range_mv"] = range_mv
    for table in data["voltage"].values():
        table["chip"] = adc
    return parse_hardware(data, "hardware.toml")


@pytest.fixture
def bench() -> Bench:
    bench = Bench(config_of())
    bench.scans(1.0)
    return bench


@pytest.mark.parametrize(("range_mv", "step"), [(160, 0.0025), (40, 0.000625)])
def test_an_ina228_reads_what_the_plant_has(range_mv: int, step: float) -> None:
    """5 or 1.25 uV a count over 2 mOhm, both signs."""
    bench = Bench(config_of(range_mv))
    bench.plant.put(battery_a=-7.3, load_a=7.011)
    inputs = bench.scans(1.0)
    assert inputs.battery_a.value == pytest.approx(-7.3, abs=step / 2 + 1e-9)
    assert inputs.load_a.value == pytest.approx(7.011, abs=step / 2 + 1e-9)
    assert inputs.charger_a.value == pytest.approx(0.6, abs=step / 2 + 1e-9)
    assert bench.board.findings() == []


def test_an_ads1015_reads_in_steps_of_40_mv(bench: Bench) -> None:
    inputs = bench.scan()
    for name in CURRENTS:
        true = getattr(bench.plant.now, f"{name}_v")
        assert getattr(inputs, f"{name}_v").value == pytest.approx(true, abs=0.041)
    for channel, volts in enumerate(bench.plant.now.io_v, 1):
        assert getattr(inputs, f"io{channel}_v").value == pytest.approx(volts, abs=0.041)


def test_parts_may_be_mixed() -> None:
    bench = Bench(config_of(adc="ads1115", battery="ina219"))
    inputs = bench.scans(1.0)
    assert inputs.battery_a.value == pytest.approx(0.4, abs=0.005)
    assert inputs.load_a.value == pytest.approx(5.0, abs=0.0025)
    assert inputs.battery_v.value == pytest.approx(13.5, abs=0.0025)


@pytest.mark.parametrize("step", [0.1, 1.0])
@pytest.mark.parametrize("fault", ["nack", "stuck"])
@pytest.mark.parametrize(("address", "field"), [(0x41, "load_a"), (0x4A, "load_v")])
def test_a_dead_or_frozen_part_is_bad_within_its_time_and_comes_back(
    address: int, field: str, fault: str, step: float
) -> None:
    bench = Bench(config_of())
    bench.scans(5.0, step)
    bench.plant.i2c_faults[address] = fault
    bench.plant.put(load_a=1.0, load_v=12.0)
    inputs = bench.scans(2.0 if fault == "stuck" else 4.0, step)
    assert getattr(inputs, field).quality is BAD
    for _ in range(25):  # and does not come back by chance
        assert getattr(bench.scan(step), field).quality is BAD
    (finding,) = bench.board.findings()
    assert f"0x{address:02x}" in finding
    bench.plant.i2c_faults.clear()
    inputs = bench.scans(max(1.1, 2 * step), step)
    assert getattr(inputs, field).quality is GOOD
    assert bench.board.findings() == []


def test_an_ina228_that_was_without_power_is_configured_anew(bench: Bench) -> None:
    bench.wires._chips[0x41].power_up()
    inputs = bench.scans(1.1)
    assert inputs.load_a.value == pytest.approx(5.0, abs=0.0025)
    assert bench.wires._chips[0x41].registers[1] == 0xA103


def test_full_scale_is_a_failure() -> None:
    """160 mV over 2 mOhm are 80 A; 40 mV 20 A."""
    bench = Bench(config_of(40))
    bench.scans(1.0)
    bench.plant.put(load_a=25.0)
    assert bench.scans(0.5).load_a.quality is BAD
    (finding,) = bench.board.findings()
    assert "full scale (41 mV)" in finding


def test_another_part_at_the_address_is_not_taken_for_one() -> None:
    bench = Bench(config_of())
    bench.wires._chips[0x41] = CURRENT_CHIPS["ina219"].twin(
        lambda: 0.01, lambda: 0.0, bench.wires._chips[0x40]._random, object
    )
    assert bench.scans(0.5).load_a.quality is BAD
    assert "No INA228 answers at 0x41" in bench.board.findings()[0]


def test_a_scan_that_holds_nothing_new_is_told_with_any_part(bench: Bench) -> None:
    bench.scan()
    assert bench.board.is_unchanged(bench.now + 0.1, 0.02)
    bench.plant.put(load_a=5.2)
    assert not bench.board.is_unchanged(bench.now + 0.2, 0.02)


@pytest.mark.parametrize(
    ("table", "key", "value", "allowed"),
    [
        ("current", "chip", "ina3221", "one of ina219, ina228"),
        ("current", "chip", 219, "text"),
        ("current", "range_mv", 80, "40 or 160"),
        ("voltage", "chip", "mcp3424", "one of ads1115, ads1015"),
    ],
)
def test_a_part_that_is_not_known_is_named(
    table: str, key: str, value: object, allowed: str
) -> None:
    data: dict[str, Any] = copy.deepcopy(DATA)
    data["current"]["load"].update(chip="ina228", range_mv=160)
    data[table]["load"][key] = value
    with pytest.raises(ConfigError, match=allowed):
        parse_hardware(data, "hardware.toml")


def test_one_address_is_one_part() -> None:
    data: dict[str, Any] = copy.deepcopy(DATA)
    data["voltage"]["load"]["chip"] = "ads1015"
    with pytest.raises(ConfigError, match="already"):
        parse_hardware(data, "hardware.toml")


def test_the_files_in_use_need_no_change() -> None:
    """No `chip`: the parts of the reference HAT."""
    config = load_hardware(REFERENCE)
    assert {current.chip for current in config.currents.values()} == {"ina219"}
    assert {voltage.chip for voltage in config.voltages.values()} == {"ads1115"}


@pytest.mark.parametrize("name", CURRENT_CHIPS)
def test_every_current_chip_reads_its_twin(name: str) -> None:
    data: dict[str, Any] = copy.deepcopy(DATA)
    data["current"]["load"].update(chip=name, range_mv=max(CURRENT_CHIPS[name].ranges_mv))
    bench = Bench(parse_hardware(data, "hardware.toml"))
    bench.plant.put(load_a=3.0)
    measured = bench.scans(1.0).load_a
    assert measured.quality is GOOD
    assert measured.value == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("name", VOLTAGE_CHIPS)
def test_every_voltage_chip_reads_its_twin(name: str) -> None:
    bench = Bench(config_of(adc=name))
    bench.plant.put(load_v=24.0)
    measured = bench.scans(1.0).load_v
    assert measured.quality is GOOD
    assert measured.value == pytest.approx(24.0, abs=0.05)
