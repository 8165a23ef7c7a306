"""The point table: its keys, its check, its encodings at their limits, its text."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btrmd.docgen.point_text import points_json, points_markdown
from btrmd.model.encoding import (
    charge_part,
    decode_write,
    discharge_part,
    encode_analog,
    encode_analog_bare,
    encode_binary,
    encode_number,
    encode_register,
    encode_scalar,
    firmware_register,
    voltage_code,
)
from btrmd.model.point import (
    AnalogInput,
    Coil,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
    Number,
    Point,
    Rounding,
    Scalar,
    Write,
)
from btrmd.model.points import POINT, POINT_KEYS, POINTS, UNITS, check_points, modbus_map
from btrmd.model.readings import Quality, Reading, Value
from btrmd.model.setting_table import SETTINGS, check_settings

ROOT = Path(__file__).parents[2]
KEYS: dict[str, Any] = tomllib.loads((ROOT / "tests/golden/keys.toml").read_text("utf-8"))


def good(value: Value) -> Reading:
    return Reading(value, Quality.GOOD, 0.0)


def test_every_promised_key_is_there() -> None:
    assert set(KEYS["points"]) <= set(POINT_KEYS)
    assert len(POINT_KEYS) == len(POINTS) == len(set(POINT_KEYS))
    for key, choices in KEYS["choices"].items():
        assert POINT[key].choices == tuple(choices)
    for key, unit in KEYS["units"].items():
        assert POINT[key].unit == unit
    assert {point.unit for point in POINTS} <= set(UNITS)


def test_the_status_page_has_the_rows_of_the_manual() -> None:
    rows: dict[str, list[str]] = {}
    for point in POINTS:
        if point.web:
            rows.setdefault(point.web.table, []).append(point.web.label)
    assert set(rows["status"]) == {
        "Battery Voltage",
        "Battery Current",
        "Load Current",
        "Supply Voltage",
        "System Temp",
        "Capacity",
    }
    assert {label.split("/")[0] for label in rows["io"]} == {"CH1", "CH2", "CH3", "CH4"}
    assert {"Test Status", "UPS Mode", "UPS Mode Status"} <= set(rows["mode"])


BOOL = Point("a.bit", "bool", "A bit.")
VOLTS = Point("a.voltage", "float", "Volts.", unit="V", low=0.0, high=60.0)
MILLI_16 = Number(scale=1000, signed=True)


def with_bits(key: str, *bits: Coil | DiscreteInput) -> Point:
    return replace(BOOL, key=key, modbus=bits)


def register(number: Number, **fields: Any) -> Point:
    return replace(VOLTS, modbus=(InputRegister(0, number),), **fields)


def with_oid(key: str, *oid: int) -> Point:
    return replace(BOOL, key=key, snmp=(Scalar(oid, f"name{key}"),))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ((BOOL, BOOL), "twice"),
        (tuple(with_bits(key, DiscreteInput(0)) for key in "ab"), "already"),
        ((with_bits("a", DiscreteInput(1)),), "hole"),
        ((replace(VOLTS, modbus=(DiscreteInput(0),)),), "needs a bool"),
        ((replace(VOLTS, unit="mV"),), "unit"),
        ((replace(VOLTS, help=""),), "help"),
        ((replace(VOLTS, choices=("a",)),), "choices"),
        ((register(Number(scale=7)),), "not sane"),
        ((replace(VOLTS, dnp3=(AnalogInput(0, MILLI_16),)),), "must saturate"),
        ((register(Number(scale=1000, saturates=True)),), "fits"),
        ((register(Number(scale=100), low=-60.0),), "negative"),
        ((register(Number(), high=None),), "no range"),
        ((Point("a.text", "text", "Text.", modbus=(InputRegister(0),)),), "conversion"),
        ((with_bits("a", Coil(0, Write(setting="no.such"))),), "not a setting"),
        ((with_bits("a", Coil(0, Write())),), "one setting or one command"),
        ((with_bits("a", Coil(0, Write(setting="lvd.enabled", low=1))),), "range"),
        ((with_oid("a", 3, 1), with_oid("b", 3, 1, 1)), "below"),
        ((with_oid("a", 3, 1), with_oid("b", 3, 1)), "already"),
    ],
)
def test_a_table_that_contradicts_itself_does_not_load(
    points: tuple[Point, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        check_points(points)


def test_a_setting_that_contradicts_itself_does_not_load() -> None:
    interval, kind = SETTINGS["test.interval_h"], SETTINGS["test.type"]
    for wrong in (
        (interval, interval),
        (replace(interval, high=None),),
        (replace(interval, page=""),),
        (replace(kind, default=3),),
        (replace(kind, choice_labels=("one",)),),
        (replace(SETTINGS["site.name"], max_length=0),),
        (replace(SETTINGS["site.name"], format="no such"),),
        (replace(interval, format="ip"),),
    ):
        with pytest.raises(ValueError, match=wrong[0].key):
            check_settings(wrong)


SIGNED = InputRegister(0, Number(scale=1000, signed=True, saturates=True))
UNSIGNED = InputRegister(0, Number(scale=1000, saturates=True))


@pytest.mark.parametrize(
    ("binding", "value", "wire"),
    [
        (SIGNED, 32.767, 32767),
        (SIGNED, 40.0, 32767),
        (SIGNED, -32.767, 0x8001),
        (SIGNED, -40.0, 0x8001),
        (SIGNED, -0.001, 0xFFFF),
        (UNSIGNED, 65.534, 65534),
        (UNSIGNED, 81.9, 65534),
        (UNSIGNED, -0.02, 0),
        (UNSIGNED, float("nan"), 65535),
        (SIGNED, float("inf"), 0x8000),
    ],
)
def test_registers_saturate_and_never_say_not_known_for_a_value(
    binding: InputRegister, value: float, wire: int
) -> None:
    assert encode_register(binding, good(value)) == wire


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([SIGNED, UNSIGNED]))
def test_every_value_has_a_word(value: float, binding: InputRegister) -> None:
    word = encode_register(binding, good(value))
    assert 0 <= word <= 0xFFFF
    assert word != (0x8000 if binding is SIGNED else 0xFFFF)


@pytest.mark.parametrize(
    ("rounding", "value", "whole"),
    [
        (Rounding.NEAREST, 0.5, 1),
        (Rounding.NEAREST, -0.5, -1),
        (Rounding.NEAREST, 2.5, 3),
        (Rounding.NEAREST, 27.49, 27),
        (Rounding.DOWN, 3.99, 3),
        (Rounding.DOWN, 3.9999999999, 4),
        (Rounding.UP, 336.0000000001, 336),
        (Rounding.UP, 335.001, 336),
        (Rounding.UP, 0.0, 0),
    ],
)
def test_rounding_is_the_bindings(rounding: Rounding, value: float, whole: int) -> None:
    assert encode_number(Number(rounding=rounding), good(value)) == whole


def test_dnp3_flags_tell_quality() -> None:
    stale = Reading(True, Quality.STALE, 0.0)
    assert encode_binary(good(True)) == 0x81
    assert encode_binary(good(False)) == 0x01
    assert encode_binary(stale) == 0x84
    assert encode_binary(Reading(None, Quality.MISSING, 0.0)) == 0x04
    binding = AnalogInput(0, Number(scale=1000, signed=True))
    assert encode_analog(binding, Reading(13.0, Quality.STALE, 0.0), 16) == (13000, 0x04)
    assert encode_analog(binding, good(-50.0), 16) == (-32767, 0x21)
    assert encode_analog_bare(binding, good(50.0), 32) == 50000


def test_snmp_integers_stay_within_32_bits() -> None:
    scalar = Scalar((1,), "x", number=Number(scale=1000))
    assert encode_scalar(scalar, good(1e9)) == 2**31 - 1
    assert encode_scalar(scalar, good(-1e9)) == -(2**31)
    assert encode_scalar(Scalar((1,), "x", syntax="DisplayString"), good("")) == ""


def test_written_numbers_become_values_of_settings() -> None:
    selection = modbus_map(HoldingRegister)[5][1].write
    assert [decode_write(selection, raw) for raw in (1, 2, 3, 4)] == [12, 24, 36, 48]
    for raw in (0, 5, 65535):
        with pytest.raises(ValueError, match=r"1\.\.4"):
            decode_write(selection, raw)
    assert decode_write(Write(setting="test.interval_h", high=500), 500) == 500


@pytest.mark.parametrize(
    ("version", "register"),
    [
        ("1.0.0", 100),
        ("1.30", 130),
        ("v2.616", 261),
        ("0.1.0", 1),
        ("1.10.2", 110),
        ("10.99", 1099),
    ],
)
def test_firmware_is_major_and_two_minor_digits(version: str, register: int) -> None:
    assert firmware_register(version) == register


def test_conversions_know_nothing_of_what_is_not_known() -> None:
    for convert in (firmware_register, voltage_code, charge_part, discharge_part):
        assert convert(None) is None
    assert (charge_part(2.0), discharge_part(2.0)) == (2.0, 0.0)
    assert (charge_part(-2.0), discharge_part(-2.0)) == (0.0, 2.0)


def test_the_table_prints_as_json_with_every_address() -> None:
    rows = {row["key"]: row for row in json.loads(json.dumps(points_json()))}
    assert list(rows) == list(POINT_KEYS)
    voltage = rows["battery.voltage"]
    assert voltage["modbus"][0]["table"] == "input_register"
    assert voltage["modbus"][0]["address"] == 0
    assert voltage["dnp3"][0]["index"] == 0
    assert voltage["snmp"][0]["oid"] == "1.3.6.1.4.1.34506.3.20.0"
    assert rows["test.running"]["modbus"][0]["write"]["command"] == "start_stop"


def test_the_markdown_names_every_point_and_keeps_its_columns() -> None:
    text = points_markdown()
    for key in POINT_KEYS:
        assert f"| `{key}` |" in text
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count(" | ") for line in lines}) <= 1


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "docs"), "--check"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
