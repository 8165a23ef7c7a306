"""Modbus on a whole daemon: the values of the API, the interlocks of the web, the log of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from fieldbus_station import SerialPair, Wire, has
from free_port import free_port
from modbus_masters import mbpoll
from waiting import wait_until

# Input register -> point, wire units per base unit; by hand from the manual 13.4.
SCALES = {
    0: ("battery.voltage", 1000),
    1: ("charger.voltage", 1000),
    2: ("supply.voltage", 1000),
    3: ("battery.current", 1000),
    4: ("system.temperature", 1),
    5: ("runtime.minimum", 1 / 60),
    8: ("test.interval", 1 / 3600),
    10: ("io1.voltage", 1000),
    11: ("io2.voltage", 1000),
    13: ("load.current", 1000),
}
PROVING = "05 0003 ff00"


def listeners(daemon: DaemonProcess) -> dict[str, str | None]:
    path = daemon.state_dir / "run" / "listeners.json"
    found: dict[str, str | None] = json.loads(path.read_text()) if path.exists() else {}
    return found


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    daemon = DaemonProcess(tmp_path, speed=20.0)
    yield daemon
    daemon.close()


@pytest.fixture
def wire(daemon: DaemonProcess) -> Iterator[Wire]:
    daemon.start("--fresh", "--modbus", "127.0.0.1:0")
    address = listeners(daemon)["modbus"]
    assert address is not None  # the ready line waits for it
    with Wire(address) as wire:
        yield wire


def test_a_test_by_coil_obeys_the_interlocks_and_stands_in_the_log(
    daemon: DaemonProcess, wire: Wire
) -> None:
    assert wire.pdu(PROVING) == "85 04"  # the self-test is not over
    daemon.wait_selftest()
    daemon.sim(supply__on=0)
    daemon.wait_value("supply.present", False)
    assert wire.pdu(PROVING) == "85 04"
    daemon.sim(supply__on=1)
    daemon.wait_value("supply.present", True)
    wait_until(lambda: wire.pdu(PROVING) == "05 00 03 ff 00", 20.0)
    assert wire.pdu("01 0003 0001") == "01 01 01"
    assert daemon.value("test.state") == "proving"
    assert wire.pdu(PROVING) == "85 06"
    assert wire.pdu("05 0000 ff00") == "85 06"
    assert wire.pdu("06 0005 0002") == "86 06"
    assert wire.pdu("06 0005 0007") == "86 03"
    assert wire.pdu("06 0000 0078") == "06 00 00 00 78"  # this may be changed in a test
    assert wire.pdu("05 0003 0000") == "05 00 03 00 00"
    wait_until(lambda: wire.pdu("01 0003 0001") == "01 01 00", 20.0)
    assert wire.pdu("06 0005 0002") == "86 04"  # a battery of 13 V is none of 24 V
    assert daemon.value("system.voltage") == 12
    reported = [event for event in daemon.events() if event["source"] == "modbus 127.0.0.1"]
    assert {"test.refused", "test.minimum_runtime_min"} <= {event["key"] for event in reported}
    assert any("modbus 127.0.0.1" in event["text"] for event in daemon.events())


def test_registers_have_the_values_of_the_api(daemon: DaemonProcess, wire: Wire) -> None:
    daemon.sim(noise=0, ch1__volts=13.1, ch2__volts=47.5)
    assert wire.pdu("06 0000 012c") == "06 00 00 01 2c"
    daemon.wait_value("io2.voltage", daemon.value("io2.voltage"))
    for address, (key, scale) in SCALES.items():

        def agrees(address: int = address, key: str = key, scale: float = scale) -> bool:
            before = daemon.get("/api/v1/points")["points"][key]["value"]
            answer = bytes.fromhex(wire.pdu(f"04 {address:04x} 0001"))
            after = daemon.get("/api/v1/points")["points"][key]["value"]
            wire_value = int.from_bytes(answer[2:], "big", signed=address in (3, 4))
            low, high = sorted((before * scale, after * scale))
            return bool(low - 0.51 <= wire_value <= high + 0.51)

        wait_until(agrees, 5.0, lambda key=key: key)
    assert wire.pdu("04 0006 0001") == "04 02 ff ff"  # no estimate yet
    assert daemon.value("runtime.estimate") is None
    daemon.sim(**{"fault__i2c__0x4a": "nack"})
    wait_until(lambda: wire.pdu("04 0000 0003") == "04 06" + " ff" * 6, 20.0)
    assert wire.pdu("04 0004 0001") != "04 02 80 00"  # other chips' points are as they were
    daemon.sim(**{"fault__i2c__0x49": "nack"})
    wait_until(lambda: wire.pdu("04 0004 0001") == "04 02 80 00", 20.0)


def test_a_change_by_modbus_is_kept_and_seen_by_all(daemon: DaemonProcess, wire: Wire) -> None:
    assert wire.pdu("0f 0001 0002 01 03") == "0f 00 01 00 02"
    assert wire.pdu("10 0000 0002 04 0078 0030") == "10 00 00 00 02"
    daemon.stop()
    saved = json.loads((daemon.config_dir / "settings.json").read_text())
    text = json.dumps(saved)
    for key in ("lvd.enabled", "test.enabled", "test.minimum_runtime_min", "test.interval_h"):
        assert key in text
    daemon.start("--modbus", "127.0.0.1:0")
    with Wire(str(listeners(daemon)["modbus"])) as again:
        assert again.pdu("03 0000 0002") == "03 04 00 78 00 30"
        assert again.pdu("01 0001 0002") == "01 01 03"


def test_modbus_by_settings_alone(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path)
    port = free_port()
    (daemon.config_dir / "btrmd.toml").write_text('[site]\nlisten.modbus = "127.0.0.1"\n')
    daemon.spawn("--fresh")
    try:
        daemon.wait_ready()
        assert listeners(daemon)["modbus"] is None
    finally:
        daemon.close()
    # DaemonProcess says --modbus none, which overrules settings: serve by option, move by setting.
    daemon.start("--modbus", f"127.0.0.1:{port}")
    try:
        with Wire(f"127.0.0.1:{port}") as wire:
            daemon.set(modbus__unit=9)
            assert wire.pdu("03 0000 0001", 9) == "03 02 00 f0"
        refused = daemon.cli("set", "modbus.unit=248")
        assert refused.code == 1
        assert "modbus.unit" in refused.err
        assert "247" in refused.err
    finally:
        daemon.close()


@pytest.mark.skipif(not has("mbpoll"), reason="needs the program mbpoll")
def test_rtu_beside_tcp(tmp_path: Path, cable: SerialPair) -> None:
    daemon = DaemonProcess(tmp_path / "unit")
    try:
        daemon.start("--fresh", "--modbus", "127.0.0.1:0", "--serial", str(cable.here))
        assert listeners(daemon)["serial"] == str(cable.here)
        to = ["-m", "rtu", "-b", "9600", "-P", "none", str(cable.there)]
        mbpoll(to, 4, 0, 1, 123)
        assert mbpoll(to, 4, 0, 1) == [123]
        with Wire(str(listeners(daemon)["modbus"])) as wire:
            assert wire.pdu("03 0000 0001") == "03 02 00 7b"
        sources = {event["source"] for event in daemon.events()}
        assert "modbus serial" in sources
        wait_until(lambda: "parity" in daemon.faults())  # they are looked for once a second
    finally:
        daemon.close()
