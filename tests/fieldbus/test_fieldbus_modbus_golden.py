"""Byte exchanges over TCP, typed by hand from the manual's chapter 13 and the specification."""

from __future__ import annotations

import pytest
from fieldbus_station import Station, Wire

# Requests and responses as PDUs; the values are those of fieldbus_station.VALUES.
READS = [
    # 13.1 coils: data present, LVD off, tests on, not running
    ("01 0000 0004", "01 01 05"),
    ("01 0002 0001", "01 01 01"),
    ("01 0003 0001", "01 01 00"),
    # 13.2 inputs: low capacity, -, -, IO1, -, fault; then 6..10 all 0
    ("02 0000 0006", "02 01 29"),
    ("02 0000 000b", "02 02 29 00"),
    ("02 0003 0003", "02 01 05"),
    # 13.3 holding: 240 min, 336 h, 3601 s = 2 h, IO1 1, IO2 0, 12 V = 1
    ("03 0000 0006", "03 0c 00f0 0150 0002 0001 0000 0001"),
    ("03 0005 0001", "03 02 0001"),
    # 13.4 inputs: 13391 mV, 13500, 13410, -62 mA, -5 C
    ("04 0000 0005", "04 0a 344f 34bc 3462 ffc2 fffb"),
    # 240 min, estimate and test temperature not known, 336 h, 2 h, 0 mV, 13100 mV, 1.30
    ("04 0005 0008", "04 10 00f0 ffff 8000 0150 0002 0000 332c 0082"),
    # extensions: 1040 mA, CH3 4 mV, CH4 not known, estimate, state of health
    ("04 000d 0005", "04 0a 0410 0004 ffff ffff ffff"),
    ("04 0000 0001", "04 02 344f"),
]

FAULTS = [
    # 01: a function there is none of
    ("63", "e3 01"),
    ("63 0000 0001", "e3 01"),
    ("00", "80 01"),
    ("07", "87 01"),
    ("08 0000 a537", "88 01"),
    ("14 07 06 0004 0001 0002", "94 01"),
    ("18 0000", "98 01"),
    ("2b 0d 00", "ab 01"),
    ("83 02", "83 01"),
    ("ff", "ff 01"),
    # 02: outside the tables
    ("01 0004 0001", "81 02"),
    ("01 0000 0005", "81 02"),
    ("02 000a 0002", "82 02"),
    ("03 0006 0001", "83 02"),
    ("03 0001 0006", "83 02"),
    ("04 001f 0001", "84 02"),
    ("04 001e 0002", "84 02"),
    ("04 ffff 0001", "84 02"),
    ("04 ffff 007d", "84 02"),
    ("05 0004 ff00", "85 02"),
    ("06 0006 0001", "86 02"),
    ("0f 0000 0005 01 00", "8f 02"),
    ("10 0005 0002 04 0001 0001", "90 02"),
    ("16 0006 ffff 0000", "96 02"),
    ("17 0000 0001 0006 0001 02 0000", "97 02"),
    ("17 0006 0001 0000 0001 02 0000", "97 02"),
    ("2b 0e 04 03", "ab 02"),
    # 03: counts
    ("03 0000 0000", "83 03"),
    ("03 0000 007e", "83 03"),
    ("03 9999 0000", "83 03"),
    ("04 0000 007e", "84 03"),
    ("01 0000 0000", "81 03"),
    ("01 0000 07d1", "81 03"),
    ("02 0000 ffff", "82 03"),
    ("0f 0000 0000 00", "8f 03"),
    ("0f 0000 07b1 f7" + "00" * 247, "8f 03"),
    ("0f 0000 0004 02 0000", "8f 03"),
    ("0f 0000 0009 01 00", "8f 03"),
    ("10 0000 0000 00", "90 03"),
    ("10 0000 0002 02 0001", "90 03"),
    ("10 0000 0001 02 00", "90 03"),
    ("10 0000 007c f8" + "0000" * 120, "90 03"),
    ("17 0000 0000 0000 0001 02 0000", "97 03"),
    ("17 0000 007e 0000 0001 02 0000", "97 03"),
    ("17 0000 0001 0000 0001 04 0000", "97 03"),
    # 03: lengths
    ("03", "83 03"),
    ("03 00", "83 03"),
    ("03 0000 00", "83 03"),
    ("03 0000 0001 00", "83 03"),
    ("06 0000", "86 03"),
    ("06 0000 0001 00", "86 03"),
    ("11 00", "91 03"),
    ("16 0000 ffff", "96 03"),
    ("2b", "ab 03"),
    ("2b 0e 05 00", "ab 03"),
    ("2b 0e 00 00", "ab 03"),
    ("2b 0e 01", "ab 03"),
    # 03: values
    ("05 0001 1234", "85 03"),
    ("05 0001 ff01", "85 03"),
    ("05 0009 0001", "85 03"),
    ("06 0000 0c81", "86 03"),
    ("06 0001 01f5", "86 03"),
    ("06 0002 01f5", "86 03"),
    ("06 0003 0005", "86 03"),
    ("06 0004 0003", "86 03"),
    ("06 0005 0000", "86 03"),
    ("06 0005 0003", "86 03"),
    ("06 0005 0005", "86 03"),
    ("10 0000 0002 04 012c ffff", "90 03"),
]

