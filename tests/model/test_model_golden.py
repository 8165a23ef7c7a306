"""The point table against the maps typed by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from btrmd.model.encoding import (
    COMM_LOST,
    ONLINE,
    OVER_RANGE,
    encode_analog,
    encode_analog_bare,
    encode_bit,
    encode_register,
    encode_scalar,
)
from btrmd.model.point import (
    AnalogInput,
    AnalogOutput,
    BinaryInput,
    BinaryOutput,
    Coil,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
)
from btrmd.model.points import POINT, dnp3_map, modbus_map, snmp_map
from btrmd.model.readings import Quality, Reading
from btrmd.model.setting_snmp import TRAP_ROWS
from btrmd.model.snmp_tree import NOTIFICATIONS, SYSTEM_GROUP, TRAP_TABLE

GOLDEN = Path(__file__).parent.parent / "golden"
UNKNOWN = Reading(None, Quality.BAD, 0.0)


def golden(name: str) -> dict[str, Any]:
    return tomllib.loads((GOLDEN / name).read_text("utf-8"))


def good(value: Any) -> Reading:
    return Reading(value, Quality.GOOD, 0.0)


MODBUS = golden("modbus.toml")
DNP3 = golden("dnp3.toml")
SNMP = golden("snmp.toml")


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("coil", Coil),
        ("discrete_input", DiscreteInput),
        ("holding_register", HoldingRegister),
        ("input_register", InputRegister),
    ],
)
def test_modbus_addresses_are_those_of_the_manual(table: str, kind: Any) -> None:
    rows = modbus_map(kind)
    assert {address: point.key for address, (point, _) in rows.items()} == {
        row["address"]: row["point"] for row in MODBUS[table]
    }
    for row in MODBUS[table]:
        if "writes" in row:
            check_write(rows[row["address"]][1].write, row)


@pytest.mark.parametrize("table", ["holding_register", "input_register"])
def test_modbus_registers_carry_what_the_manual_says(table: str) -> None:
    rows = modbus_map(HoldingRegister if table == "holding_register" else InputRegister)
    for row in MODBUS[table]:
        binding = rows[row["address"]][1]
        assert encode_register(binding, good(row["value"])) == row["wire"], row
        assert encode_register(binding, UNKNOWN) == row.get("unknown", 65535), row


def test_modbus_bits_are_zero_while_not_known() -> None:
    assert encode_bit(good(True))
    assert not encode_bit(good(False))
    assert not encode_bit(UNKNOWN)


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("binary_input", BinaryInput),
        ("binary_output", BinaryOutput),
        ("analog_input", AnalogInput),
        ("analog_output", AnalogOutput),
    ],
)
@pytest.mark.parametrize("extended", [False, True])
def test_dnp3_indexes_are_those_of_the_manual(table: str, kind: Any, extended: bool) -> None:
    rows = dnp3_map(kind, extended)
    expected = [row for row in DNP3[table] if extended or not row.get("extended")]
    assert {index: point.key for index, (point, _) in rows.items()} == {
        row["index"]: row["point"] for row in expected
    }
    for row in expected:
        binding = rows[row["index"]][1]
        assert getattr(binding, "event", False) == row.get("event", False), row
        if "writes" in row:
            check_write(binding.write, row)


@pytest.mark.parametrize("table", ["analog_input", "analog_output"])
def test_dnp3_analogs_carry_what_the_manual_says(table: str) -> None:
    rows = dnp3_map(AnalogInput if table == "analog_input" else AnalogOutput, extended=True)
    for row in DNP3[table]:
        binding = rows[row["index"]][1]
        wide = row.get("wide", row["wire"])
        flags = ONLINE | (OVER_RANGE if wide != row["wire"] else 0)
        assert encode_analog(binding, good(row["value"]), 16) == (row["wire"], flags), row
        assert encode_analog(binding, good(row["value"]), 32) == (wide, ONLINE), row
        assert encode_analog_bare(binding, good(row["value"]), 16) == row["wire"], row
        assert encode_analog(binding, UNKNOWN, 16) == (0, COMM_LOST), row
        assert encode_analog_bare(binding, UNKNOWN, 16) == -0x8000, row
        assert encode_analog_bare(binding, UNKNOWN, 32) == -0x80000000, row


def test_snmp_scalars_are_those_of_the_mib() -> None:
    rows = snmp_map()
    assert {
        (".".join(map(str, oid)), scalar.name, scalar.syntax, scalar.access, point.key)
        for oid, (point, scalar) in rows.items()
    } == {
        (row["oid"], row["name"], row["syntax"], row["access"], row["point"])
        for row in SNMP["scalar"]
    }
    for row in SNMP["scalar"]:
        scalar = rows[tuple(map(int, row["oid"].split(".")))][1]
        assert encode_scalar(scalar, good(row["value"])) == row["wire"], row
        assert encode_scalar(scalar, UNKNOWN) is None


def test_snmp_walks_in_the_order_of_the_oids() -> None:
    assert list(snmp_map()) == sorted(snmp_map())


def test_trap_table_and_system_group_are_those_of_the_mib() -> None:
    assert [
        (c.number, c.name, c.syntax, c.access, [c.key(row) for row in TRAP_ROWS])
        for c in TRAP_TABLE
    ] == [
        (row["number"], row["name"], row["syntax"], row["access"], row["settings"])
        for row in SNMP["column"]
    ]
    assert [(s.number, s.name, s.access, s.text or s.point or s.setting) for s in SYSTEM_GROUP] == [
        (row["number"], row["name"], row["access"], row["source"]) for row in SNMP["system"]
    ]


def test_notifications_carry_the_object_of_their_alarm() -> None:
    found = [
        (
            ".".join(map(str, n.oid)),
            n.alarm,
            ".".join(map(str, POINT[n.point].snmp[0].oid)),
        )
        for n in NOTIFICATIONS
    ]
    assert found == [(row["oid"], row["alarm"], row["object"]) for row in SNMP["notification"]]


def check_write(write: Any, row: dict[str, Any]) -> None:
    assert (write.setting or write.command) == row["writes"], row
    assert (write.low, write.high) == (row.get("low", 0), row.get("high", 1)), row
