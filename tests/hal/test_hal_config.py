"""hardware.toml: the reference HAT to the number, and every mistake named."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from btrmd.hal.config import REFERENCE, find_hardware_file, load_hardware, parse_hardware
from btrmd.model.errors import ConfigError

REFERENCE_DATA = tomllib.loads(REFERENCE.read_text(encoding="utf-8"))


def test_the_reference_hat() -> None:
    """Typed by hand from the HAT's description, not from the file."""
    config = load_hardware(REFERENCE)
    assert config.bus == 1
    assert config.guard is True
    currents = {name: part.address for name, part in config.currents.items()}
    assert currents == {"battery": 0x40, "load": 0x41, "charger": 0x44, "supply": 0x45}
    for part in config.currents.values():
        assert (part.shunt_ohm, part.range_mv, part.sign) == (0.002, 80, 1)
    inputs = {name: (part.address, part.input) for name, part in config.voltages.items()}
    assert inputs == {
        "battery": (0x4A, 0),
        "load": (0x4A, 1),
        "charger": (0x4A, 2),
        "supply": (0x4A, 3),
        "io1": (0x48, 0),
        "io2": (0x48, 1),
        "io3": (0x48, 2),
        "io4": (0x48, 3),
    }
    assert {part.divider for part in config.voltages.values()} == {20.0}
    assert config.temperature == 0x49
    pins = {name: pin.gpio for name, pin in config.pins.items()}
    assert pins == {
        "k1": 17,
        "k2": 27,
        "k3": 22,
        "ch1": 23,
        "ch2": 24,
        "pb1": 5,
        "pb2": 6,
        "led_pb1": 12,
        "led_pb2": 13,
        "led_status": 16,
        "heartbeat": 18,
        "batt_path": 19,
        "guard": 26,
    }
    assert {n for n, pin in config.pins.items() if not pin.active_high} == {"pb1", "pb2", "guard"}
    assert config.fuses == {"f2_300": 25.0, "f2_400": 15.0}


MISTAKES: list[tuple[str, Any, str]] = [
    ("i2c.bus", "one", "whole number"),
    ("i2c.attempts", 0, "1..10"),
    ("i2c.timeout_ms", True, "10..1000"),
    ("i2c.speed", 400, "not known"),
    ("hat.guard", 1, "true or false"),
    ("hat.name", 7, "text"),
    ("hat", "HAT", "table"),
    ("current.battery.address", 0x80, "0x08..0x77"),
    ("current.battery.address", 0x41, "already"),
    ("current.battery.address", 0x4A, "already"),
    ("current.load.shunt_ohm", 0, "0.0001..1"),
    ("current.load.shunt_ohm", float("nan"), "0.0001..1"),
    ("current.load.range_mv", 100, "40, 80, 160 or 320"),
    ("current.load.sign", 0, "1 or -1"),
    ("current.solar", {}, "battery, load"),
    ("voltage.io1.input", 4, "0..3"),
    ("voltage.io1.input", 1, "already"),
    ("voltage.io1.divider", "20", "1..1000"),
    ("temperature.address", 0x48, "already"),
    ("temperature.unit", "C", "not known"),
    ("pin.k1.gpio", 40, "0..27"),
    ("pin.k1.gpio", 27, "already"),
    ("pin.guard.active", "down", '"high" or "low"'),
    ("pin.guard.pull", "up", "not known"),
    ("pin.k1", None, "missing"),
    ("pin.heartbeat", None, "missing"),
    ("current.battery.sign", None, "missing"),
    ("fuse.f2_300", -5, "1..200"),
    ("extra", {}, "not known"),
]


@pytest.mark.parametrize(("key", "value", "allowed"), MISTAKES)
def test_a_mistake_is_named_with_file_key_value_and_what_is_allowed(
    key: str, value: Any, allowed: str
) -> None:
    data = copy.deepcopy(REFERENCE_DATA)
    *path, last = key.split(".")
    table = data
    for name in path:
        table = table[name]
    if value is None:
        del table[last]
    else:
        table[last] = value
    with pytest.raises(ConfigError) as caught:
        parse_hardware(data, "/etc/btrm/hardware.toml")
    text = str(caught.value)
    assert "/etc/btrm/hardware.toml" in text
    assert last in text
    assert allowed in text
    if value is not None and "not known" not in allowed and not isinstance(value, dict):
        shown = hex(value) if "already" in allowed and "address" in key else repr(value)
        assert shown in text


def test_files_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        load_hardware(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[hat\n")
    with pytest.raises(ConfigError, match=r"broken\.toml is not TOML"):
        load_hardware(broken)
    broken.write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_hardware(broken)


def test_the_config_folder_comes_first(tmp_path: Path) -> None:
    assert find_hardware_file(tmp_path) != tmp_path / "hardware.toml"
    (tmp_path / "hardware.toml").write_text("")
    assert find_hardware_file(tmp_path) == tmp_path / "hardware.toml"


def test_parts_may_be_absent() -> None:
    data = copy.deepcopy(REFERENCE_DATA)
    del data["temperature"], data["voltage"]["io4"], data["current"]["charger"]
    config = parse_hardware(data, "x")
    assert config.temperature is None
    assert "io4" not in config.voltages
    assert "charger" not in config.currents


def test_the_board_has_a_version_that_is_a_number() -> None:
    data = copy.deepcopy(REFERENCE_DATA)
    assert parse_hardware(data, "x").version == 1.0
    del data["hat"]["version"]
    assert parse_hardware(data, "x").version == 1.0, "files of before have none"
    for wrong in ("1.0", True, 0, 1000, float("nan")):
        data["hat"]["version"] = wrong
        with pytest.raises(ConfigError, match=r"hat\.version = .* is refused"):
            parse_hardware(data, "x")
