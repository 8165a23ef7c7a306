"""NUT, unmodified: a capacity test shuts nobody down, a true outage does (R144)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from snmp_nut import LIB, Nut
from waiting import wait_until


@pytest.fixture
def station(tmp_path: Path) -> Iterator[DaemonProcess]:
    if not (LIB / "snmp-ups").exists() or not (LIB / "upsmon").exists() or os.geteuid() != 0:
        pytest.skip("needs NUT and root (packages nut-server, nut-snmp, nut-client)")
    made = DaemonProcess(tmp_path / "unit", speed=60).start("--snmp", "127.0.0.1:0")
    yield made
    made.close()


def test_a_test_shuts_nobody_down_and_an_outage_does(
    station: DaemonProcess, tmp_path: Path
) -> None:
    nut = Nut(tmp_path / "nut", station.status()["listeners"]["snmp"])
    shutdown = nut.folder / "shutdown"
    try:
        nut.start()
        assert nut.value("ups.status") == "OL"
        assert nut.value("device.model") == "BTRM300"
        assert nut.value("battery.voltage").startswith("13.")
        nut.monitor()
        wait_until(lambda: "Logged into" in nut.log(), 20.0, nut.log)
        station.wait_selftest()
        station.ask("test_start", type="2")
        station.wait_value("test.state", "running", 20.0)
        wait_until(lambda: "progress" in nut.value("ups.test.result"), 10.0, nut.log)
        wait_until(lambda: nut.value("ups.status") == "OL TEST", 10.0, nut.log)
        station.ask("test_stop")
        station.wait_value("test.state", "idle", 20.0)
        wait_until(lambda: nut.value("ups.status") == "OL", 10.0, nut.log)
        assert not shutdown.exists()
        station.sim(battery__soc=0.12, supply__on=0, charger__on=0, load__amps=12)
        wait_until(lambda: "OB" in nut.value("ups.status").split(), 15.0, nut.log)
        wait_until(shutdown.exists, 60.0, nut.log)
    finally:
        nut.close()


def test_automatic_detection_finds_a_mib_that_fits(station: DaemonProcess, tmp_path: Path) -> None:
    """Ours is no sysObjectID that NUT knows: it tries its MIBs until one answers."""
    nut = Nut(tmp_path / "nut", station.status()["listeners"]["snmp"], mibs="auto")
    try:
        nut.start()
        assert nut.value("ups.status") == "OL"
        assert nut.value("ups.model") == "BTRM300"
    finally:
        nut.close()
