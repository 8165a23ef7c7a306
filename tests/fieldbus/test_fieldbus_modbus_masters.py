"""Third-party masters over TCP and a serial cable; tshark judges the frames."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fieldbus_station import SerialPair, Station, has
from modbus_masters import LIBRARY, LibModbus, dissect, mbpoll
from test_fieldbus_modbus_golden import FAULTS, READS, WRITES

from btrmd.servers.fieldbus.listener_config import FieldbusOptions, SerialLine

needs_mbpoll = pytest.mark.skipif(not has("mbpoll"), reason="needs the program mbpoll")
needs_library = pytest.mark.skipif(LIBRARY is None, reason="needs the library libmodbus")
needs_tshark = pytest.mark.skipif(not has("tshark", "text2pcap"), reason="needs tshark")

INPUTS = [13391, 13500, 13410, 65474, 65531, 240, 65535, 32768, 336, 2, 0, 13100, 130,
          1040, 4, 65535, 65535, 65535]  # fmt: skip


@pytest.fixture(params=["tcp", "rtu"])
def place(
    request: pytest.FixtureRequest, start_station: Callable[..., Station]
) -> Iterator[tuple[Station, str, str]]:
    """(station, "tcp" or "rtu", address or the master's device)."""
    if request.param == "tcp":
        station = start_station()
        yield station, "tcp", station.address()
        return
    cable: SerialPair = request.getfixturevalue("cable")
    line = SerialLine(str(cable.here), "modbus", 9600, "none")
    station = start_station(FieldbusOptions("none", "none", line))
    station.address("serial")
    yield station, "rtu", os.fspath(cable.there)


@needs_mbpoll
def test_mbpoll(place: tuple[Station, str, str]) -> None:
    _, kind, where = place
    host, _, port = where.rpartition(":")
    to = (
        ["-m", "tcp", "-p", port, host]
        if kind == "tcp"
        else ["-m", "rtu", "-b", "9600", "-P", "none", where]
    )
    assert mbpoll(to, 3, 0, 18) == INPUTS
    assert mbpoll(to, 4, 0, 6) == [240, 336, 2, 1, 0, 1]
    assert mbpoll(to, 0, 0, 4) == [1, 0, 1, 0]
    assert mbpoll(to, 1, 0, 11) == [1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    mbpoll(to, 4, 0, 1, 300)
    assert mbpoll(to, 4, 0, 1) == [300]
    mbpoll(to, 4, 0, 2, 301, 24)
    assert mbpoll(to, 4, 0, 1) == [301]
    mbpoll(to, 0, 1, 1, 1)
    assert mbpoll(to, 0, 1, 1) == [1]
    with pytest.raises(ValueError, match="Illegal data value"):
        mbpoll(to, 4, 0, 1, 3201)
    with pytest.raises(ValueError, match="Illegal data address"):
        mbpoll(to, 4, 6, 1)


@needs_library
def test_libmodbus(place: tuple[Station, str, str]) -> None:
    station, kind, where = place
    master = LibModbus.tcp(where) if kind == "tcp" else LibModbus.rtu(Path(where))
    try:
        assert master.read("input_registers", 0, 18) == INPUTS
        assert master.read("registers", 0, 6) == [240, 336, 2, 1, 0, 1]
        assert master.read("bits", 0, 4) == [1, 0, 1, 0]
        assert master.read("input_bits", 0, 11) == [1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
        master.write("register", 0, 302)
        master.write("registers", 0, 303, 48)
        assert master.read("registers", 0, 1) == [303]
        master.write("bit", 1, 1)
        assert master.read("bits", 1, 1) == [1]
        master.write("bits", 1, 0, 1)
        assert master.read("bits", 1, 1) == [0]
        master.mask(0, 0xFF00, 0x0005)
        assert master.read("registers", 0, 1) == [0x0105]
        assert master.write_and_read(0, [77], 0, 2) == [77, 336]
        assert master.server_id() == b"\x01\xffBTRM300 1.30"
        for wrong, says in (((0, 3201), "value"), ((6, 1), "address")):
            with pytest.raises(ValueError, match=f"Illegal data {says}"):
                master.write("register", *wrong)
        source = "modbus 127.0.0.1" if kind == "tcp" else "modbus serial"
        assert {command.source for command in station.owner.commands} == {source}
    finally:
        master.close()


@needs_tshark
def test_tshark_finds_every_frame_well_formed(station: Station, tmp_path: Path) -> None:
    identity = [("2b 0e 01 00", ""), ("2b 0e 02 00", ""), ("2b 0e 04 05", ""), ("11", "")]
    requests = [pdu for pdu, _ in (*READS, *WRITES, *identity)]
    requests += [pdu for pdu, answer in FAULTS if answer[3:] == "02" and pdu[0] != "8"]
    exchanges = []
    with station.connect() as wire:
        for n, pdu in enumerate(requests, 1):
            data = bytes.fromhex(pdu)
            head = n.to_bytes(2, "big") + b"\0\0" + (len(data) + 1).to_bytes(2, "big") + b"\1"
            wire.send(head + data)
            exchanges.append((head + data, wire.take()))
    layers = dissect(tmp_path, exchanges)
    assert len(layers) == 2 * len(exchanges)
    for number, tree in enumerate(layers):
        request, response = exchanges[number // 2]
        frame = response if number % 2 else request
        text = json.dumps(tree)
        assert "mbtcp" in tree, (frame.hex(" "), tree)
        assert "_ws.malformed" not in text, frame.hex(" ")
        assert tree["mbtcp"]["mbtcp.unit_id"] == "1"
        assert int(tree["mbtcp"]["mbtcp.trans_id"]) == number // 2 + 1
        code = int(tree["modbus"]["modbus.func_code"])
        assert code == request[7] & 0x7F
        assert ("modbus.exception_code" in text) == bool(number % 2 and response[7] & 0x80)


@needs_tshark
def test_tshark_reads_the_values(station: Station, tmp_path: Path) -> None:
    with station.connect() as wire:
        request = bytes.fromhex("0001 0000 0006 01 04 0000 0012")
        wire.send(request)
        dissect(tmp_path, [(request, wire.take())])
    done = subprocess.run(
        ["tshark", "-r", str(tmp_path / "frames.pcap"), "-T", "fields",
         "-e", "modbus.regval_uint16"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == [",".join(map(str, INPUTS))]