WRITES = [
    ("05 0001 ff00", "05 00 01 ff 00"),
    ("05 0001 0000", "05 00 01 00 00"),
    ("05 0000 0000", "05 00 00 00 00"),
    ("06 0000 012c", "06 00 00 01 2c"),
    ("06 0003 0004", "06 00 03 00 04"),
    ("0f 0001 0002 01 02", "0f 00 01 00 02"),
    ("10 0000 0002 04 012c 0018", "10 00 00 00 02"),
    ("16 0000 fff0 0005", "16 00 00 ff f0 00 05"),
    ("17 0000 0002 0000 0001 02 012c", "17 04 01 2c 01 50"),
]


def spaced(text: str) -> str:
    return bytes.fromhex(text).hex(" ")


@pytest.mark.parametrize(("request_", "response"), READS)
def test_reads(wire: Wire, request_: str, response: str) -> None:
    assert wire.pdu(request_) == spaced(response)


def test_faults(station: Station, wire: Wire) -> None:
    for request, response in FAULTS:
        assert wire.pdu(request) == spaced(response), request
    changed = [command for command in station.owner.commands if "ChangeSettings" in repr(command)]
    assert station.bus.snapshot.settings["test.minimum_runtime_min"] == 240, changed


@pytest.mark.parametrize(("request_", "response"), WRITES)
def test_writes_are_echoed(wire: Wire, request_: str, response: str) -> None:
    assert wire.pdu(request_) == spaced(response)


def test_a_frame_to_the_byte(wire: Wire) -> None:
    # Transaction 0x0a01, protocol 0, 6 bytes, unit 1: read input register 0.
    assert wire.ask("0a01 0000 0006 01 04 0000 0001") == spaced("0a01 0000 0005 01 04 02 344f")
    assert wire.ask("ffff 0000 0006 01 63 0000 0001") == spaced("ffff 0000 0003 01 e3 01")


def test_server_id(wire: Wire) -> None:
    # Unit 1, running, "BTRM300 1.30"
    assert wire.pdu("11") == spaced("11 0e 01 ff" + b"BTRM300 1.30".hex())


def test_device_identification(wire: Wire) -> None:
    basic = b"\x00\x05btrmd\x01\x07BTRM300\x02\x041.30".hex()
    assert wire.pdu("2b 0e 01 00") == spaced("2b 0e 01 83 00 00 03" + basic)
    assert wire.pdu("2b 0e 01 02") == spaced("2b 0e 01 83 00 00 01 02 04" + b"1.30".hex())
    # An object that is none of the stream's: from the beginning.
    assert wire.pdu("2b 0e 01 99") == spaced("2b 0e 01 83 00 00 03" + basic)
    assert wire.pdu("2b 0e 04 05") == spaced("2b 0e 04 83 00 00 01 05 07" + b"BTRM300".hex())
    regular = bytes.fromhex(wire.pdu("2b 0e 02 00"))
    assert regular[:7] == bytes.fromhex("2b 0e 02 83 00 00 06")
    assert b"Battery test and remote monitoring" in regular
    # The serial number is a maker's own object, 0x80: extended stream, or by itself.
    serial = b"\x80\x1010000000abcdef01"
    assert wire.pdu("2b 0e 04 80") == spaced("2b 0e 04 83 00 00 01" + serial.hex())
    extended = bytes.fromhex(wire.pdu("2b 0e 03 00"))
    assert extended[:7] == bytes.fromhex("2b 0e 03 83 00 00 07")
    assert extended.endswith(serial)


def test_a_mask_write_of_what_is_not_known_is_refused(station: Station, wire: Wire) -> None:
    station.owner.show(runtime__minimum=None)
    assert wire.pdu("16 0000 fff0 0005") == "96 03"
