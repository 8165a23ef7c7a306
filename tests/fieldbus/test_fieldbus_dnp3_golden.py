"""DNP3 exchanges typed by hand from the manual and IEEE 1815, octet by octet, over a socket."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dnp3_bench import Bench
from dnp3_wire import CLASS_0, LINK_STATUS, RESET, Master, analog, crc, frame

from btrmd.model.readings import GOOD, MISSING, Reading
from btrmd.model.site import Site

GOLDEN: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parents[1] / "golden" / "dnp3.toml").read_text()
)
NEVER = {"test.last_temperature", "runtime.estimate"}  # missing before the first test


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as made:
        for key, value in {
            "battery.voltage": 13.5,
            "charger.voltage": 13.6,
            "battery.current": -7.0,
            "system.temperature": -5.4,
            "io1.voltage": 0.25,
            "io2.voltage": 24.0,
            "test.next": 3601.0,
        }.items():
            made.overlay[key] = Reading(value, GOOD, 0.0)
        made.wait_value("io2.voltage", 24.0)
        with Master(made.place) as master:
            assert master.exchange("C0 02 50 01 00 07 07 00") == "C0 81 00 00"
        yield made


@pytest.fixture
def master(bench: Bench) -> Iterator[Master]:
    with Master(bench.place) as made:
        yield made


def test_the_wire_of_these_tests_knows_the_published_crc() -> None:
    # A reset link frame as every DNP3 primer prints it: 05 64 05 C0 01 00 00 04 E9 21.
    assert crc(bytes.fromhex("05 64 05 C0 01 00 00 04")).hex() == "e921"


def test_link_reset_and_link_status(master: Master) -> None:
    master.send_raw(frame(RESET, 10, 1))
    reset = master.receive_frame()
    master.send_raw(frame(LINK_STATUS, 10, 1))
    status = master.receive_frame()
    assert reset is not None
    assert status is not None
    assert (reset.control, reset.destination, reset.source) == (0x00, 1, 10)  # ACK
    assert status.control == 0x0B


# request, response; IIN is 00 00 because the restart bit has been cleared
EXCHANGES = {
    "the manual's example": ("C5 02 0A 01 00 00 00 01", "C5 81 00 00"),
    "write 0 to the data reset: nothing happens": ("C6 02 0A 01 00 00 00 00", "C6 81 00 00"),
    "class 0": (
        "C1 01 3C 01 06",
        "C1 81 00 00 "
        "01 02 00 00 05 01 01 01 01 01 01 "
        "0A 02 00 00 03 01 01 01 01 "
        "1E 04 00 00 0B BC 34 20 35 A8 E4 FB FF F0 00 00 80 00 80 50 01 02 00 FA 00 C0 5D 05 01 "
        "28 02 00 00 05 01 F0 00 01 50 01 01 02 00 01 00 00 01 00 00 01 01 00",
    ),
    "binary inputs, all": ("C2 01 01 02 06", "C2 81 00 00 01 02 00 00 05 01 01 01 01 01 01"),
    "binary inputs, any variation": (
        "C2 01 01 00 06",
        "C2 81 00 00 01 02 00 00 05 01 01 01 01 01 01",
    ),
    "one analog input": ("C3 01 1E 04 00 00 00", "C3 81 00 00 1E 04 00 00 00 BC 34"),
    "a list of analog inputs in its own order": (
        "C4 01 1E 04 17 03 0A 00 02",
        "C4 81 00 00 1E 04 17 03 0A C0 5D 00 BC 34 02 A8 E4",
    ),
    "16 bits with flags, not known": (
        "C4 01 1E 02 00 05 06",
        "C4 81 00 00 1E 02 00 05 06 04 00 00 04 00 00",
    ),
    "32 bits without flags, not known": (
        "C4 01 1E 03 00 05 05",
        "C4 81 00 00 1E 03 00 05 05 00 00 00 80",
    ),
    "32 bits with flags": ("C4 01 1E 01 00 02 02", "C4 81 00 00 1E 01 00 02 02 01 A8 E4 FF FF"),
    "binary outputs, 16-bit range": (
        "C5 01 0A 02 01 00 00 01 00",
        "C5 81 00 00 0A 02 00 00 01 01 01",
    ),
    "analog outputs": (
        "C6 01 28 02 00 03 05",
        "C6 81 00 00 28 02 00 03 05 01 00 00 01 00 00 01 01 00",
    ),
    "two headers in one request": (
        "C7 01 01 02 00 00 00 28 02 00 05 05",
        "C7 81 00 00 01 02 00 00 00 01 28 02 00 05 05 01 01 00",
    ),
    # IEEE 1815 annex A.1: g0v248 is the serial number, a visible string (type 1) with its length
    "the serial number": (
        "C8 01 00 F8 00 00 00",
        "C8 81 00 00 00 F8 00 00 00 01 10 31 30 30 30 30 30 30 30 61 62 63 64 65 66 30 31",
    ),
    "which attributes there are": (
        "C8 01 00 FF 00 00 00",
        "C8 81 00 00 00 FF 00 00 00 FE 0C F2 00 F5 00 F7 00 F8 00 FA 00 FC 00",
    ),
    "an attribute there is none of": ("C8 01 00 F3 00 00 00", "C8 81 00 02"),
    "another set of attributes": ("C8 01 00 F8 00 01 01", "C8 81 00 04"),
    "no events": ("C8 01 3C 02 06 3C 03 06 3C 04 06", "C8 81 00 00"),
    "no binary events": ("C8 01 02 00 06", "C8 81 00 00"),
    "initialize data": ("C9 0F", "C9 81 00 00"),
    "initialize data with objects": ("C9 0F 3C 01 06", "C9 81 00 00"),
    "delay measurement": ("CA 17", "CA 81 00 00 34 02 07 01 00 00"),
    "time write": ("CB 02 32 01 07 01 00 00 00 00 00 01", "CB 81 00 00"),
    "record current time": ("CB 18", "CB 81 00 00"),
    "clear restart": ("CC 02 50 01 00 07 07 00", "CC 81 00 00"),
    # refusals
    "set the restart bit": ("CC 02 50 01 00 07 07 01", "CC 81 00 04"),
    "another indication": ("CC 02 50 01 00 04 04 00", "CC 81 00 04"),
    "clear restart with an octet too many": ("CC 02 50 01 00 07 07 00 00", "CC 81 00 04"),
    "function 99": ("CD 63", "CD 81 00 01"),
    "warm restart": ("CD 0E", "CD 81 00 01"),
    "freeze": ("CD 07 14 00 06", "CD 81 00 01"),
    "assign class": ("CD 16 3C 03 06 01 02 06", "CD 81 00 01"),
    "disable unsolicited while the setting is off": ("CD 15 3C 03 06", "CD 81 00 00"),
    "counters": ("CE 01 14 00 06", "CE 81 00 02"),
    "counter events": ("CE 01 16 00 06", "CE 81 00 02"),
    "analog events": ("CE 01 20 00 06", "CE 81 00 02"),
    "packed binary inputs": ("CE 01 01 01 06", "CE 81 00 02"),
    "write of an analog input": ("CE 02 1E 04 00 00 00 00 00", "CE 81 00 02"),
    "beyond the last binary input": ("CF 01 01 02 00 00 06", "CF 81 00 04"),
    "beyond the last analog input": ("CF 01 1E 04 17 01 0C", "CF 81 00 04"),
    "a range that ends before it begins": ("CF 01 1E 04 00 05 02", "CF 81 00 04"),
    "a read of nothing": ("CF 01", "CF 81 00 04"),
    "an empty list": ("CF 01 1E 04 17 00", "CF 81 00 04"),
    "half an object header": ("CF 01 1E 04", "CF 81 00 04"),
    "a qualifier nobody has": ("CF 01 1E 04 3B", "CF 81 00 04"),
    "write without an object": ("CF 02", "CF 81 00 04"),
    "binary write, start is not stop": ("C1 02 0A 01 00 00 01 03", "C1 81 00 04"),
    "binary write, value 2": ("C1 02 0A 01 00 00 00 02", "C1 81 00 04"),
    "binary write, two octets": ("C1 02 0A 01 00 00 00 01 01", "C1 81 00 04"),
    "binary write, no value": ("C1 02 0A 01 00 00 00", "C1 81 00 04"),
    "binary write, point 4": ("C1 02 0A 01 00 04 04 01", "C1 81 00 04"),
    "binary write, list of points": ("C1 02 0A 01 17 01 00 01", "C1 81 00 04"),
    "a control without controls": ("C2 05 29 02 17 00", "C2 81 00 04"),
    "a control cut short": ("C2 05 29 02 17 01 00 2C", "C2 81 00 04"),
    "an operate without its select": (
        "C3 04 29 02 17 01 00 2C 01 00",
        "C3 81 00 00 29 02 17 01 00 2C 01 02",
    ),
    # manual 12.3.4: a setpoint named by start = stop; the echo keeps the form of the request
    "a setpoint by range": ("C4 05 29 02 00 00 00 F0 00 00", "C4 81 00 00 29 02 00 00 00 F0 00 00"),
    "a setpoint by a wide range": (
        "C4 05 29 02 01 00 00 00 00 F0 00 00", "C4 81 00 00 29 02 01 00 00 00 00 F0 00 00",
    ),
    "a setpoint by range, out of its range": (
        "C5 05 29 02 00 00 00 81 0C 00", "C5 81 00 00 29 02 00 00 00 81 0C 03",
    ),
    "point 6 of six by range": (
        "C4 05 29 02 00 06 06 01 00 00", "C4 81 00 04 29 02 00 06 06 01 00 04",
    ),
    "setpoints by a range of two": ("C4 05 29 02 00 00 01 2C 01 00 2C 01 00", "C4 81 00 04"),
    "a setpoint by range, cut short": ("C4 05 29 02 00 00 00 2C 01", "C4 81 00 04"),
    "a relay block by range": (
        "C4 05 0C 01 00 01 01 03 01 00 00 00 00 00 00 00 00 00", "C4 81 00 04",
    ),
    "point 6 of six": ("C4 05 29 02 17 01 06 01 00 00", "C4 81 00 04 29 02 17 01 06 01 00 04"),
    "a value out of range": (
        "C5 05 29 02 17 01 00 81 0C 00",  # 3201 minutes
        "C5 81 00 00 29 02 17 01 00 81 0C 03",
    ),
    "a negative value": (
        "C6 05 29 02 17 01 01 FF FF 00",
        "C6 81 00 00 29 02 17 01 01 FF FF 03",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXCHANGES)
def test_exchange(master: Master, name: str) -> None:
    request, response = EXCHANGES[name]
    assert master.exchange(request) == response


SILENT = {
    "confirm of nothing": "C1 00",
    "not first and final": "41 01 3C 01 06",
    "unsolicited bit on a read": "D1 01 3C 01 06",
    "freeze without a response": "C1 08 14 00 06",
    "one octet": "C1",
}


@pytest.mark.parametrize("name", SILENT)
def test_silence(master: Master, name: str) -> None:
    master.send(SILENT[name])
    assert master.exchange("CA 0F") == "CA 81 00 00", "the next request is the next to be answered"


# --- every row of the maps -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide() -> Iterator[Bench]:
    """A 400 with the extended profile; every point has the value of its golden row."""
    with Bench({"dnp3.extended": True}, site=Site(model="400", ch2_output=True)) as made:
        for rows in (GOLDEN["analog_input"], GOLDEN["analog_output"]):
            for row in rows:
                made.overlay[row["point"]] = Reading(row["value"], GOOD, 0.0)
        made.wait_value("battery.soh", 100.0)
        yield made


def _value_of(bench: Bench, row: dict[str, Any]) -> None:
    """The same point may stand in two rows with two values."""
    bench.overlay[row["point"]] = Reading(row["value"], GOOD, 0.0)
    bench.wait_value(row["point"], row["value"])


@pytest.mark.parametrize("row", GOLDEN["analog_input"], ids=lambda row: f"AI{row['index']}")
def test_analog_inputs(wide: Bench, row: dict[str, Any]) -> None:
    _value_of(wide, row)
    index, wire = row["index"], row["wire"]
    full = row.get("wide", wire)
    with Master(wide.place) as master:
        both = bytes([0x17, 1, index])
        body = b"\x1e\x04" + both + b"\x1e\x02" + both + b"\x1e\x01" + both + b"\x1e\x03" + both
        objects = master.ask(1, body).objects()
    assert analog(objects[30, 4][index]) == wire
    assert analog(objects[30, 3][index]) == full
    assert objects[30, 2][index][0] == (0x21 if full != wire else 0x01)
    assert analog(objects[30, 2][index][1:]) == wire
    assert objects[30, 1][index][0] == 0x01
    assert analog(objects[30, 1][index][1:]) == full


@pytest.mark.parametrize("row", GOLDEN["analog_output"], ids=lambda row: f"AO{row['index']}")
def test_analog_outputs(wide: Bench, row: dict[str, Any]) -> None:
    _value_of(wide, row)
    with Master(wide.place) as master:
        octets = master.ask(1, bytes([40, 2, 0, row["index"], row["index"]])).objects()
    assert octets[40, 2][row["index"]] == b"\x01" + row["wire"].to_bytes(2, "little", signed=True)


@pytest.mark.parametrize(
    ("group", "row"),
    [(1, row) for row in GOLDEN["binary_input"] if row["index"] != 2]
    + [(10, row) for row in GOLDEN["binary_output"]],
    ids=lambda value: str(value) if isinstance(value, int) else str(value["index"]),
)
def test_binaries(wide: Bench, group: int, row: dict[str, Any]) -> None:
    key, index = row["point"], row["index"]
    with Master(wide.place) as master:
        for value, flags in ((True, 0x81), (False, 0x01), (None, 0x04)):
            wide.overlay[key] = Reading(value, MISSING if value is None else GOOD, 0.0)
            wide.wait_value(key, value)
            objects = master.ask(1, bytes([group, 2, 0x17, 1, index])).objects()
            assert objects[group, 2][index] == bytes([flags])
    wide.overlay[key] = Reading(False, GOOD, 0.0)


def test_the_extended_profile_is_served_only_where_it_is_asked_for(
    bench: Bench, wide: Bench
) -> None:
    with Master(bench.place) as plain, Master(wide.place) as extended:
        short = plain.ask(1, CLASS_0).objects()
        full = extended.ask(1, CLASS_0).objects()
    assert [len(short[key]) for key in ((1, 2), (10, 2), (30, 4), (40, 2))] == [6, 4, 12, 6]
    assert [len(full[key]) for key in ((1, 2), (10, 2), (30, 4), (40, 2))] == [11, 4, 29, 6]
