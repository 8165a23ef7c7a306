"""The hand-typed map of tests/golden/modbus.toml, read back over a socket; docs/modbus-map.md."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from fieldbus_station import Station, Wire

ROOT = Path(__file__).resolve().parents[2]
GOLDEN: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (ROOT / "tests" / "golden" / "modbus.toml").read_text("utf-8")
)
READ = {"coil": 1, "discrete_input": 2, "holding_register": 3, "input_register": 4}


def ask(wire: Wire, function: int, address: int) -> bytes:
    return bytes.fromhex(wire.pdu(f"{function:02x} {address:04x} 0001"))


@pytest.mark.parametrize("table", ["coil", "discrete_input"])
def test_every_bit(station: Station, wire: Wire, table: str) -> None:
    function = READ[table]
    for row in GOLDEN[table]:
        point = {row["point"].replace(".", "__"): True}
        station.owner.show(**point)
        assert ask(wire, function, row["address"]) == bytes((function, 1, 1)), row
        station.owner.show(**dict.fromkeys(point, None))
        assert ask(wire, function, row["address"]) == bytes((function, 1, 0)), row


@pytest.mark.parametrize("table", ["holding_register", "input_register"])
def test_every_register(station: Station, wire: Wire, table: str) -> None:
    function = READ[table]
    for row in GOLDEN[table]:
        point = {row["point"].replace(".", "__"): row["value"]}
        station.owner.show(**point)
        data = bytes((function, 2)) + row["wire"].to_bytes(2, "big")
        assert ask(wire, function, row["address"]) == data, row
        station.owner.show(**dict.fromkeys(point, None))
        unknown = row.get("unknown", 65535).to_bytes(2, "big")
        assert ask(wire, function, row["address"]) == bytes((function, 2)) + unknown, row


@pytest.mark.parametrize("table", READ)
def test_nothing_beyond_the_map(wire: Wire, table: str) -> None:
    end = max(row["address"] for row in GOLDEN[table]) + 1
    function = READ[table]
    for address in (end, end + 1, 1000, 65535):
        assert ask(wire, function, address) == bytes((function | 0x80, 2))


def test_the_page_has_every_row() -> None:
    page = (ROOT / "docs" / "modbus-map.md").read_text("utf-8")
    base = {"coil": 1, "discrete_input": 10001, "holding_register": 40001, "input_register": 30001}
    for table, rows in GOLDEN.items():
        for row in rows:
            number = row["address"]
            line = f"| {number} | {base[table] + number:05d} | `{row['point']}` |"
            assert page.count(line) == 1, line
