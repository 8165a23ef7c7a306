"""Every accepted write stands in the event log with its source, also when it changes nothing."""

from __future__ import annotations

import json
import struct
from collections import Counter
from pathlib import Path

from daemon_process import DaemonProcess
from dnp3_wire import Master
from fieldbus_station import Wire
from waiting import wait_until

MODBUS, DNP3 = "modbus 127.0.0.1", "dnp3 127.0.0.1"

# Modbus request -> keys of the lines it leaves; all values are those of a new station.
UNCHANGED = {
    "05 0000 0000": ["capacity.reset"],
    "05 0001 0000": ["lvd.enabled"],
    "05 0003 0000": ["test.refused"],  # there is none to stop
    "06 0000 00f0": ["test.minimum_runtime_min"],
    "0f 0000 0003 01 00": ["capacity.reset", "lvd.enabled", "test.enabled"],
    "10 0003 0002 04 0000 0000": ["io1.config", "io2.config"],
    "16 0001 ffff 0000": ["test.interval_h"],
    "17 0000 0001 0001 0001 02 0150": ["test.interval_h"],
}

UNCHANGED_DNP3 = (
    (5, struct.pack("<BBBBBhB", 41, 2, 0x17, 1, 0, 240, 0), "test.minimum_runtime_min"),
    (5, struct.pack("<BBBBBBBIIB", 12, 1, 0x17, 1, 1, 4, 1, 0, 0, 0), "lvd.enabled"),
    (2, bytes.fromhex("0A 01 00 01 01 00"), "lvd.enabled"),
    (2, bytes.fromhex("0A 01 00 00 00 00"), "capacity.reset"),
    (2, bytes.fromhex("32 01 07 01 00 00 00 00 00 01"), "dnp3.time"),
    (2, bytes.fromhex("50 01 00 07 07 00"), "dnp3.restart"),
)


def test_unchanged_writes_are_told(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path)
    try:
        daemon.start("--modbus", "127.0.0.1:0", "--dnp3", "127.0.0.1:0")
        listeners = json.loads((daemon.state_dir / "run" / "listeners.json").read_text())
        with Wire(listeners["modbus"]) as wire:
            for request in UNCHANGED:
                answer = wire.pdu(request)
                assert answer[:2] == request[:2], f"{request} is answered {answer}"
        with Master(listeners["dnp3"]) as master:
            for function, body, _ in UNCHANGED_DNP3:
                response = master.ask(function, body)
                assert response.iin[1] == 0, body.hex()
                assert function == 2 or response.body[-1] == 0, body.hex()
        wanted = {(MODBUS, key) for keys in UNCHANGED.values() for key in keys}
        wanted |= {(DNP3, key) for _, _, key in UNCHANGED_DNP3}

        def reported() -> Counter[tuple[str, str]]:
            found = ((e["source"], e["key"]) for e in daemon.events())
            return Counter(pair for pair in found if pair[0] in (MODBUS, DNP3))

        wait_until(lambda: set(reported()) == wanted, 20.0, lambda: f"{reported()} for {wanted}")
        assert set(reported().values()) == {1}, "the same line within a minute is told once"
    finally:
        daemon.close()
